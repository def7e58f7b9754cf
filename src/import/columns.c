#include "base/locale.h"
#include "import/columns.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *il_cell_trim(const char *text) {
  while (*text == ' ' || *text == '\t') text++;
  size_t length = strlen(text);
  char *end = (char *)text + length;
  while (end > text && (end[-1] == ' ' || end[-1] == '\t')) *--end = 0;
  return text;
}

il_cell il_cell_read(const char *text, double *number) {
  static const char *const missing[] = {"",     "nan", "na",   "n/a", "null",
                                        "none", "?",   "-nan", "<na>"};
  while (*text == ' ' || *text == '\t') text++;
  const char *digits = text + (*text == '-' || *text == '+');
  if ((*digits >= '0' && *digits <= '9') || *digits == '.') {
    if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X')) return IL_CELL_TEXT;
    char *end;
    *number = il_real_parse(text, &end);
    while (*end == ' ' || *end == '\t') end++;
    return end == text || *end ? IL_CELL_TEXT : IL_CELL_NUMBER;
  }
  size_t length = strlen(text);
  while (length && (text[length - 1] == ' ' || text[length - 1] == '\t')) length--;
  for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
    if (strlen(missing[i]) == length && !il_word_order_within(text, missing[i], length))
      return IL_CELL_MISSING;
  length -= (size_t)(digits - text);
  if ((length == 3 && !il_word_order_within(digits, "inf", 3)) ||
      (length == 8 && !il_word_order_within(digits, "infinity", 8))) {
    *number = *text == '-' ? -(double)INFINITY : (double)INFINITY;
    return IL_CELL_NUMBER;
  }
  return IL_CELL_TEXT;
}

/* What is seen of a column while the file is read once. */
typedef struct seen {
  il_cell first;   /* the cell of the first line */
  int64_t numbers; /* below it */
  int64_t bad,
      second; /* line of the first cell below it that is no number; value of the second line */
  bool counts;
} seen;

static void look(seen *s, int64_t row, int64_t line, const char *cell) {
  double number = 0;
  const il_cell is = il_cell_read(cell, &number);
  if (row == 0) {
    s->first = is;
    s->second = is == IL_CELL_NUMBER && fabs(number) < 2 ? (int64_t)number : 2;
    s->counts = true;
    return;
  }
  s->numbers += is == IL_CELL_NUMBER;
  if (is == IL_CELL_TEXT && !s->bad) s->bad = line;
  if (row == 1 && s->first != IL_CELL_NUMBER)
    s->second = is == IL_CELL_NUMBER && (number == 0 || number == 1) ? (int64_t)number - 1 : 2;
  s->counts &= is == IL_CELL_NUMBER && s->second < 2 && number == (double)(s->second + row);
}

static il_status read_once(il_columns *c, seen **found, int64_t *records, int64_t *first_line) {
  const char *const *field;
  int fields;
  *records = 0;
  while ((fields = il_csv_next(c->csv, &field)) > 0) {
    if (*records == 0) {
      c->count = fields;
      *first_line = il_csv_line(c->csv);
      *found = il_arena_alloc(&c->arena, (size_t)fields * sizeof **found);
      c->column = il_arena_alloc(&c->arena, (size_t)fields * sizeof *c->column);
      if (!*found || !c->column) return il_fail_memory(c->context, "the columns of a table");
      for (int i = 0; i < fields; i++)
        if (!(c->column[i].name = il_arena_string(&c->arena, field[i])))
          return il_fail_memory(c->context, "the columns of a table");
    }
    for (int i = 0; i < fields; i++) look(&(*found)[i], *records, il_csv_line(c->csv), field[i]);
    ++*records;
  }
  return fields < 0 ? il_context_status(c->context) : IL_OK;
}

/* A first line that has no number where at least half of the lines below it have one. */
static bool has_header(const il_columns *c, const seen *found, int64_t records) {
  bool numbers = false;
  for (int i = 0; i < c->count; i++) {
    numbers |= found[i].first == IL_CELL_NUMBER;
    if (found[i].first == IL_CELL_TEXT && found[i].numbers && 2 * found[i].numbers >= records - 1)
      return true;
  }
  return records == 1 && !numbers;
}

il_status il_columns_open(il_columns *c, il_context *context, const char *path,
                          il_import_header header) {
  *c = (il_columns){.context = context, .path = path};
  c->csv = il_csv_open(context, path);
  if (!c->csv) return il_context_status(context);
  seen *found = NULL;
  int64_t records, first_line = 0;
  if (read_once(c, &found, &records, &first_line)) return il_context_status(context);
  if (!records) return il_fail(context, IL_ERROR_DATA, "%s is empty, expected a table", path);
  c->header = header == IL_HEADER_DETECT ? has_header(c, found, records) : header == IL_HEADER_YES;
  c->rows = records - c->header;
  if (!c->rows)
    return il_fail(context, IL_ERROR_DATA, "%s has only a header line, expected rows below it",
                   path);
  for (int i = 0; i < c->count; i++) {
    il_column *column = &c->column[i];
    const bool first = !c->header && found[i].first == IL_CELL_NUMBER;
    column->bad_line = !c->header && found[i].first == IL_CELL_TEXT ? first_line : found[i].bad;
    column->numeric = !column->bad_line && (found[i].numbers || first);
    column->counts = found[i].counts && c->rows > 1;
    column->name = c->header ? il_cell_trim(column->name) : "";
  }
  return il_columns_rewind(c);
}

void il_columns_close(il_columns *c) {
  il_csv_close(c->csv);
  il_arena_free(&c->arena);
}

il_status il_columns_rewind(il_columns *c) {
  const char *const *field;
  il_csv_rewind(c->csv);
  if (c->header && il_csv_next(c->csv, &field) < 0) return il_context_status(c->context);
  return IL_OK;
}

int il_columns_find(il_columns *c, const char *option, const char *name) {
  int found = -1;
  for (int i = 0; i < c->count; i++) {
    if (!*name || strcmp(c->column[i].name, name) != 0) continue;
    if (found >= 0) {
      il_fail(c->context, IL_ERROR_DATA, "%s: columns %d and %d are both named '%s'", c->path,
              found + 1, i + 1, name);
      return -1;
    }
    found = i;
  }
  char *end = NULL;
  const long number = found < 0 ? strtol(name, &end, 10) : 0;
  if (found < 0 && *name && !*end && number >= 1 && number <= c->count) found = (int)number - 1;
  if (found < 0)
    il_fail(c->context, IL_ERROR_DATA,
            "%s has no column '%s' (--%s), expected %s or a number from 1 to %d", c->path, name,
            option, c->header ? "a name of its first line" : "no name, as it has no header line,",
            c->count);
  return found;
}

int il_columns_by_words(const il_columns *c, const char *const *words) {
  for (const char *const *word = words; *word; word++)
    for (int i = 0; i < c->count; i++)
      if (!il_word_order(c->column[i].name, *word)) return i;
  return -1;
}

int il_columns_find_list(il_columns *c, const char *option, const char *names, int *index) {
  char *list = strdup(names), *rest = list, *name;
  int count = 0;
  if (!list) il_fail_memory(c->context, "a list of columns");
  while (list && (name = strsep(&rest, ",")) && count >= 0) {
    const int found = il_columns_find(c, option, il_cell_trim(name));
    for (int i = 0; i < count && found >= 0; i++)
      if (index[i] == found)
        il_fail(c->context, IL_ERROR_ARGUMENT, "%s: --%s names the column '%s' twice", c->path,
                option, name);
    if (il_context_status(c->context))
      count = -1;
    else
      index[count++] = found;
  }
  free(list);
  return il_context_status(c->context) ? -1 : count;
}

const char *il_columns_name(const il_columns *c, int index, char text[static 64]) {
  if (*c->column[index].name)
    snprintf(text, 64, "column '%s'", c->column[index].name);
  else
    snprintf(text, 64, "column %d", index + 1);
  return text;
}

/* "3,14" */
static bool has_decimal_comma(const char *cell) {
  cell += strspn(cell, " +-");
  const size_t before = strspn(cell, "0123456789.");
  return before && cell[before] == ',' && strspn(cell + before + 1, "0123456789") > 0;
}

il_status il_columns_number(il_columns *c, int index, const char *cell, float *number,
                            const char **reason) {
  double value = 0;
  const il_cell is = il_cell_read(cell, &value);
  *reason = NULL;
  *number = (float)value;
  if (is == IL_CELL_MISSING) *reason = *cell ? "no number (NaN)" : "empty";
  if (is == IL_CELL_NUMBER && !isfinite(*number)) *reason = "infinite";
  if (is != IL_CELL_TEXT) return IL_OK;
  char name[64];
  return il_fail(c->context, IL_ERROR_DATA, "%s:%lld: %s holds \"%.60s\", expected a number%s",
                 c->path, (long long)il_csv_line(c->csv), il_columns_name(c, index, name), cell,
                 has_decimal_comma(cell) ? " with a decimal point"
                                         : "; --x says which columns are inputs");
}
