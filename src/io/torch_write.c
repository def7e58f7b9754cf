/* Files that torch.load(…, weights_only=True) opens: a zip archive with a pickle of protocol 2, whose calls are those
 * that PyTorch itself writes for plain tensors. Names become what they came from: "[0][1]" an element of nested
 * lists, "layer1.weight" a key. */
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

#include "base/utf8.h"
#include "io/torch.h"

enum { LEVELS_MAX = 12 };

/* A piece of a name: an index of a list or a key of a dict. */
typedef struct part {
  bool list;
  int64_t index;
  const char *key;
  size_t length;
} part;

/* Reads "[12]"; NULL where there is none. */
static const char *read_index(const char *at, int64_t *index) {
  if (*at != '[' || at[1] < '0' || at[1] > '9' || (at[1] == '0' && at[2] != ']')) return NULL;
  *index = 0;
  for (at++; *at >= '0' && *at <= '9'; at++)
    if (*index > INT32_MAX / 10)
      return NULL;
    else
      *index = *index * 10 + *at - '0';
  return *at == ']' ? at + 1 : NULL;
}

/* Splits a name; 0: it is no path. Keys end where an index begins; behind an index a key begins with a point. */
static int split(const char *name, part *parts) {
  int count = 0;
  for (const char *at = name; *at || !count;) {
    if (count == LEVELS_MAX) return 0;
    part *p = &parts[count];
    const char *behind = read_index(at, &p->index);
    p->list = behind != NULL;
    if (!behind) {
      if (count && *at++ != '.') return 0;
      size_t length = strcspn(at, "[");
      if (!length) return 0;
      p->key = at;
      p->length = length;
      behind = at + length;
    }
    at = behind;
    count++;
  }
  return count;
}

/* The tensors of a value: neighbours in order, all with the same parts above this level. */
typedef struct writer {
  il_context *context;
  const char *path;
  const il_tensor *tensor;
  part (*parts)[LEVELS_MAX];
  int *levels;
  unsigned char *pickle;
  size_t size, room;
} writer;

static bool same(const part *a, const part *b) {
  if (a->list != b->list) return false;
  if (a->list) return a->index == b->index;
  return a->length == b->length && !memcmp(a->key, b->key, a->length);
}

/* One past the last tensor that shares its part at this level with the first. */
static int run_of(const writer *w, int first, int end, int level) {
  int i = first + 1;
  while (i < end && w->levels[i] > level && same(&w->parts[i][level], &w->parts[first][level])) i++;
  return i;
}

static int compare_parts(const void *a, const void *b) {
  const part *x = *(const part *const *)a, *y = *(const part *const *)b;
  size_t common = x->length < y->length ? x->length : y->length;
  int order = memcmp(x->key, y->key, common);
  return order ? order : (x->length > y->length) - (x->length < y->length);
}

/* Whether tensors first … end are one value: a tensor, a list without gaps, a dict without repeated keys. */
static bool is_tree(const writer *w, int first, int end, int level) {
  if (w->levels[first] == level) return end == first + 1;
  bool list = w->parts[first][level].list, fine = true;
  const part **keys = list ? NULL : malloc((size_t)(end - first) * sizeof *keys);
  if (!list && !keys) return false;
  int64_t count = 0;
  for (int i = first, next; fine && i < end; i = next, count++) {
    fine = w->levels[i] > level && w->parts[i][level].list == list &&
           (!list || w->parts[i][level].index == count);
    if (!fine) break;
    next = run_of(w, i, end, level);
    if (!list) keys[count] = &w->parts[i][level];
    fine = is_tree(w, i, next, level + 1);
  }
  if (fine && !list) {
    qsort(keys, (size_t)count, sizeof *keys, compare_parts);
    for (int64_t i = 1; fine && i < count; i++) fine = compare_parts(&keys[i - 1], &keys[i]) != 0;
  }
  free(keys);
  return fine;
}

/* ---- the pickle ---- */

static void put(writer *w, const void *bytes, size_t size) {
  if (w->size + size > w->room) {
    size_t room = 2 * w->room + size + 4096;
    unsigned char *grown = realloc(w->pickle, room);
    if (!grown) {
      il_fail_memory(w->context, "a pickle");
      return;
    }
    w->pickle = grown;
    w->room = room;
  }
  memcpy(w->pickle + w->size, bytes, size);
  w->size += size;
}

static void put_code(writer *w, const char *code) { put(w, code, strlen(code)); }

/* An opcode and a little-endian number. */
static void put_number(writer *w, char opcode, int bytes, uint64_t value) {
  char text[9] = {opcode};
  for (int i = 0; i < bytes; i++) text[1 + i] = (char)(value >> (8 * i));
  put(w, text, (size_t)bytes + 1);
}

static void put_integer(writer *w, int64_t value) {
  if (value < 256)
    put_number(w, 'K', 1, (uint64_t)value);
  else if (value <= INT32_MAX)
    put_number(w, 'J', 4, (uint64_t)value);
  else {
    put(w, "\x8a\x08", 2);
    put_number(w, (char)(value & 255), 7, (uint64_t)value >> 8);
  }
}

static void put_text(writer *w, const char *text, size_t length) {
  put_number(w, 'X', 4, length);
  put(w, text, length);
}

static void put_tensor(writer *w, int index) {
  const il_tensor *t = &w->tensor[index];
  char text[64];
  put_code(w, "ctorch._utils\n_rebuild_tensor_v2\n((");
  put_text(w, "storage", 7);
  snprintf(text, sizeof text, "ctorch\n%s\n", il_torch_storage_name(t->type));
  put_code(w, text);
  snprintf(text, sizeof text, "%d", index);
  put_text(w, text, strlen(text));
  put_text(w, "cpu", 3);
  put_integer(w, il_shape_count(t->shape));
  put_code(w, "tQ");
  put_integer(w, 0);
  put_code(w, "(");
  for (int i = 0; i < t->shape.rank; i++) put_integer(w, t->shape.dim[i]);
  put_code(w, "t(");
  int64_t stride[IL_MAX_RANK], step = 1;
  for (int i = t->shape.rank - 1; i >= 0; i--) {
    stride[i] = step;
    if (t->shape.dim[i] > 1) step *= t->shape.dim[i];
  }
  for (int i = 0; i < t->shape.rank; i++) put_integer(w, stride[i]);
  put_code(w, "t\x89"
              "ccollections\nOrderedDict\n)RtR");
}

static void put_value(writer *w, int first, int end, int level) {
  if (w->levels[first] == level) {
    put_tensor(w, first);
    return;
  }
  bool list = w->parts[first][level].list;
  put_code(w, list ? "](" : "}(");
  for (int i = first, next; i < end; i = next) {
    next = run_of(w, i, end, level);
    if (!list) put_text(w, w->parts[i][level].key, w->parts[i][level].length);
    put_value(w, i, next, level + 1);
  }
  put_code(w, list ? "e" : "u");
}

static void put_all(writer *w, int count) {
  bool tree = count > 0;
  for (int i = 0; i < count; i++) {
    w->levels[i] = split(w->tensor[i].name, w->parts[i]);
    tree = tree && w->levels[i] > 0;
  }
  if (!tree || !is_tree(w, 0, count, 0))
    for (int i = 0; i < count; i++) {
      w->levels[i] = 1;
      w->parts[i][0] = (part){.key = w->tensor[i].name, .length = strlen(w->tensor[i].name)};
    }
  put(w, "\x80\x02", 2);
  if (count == 1 && !strcmp(w->tensor[0].name, "tensor"))
    put_tensor(w, 0);
  else if (count == 0)
    put_code(w, "}");
  else
    put_value(w, 0, count, 0);
  put_code(w, ".");
}

static il_status check(il_context *context, const char *path, int count, const il_tensor *tensor) {
  for (int i = 0; i < count; i++) {
    if (!il_torch_storage_name(tensor[i].type))
      return il_fail(context, IL_ERROR_TYPE, "%s: tensor \"%s\" has an invalid type", path,
                     tensor[i].name);
    if (!il_utf8(tensor[i].name, strlen(tensor[i].name))) /* Python decodes texts strictly */
      return il_fail(context, IL_ERROR_ARGUMENT, "%s: the name of tensor %d is not UTF-8", path, i);
  }
  return IL_OK;
}

il_status il_torch_write(il_context *context, const char *path, int count,
                         const il_tensor *tensor) {
  if (check(context, path, count, tensor)) return il_context_status(context);
  writer w = {.context = context, .path = path, .tensor = tensor};
  w.parts = calloc((size_t)count + 1, sizeof *w.parts);
  w.levels = calloc((size_t)count + 1, sizeof *w.levels);
  il_zip_entry *entry = calloc((size_t)count + 3, sizeof *entry);
  char(*names)[32] = calloc((size_t)count + 1, sizeof *names);
  il_status status =
      w.parts && w.levels && entry && names ? IL_OK : il_fail_memory(context, "a file of tensors");
  if (!status) {
    static const char *const order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? "little" : "big";
    put_all(&w, count);
    status = il_context_status(context);
    entry[0] = (il_zip_entry){"archive/data.pkl", 1, {{w.pickle, w.size}}};
    entry[1] = (il_zip_entry){"archive/byteorder", 1, {{order, strlen(order)}}};
    for (int i = 0; i < count; i++) {
      snprintf(names[i], sizeof names[i], "archive/data/%d", i);
      size_t size = (size_t)il_shape_count(tensor[i].shape) * il_type_size(tensor[i].type);
      entry[2 + i] = (il_zip_entry){names[i], 1, {{tensor[i].data, size}}};
    }
    entry[2 + count] = (il_zip_entry){"archive/version", 1, {{"3\n", 2}}};
  }
  if (!status) status = il_zip_write(context, path, count + 3, entry);
  free(names);
  free(entry);
  free(w.levels);
  free(w.parts);
  free(w.pickle);
  return status;
}
