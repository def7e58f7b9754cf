/* Tensors of a file from the inside: what the readers of the formats fill in. */
#ifndef IL_IO_TENSORS_H
#define IL_IO_TENSORS_H

#include "base/arena.h"
#include "io/io.h"

struct il_tensors {
  il_context *context;
  const char *path;
  const char *format;
  il_arena arena;           /* names and data that do not lie in the file as they are needed */
  const unsigned char *map; /* the file */
  size_t size;
  il_safetensors *safetensors; /* the owner of the tensors of a safetensors file, else NULL */
  il_tensor *tensor;
  int count, room, left_out;
  il_texts *texts; /* arrays of texts, which are no tensors */
  int text_count, text_room;
  uint64_t budget; /* bytes that the file may still cost */
};

/* Zeroed memory with the lifetime of the tensors, taken from the budget; NULL after an error. */
void *il_tensors_alloc(il_tensors *tensors, uint64_t size);
/* Appends one; copies the name, which need not end in NUL. Names that cannot stand in a file are refused. */
il_status il_tensors_add(il_tensors *tensors, const char *name, size_t length, il_type type,
                         il_shape shape, const void *data);
/* Number of elements; -1 where a dimension is negative or the bytes exceed 2^62. */
int64_t il_tensors_elements(il_type type, il_shape shape);
/* Copies elements of a view with these strides (in elements) to dense memory; swap: reverses their bytes. */
void il_tensors_copy(const void *from, il_type type, il_shape shape, const int64_t *stride,
                     bool swap, void *to);

/* ---- zip archives in memory (io/zip.c) ---- */
typedef struct il_zip il_zip;
il_zip *il_zip_open(il_tensors *tensors); /* NULL after an error */
void il_zip_close(il_zip *zip);
int64_t il_zip_count(const il_zip *zip);
const char *il_zip_name(const il_zip *zip, int64_t index);
int64_t il_zip_find(const il_zip *zip, const char *name); /* -1: none */
bool il_zip_compressed(const il_zip *zip, int64_t index);
uint64_t il_zip_size(const il_zip *zip, int64_t index);
/* The content, its checksum verified, in memory of the tensors; NULL after an error. */
const unsigned char *il_zip_read(il_zip *zip, int64_t index);

/* ---- readers: fill in the tensors and their format ---- */
/* root: length of the folder's name in front of data.pkl, with the slash. */
il_status il_torch_zip_read(il_tensors *tensors, il_zip *zip, const char *data_pkl);
il_status il_torch_stream_read(il_tensors *tensors);
il_status il_npz_read(il_tensors *tensors, il_zip *zip);
il_status il_npy_read(il_tensors *tensors, const char *name, const unsigned char *data,
                      size_t size);

/* ---- numpy's arrays of texts (io/npy_text.c): '<U7' is UCS-4, '|S7' are bytes; both filled up with NULs ---- */
typedef struct il_npy_text {
  size_t width; /* of an element, in bytes */
  bool unicode, swap;
} il_npy_text;
bool il_npy_text_type(const char *descr, il_npy_text *text);
il_status il_npy_text_read(il_tensors *tensors, const char *name, const il_npy_text *text,
                           il_shape shape, const unsigned char *data, size_t size);
/* Header and content of an array of one dimension, in the arena. */
il_status il_npy_text_write(il_context *context, il_arena *arena, const il_texts *texts,
                            il_piece *header, il_piece *content);
/* The header of a .npy file, its length a multiple of 64; NULL without memory. */
char *il_npy_header(il_arena *arena, const char *descr, il_shape shape, size_t *size);

/* ---- writers ---- */
/* One file of an archive: its pieces one after the other. */
typedef struct il_zip_entry {
  const char *name;
  int pieces;
  il_piece piece[2];
} il_zip_entry;
/* Stored, without times, the content of each at a multiple of 64 bytes; atomic. */
il_status il_zip_write(il_context *context, const char *path, int count, const il_zip_entry *entry);
il_status il_torch_write(il_context *context, const char *path, int count, const il_tensor *tensor);
/* names of entries are NAME.npy */
il_status il_npz_write(il_context *context, const char *path, int count, const il_tensor *tensor);
il_status il_npz_write_texts(il_context *context, const char *path, int count,
                             const il_tensor *tensor, int texts, const il_texts *text);
il_status il_npy_write(il_context *context, const char *path, const il_tensor *tensor);

#endif
