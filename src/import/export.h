/* What was imported, written for other programs. */
#ifndef IL_IMPORT_EXPORT_H
#define IL_IMPORT_EXPORT_H

#include <innerloop/import.h>

#include "data/dataset.h"
#include "data/table_file.h"

/* The form of the file or folder that options ask for, "folder" "npz" or "safetensors"; NULL after an error. */
const char *il_export_form(il_context *context, const char *out, const il_export_options *options);
il_status il_export_folder(const il_dataset *dataset, const char *out,
                           const il_export_options *options);
/* A .npz of x, y and task, with the columns' names; numbers as they are in the table's file. */
il_status il_table_export(il_context *context, const il_table *table, const char *out,
                          const il_export_options *options);

#endif
