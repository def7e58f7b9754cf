/* The files below a folder or in a zip archive: nothing is unpacked but the file that is being read. */
#include "import/listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 16 };

/* Whether an error says something of one file, which is passed over then. All others are errors of the import: data that
 * lack what another attempt would find are worse than none. */
static bool of_the_file(int error) {
  static const int known[] = {EACCES, EPERM, ENOENT, ELOOP, ENAMETOOLONG, ENOTDIR, ENXIO};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (error == known[i]) return true;
  return false;
}

static il_status not_read(const il_listing *l, const char *name, int error) {
  if (error == ENOMEM) return il_fail_memory(l->context, name);
  return il_fail(l->context, IL_ERROR_FILE, "%s%s%s cannot be read: %s", l->root, *name ? "/" : "",
                 name, strerror(error));
}

static bool ignored(const char *name, size_t length) {
  static const char *const known[] = {"__MACOSX", "Thumbs.db", "desktop.ini"};
  if (length == 0 || *name == '.') return true;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strlen(known[i]) == length && !memcmp(name, known[i], length)) return true;
  return false;
}

static il_status add(il_listing *l, const char *name, const char *problem, uint64_t index) {
  if (l->count == l->room) {
    const size_t room = l->room ? 2 * l->room : 1024;
    il_listed *grown = realloc(l->file, room * sizeof *grown);
    if (!grown) return il_fail_memory(l->context, "the list of files");
    l->file = grown;
    l->room = room;
  }
  il_listed file = {.name = il_arena_string(&l->arena, name), .index = index};
  if (problem) file.problem = il_arena_string(&l->arena, problem);
  if (!file.name || (problem && !file.problem))
    return il_fail_memory(l->context, "the list of files");
  l->file[l->count++] = file;
  return IL_OK;
}

/* Why a link is not followed; NULL where it leads to a file of the folder. */
static const char *check_link(const il_listing *l, const char *path) {
  char *target = realpath(path, NULL);
  if (!target)
    return errno == ELOOP ? "a link that leads in a circle" : "a link that leads nowhere";
  const size_t length = strlen(l->root);
  const bool inside = !strcmp(l->root, "/") || (!strncmp(target, l->root, length) &&
                                                (!target[length] || target[length] == '/'));
  struct stat info;
  const bool found = stat(target, &info) == 0;
  free(target);
  return !inside                            ? "a link that leads out of the folder"
         : found && S_ISDIR(info.st_mode)   ? "a link to a folder, which is not followed"
         : !found || !S_ISREG(info.st_mode) ? "a link to no regular file"
                                            : NULL;
}

static il_status list_folder(il_listing *l, const char *below, int depth);

static il_status list_one(il_listing *l, const char *name, int depth) {
  char *path = NULL;
  struct stat info;
  if (asprintf(&path, "%s/%s", l->root, name) < 0) return il_fail_memory(l->context, "a path");
  il_status status;
  if (lstat(path, &info) < 0)
    status = of_the_file(errno) ? add(l, name, strerror(errno), 0) : not_read(l, name, errno);
  else if (S_ISLNK(info.st_mode))
    status = add(l, name, check_link(l, path), 0);
  else if (S_ISDIR(info.st_mode) && depth == DEPTH_MAX)
    status = add(l, name, "lies too deep in folders", 0);
  else if (S_ISDIR(info.st_mode))
    status = list_folder(l, name, depth + 1);
  else
    status = add(l, name, S_ISREG(info.st_mode) ? NULL : "is no regular file", 0);
  free(path);
  return status;
}

static il_status list_folder(il_listing *l, const char *below, int depth) {
  char *path = NULL;
  if (asprintf(&path, "%s/%s", l->root, below) < 0) return il_fail_memory(l->context, "a path");
  DIR *folder = opendir(path);
  free(path);
  if (!folder && (!*below || !of_the_file(errno))) return not_read(l, below, errno);
  if (!folder) return add(l, below, strerror(errno), 0);
  const size_t before = l->count;
  il_status status = IL_OK;
  while (!status) {
    errno = 0;
    const struct dirent *entry = readdir(folder);
    if (!entry) {
      if (errno) status = not_read(l, below, errno);
      break;
    }
    char *name = NULL;
    if (ignored(entry->d_name, strlen(entry->d_name))) continue;
    if (asprintf(&name, "%s%s%s", below, *below ? "/" : "", entry->d_name) < 0) name = NULL;
    status = name ? list_one(l, name, depth) : il_fail_memory(l->context, "a path");
    free(name);
  }
  closedir(folder);
  if (status || l->count > before || !*below) return status;
  status = add(l, below, "is an empty folder", 0);
  if (!status) l->file[l->count - 1].empty = true;
  return status;
}

static il_status list_zip(il_listing *l, const char *source) {
  int code = 0;
  errno = 0; /* libzip takes some of its own failures for a damaged archive */
  l->zip = zip_open(source, ZIP_RDONLY, &code);
  if (!l->zip && errno == ENOMEM) return il_fail_memory(l->context, source);
  if (!l->zip) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    il_status status =
        il_fail(l->context, code == ZIP_ER_OPEN ? IL_ERROR_FILE : IL_ERROR_FORMAT,
                "%s cannot be opened as a zip archive: %s", source, zip_error_strerror(&error));
    zip_error_fini(&error);
    return status;
  }
  const zip_int64_t entries = zip_get_num_entries(l->zip, 0);
  il_status status = IL_OK;
  for (zip_int64_t i = 0; i < entries && !status; i++) {
    const char *name = zip_get_name(l->zip, (zip_uint64_t)i, ZIP_FL_ENC_GUESS), *part = name;
    if (!name) continue;
    bool leave = false;
    while (part && !leave) { /* folders end in '/', so that their last part is empty */
      const char *slash = strchr(part, '/');
      leave = ignored(part, slash ? (size_t)(slash - part) : strlen(part));
      part = slash ? slash + 1 : NULL;
    }
    if (!leave) status = add(l, name, NULL, (uint64_t)i);
  }
  return status;
}

static int by_name(const void *a, const void *b) {
  const il_listed *x = a, *y = b;
  const int order = strcmp(x->name, y->name);
  return order ? order : x->index < y->index ? -1 : x->index > y->index;
}

il_status il_listing_open(il_listing *l, il_context *context, const char *source) {
  struct stat info;
  *l = (il_listing){.context = context, .root = realpath(source, NULL), .fd = -1};
  if (!l->root || stat(source, &info) < 0)
    return il_fail(context, IL_ERROR_FILE, "%s: %s", source, strerror(errno));
  il_status status = S_ISDIR(info.st_mode) ? list_folder(l, "", 0) : list_zip(l, source);
  if (status) return status;
  if (l->count > 0) qsort(l->file, l->count, sizeof *l->file, by_name);
  for (size_t i = 1; i < l->count; i++)
    if (!strcmp(l->file[i - 1].name, l->file[i].name))
      l->file[i].problem = "stands twice in the archive";
  return IL_OK;
}

void il_listing_close(il_listing *l) {
  il_listing_end(l);
  if (l->zip) zip_discard(l->zip);
  il_arena_free(&l->arena);
  free(l->file);
  free(l->root);
  *l = (il_listing){.fd = -1};
}

static bool fail(il_listing *l, const char *what, const char *why) {
  snprintf(l->reason, sizeof l->reason, "cannot be %s: %s", what, why);
  return false;
}

static bool fail_system(il_listing *l, const char *what) {
  if (!of_the_file(errno)) not_read(l, l->name, errno);
  return fail(l, what, strerror(errno));
}

/* Of an archive, which may be damaged in one of its files. */
static bool fail_zip(il_listing *l, zip_error_t *error) {
  const int system = zip_error_code_system(error), code = zip_error_code_zip(error);
  if (code == ZIP_ER_MEMORY || (zip_error_system_type(error) == ZIP_ET_SYS && system > 0))
    not_read(l, l->name, code == ZIP_ER_MEMORY ? ENOMEM : system);
  return fail(l, "unpacked", zip_error_strerror(error));
}

static bool too_large(il_listing *l, uint64_t size) {
  if (size <= (uint64_t)IL_LISTED_MAX) return false;
  snprintf(l->reason, sizeof l->reason, "has %llu bytes, expected at most %lld",
           (unsigned long long)size, (long long)IL_LISTED_MAX);
  return true;
}

bool il_listing_begin(il_listing *l, const il_listed *file) {
  l->done = 0;
  l->name = file->name;
  *l->reason = 0;
  if (l->zip) {
    zip_stat_t about;
    zip_stat_init(&about);
    if (zip_stat_index(l->zip, file->index, 0, &about) == 0 && (about.valid & ZIP_STAT_SIZE) &&
        too_large(l, about.size))
      return false;
    l->entry = zip_fopen_index(l->zip, file->index, 0);
    return l->entry || fail_zip(l, zip_get_error(l->zip));
  }
  char *path = NULL;
  if (asprintf(&path, "%s/%s", l->root, file->name) < 0) {
    il_fail_memory(l->context, "a path");
    return false;
  }
  l->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  free(path);
  struct stat info;
  if (l->fd < 0 || fstat(l->fd, &info) < 0) return fail_system(l, "opened");
  if (!S_ISREG(info.st_mode)) return fail(l, "read", "it is no regular file any more");
  return !too_large(l, (uint64_t)info.st_size);
}

int64_t il_listing_read(void *listing, void *to, size_t size) {
  il_listing *l = listing;
  int64_t got;
  if (l->zip) {
    got = zip_fread(l->entry, to, size);
    if (got < 0) fail_zip(l, zip_file_get_error(l->entry));
  } else {
    do got = read(l->fd, to, size);
    while (got < 0 && errno == EINTR);
    if (got < 0) fail_system(l, "read");
  }
  if (got > 0 && too_large(l, (uint64_t)(l->done += got))) return -1;
  return got;
}

void il_listing_end(il_listing *l) {
  if (l->entry) zip_fclose(l->entry);
  if (l->fd >= 0) close(l->fd);
  l->entry = NULL;
  l->fd = -1;
}
