/* safetensors: 8 bytes of header length (little-endian), a JSON header, the data of the tensors without gaps.
 * Reading maps the file and trusts nothing in it; writing is deterministic and atomic. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "io/io.h"

enum {
  HEADER_ALIGNMENT = 64,
  HEADER_MAX = 100 * 1000 * 1000 /* the limit of the format's own library */
};

typedef struct entry {
  il_tensor tensor;
  uint64_t begin, end; /* bytes in the data part */
  void *copy;          /* where the file holds the data unaligned */
} entry;

struct il_safetensors {
  il_context *context;
  char *path;
  const unsigned char *map;
  size_t size;
  json_t *header; /* owns the names */
  int count;
  entry *entries; /* by offset */
};

static const struct {
  const char *name;
  il_type type;
  size_t size;
} dtypes[] = {{"F32", IL_FLOAT32, 4},   {"F64", IL_FLOAT64, 8}, {"F16", IL_FLOAT16, 2},
              {"BF16", IL_BFLOAT16, 2}, {"I8", IL_INT8, 1},     {"I16", IL_INT16, 2},
              {"I32", IL_INT32, 4},     {"I64", IL_INT64, 8},   {"U8", IL_UINT8, 1},
              {"BOOL", IL_BOOL, 1}};
enum { DTYPES = sizeof dtypes / sizeof *dtypes };

void il_safetensors_close(il_safetensors *file) {
  if (!file) return;
  for (int i = 0; i < file->count; i++) free(file->entries[i].copy);
  free(file->entries);
  json_decref(file->header);
  il_unmap_file(file->map, file->size);
  free(file->path);
  free(file);
}

int il_safetensors_count(const il_safetensors *file) { return file->count; }

const il_tensor *il_safetensors_at(const il_safetensors *file, int index) {
  return &file->entries[index].tensor;
}

const il_tensor *il_safetensors_find(const il_safetensors *file, const char *name) {
  for (int i = 0; i < file->count; i++)
    if (!strcmp(file->entries[i].tensor.name, name)) return &file->entries[i].tensor;
  return NULL;
}

const char *il_safetensors_metadata(const il_safetensors *file, const char *key) {
  return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}

static il_status map_file(il_safetensors *file) {
  file->map = il_map_file(file->context, file->path, &file->size);
  if (!file->map) return il_context_status(file->context);
  if (file->size >= 8) return IL_OK;
  return il_fail(
      file->context, IL_ERROR_FORMAT,
      "%s is no safetensors file: found %zu bytes, expected at least the 8 of its header length",
      file->path, file->size);
}

static il_status read_dtype(il_safetensors *file, const char *name, json_t *value,
                            il_tensor *tensor, uint64_t *bytes) {
  const char *dtype = json_string_value(json_object_get(value, "dtype"));
  if (!dtype)
    return il_fail(file->context, IL_ERROR_FORMAT, "%s: tensor '%s' has no dtype text", file->path,
                   name);
  for (int i = 0; i < DTYPES; i++)
    if (!strcmp(dtypes[i].name, dtype)) {
      tensor->type = dtypes[i].type;
      *bytes = dtypes[i].size;
      return IL_OK;
    }
  return il_fail(file->context, IL_ERROR_FORMAT,
                 "%s: tensor '%s' has dtype '%s', "
                 "expected F32, F64, F16, BF16, I8, I16, I32, I64, U8 or BOOL",
                 file->path, name, dtype);
}

static il_status read_shape(il_safetensors *file, const char *name, json_t *value, il_shape *shape,
                            uint64_t *bytes) {
  il_context *context = file->context;
  json_t *dims = json_object_get(value, "shape");
  if (!json_is_array(dims))
    return il_fail(context, IL_ERROR_FORMAT, "%s: tensor '%s' has no shape list", file->path, name);
  size_t rank = json_array_size(dims);
  if (rank > IL_MAX_RANK)
    return il_fail(context, IL_ERROR_FORMAT,
                   "%s: tensor '%s' has %zu dimensions, expected at most %d", file->path, name,
                   rank, IL_MAX_RANK);
  shape->rank = (int)rank;
  for (size_t i = 0; i < rank; i++) {
    json_t *dim = json_array_get(dims, i);
    json_int_t n = json_integer_value(dim);
    if (!json_is_integer(dim) || n < 0)
      return il_fail(context, IL_ERROR_FORMAT,
                     "%s: tensor '%s': dimension %zu is not a whole number of at least 0",
                     file->path, name, i);
    shape->dim[i] = n;
    if (__builtin_mul_overflow(*bytes, (uint64_t)n, bytes) || *bytes > INT64_MAX)
      return il_fail(context, IL_ERROR_FORMAT,
                     "%s: tensor '%s' has a shape of more than 2^63 bytes", file->path, name);
  }
  return IL_OK;
}

static il_status read_entry(il_safetensors *file, const char *name, json_t *value, const char *data,
                            uint64_t data_size, entry *e) {
  il_context *context = file->context;
  if (!json_is_object(value))
    return il_fail(context, IL_ERROR_FORMAT,
                   "%s: the header's '%s' is not an object of dtype, shape, offsets", file->path,
                   name);
  uint64_t bytes = 0;
  e->tensor.name = name;
  il_status status = read_dtype(file, name, value, &e->tensor, &bytes);
  uint64_t element = bytes;
  if (!status) status = read_shape(file, name, value, &e->tensor.shape, &bytes);
  if (status) return status;
  json_t *offsets = json_object_get(value, "data_offsets");
  json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
  if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end))
    return il_fail(context, IL_ERROR_FORMAT,
                   "%s: tensor '%s': data_offsets are not two whole numbers", file->path, name);
  json_int_t b = json_integer_value(begin), n = json_integer_value(end);
  if (b < 0 || n < b || (uint64_t)n > data_size)
    return il_fail(context, IL_ERROR_FORMAT,
                   "%s: tensor '%s' lies at bytes %lld to %lld, expected within the file's %" PRIu64
                   " bytes of data",
                   file->path, name, (long long)b, (long long)n, data_size);
  if ((uint64_t)(n - b) != bytes)
    return il_fail(context, IL_ERROR_FORMAT,
                   "%s: tensor '%s' has %lld bytes of data, expected %" PRIu64
                   " from its shape and dtype",
                   file->path, name, (long long)(n - b), bytes);
  e->begin = (uint64_t)b;
  e->end = (uint64_t)n;
  e->tensor.data = data + b;
  if ((uintptr_t)e->tensor.data % element != 0 && bytes > 0) {
    e->copy = malloc(bytes);
    if (!e->copy) return il_fail_memory(context, "an aligned copy of a tensor");
    e->tensor.data = memcpy(e->copy, data + b, bytes);
  }
  return IL_OK;
}

static int by_offset(const void *a, const void *b) {
  const entry *x = a, *y = b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  if (x->end != y->end) return x->end < y->end ? -1 : 1;
  return strcmp(x->tensor.name, y->tensor.name);
}

/* The format allows neither overlaps nor holes: one would let two tensors share bytes, the other hide some. */
static il_status check_layout(il_safetensors *file, uint64_t data_size) {
  uint64_t at = 0;
  for (int i = 0; i < file->count; i++) {
    const entry *e = &file->entries[i];
    if (e->begin != at)
      return il_fail(file->context, IL_ERROR_FORMAT,
                     "%s: tensor '%s' begins at byte %" PRIu64 ", expected %" PRIu64
                     ", where the tensor before it ends",
                     file->path, e->tensor.name, e->begin, at);
    at = e->end;
  }
  if (at != data_size)
    return il_fail(file->context, IL_ERROR_FORMAT,
                   "%s has %" PRIu64 " bytes of data, expected the %" PRIu64 " of its tensors",
                   file->path, data_size, at);
  return IL_OK;
}

static il_status check_metadata(il_safetensors *file, json_t *metadata) {
  const char *key;
  json_t *value;
  if (!json_is_object(metadata))
    return il_fail(file->context, IL_ERROR_FORMAT, "%s: __metadata__ is not an object", file->path);
  json_object_foreach(metadata, key, value) if (!json_is_string(value)) return il_fail(
      file->context, IL_ERROR_FORMAT, "%s: the metadata value '%s' is not a text", file->path, key);
  return IL_OK;
}

/* What files are that people give instead; NULL: nothing that we know. */
static const char *other_format(const unsigned char *bytes, size_t size) {
  static const struct {
    size_t length;
    const char *bytes, *name;
  } known[] = {{4, "PK\3\4", "a zip archive, as PyTorch's torch.save, numpy's .npz and others are"},
               {6, "\x93NUMPY", "a .npy file of numpy"},
               {2, "\x80\2", "a Python pickle, as torch.save wrote them before PyTorch 1.6"},
               {2, "\x80\3", "a Python pickle"},
               {2, "\x80\4", "a Python pickle"},
               {2, "\x80\5", "a Python pickle"},
               {4, "\x89PNG", "a PNG picture"},
               {3, "\xff\xd8\xff", "a JPEG picture"},
               {8, "\x89HDF\r\n\x1a\n", "an HDF5 file"},
               {2, "\x1f\x8b", "a file compressed by gzip"}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (size >= known[i].length && !memcmp(bytes, known[i].bytes, known[i].length))
      return known[i].name;
  size_t text = 0;
  while (text < size && text < 64 &&
         ((bytes[text] >= 32 && bytes[text] < 0xf8) || bytes[text] == '\n' || bytes[text] == '\r' ||
          bytes[text] == '\t'))
    text++;
  return text == size || text == 64 ? "a text" : NULL;
}

static il_status read_header(il_safetensors *file) {
  il_context *context = file->context;
  const unsigned char *bytes = file->map;
  uint64_t length = 0;
  for (int i = 7; i >= 0; i--) length = length << 8 | bytes[i];
  uint64_t limit = file->size - 8;
  const char *other =
      length > limit || length > HEADER_MAX ? other_format(bytes, file->size) : NULL;
  if (other)
    return il_fail(context, IL_ERROR_FORMAT, "%s is no safetensors file, but %s", file->path,
                   other);
  if (length > limit || length > HEADER_MAX)
    return il_fail(context, IL_ERROR_FORMAT,
                   "%s is no complete safetensors file: a header of %" PRIu64
                   " bytes was announced, expected at most %" PRIu64,
                   file->path, length, limit < HEADER_MAX ? limit : HEADER_MAX);
  json_error_t error;
  errno = 0;
  file->header = json_loadb((const char *)bytes + 8, length, JSON_REJECT_DUPLICATES, &error);
  /* Jansson does not say everywhere that memory was lacking: then it says nothing. */
  if (!file->header &&
      (!*error.text || json_error_code(&error) == json_error_out_of_memory || errno == ENOMEM))
    return il_fail_memory(context, file->path);
  if (!file->header)
    return il_fail(context, IL_ERROR_FORMAT,
                   "%s: the header is not the JSON that safetensors prescribes: %s", file->path,
                   error.text);
  if (!json_is_object(file->header))
    return il_fail(context, IL_ERROR_FORMAT, "%s: the header is not a JSON object", file->path);
  file->entries = calloc(json_object_size(file->header) + 1, sizeof *file->entries);
  if (!file->entries) return il_fail_memory(context, "the list of a file's tensors");
  const char *name;
  json_t *value;
  json_object_foreach(file->header, name, value) {
    il_status status;
    if (!strcmp(name, "__metadata__"))
      status = check_metadata(file, value);
    else
      status = read_entry(file, name, value, (const char *)bytes + 8 + length, limit - length,
                          &file->entries[file->count++]);
    if (status) return status;
  }
  qsort(file->entries, (size_t)file->count, sizeof *file->entries, by_offset);
  return check_layout(file, limit - length);
}

il_safetensors *il_safetensors_open(il_context *context, const char *path) {
  il_safetensors *file = calloc(1, sizeof *file);
  if (!file || !(file->path = strdup(path))) {
    free(file);
    il_fail_memory(context, "a safetensors reader");
    return NULL;
  }
  file->context = context;
  if (map_file(file) || read_header(file)) {
    il_safetensors_close(file);
    return NULL;
  }
  return file;
}

/* ---- writing ---- */

static json_t *describe(const il_tensor *tensor, uint64_t *at, uint64_t *bytes) {
  const char *dtype = NULL;
  for (int i = 0; i < DTYPES; i++)
    if (dtypes[i].type == tensor->type) {
      dtype = dtypes[i].name;
      *bytes = dtypes[i].size;
    }
  if (!dtype) return NULL;
  json_t *shape = json_array();
  for (int i = 0; i < tensor->shape.rank; i++) {
    *bytes *= (uint64_t)tensor->shape.dim[i];
    json_array_append_new(shape, json_integer(tensor->shape.dim[i]));
  }
  json_t *value = json_pack("{s:s,s:o,s:[I,I]}", "dtype", dtype, "shape", shape, "data_offsets",
                            (json_int_t)*at, (json_int_t)(*at + *bytes));
  *at += *bytes;
  return value;
}

static bool has_dtype(il_type type) {
  for (int i = 0; i < DTYPES; i++)
    if (dtypes[i].type == type) return true;
  return false;
}

static bool is_text(const char *text) { return il_utf8(text, strlen(text)); }

static il_status describe_all(il_context *context, const char *path, int count,
                              const il_tensor *tensor, int pairs, const il_pair *pair,
                              json_t *header) {
  if (pairs > 0) {
    json_t *metadata = json_object();
    json_object_set_new(header, "__metadata__", metadata);
    if (!metadata) return il_fail_memory(context, "a safetensors header");
    for (int i = 0; i < pairs; i++) {
      if (json_object_get(metadata, pair[i].key) || !is_text(pair[i].key) ||
          !is_text(pair[i].value))
        return il_fail(context, IL_ERROR_ARGUMENT,
                       "%s: the metadata '%s' is there twice or not valid UTF-8", path,
                       pair[i].key);
      if (json_object_set_new(metadata, pair[i].key, json_string(pair[i].value)) < 0)
        return il_fail_memory(context, "a safetensors header");
    }
  }
  uint64_t at = 0;
  for (int i = 0; i < count; i++) {
    uint64_t bytes = 0;
    if (!strcmp(tensor[i].name, "__metadata__") || json_object_get(header, tensor[i].name) ||
        !is_text(tensor[i].name) || !has_dtype(tensor[i].type))
      return il_fail(context, IL_ERROR_ARGUMENT,
                     "%s: the tensor '%s' has no type of a file, or its name is there twice, "
                     "reserved or not UTF-8",
                     path, tensor[i].name);
    if (json_object_set_new(header, tensor[i].name, describe(&tensor[i], &at, &bytes)) < 0)
      return il_fail_memory(context, "a safetensors header");
  }
  return IL_OK;
}

char *il_safetensors_header(il_context *context, const char *path, int count,
                            const il_tensor *tensor, int pairs, const il_pair *pair, size_t exactly,
                            size_t *size) {
  json_t *header = json_object();
  char *text = NULL, *block = NULL;
  il_status status = header ? describe_all(context, path, count, tensor, pairs, pair, header)
                            : il_fail_memory(context, "a safetensors header");
  if (!status && !(text = json_dumps(header, JSON_COMPACT)))
    status = il_fail_memory(context, "a safetensors header");
  if (!status) {
    const size_t used = 8 + strlen(text);
    *size = exactly ? exactly : (used + HEADER_ALIGNMENT - 1) / HEADER_ALIGNMENT * HEADER_ALIGNMENT;
    if (used > *size || *size - 8 > HEADER_MAX)
      il_fail(context, IL_ERROR_DATA, "%s: its header would have %zu bytes, expected at most %zu",
              path, used - 8, used > *size ? *size - 8 : (size_t)HEADER_MAX);
    else if (!(block = malloc(*size)))
      il_fail_memory(context, "a safetensors header");
    if (block) {
      memset(block, ' ', *size);
      for (int i = 0; i < 8; i++) block[i] = (char)((uint64_t)(*size - 8) >> (8 * i));
      memcpy(block + 8, text, used - 8);
    }
  }
  free(text);
  json_decref(header);
  return block;
}

il_status il_safetensors_write(il_context *context, const char *path, int count,
                               const il_tensor *tensor, int pairs, const il_pair *pair) {
  il_piece *piece = calloc((size_t)count + 1, sizeof *piece);
  if (!piece) return il_fail_memory(context, "a safetensors header");
  size_t size;
  char *header = il_safetensors_header(context, path, count, tensor, pairs, pair, 0, &size);
  il_status status = header ? IL_OK : il_context_status(context);
  if (!status) {
    piece[0] = (il_piece){header, size};
    for (int i = 0; i < count; i++) {
      uint64_t at = 0, bytes = 0;
      json_decref(describe(&tensor[i], &at, &bytes));
      piece[i + 1] = (il_piece){tensor[i].data, (size_t)bytes};
    }
    status = il_atomic_replace(context, path, count + 1, piece);
  }
  free(header);
  free(piece);
  return status;
}
