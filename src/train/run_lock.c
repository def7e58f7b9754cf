/* The lock of a run's folder (see run_lock.h): flock, which NFS passes on to its server, on a file with the holder's
 * number. */
#include "train/run_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "train/checkpoint.h"

/* Who holds it, as it says itself: "process 12345 of this machine's name". */
static il_status refuse(il_context *context, const il_run_lock *lock, const char *folder) {
  char holder[128] = "";
  const ssize_t length = pread(lock->fd, holder, sizeof holder - 1, 0);
  if (length > 0) holder[strcspn(holder, "\n")] = 0;
  return il_fail(context, IL_ERROR_FILE,
                 "%s: %s trains in this folder; expected nobody: wait until it ends, or choose "
                 "another folder",
                 folder, *holder ? holder : "another process");
}

/* A folder may come from a stranger: what `lock` leads to elsewhere is not opened, still less written to. */
static int open_lock(il_context *context, const char *path) {
  struct stat info;
  const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
  if (fd < 0 && errno != ELOOP)
    il_fail(context, IL_ERROR_FILE, "%s: cannot be written: %s", path, strerror(errno));
  else if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_nlink > 1)
    il_fail(context, IL_ERROR_FILE,
            "%s: expected a file that is nowhere else, found a link or what is no file; remove it",
            path);
  else
    return fd;
  if (fd >= 0) close(fd);
  return -1;
}

static void write_holder(int fd) {
  char host[64] = "", text[128];
  if (gethostname(host, sizeof host - 1) != 0) *host = 0;
  const int length =
      snprintf(text, sizeof text, "process %ld%s%s\n", (long)getpid(), *host ? " on " : "", host);
  if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)length, 0) < 0) return; /* only a help */
}

/* The file may have been removed by its last holder between opening and locking it. */
static bool still_there(const il_run_lock *lock) {
  struct stat named, open;
  return lstat(lock->path, &named) == 0 && fstat(lock->fd, &open) == 0 &&
         named.st_ino == open.st_ino && named.st_dev == open.st_dev;
}

il_status il_run_lock_take(il_context *context, il_run_lock *lock, const char *folder) {
  lock->path = il_run_path(context, folder, "lock");
  if (!lock->path) return il_context_status(context);
  for (;;) {
    lock->fd = open_lock(context, lock->path);
    il_status status = il_context_status(context);
    if (lock->fd >= 0 && flock(lock->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
      status = refuse(context, lock, folder);
    if (status != IL_OK) {
      if (lock->fd >= 0) close(lock->fd);
      free(lock->path);
      *lock = (il_run_lock){0};
      return status;
    }
    if (still_there(lock)) break;
    close(lock->fd);
  }
  write_holder(lock->fd);
  return IL_OK;
}

void il_run_lock_release(il_run_lock *lock) {
  if (!lock->path) return;
  unlink(lock->path); /* while it is held: who opened it meanwhile sees that it is gone */
  close(lock->fd);
  free(lock->path);
  *lock = (il_run_lock){0};
}
