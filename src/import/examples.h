/* Labelled examples on their way from an array or a table into a dataset: which class each has, what is left out and what
 * is said about them. */
#ifndef IL_IMPORT_EXAMPLES_H
#define IL_IMPORT_EXAMPLES_H

#include <innerloop/io.h>

#include "base/arena.h"
#include "import/importer.h"

typedef struct il_examples {
  il_context *context;
  const il_import_options *options;
  il_import_report *report;
  const char *source; /* its path, for errors */
  int64_t count;
  il_shape example;
  il_type type;  /* IL_UINT8 or IL_FLOAT32 */
  const void *x; /* [count, example…] */
  void *owned;   /* x where it is not a file's */
  double scale;  /* 0: the type's usual one */
  int32_t *cls;  /* [count]; −1: left out */
  int classes;
  bool tasks;                  /* the classes are tasks of a table, for the words of errors */
  const char **name, **origin; /* [classes]; origin NULL: none */
  const int64_t *line;         /* [count] of the file's lines; NULL: rows count from 0 */
  il_arena arena;
} il_examples;

il_status il_examples_make(il_examples *rows); /* cls, all 0 */
void il_examples_free(il_examples *rows);
/* ": row 7" or ":9" of a line, behind the path of the source. */
const char *il_examples_place(const il_examples *rows, int64_t row, char text[static 32]);
/* Leaves a row out, or fails where the options are strict. */
il_status il_examples_skip(il_examples *rows, int64_t row, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Classes in the order of their numbers, named by them, or by names[number] where there are names. */
il_status il_examples_label_ints(il_examples *rows, const int64_t *label, const il_texts *names,
                                 const il_texts *origins);
/* The same of reals that must be whole; what: "y", for errors. */
il_status il_examples_label_reals(il_examples *rows, const char *what, const double *label,
                                  const il_texts *names, const il_texts *origins);
/* Classes in the order of their names' bytes. */
il_status il_examples_label_texts(il_examples *rows, const char *const *label);
/* Leaves out what is not finite; only float32 is looked at. */
il_status il_examples_skip_unbounded(il_examples *rows);
/* Rows in the order of their classes, those of a class as they came; malloc'ed. NULL after an error, also where there are
 * fewer than two classes. start: [classes + 1], malloc'ed as well; NULL: not wanted. */
int64_t *il_examples_order(il_examples *rows, int64_t *kept, int64_t **start);
/* Writes the dataset and fills the report. with: the options as text. */
il_status il_examples_write(il_examples *rows, const char *out, const char *with);

#endif
