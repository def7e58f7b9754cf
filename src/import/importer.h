/* Kinds of data that can be imported: constant records, one file each. */
#ifndef IL_IMPORT_IMPORTER_H
#define IL_IMPORT_IMPORTER_H

#include <innerloop/import.h>

#include "base/error.h"

typedef struct il_importer {
  const char *name, *doc;
  /* Whether the file or folder looks like that; reads names and first bytes only, reports nothing. */
  bool (*recognises)(const char *source);
  /* Fills counts and skips of a zeroed report. Options are checked by the importer. */
  il_status (*import)(il_context *context, const char *source, const char *out,
                      const il_import_options *options, il_import_report *report);
} il_importer;

/* After each of `all` examples, or files: says how far it is, and ends the import where the caller asks for it. */
il_status il_import_step(il_context *context, const il_import_options *options, int64_t done,
                         int64_t all);

#define IL_IMPORTER(name) extern const il_importer il_importer_##name;
#include "import/importer.def"
#undef IL_IMPORTER

#endif
