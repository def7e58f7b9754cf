/* Tables for regression, of text or of arrays; what the other importers ask about them. */
#ifndef IL_IMPORT_TABLE_H
#define IL_IMPORT_TABLE_H

#include <innerloop/io.h>

#include "import/importer.h"

/* Whether arrays have a task id beside x and y. */
bool il_table_is_in(const il_tensors *file);
il_status il_import_table_arrays(il_context *context, const char *source, const il_tensors *file,
                                 const char *out, const il_import_options *options,
                                 il_import_report *report);
/* Whether arrays have one of the usual names of inputs, and of labels. */
bool il_import_has_usual(const il_tensors *file);
/* Whether the file's name or first line is that of a table of text. */
bool il_import_is_text_table(const char *source);

#endif
