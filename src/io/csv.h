/* Tables of text: CSV as RFC 4180 has it, strictly, with the separator that the file uses. */
#ifndef IL_IO_CSV_H
#define IL_IO_CSV_H

#include <stdio.h>

#include "base/error.h"

/* A memory-mapped file, read record by record. A byte order mark, CRLF, a missing last line end and empty lines
 * are fine; fields may be quoted, "" is a quote. Refused with file and line: what is not UTF-8, NULs, quotes
 * in the middle of a field or without an end, records of another length than the first. */
typedef struct il_csv il_csv;
il_csv *il_csv_open(il_context *context, const char *path); /* NULL after an error */
void il_csv_close(il_csv *csv);                             /* NULL does nothing */
/* ',' ';' or a tab: what the first record has most of outside quotes; a tab before ';' before ','. */
char il_csv_separator(const il_csv *csv);
/* The fields of the next record, which end in NUL and stay until the next call. Their number; 0 at the end, -1
 * after an error. */
int il_csv_next(il_csv *csv, const char *const **field);
int64_t il_csv_line(const il_csv *csv); /* where that record begins, from 1 */
void il_csv_rewind(il_csv *csv);

/* Writes a text as a quoted field. */
void il_csv_print(FILE *out, const char *text);

#endif
