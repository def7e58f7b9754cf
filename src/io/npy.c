/* numpy's .npy (format 1.0 to 3.0) and .npz, a zip archive of them. Arrays of numbers only: pickled objects are never
 * read. Fortran's order and the other byte order are turned while reading. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/tensors.h"

enum { ALIGNMENT = 64, HEADER_MAX = 1 << 20 };

static const struct {
  const char *code; /* behind the byte order */
  il_type type;
} types[] = {{"f4", IL_FLOAT32}, {"f8", IL_FLOAT64}, {"f2", IL_FLOAT16},
             {"i1", IL_INT8},    {"i2", IL_INT16},   {"i4", IL_INT32},
             {"i8", IL_INT64},   {"u1", IL_UINT8},   {"b1", IL_BOOL}};
enum { TYPES = sizeof types / sizeof *types };
/* Unsigned ones come as the next larger signed type, which holds them all; of u8 what fits. */
static const struct {
  const char *code;
  il_type stored, type;
} unsigned_types[] = {
    {"u2", IL_INT16, IL_INT32}, {"u4", IL_INT32, IL_INT64}, {"u8", IL_INT64, IL_INT64}};
enum { UNSIGNED_TYPES = sizeof unsigned_types / sizeof *unsigned_types };
static const bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

/* The header is a Python dict of three keys, written as text. */
typedef struct npy_header {
  il_tensors *tensors;
  const char *name, *at, *end;
  il_type type;  /* as stored */
  il_type wider; /* of unsigned numbers: what they become; else 0 */
  il_shape shape;
  bool swap, fortran, has_type, has_order, has_shape;
  il_npy_text text; /* width 0: numbers */
} npy_header;

static il_status bad(const npy_header *h, const char *what) {
  return il_fail(h->tensors->context, IL_ERROR_FORMAT, "%s: the array %s %s", h->tensors->path,
                 h->name, what);
}

static void spaces(npy_header *h) {
  while (h->at < h->end && (*h->at == ' ' || *h->at == '\n')) h->at++;
}

static bool skip(npy_header *h, const char *text) {
  spaces(h);
  size_t length = strlen(text);
  if ((size_t)(h->end - h->at) < length || memcmp(h->at, text, length) != 0) return false;
  h->at += length;
  return true;
}

/* A text in either kind of quotes. */
static bool quoted(npy_header *h, char *text, size_t size) {
  spaces(h);
  if (h->at == h->end || (*h->at != '\'' && *h->at != '"')) return false;
  const char *begin = h->at + 1, *close = memchr(begin, *h->at, (size_t)(h->end - begin));
  if (!close || (size_t)(close - begin) >= size) return false;
  memcpy(text, begin, (size_t)(close - begin));
  text[close - begin] = 0;
  h->at = close + 1;
  return true;
}

static il_status read_type(npy_header *h) {
  char descr[64];
  if (!quoted(h, descr, sizeof descr))
    return bad(h, "has records for elements, expected numbers of one type");
  if (strchr(descr, 'O'))
    return il_fail(h->tensors->context, IL_ERROR_UNSUPPORTED,
                   "%s: the array %s holds pickled Python objects, which are never read: save it "
                   "with one type of numbers, array.astype(…)",
                   h->tensors->path, h->name);
  h->has_type = true;
  for (int i = 0; i < TYPES; i++)
    if (strchr("<>|=", descr[0]) && !strcmp(descr + 1, types[i].code)) {
      h->type = types[i].type;
      h->swap = (descr[0] == '<' && !little) || (descr[0] == '>' && little);
      return IL_OK;
    }
  for (int i = 0; i < UNSIGNED_TYPES; i++)
    if (strchr("<>|=", descr[0]) && !strcmp(descr + 1, unsigned_types[i].code)) {
      h->type = unsigned_types[i].stored;
      h->wider = unsigned_types[i].type;
      h->swap = (descr[0] == '<' && !little) || (descr[0] == '>' && little);
      return IL_OK;
    }
  if (il_npy_text_type(descr, &h->text)) return IL_OK;
  return il_fail(h->tensors->context, IL_ERROR_UNSUPPORTED,
                 "%s: the array %s has the type '%s', expected f2, f4, f8, i1, i2, i4, i8, u1, u2, "
                 "u4, u8, b1 or texts",
                 h->tensors->path, h->name, descr);
}

static il_status read_shape(npy_header *h) {
  h->has_shape = true;
  if (!skip(h, "(")) return bad(h, "has a header without a shape");
  while (!skip(h, ")")) {
    int64_t dim = 0;
    spaces(h);
    const char *begin = h->at;
    for (; h->at < h->end && *h->at >= '0' && *h->at <= '9'; h->at++)
      if (__builtin_mul_overflow(dim, 10, &dim) || __builtin_add_overflow(dim, *h->at - '0', &dim))
        return bad(h, "has a dimension beyond 2^63");
    if (h->at == begin) return bad(h, "has a shape that is no list of whole numbers");
    skip(h, "L"); /* Python 2 */
    if (h->shape.rank == IL_MAX_RANK) return bad(h, "has more than 8 dimensions");
    h->shape.dim[h->shape.rank++] = dim;
    if (!skip(h, ",") && h->at < h->end && *h->at != ')')
      return bad(h, "has a shape that is no list of whole numbers");
  }
  return IL_OK;
}

static il_status read_header(npy_header *h) {
  if (!skip(h, "{")) return bad(h, "has a header that is no dict");
  while (!skip(h, "}")) {
    char key[32];
    il_status status = IL_OK;
    if (!quoted(h, key, sizeof key) || !skip(h, ":"))
      return bad(h, "has a header that is no dict of descr, fortran_order and shape");
    if (!strcmp(key, "descr")) {
      status = read_type(h);
    } else if (!strcmp(key, "shape")) {
      status = read_shape(h);
    } else if (!strcmp(key, "fortran_order") &&
               ((h->fortran = skip(h, "True")) || skip(h, "False"))) {
      h->has_order = true;
    } else {
      status = bad(h, "has a header that is no dict of descr, fortran_order and shape");
    }
    if (status) return status;
    skip(h, ",");
  }
  return h->has_type && h->has_order && h->has_shape
             ? IL_OK
             : bad(h, "has a header without descr, fortran_order or shape");
}

/* Unsigned numbers in the signed type that holds them; NULL after an error. */
static const void *widened(const npy_header *h, const void *from, size_t count) {
  int64_t *wide = il_tensors_alloc(h->tensors, (count + 1) * il_type_size(h->wider));
  if (!wide) return NULL;
  for (size_t i = 0; i < count; i++) {
    if (h->type == IL_INT16) {
      ((int32_t *)wide)[i] = ((const uint16_t *)from)[i];
    } else if (h->type == IL_INT32) {
      wide[i] = ((const uint32_t *)from)[i];
    } else {
      wide[i] = ((const int64_t *)from)[i];
      if (wide[i] < 0) {
        il_fail(h->tensors->context, IL_ERROR_UNSUPPORTED,
                "%s: the array %s has %llu at %zu, expected numbers below 2^63", h->tensors->path,
                h->name, (unsigned long long)(uint64_t)wide[i], i);
        return NULL;
      }
    }
  }
  return wide;
}

il_status il_npy_read(il_tensors *t, const char *name, const unsigned char *data, size_t size) {
  npy_header h = {.tensors = t, .name = name};
  if (size < 12 || memcmp(data, "\x93NUMPY", 6) != 0 || data[6] < 1 || data[6] > 3)
    return bad(&h, "does not begin as format 1.0 to 3.0 of .npy");
  size_t start = data[6] == 1 ? 10 : 12, length = (size_t)data[8] | (size_t)data[9] << 8;
  if (data[6] > 1) length |= (size_t)data[10] << 16 | (size_t)data[11] << 24;
  if (length > HEADER_MAX || length > size - start) return bad(&h, "ends within its header");
  h.at = (const char *)data + start;
  h.end = h.at + length;
  il_status status = read_header(&h);
  if (status) return status;
  if (h.text.width) {
    if (h.fortran && h.shape.rank > 1) return bad(&h, "holds texts in Fortran's order");
    return il_npy_text_read(t, name, &h.text, h.shape, data + start + length,
                            size - start - length);
  }
  size_t element = il_type_size(h.type);
  int64_t count = il_tensors_elements(h.type, h.shape);
  const unsigned char *from = data + start + length;
  if (count < 0 || (uint64_t)count * element != size - start - length)
    return il_fail(
        t->context, IL_ERROR_FORMAT,
        "%s: the array %s has %zu bytes behind its header, expected %lld elements of %zu", t->path,
        name, size - start - length, (long long)count, element);
  if (count && ((h.fortran && h.shape.rank > 1) || h.swap || (uintptr_t)from % element)) {
    int64_t stride[IL_MAX_RANK], step = 1;
    for (int i = 0; i < h.shape.rank; i++) {
      int d = h.fortran ? i : h.shape.rank - 1 - i;
      stride[d] = step;
      step *= h.shape.dim[d];
    }
    void *copy = il_tensors_alloc(t, (uint64_t)count * element);
    if (!copy) return il_context_status(t->context);
    il_tensors_copy(from, h.type, h.shape, stride, h.swap, copy);
    from = copy;
  }
  if (h.wider && !(from = widened(&h, from, (size_t)count))) return il_context_status(t->context);
  return il_tensors_add(t, name, strlen(name), h.wider ? h.wider : h.type, h.shape, from);
}

il_status il_npz_read(il_tensors *t, il_zip *zip) {
  t->format = "npz";
  for (int64_t i = 0; i < il_zip_count(zip); i++) {
    const unsigned char *bytes = il_zip_read(zip, i);
    const char *file = il_zip_name(zip, i);
    size_t length = strlen(file) - strlen(".npy");
    char *name = bytes ? il_tensors_alloc(t, length + 1) : NULL;
    if (!name) return il_context_status(t->context);
    memcpy(name, file, length);
    il_status status = il_npy_read(t, name, bytes, (size_t)il_zip_size(zip, i));
    if (status) return status;
  }
  return IL_OK;
}

/* ---- writing ---- */

char *il_npy_header(il_arena *arena, const char *descr, il_shape shape, size_t *size) {
  char text[512];
  size_t at = (size_t)snprintf(text, sizeof text,
                               "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
  for (int i = 0; i < shape.rank; i++)
    at += (size_t)snprintf(text + at, sizeof text - at, "%s%lld", i ? ", " : "",
                           (long long)shape.dim[i]);
  at += (size_t)snprintf(text + at, sizeof text - at, "%s), }", shape.rank == 1 ? "," : "");
  *size = (10 + at + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  char *header = il_arena_alloc(arena, *size);
  if (!header) return NULL;
  memset(header, ' ', *size);
  memcpy(header, "\x93NUMPY\x01\x00", 8);
  header[8] = (char)((*size - 10) & 255);
  header[9] = (char)((*size - 10) >> 8);
  memcpy(header + 10, text, at);
  header[*size - 1] = '\n';
  return header;
}

static char *make_header(il_context *context, const char *path, il_arena *arena,
                         const il_tensor *tensor, size_t *size) {
  const char *code = NULL;
  for (int i = 0; i < TYPES; i++)
    if (types[i].type == tensor->type) code = types[i].code;
  if (!code) {
    il_fail(
        context, IL_ERROR_UNSUPPORTED,
        "%s: tensor \"%s\" has type %s, which numpy does not know: write .safetensors or .pth, or "
        "turn it into f32 first (--bf16-as-f32)",
        path, tensor->name, il_type_name(tensor->type));
    return NULL;
  }
  char descr[8];
  snprintf(descr, sizeof descr, "%c%s",
           il_type_size(tensor->type) == 1 ? '|'
           : little                        ? '<'
                                           : '>',
           code);
  char *header = il_npy_header(arena, descr, tensor->shape, size);
  if (!header) il_fail_memory(context, "the header of an array");
  return header;
}

static size_t data_size(const il_tensor *tensor) {
  return (size_t)il_shape_count(tensor->shape) * il_type_size(tensor->type);
}

il_status il_npy_write(il_context *context, const char *path, const il_tensor *tensor) {
  il_arena arena = {0};
  size_t size = 0;
  char *header = make_header(context, path, &arena, tensor, &size);
  il_status status =
      header ? il_atomic_write(context, path, 2,
                               (il_piece[]){{header, size}, {tensor->data, data_size(tensor)}})
             : il_context_status(context);
  il_arena_free(&arena);
  return status;
}

il_status il_npz_write_texts(il_context *context, const char *path, int count,
                             const il_tensor *tensor, int texts, const il_texts *text) {
  il_arena arena = {0};
  il_zip_entry *entry = il_arena_alloc(&arena, ((size_t)count + (size_t)texts + 1) * sizeof *entry);
  il_status status = entry ? IL_OK : il_fail_memory(context, "an archive of arrays");
  for (int i = 0; !status && i < count + texts; i++) {
    const char *of = i < count ? tensor[i].name : text[i - count].name;
    char *name = il_arena_alloc(&arena, strlen(of) + 5);
    il_piece header = {0}, content = {0};
    if (!name) {
      status = il_fail_memory(context, "an archive of arrays");
    } else if (i < count) {
      header.data = make_header(context, path, &arena, &tensor[i], &header.size);
      content = (il_piece){tensor[i].data, data_size(&tensor[i])};
      if (!header.data) status = il_context_status(context);
    } else {
      status = il_npy_text_write(context, &arena, &text[i - count], &header, &content);
    }
    if (status) break;
    memcpy(name, of, strlen(of));
    memcpy(name + strlen(of), ".npy", 5);
    entry[i] = (il_zip_entry){name, 2, {header, content}};
  }
  if (!status) status = il_zip_write(context, path, count + texts, entry);
  il_arena_free(&arena);
  return status;
}

il_status il_npz_write(il_context *context, const char *path, int count, const il_tensor *tensor) {
  return il_npz_write_texts(context, path, count, tensor, 0, NULL);
}
