/* Datasets from the inside: how sources make them, and what is looked up by name. */
#ifndef IL_DATA_DATASET_H
#define IL_DATA_DATASET_H

#include <innerloop/data.h>

#include "base/arena.h"
#include "io/io.h"

#define IL_PIXEL_SCALE (1.0 / 255)
enum { IL_DATASET_EXAMPLE_MAX = 1 << 28 }; /* numbers of an example */

struct il_dataset {
  il_context *context;
  il_safetensors *file; /* or NULL: examples and start are owned */
  const void *examples; /* [examples, example…] */
  const int32_t *start; /* [classes + 1] first example of each class */
  int classes;
  il_type type;                /* IL_UINT8 or IL_FLOAT32 */
  il_shape example;            /* of one */
  double scale;                /* nets see x·scale */
  const char **name, **origin; /* [classes] */
  int *by_name;                /* [classes] class indexes in the order of their names */
  il_arena arena;              /* names */
  size_t charged;              /* of the context's memory, for examples that are in no file */
};

/* Examples in memory, as a dataset takes them over; both malloc'ed, and freed on errors too. */
typedef struct il_dataset_parts {
  void *examples; /* [start[classes], example…] */
  int32_t *start; /* [classes + 1] */
  int classes;
  il_type type;
  il_shape example;
  double scale;                            /* 0: 1/255 for bytes, else 1 */
  const char *const *name, *const *origin; /* [classes], copied */
} il_dataset_parts;
il_dataset *il_dataset_take(il_context *context, const il_dataset_parts *parts);
size_t il_dataset_stride(const il_dataset *dataset); /* bytes of an example */
/* Mean and deviation of the numbers of the first example of up to 64 classes. */
void il_dataset_moments(const il_dataset *dataset, double *mean, double *deviation);
bool il_dataset_square(const il_dataset *dataset); /* examples are square images */
double il_dataset_usual_scale(il_type type);       /* 1/255 for bytes, else 1 */
/* Whether it may name a class: such names stand in lines of text. */
bool il_dataset_name_good(const char *name);
/* Whether all names are, and none stands twice; `what` begins the sentence. */
il_status il_dataset_names_good(il_context *context, const char *what, int classes,
                                const char *const *name);
/* What tells one dataset's content from another's wherever it lies: shape, classes, names, and up to 64 of the examples. */
uint64_t il_dataset_fingerprint(const il_dataset *dataset);
/* Goes on with a fingerprint, which begins with IL_FINGERPRINT_START. */
#define IL_FINGERPRINT_START 14695981039346656037u
uint64_t il_fingerprint_mix(uint64_t hash, const void *bytes, size_t size);
/* The class of that name, or -1. */
int il_dataset_find(const il_dataset *dataset, const char *name);

#endif
