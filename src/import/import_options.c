/* The options of an import by their names: which were set, as text, and whether the importer takes them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/room.h"
#include "base/locale.h"
#include "import/importer.h"
#include "io/io.h"

typedef void use_option(void *user, const char *name, const char *value);

/* Calls `use` for each option that was set; value NULL: there is none. */
static void for_each(const il_import_options *o, use_option *use, void *user) {
  char text[64];
  if (o->height || o->width) {
    snprintf(text, sizeof text, "%dx%d", o->height, o->width);
    use(user, "size", text);
  }
  if (o->grey) use(user, "grey", NULL);
  if (o->invert) use(user, "invert", NULL);
  if (o->layout == IL_LAYOUT_IMAGES) use(user, "images", NULL);
  if (o->layout == IL_LAYOUT_SIGNALS) use(user, "signals", NULL);
  if (o->channels) use(user, "channels", o->channels == IL_CHANNELS_FIRST ? "first" : "last");
  if (o->header) use(user, "header", o->header == IL_HEADER_YES ? "yes" : "no");
  if (o->x) use(user, "x", o->x);
  if (o->y) use(user, "y", o->y);
  if (o->task) use(user, "task", o->task);
  if (o->standardize) use(user, "standardize", NULL);
  if (o->scale_auto) {
    use(user, "scale", "auto");
  } else if (o->scale != 0) {
    il_real_print(o->scale, text, sizeof text);
    use(user, "scale", text);
  }
}

static void print_option(void *user, const char *name, const char *value) {
  FILE *stream = user;
  fprintf(stream, "%s%s%s%s", ftell(stream) ? " " : "", name, value ? "=" : "", value ? value : "");
}

char *il_import_options_text(const char *kind, const il_import_options *options) {
  char *text = NULL;
  size_t size = 0;
  FILE *stream = open_memstream(&text, &size);
  if (!stream) return NULL;
  print_option(stream, "kind", kind);
  for_each(options, print_option, stream);
  il_text_close(stream, &text);
  return text;
}

typedef struct checking {
  il_context *context;
  const il_importer *importer;
  const char *source;
} checking;

static bool takes(const char *list, const char *name) {
  const size_t length = strlen(name);
  for (const char *at = list; at && *at; at += strspn(at, " ")) {
    const size_t word = strcspn(at, " ");
    if (word == length && !memcmp(at, name, length)) return true;
    at += word;
  }
  return false;
}

static void check_option(void *user, const char *name, const char *value) {
  (void)value;
  const checking *c = user;
  if (takes(c->importer->takes, name)) return;
  il_fail(c->context, IL_ERROR_ARGUMENT, "%s is imported as '%s' (%s), which has no use for --%s",
          c->source, c->importer->name, c->importer->doc, name);
}

il_status il_import_options_check(il_context *context, const il_importer *importer,
                                  const char *source, const il_import_options *options) {
  for_each(options, check_option, &(checking){context, importer, source});
  return il_context_status(context);
}

char *il_import_file_of(const char *source) {
  char *file = strdup(source), *colon = file ? strrchr(file, ':') : NULL;
  if (!colon || !colon[1] || strchr(colon, '/') || access(source, F_OK) == 0) return file;
  *colon = 0;
  if (access(file, F_OK) != 0) *colon = ':';
  return file;
}

static _Thread_local int refused;

void il_import_refused(int error) {
  if (error && !refused) refused = error;
}

void il_import_end_look(il_context *context) {
  const int error = errno;
  const il_status status = context ? il_context_status(context) : IL_ERROR_MEMORY;
  if (status == IL_ERROR_MEMORY) il_import_refused(ENOMEM);
  if (status == IL_ERROR_FILE) il_import_refused(error);
  il_context_free(context);
}

int il_import_look_error(void) {
  const int error = refused;
  refused = 0;
  return error;
}

il_status il_import_looked(il_context *context, const char *source) {
  const int error = il_import_look_error();
  if (error == ENOMEM) return il_fail_memory(context, source);
  if (error) il_fail(context, IL_ERROR_FILE, "%s cannot be read: %s", source, strerror(error));
  return il_context_status(context);
}

static bool ends_in(const char *text, const char *end) {
  const size_t length = strlen(text), wanted = strlen(end);
  return length >= wanted && !il_word_order(text + length - wanted, end);
}

/* Pictures come in zip archives too: those count as tensors by their ending, or by the name of their first file. */
static bool is_archive_of_arrays(const char *path, const unsigned char *b, size_t size) {
  if (ends_in(path, ".npz") || ends_in(path, ".pt") || ends_in(path, ".pth")) return true;
  enum { HEAD = 30 }; /* bytes before a file's name, whose length is in two of them */
  const size_t length = size > HEAD ? (size_t)b[26] | (size_t)b[27] << 8 : 0;
  char name[256] = "";
  if (length == 0 || length >= sizeof name || HEAD + length > size) return false;
  memcpy(name, b + HEAD, length);
  return ends_in(name, ".npy") || ends_in(name, "/data.pkl");
}

bool il_import_is_tensors(const char *source) {
  unsigned char b[300] = {0};
  char *path = il_import_file_of(source);
  struct stat info;
  const bool regular = path && stat(path, &info) == 0 && S_ISREG(info.st_mode);
  FILE *file = regular ? fopen(path, "rbe") : NULL;
  if (!path || (regular && !file)) il_import_refused(errno);
  const size_t got = file ? fread(b, 1, sizeof b, file) : 0;
  if (file && ferror(file)) il_import_refused(errno);
  if (file) fclose(file);
  bool is = false;
  if (got >= 4 && !memcmp(b, "PK", 2))
    is = is_archive_of_arrays(path, b, got);
  else if (got >= 6 && !memcmp(b, "\x93NUMPY", 6))
    is = true;
  else if (got >= 2 && b[0] == 0x80 && b[1] >= 2 && b[1] <= 5)
    is = true;
  else
    is = got >= 9 && b[8] == '{' && !b[7];
  free(path);
  return is;
}

/* The beginning and the end of a file have the names of its arrays, whatever the format. */
static bool mentions(const unsigned char *map, size_t size, const char *word) {
  enum { PART = 1 << 20 };
  const size_t length = strlen(word), part = size < PART ? size : PART;
  return memmem(map, part, word, length) || memmem(map + size - part, part, word, length);
}

bool il_import_mentions(const char *source, const char *word) {
  il_context *context = il_context_new();
  char *path = il_import_file_of(source);
  size_t size;
  const unsigned char *map = context && path ? il_map_file(context, path, &size) : NULL;
  if (!map) {
    if (!path) il_import_refused(ENOMEM);
    il_import_end_look(context);
    free(path);
    return false;
  }
  const bool found = mentions(map, size, word);
  il_unmap_file(map, size);
  free(path);
  il_context_free(context);
  return found;
}

const char *il_import_ready(const char *source) {
  if (!il_import_is_tensors(source)) return NULL;
  il_context *context = il_context_new();
  char *path = il_import_file_of(source);
  size_t size;
  const unsigned char *map = context && path ? il_map_file(context, path, &size) : NULL;
  const char *ready = NULL;
  if (!map) {
    if (!path) il_import_refused(ENOMEM);
    il_import_end_look(context);
    free(path);
    return NULL;
  }
  if (mentions(map, size, "support_x") && mentions(map, size, "query_x")) ready = "tasks";
  if (size > 9 && map[8] == '{') { /* only safetensors are ever written by an import */
    if (mentions(map, size, "\"task_start\"")) ready = "table";
    if (mentions(map, size, "\"class_start\"")) ready = "dataset";
  }
  il_unmap_file(map, size);
  free(path);
  il_context_free(context);
  return ready;
}
