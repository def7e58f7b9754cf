/* The file is header, class_start, examples. The examples begin at a place that leaves room for the longest header that
 * can come; written last, it is padded with spaces up to class_start, which ends where the examples begin. */
#include "data/dataset_writer.h"

#include <innerloop/version.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/locale.h"

enum { ALIGNMENT = 64, PAIRS = 9 };

struct il_dataset_writer {
  il_context *context;
  il_atomic_file *file;
  il_arena arena;
  const char *path, *made_from, *made_with;
  const char **name, **origin; /* [classes], those that stayed empty taken out before the header */
  int32_t *start;              /* [classes + 1] first example of each */
  int classes, at;             /* at: the class of the last example */
  il_type type;
  il_shape example;
  double scale;
  size_t stride, begin; /* bytes of an example; where the first lies in the file */
  int64_t examples;
  XXH3_state_t *hash;
};

static char *list_text(const char *const *item, int count) {
  json_t *list = json_array();
  for (int i = 0; list && i < count; i++)
    if (json_array_append_new(list, json_string(item[i])) < 0) {
      json_decref(list);
      list = NULL;
    }
  char *text = list ? json_dumps(list, JSON_COMPACT) : NULL;
  json_decref(list);
  return text;
}

/* The header of `exactly` bytes; 0: as long as it becomes, to see how much room it needs. */
static char *make_header(il_dataset_writer *w, int64_t files, int64_t skipped, size_t exactly,
                         size_t *size) {
  char *names = list_text(w->name, w->classes), *origins = list_text(w->origin, w->classes),
       *header = NULL;
  if (names && origins) {
    char scale[32], counts[160], hash[48];
    il_real_print(w->scale, scale, sizeof scale);
    snprintf(counts, sizeof counts,
             "{\"files\": %" PRId64 ", \"classes\": %d, \"examples\": %" PRId64
             ", \"skipped\": %" PRId64 "}",
             files, w->classes, w->examples, skipped);
    const XXH128_hash_t sum = XXH3_128bits_digest(w->hash);
    snprintf(hash, sizeof hash, "xxh3-128:%016" PRIx64 "%016" PRIx64, (uint64_t)sum.high64,
             (uint64_t)sum.low64);
    const il_pair pair[PAIRS] = {{"kind", "innerloop dataset 2"},
                                 {"class_names", names},
                                 {"class_origins", origins},
                                 {"scale", scale},
                                 {"made_by", "innerloop " INNERLOOP_VERSION},
                                 {"made_from", w->made_from},
                                 {"made_with", w->made_with},
                                 {"made_of", counts},
                                 {"made_of_hash", hash}};
    il_shape all = {.rank = w->example.rank + 1, .dim = {w->examples}};
    memcpy(all.dim + 1, w->example.dim, (size_t)w->example.rank * sizeof *all.dim);
    const il_tensor tensor[] = {{"class_start", IL_INT32, IL_SHAPE(w->classes + 1), w->start},
                                {"examples", w->type, all, NULL}};
    header = il_safetensors_header(w->context, w->path, 2, tensor, w->made_from ? PAIRS : 4, pair,
                                   exactly, size);
  } else {
    il_fail(w->context, IL_ERROR_FORMAT, "%s: the class names are not valid UTF-8", w->path);
  }
  free(names);
  free(origins);
  return header;
}

/* Numbers at their longest, so that no header that comes is longer. */
static il_status reserve(il_dataset_writer *w) {
  size_t size;
  w->examples = INT32_MAX;
  char *longest = make_header(w, INT64_MAX, INT64_MAX, 0, &size);
  w->examples = 0;
  if (!longest) return il_context_status(w->context);
  free(longest);
  size += 64 + ((size_t)w->classes + 1) * sizeof *w->start; /* 64: longer offsets */
  w->begin = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  return il_atomic_seek(w->file, w->begin);
}

static il_status copy_recipe(il_dataset_writer *w, const char *path, const il_dataset_recipe *r) {
  const size_t classes = (size_t)r->classes;
  w->path = il_arena_string(&w->arena, path);
  w->name = il_arena_alloc(&w->arena, classes * sizeof *w->name);
  w->origin = il_arena_alloc(&w->arena, classes * sizeof *w->origin);
  w->start = il_arena_alloc(&w->arena, (classes + 1) * sizeof *w->start);
  w->made_with = il_arena_string(&w->arena, r->made_with ? r->made_with : "");
  w->hash = XXH3_createState();
  bool good = w->path && w->name && w->origin && w->start && w->made_with && w->hash;
  for (size_t c = 0; good && c < classes; c++) {
    w->name[c] = il_arena_string(&w->arena, r->name[c]);
    w->origin[c] = il_arena_string(&w->arena, r->origin ? r->origin[c] : "");
    good = w->name[c] && w->origin[c];
  }
  if (good && r->made_from) {
    size_t end = strlen(r->made_from);
    while (end > 1 && r->made_from[end - 1] == '/') end--;
    size_t begin = end;
    while (begin > 0 && r->made_from[begin - 1] != '/') begin--;
    char *base = il_arena_alloc(&w->arena, end - begin + 1);
    if (base) memcpy(base, r->made_from + begin, end - begin);
    /* A name in no known encoding cannot stand in a header. */
    json_t *text = base ? json_string(base) : NULL;
    w->made_from = base && !text ? "(its name is not UTF-8)" : base;
    json_decref(text);
    good = base != NULL;
  }
  if (!good) return il_fail_memory(w->context, "a dataset");
  XXH3_128bits_reset(w->hash);
  w->classes = r->classes;
  w->at = 0;
  w->type = r->type;
  w->example = r->example;
  w->scale = r->scale != 0 ? r->scale : il_dataset_usual_scale(r->type);
  w->stride = (size_t)il_shape_count(r->example) * il_type_size(r->type);
  return IL_OK;
}

void il_dataset_writer_abort(il_dataset_writer *w) {
  if (!w) return;
  il_atomic_abort(w->file);
  XXH3_freeState(w->hash);
  il_arena_free(&w->arena);
  free(w);
}

il_dataset_writer *il_dataset_writer_new(il_context *context, const char *path,
                                         const il_dataset_recipe *recipe) {
  if (recipe->classes < 1) {
    il_fail(context, IL_ERROR_DATA, "%s: a dataset without a class cannot be written", path);
    return NULL;
  }
  il_dataset_writer *w = calloc(1, sizeof *w);
  if (!w) {
    il_fail_memory(context, "a dataset");
    return NULL;
  }
  w->context = context;
  if (copy_recipe(w, path, recipe) == IL_OK &&
      il_dataset_names_good(w->context, w->path, w->classes, w->name) == IL_OK &&
      (w->file = il_atomic_begin(context, path, false)) && reserve(w) == IL_OK)
    return w;
  il_dataset_writer_abort(w);
  return NULL;
}

il_status il_dataset_writer_add(il_dataset_writer *w, int cls, const void *example) {
  if (cls < w->at || cls >= w->classes)
    return il_fail(w->context, IL_ERROR_ARGUMENT,
                   "%s: an example of class %d came after one of class %d of %d", w->path, cls,
                   w->at, w->classes);
  if (w->examples == INT32_MAX)
    return il_fail(w->context, IL_ERROR_DATA, "%s: a dataset has at most %d examples", w->path,
                   INT32_MAX);
  while (w->at < cls) w->start[++w->at] = (int32_t)w->examples;
  w->examples++;
  return il_atomic_append(w->file, example, w->stride);
}

void il_dataset_writer_hash(il_dataset_writer *w, const void *bytes, size_t size) {
  XXH3_128bits_update(w->hash, bytes, size);
}

int64_t il_dataset_writer_examples(const il_dataset_writer *w) { return w->examples; }
il_shape il_dataset_writer_shape(const il_dataset_writer *w) { return w->example; }

int il_dataset_writer_classes(const il_dataset_writer *w) {
  int count = 0;
  for (int c = 0; c <= w->at; c++)
    count += (c < w->at ? w->start[c + 1] : w->examples) > w->start[c];
  return count;
}

static void drop_empty_classes(il_dataset_writer *w) {
  while (w->at < w->classes) w->start[++w->at] = (int32_t)w->examples;
  int kept = 0;
  for (int c = 0; c < w->classes; c++) {
    if (w->start[c + 1] == w->start[c]) continue;
    w->name[kept] = w->name[c];
    w->origin[kept] = w->origin[c];
    w->start[++kept] = w->start[c + 1];
  }
  w->classes = kept;
}

il_status il_dataset_writer_commit(il_dataset_writer *w, int64_t files, int64_t skipped) {
  il_status status = IL_OK;
  drop_empty_classes(w);
  if (w->classes == 0)
    status = il_fail(w->context, IL_ERROR_DATA,
                     "%s: a dataset without an example cannot be written", w->path);
  const size_t starts = ((size_t)w->classes + 1) * sizeof *w->start;
  size_t size;
  char *header = status ? NULL : make_header(w, files, skipped, w->begin - starts, &size);
  if (!status && !header) status = il_context_status(w->context);
  if (!status) status = il_atomic_seek(w->file, 0);
  if (!status) status = il_atomic_append(w->file, header, size);
  if (!status) status = il_atomic_append(w->file, w->start, starts);
  free(header);
  if (!status) {
    status = il_atomic_commit(w->file);
    w->file = NULL;
  }
  il_dataset_writer_abort(w);
  return status;
}
