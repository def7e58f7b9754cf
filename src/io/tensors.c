/* Tensors of files, whatever the format: the content says which reader takes it. */
#include "io/tensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LEAST_BUDGET = 256 << 20, BUDGET_FACTOR = 100 };

void *il_tensors_alloc(il_tensors *t, uint64_t size) {
  if (size > t->budget) {
    il_fail(t->context, IL_ERROR_FORMAT,
            "%s would take more memory than the larger of 256 MiB and 100 times its %zu bytes",
            t->path, t->size);
    return NULL;
  }
  t->budget -= size;
  void *memory = il_arena_alloc(&t->arena, (size_t)size);
  if (!memory) il_fail_memory(t->context, "the tensors of a file");
  return memory;
}

il_status il_tensors_add(il_tensors *t, const char *name, size_t length, il_type type,
                         il_shape shape, const void *data) {
  if (memchr(name, 0, length))
    return il_fail(t->context, IL_ERROR_FORMAT, "%s: the name of a tensor holds a NUL: '%s'",
                   t->path, name);
  char *copy = il_tensors_alloc(t, length + 1);
  if (!copy) return il_context_status(t->context);
  memcpy(copy, name, length);
  if (t->count == t->room) {
    int room = t->room ? 2 * t->room : 64;
    il_tensor *grown = il_tensors_alloc(t, (uint64_t)room * sizeof *grown);
    if (!grown) return il_context_status(t->context);
    if (t->count) memcpy(grown, t->tensor, (size_t)t->count * sizeof *grown);
    t->tensor = grown;
    t->room = room;
  }
  t->tensor[t->count++] = (il_tensor){copy, type, shape, data};
  return IL_OK;
}

int64_t il_tensors_elements(il_type type, il_shape shape) {
  int64_t count = 1, bytes;
  bool empty = false;
  for (int i = 0; i < shape.rank; i++) {
    if (shape.dim[i] < 0) return -1;
    empty |= shape.dim[i] == 0;
    if (shape.dim[i] && __builtin_mul_overflow(count, shape.dim[i], &count)) return -1;
  }
  if (__builtin_mul_overflow(count, (int64_t)il_type_size(type), &bytes) || bytes > INT64_MAX / 2)
    return -1;
  return empty ? 0 : count;
}

static void copy_element(const unsigned char *from, size_t size, bool swap, unsigned char *to) {
  for (size_t i = 0; i < size; i++) to[i] = from[swap ? size - 1 - i : i];
}

void il_tensors_copy(const void *from, il_type type, il_shape shape, const int64_t *stride,
                     bool swap, void *to) {
  size_t size = il_type_size(type);
  int64_t index[IL_MAX_RANK] = {0}, count = il_tensors_elements(type, shape), at = 0;
  unsigned char *out = to;
  for (int64_t i = 0; i < count; i++, out += size) {
    copy_element((const unsigned char *)from + (size_t)at * size, size, swap, out);
    for (int d = shape.rank - 1; d >= 0; d--) {
      at += stride[d];
      if (++index[d] < shape.dim[d]) break;
      at -= stride[d] * shape.dim[d];
      index[d] = 0;
    }
  }
}

/* Two tensors of one name would be one in every other format. */
static int by_name(const void *a, const void *b) {
  return strcmp((*(const il_tensor *const *)a)->name, (*(const il_tensor *const *)b)->name);
}

static il_status check_names(il_tensors *t) {
  const il_tensor **sorted = malloc(((size_t)t->count + 1) * sizeof *sorted);
  if (!sorted) return il_fail_memory(t->context, "the names of tensors");
  for (int i = 0; i < t->count; i++) sorted[i] = &t->tensor[i];
  qsort(sorted, (size_t)t->count, sizeof *sorted, by_name);
  for (int i = 1; i < t->count; i++)
    if (!strcmp(sorted[i - 1]->name, sorted[i]->name)) {
      il_fail(t->context, IL_ERROR_FORMAT, "%s has two tensors that lie at \"%s\"", t->path,
              sorted[i]->name);
      break;
    }
  free(sorted);
  return il_context_status(t->context);
}

static il_status read_safetensors(il_tensors *t) {
  t->format = "safetensors";
  t->safetensors = il_safetensors_open(t->context, t->path);
  if (!t->safetensors) return il_context_status(t->context);
  t->count = il_safetensors_count(t->safetensors);
  t->tensor = il_arena_alloc(&t->arena, ((size_t)t->count + 1) * sizeof *t->tensor);
  if (!t->tensor) return il_fail_memory(t->context, "the list of a file's tensors");
  for (int i = 0; i < t->count; i++) t->tensor[i] = *il_safetensors_at(t->safetensors, i);
  return IL_OK;
}

static bool ends_in(const char *text, const char *end) {
  size_t length = strlen(text), wanted = strlen(end);
  return length >= wanted && !strcmp(text + length - wanted, end);
}

/* PyTorch's archives have one folder with data.pkl in it, whatever its name; numpy's have .npy files only. */
static il_status read_zip(il_tensors *t) {
  il_zip *zip = il_zip_open(t);
  if (!zip) return il_context_status(t->context);
  const char *pickle = NULL, *code = NULL;
  int64_t arrays = 0, count = il_zip_count(zip);
  for (int64_t i = 0; i < count; i++) {
    const char *name = il_zip_name(zip, i);
    if (ends_in(name, "/data.pkl") && !strchr(strchr(name, '/') + 1, '/')) pickle = name;
    if (ends_in(name, "/constants.pkl")) code = name;
    arrays += ends_in(name, ".npy");
  }
  il_status status;
  if (code)
    status = il_fail(t->context, IL_ERROR_UNSUPPORTED,
                     "%s is a TorchScript program (it has %s), expected tensors: save "
                     "torch.save(model.state_dict(), …) instead",
                     t->path, code);
  else if (pickle)
    status = il_torch_zip_read(t, zip, pickle);
  else if (arrays == count)
    status = il_npz_read(t, zip);
  else
    status = il_fail(t->context, IL_ERROR_FORMAT,
                     "%s is a zip archive, but found neither PyTorch's data.pkl in it nor numpy's "
                     ".npy files alone",
                     t->path);
  il_zip_close(zip);
  return status;
}

static il_status read_content(il_tensors *t) {
  const unsigned char *b = t->map;
  if (t->size >= 4 && !memcmp(b, "PK", 2) && (b[2] == 3 || b[2] == 5)) return read_zip(t);
  if (t->size >= 6 && !memcmp(b, "\x93NUMPY", 6)) {
    t->format = "npy";
    return il_npy_read(t, "tensor", b, t->size);
  }
  if (t->size >= 2 && b[0] == 0x80 && b[1] >= 2 && b[1] <= 5) return il_torch_stream_read(t);
  if (t->size >= 9 && b[8] == '{') return read_safetensors(t);
  if (t->size > 265 && !memcmp(b + 257, "ustar", 5))
    return il_fail(t->context, IL_ERROR_UNSUPPORTED,
                   "%s is a tar archive, as PyTorch before 0.2 wrote: load and save it once with a "
                   "newer PyTorch",
                   t->path);
  return il_fail(t->context, IL_ERROR_FORMAT,
                 "%s is none of the files that are read here: PyTorch's torch.save, numpy's .npy "
                 "and .npz, safetensors",
                 t->path);
}

/* ---- a part of a file: FILE:KEY ---- */

/* The key behind the last colon of a path that is no file's, while what stands in front of it is one; else NULL. */
static const char *key_of(const char *path, char *file) {
  const char *colon = strrchr(path, ':');
  if (!colon || !colon[1] || strchr(colon, '/') || access(path, F_OK) == 0) return NULL;
  memcpy(file, path, (size_t)(colon - path));
  file[colon - path] = 0;
  return access(file, F_OK) == 0 ? colon + 1 : NULL;
}

/* The name below the key, "x" of "train.x" or "[0]" of "train[0]"; NULL where it is not. */
static const char *below(const char *name, const char *key) {
  size_t length = strlen(key);
  if (strncmp(name, key, length)) return NULL;
  if (name[length] == '.' && name[length + 1]) return name + length + 1;
  return name[length] == '[' ? name + length : NULL;
}

/* "train", "test" and so on: what a key could have been. */
static void list_keys(const il_tensors *t, char *text, size_t size) {
  size_t at = 0;
  const char *before = NULL;
  text[0] = 0;
  for (int i = 0; i < t->count && at < size; i++) {
    const char *name = t->tensor[i].name;
    size_t length = strcspn(name, ".[");
    bool same = before && strcspn(before, ".[") == length && !memcmp(before, name, length);
    before = name;
    if (same || !name[length] || !length) continue;
    at += (size_t)snprintf(text + at, size - at, "%s\"%.*s\"", at ? ", " : "", (int)length, name);
  }
}

static il_status choose(il_tensors *t, const char *key) {
  int kept = 0;
  char keys[200];
  list_keys(t, keys, sizeof keys);
  for (int i = 0; i < t->count; i++) {
    const char *name = below(t->tensor[i].name, key);
    if (!name) continue;
    t->tensor[kept] = t->tensor[i];
    t->tensor[kept++].name = name;
  }
  t->count = kept;
  int texts = 0;
  for (int i = 0; i < t->text_count; i++) {
    const char *name = below(t->texts[i].name, key);
    if (!name) continue;
    t->texts[texts] = t->texts[i];
    t->texts[texts++].name = name;
  }
  t->text_count = texts;
  if (kept) return IL_OK;
  return il_fail(t->context, IL_ERROR_DATA, "%s: nothing stands under the key \"%s\"; found %s",
                 t->path, key, *keys ? keys : "no keys");
}

il_tensors *il_tensors_open(il_context *context, const char *path) {
  il_tensors *t = calloc(1, sizeof *t);
  char *copy = t ? il_arena_string(&t->arena, path) : NULL;
  if (!copy) {
    il_fail_memory(context, "a reader of tensors");
    il_tensors_close(t);
    return NULL;
  }
  const char *key = key_of(path, copy);
  if (!key) strcpy(copy, path);
  t->context = context;
  t->arena.context = context;
  t->path = copy;
  t->map = il_map_file(context, copy, &t->size);
  t->budget =
      t->size > LEAST_BUDGET / BUDGET_FACTOR ? (uint64_t)t->size * BUDGET_FACTOR : LEAST_BUDGET;
  if (t->map && read_content(t) == IL_OK && check_names(t) == IL_OK &&
      (!key || choose(t, key) == IL_OK))
    return t;
  il_tensors_close(t);
  return NULL;
}

void il_tensors_close(il_tensors *t) {
  if (!t) return;
  il_safetensors_close(t->safetensors);
  il_unmap_file(t->map, t->size);
  il_arena_free(&t->arena);
  free(t);
}

int il_tensors_count(const il_tensors *t) { return t->count; }
const il_tensor *il_tensors_at(const il_tensors *t, int index) { return &t->tensor[index]; }
const char *il_tensors_format(const il_tensors *t) { return t->format; }
int il_tensors_left_out(const il_tensors *t) { return t->left_out; }
int il_tensors_texts(const il_tensors *t) { return t->text_count; }
const il_texts *il_tensors_texts_at(const il_tensors *t, int index) { return &t->texts[index]; }

const il_texts *il_tensors_texts_find(const il_tensors *t, const char *name) {
  for (int i = 0; i < t->text_count; i++)
    if (!strcmp(t->texts[i].name, name)) return &t->texts[i];
  return NULL;
}

const il_tensor *il_tensors_find(const il_tensors *t, const char *name) {
  for (int i = 0; i < t->count; i++)
    if (!strcmp(t->tensor[i].name, name)) return &t->tensor[i];
  return NULL;
}

il_file_format il_file_format_of(const char *path) {
  static const struct {
    const char *ending;
    il_file_format format;
  } known[] = {{".pth", IL_FILE_TORCH},
               {".pt", IL_FILE_TORCH},
               {".npz", IL_FILE_NPZ},
               {".npy", IL_FILE_NPY},
               {".safetensors", IL_FILE_SAFETENSORS}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (ends_in(path, known[i].ending)) return known[i].format;
  return 0;
}

il_status il_tensors_write(il_context *context, const char *path, il_file_format format, int count,
                           const il_tensor *tensor) {
  switch (format) {
  case IL_FILE_TORCH: return il_torch_write(context, path, count, tensor);
  case IL_FILE_NPZ: return il_npz_write(context, path, count, tensor);
  case IL_FILE_SAFETENSORS: return il_safetensors_write(context, path, count, tensor, 0, NULL);
  case IL_FILE_NPY:
    if (count == 1) return il_npy_write(context, path, tensor);
    return il_fail(context, IL_ERROR_ARGUMENT,
                   "%s: a .npy file holds exactly one tensor, found %d; .npz holds many", path,
                   count);
  }
  return il_fail(context, IL_ERROR_ARGUMENT, "%s: unknown format %d of a file", path, (int)format);
}
