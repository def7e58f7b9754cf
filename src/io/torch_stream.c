/* torch.save before PyTorch 1.6 (still written on request): pickles of a magic number, the protocol and the writing
 * machine, the value, the list of storage keys; then for each key its number of elements and their bytes, always
 * little-endian. */
#include <stdlib.h>
#include <string.h>

#include "io/torch.h"

enum { PROTOCOL = 1001 };
/* 0x1950a86a20f9469cfc6c */
static const unsigned char magic[] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};

typedef struct stream {
  il_torch torch;
  il_tensors *out;
  size_t at;
} stream;

static il_pickle *next(stream *s) {
  size_t used = 0;
  il_pickle *value = il_torch_unpickle(&s->torch, s->out->map + s->at, s->out->size - s->at, &used);
  s->at += used;
  return value;
}

static il_status read_head(stream *s) {
  il_tensors *t = s->out;
  s->torch.out = t;
  const il_pickle *number = next(s);
  if (!number) return il_context_status(t->context);
  if (number->kind != IL_PICKLE_LONG || number->length != sizeof magic ||
      memcmp(number->text, magic, sizeof magic) != 0)
    return il_fail(t->context, IL_ERROR_FORMAT,
                   "%s is a pickle that torch.save did not write (found %s, expected its magic "
                   "number): save tensors with torch.save",
                   t->path, il_pickle_kind_name(number->kind));
  const il_pickle *protocol = next(s), *machine = protocol ? next(s) : NULL;
  if (!machine) return il_context_status(t->context);
  if (protocol->kind != IL_PICKLE_INT || protocol->integer != PROTOCOL ||
      machine->kind != IL_PICKLE_DICT)
    return il_fail(t->context, IL_ERROR_FORMAT,
                   "%s: behind the magic number of torch.save, expected its protocol %d and a dict "
                   "about the machine",
                   t->path, PROTOCOL);
  return IL_OK;
}

static int compare_keys(const void *a, const void *b) {
  const il_torch_storage *x = *(il_torch_storage *const *)a, *y = *(il_torch_storage *const *)b;
  size_t common = x->key_length < y->key_length ? x->key_length : y->key_length;
  int order = memcmp(x->key, y->key, common);
  return order ? order : (x->key_length > y->key_length) - (x->key_length < y->key_length);
}

/* Gives all storages of a key the place of its bytes. sorted: by key. */
static il_status place(stream *s, il_torch_storage **sorted, size_t count, const il_pickle *key) {
  il_tensors *t = s->out;
  il_torch_storage wanted = {.key = key->text, .key_length = key->length}, *pointer = &wanted;
  il_torch_storage **found =
      count ? bsearch(&pointer, sorted, count, sizeof *sorted, compare_keys) : NULL;
  if (!found || t->size - s->at < 8)
    return il_fail(t->context, IL_ERROR_FORMAT, "%s: the storage '%.*s' %s", t->path,
                   (int)(key->length < 64 ? key->length : 64), key->text,
                   found ? "is missing at the end of the file" : "belongs to no tensor");
  while (found > sorted && !compare_keys(found - 1, &pointer)) found--;
  uint64_t elements = 0;
  for (int i = 7; i >= 0; i--) elements = elements << 8 | t->map[s->at + (size_t)i];
  s->at += 8;
  size_t size = il_type_size((*found)->type);
  if (elements > (t->size - s->at) / size)
    return il_fail(t->context, IL_ERROR_FORMAT,
                   "%s: a storage announces %llu elements of %zu bytes, but only %zu bytes follow",
                   t->path, (unsigned long long)elements, size, t->size - s->at);
  for (; found < sorted + count && !compare_keys(found, &pointer); found++) {
    il_torch_storage *storage = *found;
    if (il_type_size(storage->type) != size || (uint64_t)storage->count > elements)
      return il_fail(t->context, IL_ERROR_FORMAT,
                     "%s: a storage has %llu elements of %zu bytes, expected %lld of %zu", t->path,
                     (unsigned long long)elements, size, (long long)storage->count,
                     il_type_size(storage->type));
    storage->data = t->map + s->at + (size_t)storage->offset * size;
    storage->swap = __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__;
  }
  s->at += (size_t)elements * size;
  return IL_OK;
}

static il_status read_storages(stream *s, const il_pickle *keys) {
  il_tensors *t = s->out;
  size_t count = s->torch.storages;
  if (keys->kind != IL_PICKLE_LIST)
    return il_fail(t->context, IL_ERROR_FORMAT,
                   "%s: behind the value, found %s, expected the list of its storages' keys",
                   t->path, il_pickle_kind_name(keys->kind));
  il_torch_storage **sorted = malloc((count + 1) * sizeof *sorted);
  if (!sorted) return il_fail_memory(t->context, "the storages of a file");
  for (size_t i = 0; i < count; i++) sorted[i] = &s->torch.storage[i];
  qsort(sorted, count, sizeof *sorted, compare_keys);
  il_status status = IL_OK;
  for (size_t i = 0; !status && i < keys->count; i++)
    if (keys->item[i]->kind == IL_PICKLE_TEXT)
      status = place(s, sorted, count, keys->item[i]);
    else
      status = il_fail(t->context, IL_ERROR_FORMAT, "%s: a storage's key is %s, expected a text",
                       t->path, il_pickle_kind_name(keys->item[i]->kind));
  free(sorted);
  for (size_t i = 0; !status && i < count; i++) {
    if (!s->torch.storage[i].data)
      status = il_fail(t->context, IL_ERROR_FORMAT,
                       "%s: a tensor's storage is not in the list of keys", t->path);
    s->torch.storage[i].count -= s->torch.storage[i].offset;
  }
  return status;
}

il_status il_torch_stream_read(il_tensors *t) {
  t->format = "PyTorch stream";
  stream s = {.out = t};
  size_t used = 0;
  il_status status = read_head(&s);
  if (!status) {
    status = il_torch_begin(&s.torch, t, t->map + s.at, t->size - s.at, &used);
    s.at += used;
  }
  const il_pickle *keys = status ? NULL : next(&s);
  if (!status) status = keys ? read_storages(&s, keys) : il_context_status(t->context);
  if (!status && s.at != t->size)
    status = il_fail(t->context, IL_ERROR_FORMAT, "%s has %zu bytes behind its last storage",
                     t->path, t->size - s.at);
  if (!status) status = il_torch_collect(&s.torch);
  il_torch_end(&s.torch);
  return status;
}
