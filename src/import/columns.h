/* The columns of a table of text: their names, which of them are numbers, and the cells as numbers. */
#ifndef IL_IMPORT_COLUMNS_H
#define IL_IMPORT_COLUMNS_H

#include "import/examples.h"
#include "io/csv.h"

typedef struct il_column {
  const char *name; /* of the header; "" where it has none */
  bool numeric;     /* every cell below the header is a number or missing, and one is a number */
  bool counts;      /* they are 0, 1, 2 … or 1, 2, 3 … */
  int64_t bad_line; /* of the first cell that is no number, 0: there is none */
} il_column;

typedef struct il_columns {
  il_context *context;
  const char *path;
  il_csv *csv;
  il_arena arena;
  int count;
  il_column *column;
  bool header;
  int64_t rows; /* below the header */
} il_columns;

/* Reads the file once. */
il_status il_columns_open(il_columns *columns, il_context *context, const char *path,
                          il_import_header header);
void il_columns_close(il_columns *columns);
/* Goes back to the first row below the header. */
il_status il_columns_rewind(il_columns *columns);
/* By name, or by number from 1 where no name is so; -1 after an error. option: "y", for its sentence. */
int il_columns_find(il_columns *columns, const char *option, const char *name);
/* The first column whose name is one of the words (list ends with NULL), in any case; -1: none. */
int il_columns_by_words(const il_columns *columns, const char *const *words);
/* Several names with commas between; their number, -1 after an error. index [columns->count]. */
int il_columns_find_list(il_columns *columns, const char *option, const char *names, int *index);
const char *il_columns_name(const il_columns *columns, int index, char text[static 64]);

typedef enum il_cell { IL_CELL_NUMBER, IL_CELL_MISSING, IL_CELL_TEXT } il_cell;
/* With the C locale entered. Infinite numbers are IL_CELL_NUMBER. */
il_cell il_cell_read(const char *text, double *number);
/* The cell as a finite float; missing or infinite: *reason says so, in the same words for all. Anything else fails
 * with file, line and what was expected. */
il_status il_columns_number(il_columns *columns, int index, const char *cell, float *number,
                            const char **reason);
/* The text without spaces around it, in memory that the reader owns. */
const char *il_cell_trim(const char *text);

#endif
