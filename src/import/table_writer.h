/* Rows of a table for regression on their way into its file. */
#ifndef IL_IMPORT_TABLE_WRITER_H
#define IL_IMPORT_TABLE_WRITER_H

#include "import/examples.h"

typedef struct il_table_rows {
  il_examples rows; /* an example is the inputs, then the outputs of a row; a class is a task */
  int inputs, outputs;
  const char **column_name; /* [inputs + outputs] */
} il_table_rows;

/* Room for rows.count rows. */
il_status il_table_rows_make(il_table_rows *table);
/* Orders the rows by task, tasks as they come first in the file; standardizes where the options ask for it; writes. */
il_status il_table_rows_write(il_table_rows *table, const char *out);

#endif
