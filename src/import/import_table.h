/* Tables for regression, of text or of arrays; what the other importers ask about them. */
#ifndef IL_IMPORT_TABLE_H
#define IL_IMPORT_TABLE_H

#include <innerloop/io.h>

#include "import/importer.h"

/* Whether arrays have one of the usual names of inputs, and of labels. */
bool il_import_has_usual(const il_tensors *file);
/* Whether the file's name or first line is that of a table of text. */
bool il_import_is_text_table(const char *source);

#endif
