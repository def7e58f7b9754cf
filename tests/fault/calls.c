/* Runs a program and looks at each of its system calls of some kinds before the kernel does (seccomp's notifications: those
 * that the C library makes inside fwrite as well, of all threads, under sanitizers too). They are numbered; number N fails
 * with an error, is cut short, or is the last thing that the program does. Or all that change files are written down.
 *   calls --kinds open,write,… [--below FOLDER] [--at N --do ACTION] [--told FILE] [--log FILE] -- PROGRAM …
 * kinds: open read write sync name map thread. ACTION: kill, half (half of a write, then kill), short (half of a read or
 * write), or an error's number. --below: only calls on files in that folder are numbered.
 * --told gets what number N was, and how many calls of each kind there were. The code is the program's, 128 + its signal, or 77: cannot. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OPEN, READ, WRITE, SYNC, NAME, MAP, THREAD, KINDS };
static const char *const kind_name[KINDS] = {"open", "read", "write", "sync",
                                             "name", "map",  "thread"};
/* Where a call says which file: the indexes of its folder's descriptor (−1: relative to the working folder; −2: there is
 * none), of its path (−1: the descriptor is the file), of a second folder and path. */
typedef struct call {
  int number;
  const char *name;
  int kind, folder, path, folder2, path2;
} call;
static const call known[] = {
#ifdef SYS_open
    {SYS_open, "open", OPEN, -1, 0, -2, -1},
    {SYS_rename, "rename", NAME, -1, 0, -1, 1},
    {SYS_link, "link", NAME, -1, 0, -1, 1},
    {SYS_unlink, "unlink", NAME, -1, 0, -2, -1},
    {SYS_rmdir, "rmdir", NAME, -1, 0, -2, -1},
    {SYS_mkdir, "mkdir", NAME, -1, 0, -2, -1},
#endif
    {SYS_openat, "open", OPEN, 0, 1, -2, -1},
    {SYS_memfd_create, "memfd_create", OPEN, -2, -1, -2, -1},
    {SYS_read, "read", READ, 0, -1, -2, -1},
    {SYS_pread64, "pread", READ, 0, -1, -2, -1},
    {SYS_getdents64, "getdents", READ, 0, -1, -2, -1},
    {SYS_write, "write", WRITE, 0, -1, -2, -1},
    {SYS_pwrite64, "pwrite", WRITE, 0, -1, -2, -1},
    {SYS_ftruncate, "ftruncate", WRITE, 0, -1, -2, -1},
    {SYS_truncate, "truncate", WRITE, -1, 0, -2, -1},
    {SYS_fsync, "fsync", SYNC, 0, -1, -2, -1},
    {SYS_fdatasync, "fdatasync", SYNC, 0, -1, -2, -1},
    {SYS_syncfs, "syncfs", SYNC, 0, -1, -2, -1},
#ifdef SYS_renameat
    {SYS_renameat, "rename", NAME, 0, 1, 2, 3},
#endif
    {SYS_renameat2, "rename", NAME, 0, 1, 2, 3},
    {SYS_linkat, "link", NAME, 0, 1, 2, 3},
    {SYS_unlinkat, "unlink", NAME, 0, 1, -2, -1},
    {SYS_mkdirat, "mkdir", NAME, 0, 1, -2, -1},
    {SYS_mmap, "mmap", MAP, 4, -1, -2, -1},
    {SYS_clone, "clone", THREAD, -2, -1, -2, -1},
    {SYS_clone3, "clone", THREAD, -2, -1, -2, -1},
};
enum { KNOWN = sizeof known / sizeof *known, PATH_ROOM = 4608 };

static bool wanted[KINDS];
static const char *below, *action, *told_path, *log_path;
static long at, made, of_kind[KINDS];
static FILE *told, *logged;
static pid_t child;

static void die(const char *what) {
  fprintf(stderr, "calls: %s: %s\n", what, strerror(errno));
  exit(77);
}

/* ---- the program that is looked at ---- */

static int install(void) {
  struct sock_filter code[KNOWN + 4];
  int n = 0, count = 0;
  for (int i = 0; i < KNOWN; i++) count += wanted[known[i].kind];
  code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                           (uint32_t)offsetof(struct seccomp_data, nr));
  for (int i = 0, left = count; i < KNOWN; i++)
    if (wanted[known[i].kind])
      code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)known[i].number,
                                               (uint8_t)left--, 0);
  code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
  struct sock_fprog program = {(unsigned short)n, code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -1;
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                      &program);
}

static void send_descriptor(int to, int fd) {
  char byte = 0, room[CMSG_SPACE(sizeof fd)] = {0};
  struct iovec one = {&byte, 1};
  struct msghdr message = {
      .msg_iov = &one, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
  struct cmsghdr *head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(head), &fd, sizeof fd);
  if (sendmsg(to, &message, 0) < 0) _exit(77);
}

static int receive_descriptor(int from) {
  char byte, room[CMSG_SPACE(sizeof(int))];
  struct iovec one = {&byte, 1};
  struct msghdr message = {
      .msg_iov = &one, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
  if (recvmsg(from, &message, MSG_CMSG_CLOEXEC) <= 0 || !CMSG_FIRSTHDR(&message)) return -1;
  int fd;
  memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
  return fd;
}

static int start(char **command) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) die("socketpair");
  child = fork();
  if (child < 0) die("fork");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int listener = install();
    if (listener < 0) _exit(77);
    send_descriptor(pair[1], listener);
    execvp(command[0], command);
    _exit(127);
  }
  close(pair[1]);
  const int listener = receive_descriptor(pair[0]);
  close(pair[0]);
  if (listener < 0) {
    errno = EPERM;
    die("no notifications of system calls here");
  }
  return listener;
}

/* ---- what a call is about ---- */

/* The loader and the sanitizers make calls of their own; what they do without is not innerloop's affair. */
static bool is_ours(const struct seccomp_notif *n) {
  static const char *const others[] = {"/ld-", "/ld.", "libasan", "libubsan", "liblsan", "libtsan"};
  static struct {
    uint64_t from, to;
    bool ours;
    pid_t of;
  } seen[64];
  static int count;
  const uint64_t address = n->data.instruction_pointer;
  for (int i = 0; i < count; i++)
    if (address >= seen[i].from && address < seen[i].to) return seen[i].ours;
  char path[64], line[PATH_ROOM];
  snprintf(path, sizeof path, "/proc/%d/maps", (int)n->pid);
  FILE *maps = fopen(path, "re");
  bool ours = true;
  while (maps && fgets(line, sizeof line, maps)) {
    unsigned long from, to;
    if (sscanf(line, "%lx-%lx", &from, &to) != 2 || address < from || address >= to) continue;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
      if (strstr(line, others[i])) ours = false;
    if (count < 64) {
      seen[count].from = from;
      seen[count].to = to;
      seen[count++].ours = ours;
    }
    break;
  }
  if (maps) fclose(maps);
  return ours;
}

static ssize_t peek(pid_t pid, uint64_t from, void *to, size_t size) {
  struct iovec here = {to, size}, there = {(void *)(uintptr_t)from, size};
  return process_vm_readv(pid, &here, 1, &there, 1, 0);
}

/* A text, page by page: what follows it may not be mapped. */
static void peek_text(pid_t pid, uint64_t from, char *to, size_t room) {
  size_t length = 0;
  while (length + 1 < room) {
    size_t part = 4096 - (from + length) % 4096;
    if (part > room - 1 - length) part = room - 1 - length;
    const ssize_t got = peek(pid, from + length, to + length, part);
    if (got <= 0) break;
    const char *end = memchr(to + length, 0, (size_t)got);
    if (end) return;
    length += (size_t)got;
  }
  to[length] = 0;
}

static void of_descriptor(pid_t pid, int fd, char *path) {
  char link[64];
  if (fd == AT_FDCWD)
    snprintf(link, sizeof link, "/proc/%d/cwd", (int)pid);
  else
    snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)pid, fd);
  const ssize_t length = readlink(link, path, PATH_ROOM - 1);
  path[length < 0 ? 0 : length] = 0;
}

/* The absolute path of a call's first or second file; empty where it has none. */
static void path_of(const struct seccomp_notif *n, int folder, int path, char *to) {
  *to = 0;
  if (folder == -2) return;
  const int fd = folder < 0 ? AT_FDCWD : (int)n->data.args[folder];
  if (path < 0) {
    of_descriptor((pid_t)n->pid, fd, to);
    return;
  }
  char name[PATH_ROOM] = "";
  peek_text((pid_t)n->pid, n->data.args[path], name, sizeof name / 2);
  if (!strncmp(name, "/proc/self/fd/", 14)) {
    of_descriptor((pid_t)n->pid, atoi(name + 14), to);
  } else if (*name == '/') {
    snprintf(to, PATH_ROOM, "%s", name);
  } else {
    of_descriptor((pid_t)n->pid, fd, to);
    const size_t length = strlen(to);
    if (strcmp(name, ".") != 0) snprintf(to + length, PATH_ROOM - length, "/%s", name);
  }
}

static bool is_below(const char *path) {
  const size_t length = below ? strlen(below) : 0;
  return !below || (!strncmp(path, below, length) && (path[length] == '/' || !path[length]));
}

/* ---- the log of changes (power.py reads it): one line each, the bytes of a write after theirs ---- */

static char created[PATH_ROOM]; /* by the call before this one: it has a number by now */

static void file_id(const char *path, char *id, size_t room) {
  struct stat info;
  *id = 0;
  if (stat(path, &info) == 0)
    snprintf(id, room, "%lld:%lld", (long long)info.st_dev, (long long)info.st_ino);
}

static void log_created(void) {
  char id[64];
  file_id(created, id, sizeof id);
  if (!*created || !*id) return;
  fprintf(logged, "is %s %s\n", id, created);
  *created = 0;
}

static void log_write(const struct seccomp_notif *n, const call *c, const char *id,
                      const char *link) {
  const int fd = (int)n->data.args[0];
  const size_t size = (size_t)n->data.args[2];
  long long offset = (long long)n->data.args[3];
  char path[64], line[128];
  if (c->number == SYS_write) {
    struct stat info;
    unsigned long flags = 0;
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", (int)n->pid, fd);
    FILE *about = fopen(path, "re");
    while (about && fgets(line, sizeof line, about)) {
      sscanf(line, "pos: %lld", &offset);
      sscanf(line, "flags: %lo", &flags);
    }
    if (about) fclose(about);
    if (flags & O_APPEND && stat(link, &info) == 0) offset = (long long)info.st_size;
  }
  char *bytes = malloc(size + 1);
  if (!bytes || peek((pid_t)n->pid, n->data.args[1], bytes, size) != (ssize_t)size)
    die("a write's bytes");
  fprintf(logged, "write %s %lld %zu\n", id, offset, size);
  fwrite(bytes, 1, size, logged);
  fputc('\n', logged);
  free(bytes);
}

static void log_change(const struct seccomp_notif *n, const call *c, const char *path,
                       const char *path2) {
  char link[64], id[64];
  log_created();
  snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)n->pid, (int)n->data.args[0]);
  struct stat info;
  switch (c->kind) {
  case OPEN: {
    const uint64_t flags = c->path < 0 ? 0 : n->data.args[c->path + 1];
    file_id(path, id, sizeof id);
    if ((flags & O_TMPFILE) == O_TMPFILE || !is_below(path)) return;
    if (flags & O_CREAT && !*id) {
      fprintf(logged, "create %s\n", path);
      strcpy(created, path);
    } else if (flags & O_TRUNC) {
      fprintf(logged, "truncate %s 0\n", id);
    }
    return;
  }
  case WRITE:
    if (!is_below(path)) return;
    file_id(c->path < 0 ? link : path, id, sizeof id);
    if (c->number == SYS_ftruncate || c->number == SYS_truncate)
      fprintf(logged, "truncate %s %lld\n", id, (long long)n->data.args[1]);
    else
      log_write(n, c, id, link);
    return;
  case SYNC:
    if (!is_below(path) && c->number != SYS_syncfs) return;
    file_id(link, id, sizeof id);
    if (c->number == SYS_syncfs)
      fprintf(logged, "syncall\n");
    else if (stat(link, &info) == 0 && S_ISDIR(info.st_mode))
      fprintf(logged, "syncfolder %s\n", path);
    else
      fprintf(logged, "sync %s\n", id);
    return;
  case NAME:
    if (!is_below(*path2 ? path2 : path)) return;
    if (!strcmp(c->name, "link")) {
      char name[64] = "";
      peek_text((pid_t)n->pid, n->data.args[c->path], name, sizeof name);
      snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)n->pid,
               !strncmp(name, "/proc/self/fd/", 14) ? atoi(name + 14) : -1);
      file_id(link, id, sizeof id);
      if (*id) fprintf(logged, "link %s %s\n", id, path2);
    } else if (*path2) {
      fprintf(logged, "rename %s\t%s\n", path, path2);
    } else if (!strcmp(c->name, "mkdir")) {
      if (access(path, F_OK) != 0) fprintf(logged, "mkdir %s\n", path);
    } else {
      fprintf(logged, "unlink %s\n", path);
    }
    return;
  default: return;
  }
}

/* ---- what is done to call number N ---- */

/* Half of a read or write, made here through the program's own descriptor; how many bytes, or −1. */
static ssize_t half(const struct seccomp_notif *n, const call *c) {
  size_t size = (size_t)n->data.args[2] / 2;
  if ((c->kind != READ && c->kind != WRITE) || c->number == SYS_ftruncate ||
      c->number == SYS_truncate || c->number == SYS_getdents64 || size == 0)
    return -1;
  const int of = (int)syscall(SYS_pidfd_open, child, 0);
  const int fd = of < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, of, (int)n->data.args[0], 0);
  char *bytes = malloc(size);
  if (fd < 0 || !bytes) die("the program's descriptor");
  ssize_t done = -1;
  const off_t offset = (off_t)n->data.args[3];
  if (c->kind == WRITE && peek((pid_t)n->pid, n->data.args[1], bytes, size) == (ssize_t)size) {
    done = c->number == SYS_write ? write(fd, bytes, size) : pwrite(fd, bytes, size, offset);
  } else if (c->kind == READ) {
    done = c->number == SYS_read ? read(fd, bytes, size) : pread(fd, bytes, size, offset);
    struct iovec here = {bytes, done < 0 ? 0 : (size_t)done},
                 there = {(void *)(uintptr_t)n->data.args[1], here.iov_len};
    if (done > 0 && process_vm_writev((pid_t)n->pid, &here, 1, &there, 1, 0) != done)
      die("the program's memory");
  }
  free(bytes);
  close(fd);
  close(of);
  return done;
}

static void act(const struct seccomp_notif *n, const call *c, struct seccomp_notif_resp *answer) {
  if (!strcmp(action, "kill") || !strcmp(action, "half")) {
    if (!strcmp(action, "half")) half(n, c);
    kill(child, SIGKILL);
  } else if (!strcmp(action, "short")) {
    const ssize_t done = half(n, c);
    if (done < 0) return;
    answer->flags = 0;
    answer->val = done;
  } else {
    answer->flags = 0;
    answer->error = -atoi(action);
  }
}

static void look(const struct seccomp_notif *n, struct seccomp_notif_resp *answer) {
  const call *c = known;
  while (c->number != n->data.nr) c++;
  char path[PATH_ROOM], path2[PATH_ROOM];
  if (!is_ours(n)) return;
  const bool file = c->kind != MAP || (int)n->data.args[4] >= 0;
  *path = 0;
  if (file) path_of(n, c->folder, c->path, path);
  path_of(n, c->folder2, c->path2, path2);
  if (logged) log_change(n, c, path, path2);
  if (c->kind != MAP && c->kind != THREAD && !is_below(path) && (!*path2 || !is_below(path2)))
    return;
  of_kind[c->kind]++;
  if (++made != at) return;
  if (told) fprintf(told, "%s %s%s%s\n", c->name, path, *path2 ? "\t" : "", path2);
  act(n, c, answer);
}

static int watch(int listener) {
  const int ended = (int)syscall(SYS_pidfd_open, child, 0);
  if (ended < 0) die("pidfd_open");
  int status;
  for (;;) {
    struct pollfd on[] = {{listener, POLLIN, 0}, {ended, POLLIN, 0}};
    if (poll(on, 2, -1) < 0 && errno != EINTR) die("poll");
    if (on[0].revents & POLLIN) {
      struct seccomp_notif call = {0};
      if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0) continue; /* it is gone */
      struct seccomp_notif_resp answer = {.id = call.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
      look(&call, &answer);
      ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
    } else if (on[1].revents & POLLIN) {
      if (waitpid(child, &status, 0) < 0) die("waitpid");
      break;
    }
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(int argc, char **argv) {
  int i = 1;
  for (; i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
    const char *value = argv[i + 1];
    if (!strcmp(argv[i], "--kinds")) {
      char list[128];
      snprintf(list, sizeof list, ",%s,", value);
      for (int k = 0; k < KINDS; k++) {
        char one[16];
        snprintf(one, sizeof one, ",%s,", kind_name[k]);
        wanted[k] = strstr(list, one) != NULL;
      }
    } else if (!strcmp(argv[i], "--below")) {
      below = value;
    } else if (!strcmp(argv[i], "--at")) {
      at = atol(value);
    } else if (!strcmp(argv[i], "--do")) {
      action = value;
    } else if (!strcmp(argv[i], "--told")) {
      told_path = value;
    } else if (!strcmp(argv[i], "--log")) {
      log_path = value;
    }
  }
  if (i + 1 >= argc || (at && !action)) {
    fprintf(stderr, "calls: expected --kinds … -- PROGRAM …\n");
    return 2;
  }
  if (told_path && !(told = fopen(told_path, "we"))) die(told_path);
  if (log_path && !(logged = fopen(log_path, "we"))) die(log_path);
  const int code = watch(start(argv + i + 1));
  for (int k = 0; told && k < KINDS; k++) fprintf(told, "%s %ld\n", kind_name[k], of_kind[k]);
  if ((told && fclose(told) != 0) || (logged && fclose(logged) != 0)) die("the report");
  return code;
}
