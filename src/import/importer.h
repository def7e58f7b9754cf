/* Kinds of data that can be imported: constant records, one file each. */
#ifndef IL_IMPORT_IMPORTER_H
#define IL_IMPORT_IMPORTER_H

#include <innerloop/import.h>

#include "base/error.h"
#include "data/dataset_writer.h"

typedef struct il_importer {
  const char *name, *doc;
  const char
      *takes; /* names of options with spaces between, others are refused; all take "strict" */
  /* Whether the file or folder looks like that; reads names and first bytes only, reports nothing. */
  bool (*recognises)(const char *source);
  /* Fills counts and skips of a zeroed report. The values of options are checked by the importer. */
  il_status (*import)(il_context *context, const char *source, const char *out,
                      const il_import_options *options, il_import_report *report);
} il_importer;

/* ---- what importers share (import/import.c) ---- */
/* After each of `all` steps: says how far it is, and ends the import where the caller asks for it. */
il_status il_import_step(il_context *context, const il_import_options *options, int64_t done,
                         int64_t all);
/* One that is left out: a line of the report, or the error where options are strict. */
il_status il_import_skip(il_context *context, const il_import_options *options,
                         il_import_report *report, const char *name, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* A sentence that the owner of the data should read. */
il_status il_import_note(il_context *context, il_import_report *report, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Fills the report's counts and commits; frees the writer, also after an error. */
il_status il_import_commit(il_dataset_writer *writer, il_import_report *report, int64_t files);
/* Whether it is UTF-8 as it may stand in a file. */
bool il_import_utf8(const char *text);

/* "kind=arrays signals scale=2": the options that were set, without strict. Malloc'ed; NULL without memory. */
char *il_import_options_text(const char *kind, const il_import_options *options);
/* Refuses options that the importer does not take. */
il_status il_import_options_check(il_context *context, const il_importer *importer,
                                  const char *source, const il_import_options *options);
/* The file of FILE:KEY where no file is called so, else the path itself; malloc'ed. */
char *il_import_file_of(const char *source);
/* Recognising looks into files on the way and reports nothing. What the system refused meanwhile (a file that may not be read, no
 * memory) is kept, so that nothing is guessed of what could not be read: */
void il_import_refused(int error);
/* after a look with a context of its own, whose error may be such a one; frees the context; */
void il_import_end_look(il_context *context);
/* and il_import_looked makes an error of it, once; il_import_look_error only says which, or 0. */
int il_import_look_error(void);
il_status il_import_looked(il_context *context, const char *source);
/* Whether the file begins like one of the formats of tensors. */
bool il_import_is_tensors(const char *source);
/* Whether the word stands in the beginning or the end of the file, where the names of arrays are. */
bool il_import_mentions(const char *source, const char *word);
/* The source of tasks that reads the file as it is, by words in it: "dataset" or "table" where it was imported already,
 * "tasks" where it has support and query sets. NULL: none. */
const char *il_import_ready(const char *source);

#define IL_IMPORTER(name) extern const il_importer il_importer_##name;
#include "import/importer.def"
#undef IL_IMPORTER

#endif
