/* What both formats of torch.save share: pickled values whose tensors lie in storages outside the pickle. */
#ifndef IL_IO_TORCH_H
#define IL_IO_TORCH_H

#include "io/pickle.h"
#include "io/tensors.h"

/* One storage as a persistent id describes it, and where the reader of the format found its bytes. */
typedef struct il_torch_storage {
  const char *key; /* not NUL-terminated */
  size_t key_length;
  il_type type;
  int64_t count;             /* elements */
  int64_t offset;            /* of a view, in elements of the storage that the key names; else 0 */
  const unsigned char *data; /* of the elements; set by the format's reader */
  bool swap;                 /* their bytes stand in the other order than this machine's */
} il_torch_storage;

typedef struct il_torch {
  il_tensors *out;
  il_pickle_reader reader;
  il_pickle *root;
  size_t pickle_size;
  il_torch_storage *storage; /* [storages], in the order of the persistent ids */
  size_t storages;
} il_torch;

/* A pickle without storages: *used is its length. NULL after an error. */
il_pickle *il_torch_unpickle(il_torch *torch, const unsigned char *data, size_t size, size_t *used);
/* The root value, and its storages described but not found. */
il_status il_torch_begin(il_torch *torch, il_tensors *out, const unsigned char *data, size_t size,
                         size_t *used);
/* Adds every tensor and number that the root leads to. */
il_status il_torch_collect(il_torch *torch);
void il_torch_end(il_torch *torch);

/* "FloatStorage"; NULL for none. */
const char *il_torch_storage_name(il_type type);

#endif
