/* Datasets from the inside: how sources make them, and what is looked up by name. */
#ifndef IL_DATA_DATASET_H
#define IL_DATA_DATASET_H

#include <innerloop/data.h>

#include "base/arena.h"
#include "io/io.h"

struct il_dataset {
  il_context *context;
  il_safetensors *file;  /* or NULL: images and start are owned */
  const uint8_t *images; /* [examples, h, w, c] */
  const int32_t *start;  /* [classes + 1] first example of each class */
  int classes;
  int size[3];                 /* h, w, c */
  const char **name, **origin; /* [classes] */
  int *by_name;                /* [classes] class indexes in the order of their names */
  il_arena arena;              /* names */
};

/* Takes over images and start (malloc'ed; freed on errors, too); copies the names. */
il_dataset *il_dataset_take(il_context *context, uint8_t *images, int32_t *start, int classes,
                            const int size[3], const char *const *name, const char *const *origin);
il_status il_dataset_write(const il_dataset *dataset, const char *path);
/* The class of that name, or -1. */
int il_dataset_find(const il_dataset *dataset, const char *name);

#endif
