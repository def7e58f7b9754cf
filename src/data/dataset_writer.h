/* Dataset files written one example after the other, in memory O(classes): what importers hand their examples to. */
#ifndef IL_DATA_DATASET_WRITER_H
#define IL_DATA_DATASET_WRITER_H

#include "data/dataset.h"

/* What may come, known before the first example. Classes that stay empty vanish; all texts are copied. */
typedef struct il_dataset_recipe {
  int classes;                             /* at most */
  const char *const *name, *const *origin; /* [classes]; origin NULL: "" */
  il_type type;                            /* IL_UINT8 or IL_FLOAT32 */
  il_shape example;
  double scale;          /* 0: 1/255 for bytes, else 1 */
  const char *made_from; /* path of the source, whose last part is kept; NULL: nothing is said */
  const char *made_with; /* the options as text, such as "size=84x84 grey"; NULL: none */
} il_dataset_recipe;

typedef struct il_dataset_writer il_dataset_writer;
/* Begins a file beside `path`. NULL after an error; also for two classes of one name, and names that cannot stand in a
 * file. */
il_dataset_writer *il_dataset_writer_new(il_context *context, const char *path,
                                         const il_dataset_recipe *recipe);
/* The next example, of the class of the one before it or of a later class: il_shape_count(example) numbers. */
il_status il_dataset_writer_add(il_dataset_writer *writer, int cls, const void *example);
/* More bytes of the source, in the order of reading: the file says their hash (XXH3, 128 bits). */
void il_dataset_writer_hash(il_dataset_writer *writer, const void *bytes, size_t size);
int il_dataset_writer_classes(const il_dataset_writer *writer); /* that have examples */
int64_t il_dataset_writer_examples(const il_dataset_writer *writer);
il_shape il_dataset_writer_shape(const il_dataset_writer *writer); /* of an example */
/* Puts the file in its place and frees the writer, also after an error. files: of the source, without the skipped. */
il_status il_dataset_writer_commit(il_dataset_writer *writer, int64_t files, int64_t skipped);
void il_dataset_writer_abort(il_dataset_writer *writer); /* NULL does nothing */

#endif
