/* torch.save since PyTorch 1.6: a zip archive with one folder: data.pkl, byteorder, data/KEY for each storage. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/torch.h"

enum { COMPRESSED_PICKLE_MAX = 2 << 20 };

typedef struct archive {
  il_torch torch;
  il_zip *zip;
  const char *root; /* the folder's name, with the slash */
  int root_length;
  const unsigned char **loaded; /* [entries], storages are often shared */
} archive;

static il_status find_order(const archive *a, il_tensors *t, bool *swap) {
  char name[512];
  snprintf(name, sizeof name, "%.*sbyteorder", a->root_length, a->root);
  int64_t index = il_zip_find(a->zip, name);
  *swap = false; /* older files do not say: they were written on machines like this one */
  if (index < 0) return IL_OK;
  uint64_t size = il_zip_size(a->zip, index);
  const unsigned char *order = size <= 16 ? il_zip_read(a->zip, index) : NULL;
  bool little = order && size == 6 && !memcmp(order, "little", 6);
  bool big = order && size == 3 && !memcmp(order, "big", 3);
  if (!little && !big)
    return il_fail(t->context, IL_ERROR_FORMAT, "%s: its byteorder is neither little nor big",
                   t->path);
  *swap = (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) ? big : little;
  return IL_OK;
}

static il_status find_storage(archive *a, il_torch_storage *storage) {
  il_tensors *t = a->torch.out;
  char name[1024];
  snprintf(name, sizeof name, "%.*sdata/%.*s", a->root_length, a->root, (int)storage->key_length,
           storage->key);
  int64_t index = il_zip_find(a->zip, name);
  if (index < 0)
    return il_fail(t->context, IL_ERROR_FORMAT, "%s: its storage %s is missing", t->path, name);
  uint64_t size = il_zip_size(a->zip, index);
  uint64_t wanted = (uint64_t)storage->count * il_type_size(storage->type);
  if (size < wanted)
    return il_fail(t->context, IL_ERROR_FORMAT,
                   "%s: its storage %s has %llu bytes, expected %llu for %lld elements of %s",
                   t->path, name, (unsigned long long)size, (unsigned long long)wanted,
                   (long long)storage->count, il_type_name(storage->type));
  if (!a->loaded[index]) a->loaded[index] = il_zip_read(a->zip, index);
  if (!a->loaded[index]) return il_context_status(t->context);
  storage->data = a->loaded[index] + (size_t)storage->offset * il_type_size(storage->type);
  storage->count -= storage->offset;
  return IL_OK;
}

static il_status read_pickle(archive *a, il_tensors *t, const char *data_pkl) {
  int64_t index = il_zip_find(a->zip, data_pkl);
  if (il_zip_compressed(a->zip, index) && il_zip_size(a->zip, index) > COMPRESSED_PICKLE_MAX)
    return il_fail(t->context, IL_ERROR_FORMAT, "%s: its %s is compressed and larger than 2 MiB",
                   t->path, data_pkl);
  const unsigned char *pickle = il_zip_read(a->zip, index);
  if (!pickle) return il_context_status(t->context);
  size_t size = (size_t)il_zip_size(a->zip, index), used = 0;
  il_status status = il_torch_begin(&a->torch, t, pickle, size, &used);
  if (!status && used != size)
    status = il_fail(t->context, IL_ERROR_FORMAT, "%s: its %s has %zu bytes behind the pickle",
                     t->path, data_pkl, size - used);
  return status;
}

il_status il_torch_zip_read(il_tensors *t, il_zip *zip, const char *data_pkl) {
  t->format = "PyTorch zip";
  archive a = {
      .zip = zip, .root = data_pkl, .root_length = (int)(strlen(data_pkl) - strlen("data.pkl"))};
  if (a.root_length > 256)
    return il_fail(t->context, IL_ERROR_FORMAT, "%s: its folder has a name of more than 256 bytes",
                   t->path);
  a.loaded = calloc((size_t)il_zip_count(zip) + 1, sizeof *a.loaded);
  if (!a.loaded) return il_fail_memory(t->context, "the storages of a file");
  bool swap;
  il_status status = find_order(&a, t, &swap);
  if (!status) status = read_pickle(&a, t, data_pkl);
  for (size_t i = 0; !status && i < a.torch.storages; i++) {
    a.torch.storage[i].swap = swap;
    status = find_storage(&a, &a.torch.storage[i]);
  }
  if (!status) status = il_torch_collect(&a.torch);
  il_torch_end(&a.torch);
  free(a.loaded);
  return status;
}
