/* Importing: what people and other programs keep data in, made into the files that sources of tasks read. */
#ifndef INNERLOOP_IMPORT_H
#define INNERLOOP_IMPORT_H

#include <signal.h>

#include "data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What arrays without a word about it are. */
typedef enum il_import_layout {
  IL_LAYOUT_BY_SHAPE = 0, /* [n,features]; [n,h,w,c]; [n,h,w] of bytes, else [n,time,channels] */
  IL_LAYOUT_IMAGES = 1,   /* [n,h,w] and [n,h,w,channels] */
  IL_LAYOUT_SIGNALS = 2,  /* [n,time] and [n,time,channels] */
} il_import_layout;
/* Where channels stand. */
typedef enum il_import_channels {
  IL_CHANNELS_BY_FORMAT = 0, /* first in PyTorch's files, last in the others */
  IL_CHANNELS_FIRST = 1,     /* [channels,h,w], [channels,time] */
  IL_CHANNELS_LAST = 2,      /* [h,w,channels], [time,channels] */
} il_import_channels;
/* Whether a table's first line has names. */
typedef enum il_import_header {
  IL_HEADER_DETECT = 0, /* a first line without a number in a column of numbers */
  IL_HEADER_YES = 1,    /* it has */
  IL_HEADER_NO = 2,     /* it is data */
} il_import_header;

/* Zero: as it is found. What a kind of data has no use for is refused, never ignored. */
typedef struct il_import_options {
  const char *kind;            /* one of il_import_kind_name; NULL: by what is there */
  int height, width;           /* pictures: of all of them; 0: see the kind */
  bool grey;                   /* pictures: one channel */
  bool invert;                 /* pictures: 255 − pixel */
  bool few;                    /* a class may have one example, as in a support set: no note */
  bool strict;                 /* the first that would be skipped is an error */
  double scale;                /* arrays: nets see x·scale; 0: 1/255 for bytes, 1 for floats */
  bool scale_auto;             /* arrays: 1 over the deviation of all numbers */
  il_import_layout layout;     /* arrays: what their dimensions are */
  il_import_channels channels; /* arrays: where they stand */
  /* Arrays: keys of the inputs and the labels; NULL: the usual names. Tables: columns by name or number from 1, several
   * with commas between. Of a .npy file, y is the path of the labels' file. */
  const char *x,
      *y; /* arrays: key of the labels; tables: column of classes, or columns of outputs */
  const char *task;        /* tables: the column, or key, that says which task a row belongs to */
  bool standardize;        /* tables: every input and output to mean 0, deviation 1 */
  il_import_header header; /* tables of text: whether the first line has names */
  /* NULL or how far it is, of how many steps; called often, by the importing thread. */
  void (*progress)(void *user, int64_t done, int64_t all);
  void *user;                        /* of progress, which a second walk begins again from 1 */
  const volatile sig_atomic_t *stop; /* nonzero: IL_ERROR_INTERRUPTED, soon; may be NULL */
} il_import_options;

/* What was imported, and what was not. */
typedef struct il_import_report {
  const char *kind; /* what it was taken for */
  int classes;      /* of tables for regression: tasks */
  int64_t examples; /* of all classes */
  il_shape example; /* of one */
  int64_t skipped;  /* files or rows */
  /* Lines of text, "" where there are none; freed by il_import_report_free. */
  char *skips; /* "name: reason" of each that was skipped, names escaped where they are no text */
  char *notes; /* what its owner should know, a sentence each */
  size_t skips_length, notes_length; /* bytes */
} il_import_report;

/* Imports `source` into the file `out`, which is written atomically: after an error there is what was there before. */
IL_API il_status il_import(il_context *context, const char *source, const char *out,
                           const il_import_options *options, il_import_report *report);
/* Frees its texts. */
IL_API void il_import_report_free(il_import_report *report);
/* The kind that it would be taken for; NULL: none. An imported dataset is none. */
IL_API const char *il_import_kind_of(const char *source);
/* How many kinds there are. */
IL_API int il_import_kinds(void);
/* The name of the index-th, from 0. */
IL_API const char *il_import_kind_name(int index);
IL_API const char *il_import_kind_doc(int index); /* what it takes, in a few words */

/* ---- and back again ---- */
/* How a dataset is written. */
typedef struct il_export_options {
  const char
      *to; /* "folder" "npz" "safetensors"; NULL: by the ending of the path, a folder for others */
  void (*progress)(void *user, int64_t done, int64_t all); /* as in il_import_options */
  void *user;                                              /* given to progress */
  const volatile sig_atomic_t *stop; /* nonzero: IL_ERROR_INTERRUPTED; may be NULL */
} il_export_options;

/* Writes a folder of PNGs (bytes of 1 or 3 channels; names of classes become folders), or arrays x, y and class_names.
 * Importing that again gives the same examples, and classes of the same names, in the order of their names from a
 * folder, else in their own. A folder must not exist or be empty; after an error there is what was there before. */
IL_API il_status il_dataset_export(const il_dataset *dataset, const char *out,
                                   const il_export_options *options);

#ifdef __cplusplus
}
#endif
#endif
