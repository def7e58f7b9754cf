/* File formats: safetensors, weights in PyTorch's layout, archives, atomic writing. */
#ifndef IL_IO_IO_H
#define IL_IO_IO_H

#include <innerloop/io.h>
#include <stdio.h>
#include <innerloop/shape.h>
#include <innerloop/nn.h>

#include "base/error.h"

/* ---- atomic file (io/atomic.c): new bytes in the same folder, fsync, rename, fsync of the folder ---- */
/* Writes the pieces one after the other; on any error nothing of `path` has changed. Symbolic links are followed and
 * modes kept. What is no regular file (a pipe, /dev/stdout) gets the complete bytes directly, and so does a file with
 * several names, so that all of them show the new bytes. */
typedef struct il_piece {
  const void *data;
  size_t size;
} il_piece;
il_status il_atomic_write(il_context *context, const char *path, int pieces, const il_piece *piece);
/* For files that are mapped by those who read them: never rewritten, the other names of a file keep the old bytes. */
il_status il_atomic_replace(il_context *context, const char *path, int pieces,
                            const il_piece *piece);
/* Removes what killed writers left in a folder; what is still being written stays. */
void il_atomic_clean(const char *folder);
/* The same in steps, in memory O(1) where the target is a regular file. Begun, a file must be committed or aborted; both
 * free it. */
typedef struct il_atomic_file il_atomic_file;
il_atomic_file *il_atomic_begin(
    il_context *context, const char *path,
    bool keep_links); /* false: il_atomic_replace; NULL after an error */
il_status il_atomic_append(il_atomic_file *file, const void *data, size_t size);
il_status il_atomic_seek(il_atomic_file *file, uint64_t offset); /* where the next is appended */
il_status il_atomic_commit(il_atomic_file *file);
void il_atomic_abort(il_atomic_file *file); /* NULL does nothing */

/* Makes a folder and those above it (io/folder.c); one that is there is fine. */
il_status il_folder_make(il_context *context, const char *path);

/* ---- whole files, memory-mapped (io/map.c) ---- */
/* A regular file to read from, however it is called: a pipe would wait for its writer. NULL after an error. */
FILE *il_open_file(il_context *context, const char *path);
/* NULL after an error; an empty file gives size 0 and a place. */
const unsigned char *il_map_file(il_context *context, const char *path, size_t *size);
void il_unmap_file(const unsigned char *map, size_t size); /* NULL does nothing */

/* ---- safetensors (io/safetensors.c), memory-mapped for reading; hostile files are refused. Dtypes: those of il_type
 * (F32 F64 F16 BF16 I8 I16 I32 I64 U8 BOOL), others are refused by name ---- */
typedef struct il_pair {
  const char *key, *value;
} il_pair; /* the header's __metadata__ */

typedef struct il_safetensors il_safetensors;
il_safetensors *il_safetensors_open(il_context *context, const char *path);
void il_safetensors_close(il_safetensors *file);
int il_safetensors_count(const il_safetensors *file);
const il_tensor *il_safetensors_at(const il_safetensors *file, int index);
const il_tensor *il_safetensors_find(const il_safetensors *file, const char *name); /* NULL: none */
const char *il_safetensors_metadata(const il_safetensors *file, const char *key);   /* NULL: none */
/* Atomic; tensors in the order given; equal content gives equal bytes. */
il_status il_safetensors_write(il_context *context, const char *path, int count,
                               const il_tensor *tensor, int pairs, const il_pair *pair);
/* The beginning of such a file, up to the data of its first tensor; the tensors' own data are not looked at. Spaces pad it
 * to `exactly` bytes, or to a multiple of 64 for 0. Malloc'ed; NULL after an error, also where it is longer. */
char *il_safetensors_header(il_context *context, const char *path, int count,
                            const il_tensor *tensor, int pairs, const il_pair *pair, size_t exactly,
                            size_t *size);

#endif
