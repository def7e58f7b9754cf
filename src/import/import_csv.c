/* Tables of text whose rows are examples: one column has the class, the others are features, or the steps of a
 * signal of one channel. */
#include <stdlib.h>
#include <string.h>

#include "base/locale.h"
#include "import/columns.h"
#include "import/import_table.h"

typedef struct importer {
  il_columns columns;
  il_examples rows;
  int label, features;
  int *feature;      /* [features] columns */
  int64_t *line;     /* [rows] */
  const char **text; /* [rows] labels */
} importer;

static const char *const label_words[] = {"label", "labels",  "class",    "classes", "target",
                                          "y",     "species", "category", NULL};
static const char *const id_words[] = {"id", "index", "unnamed: 0", NULL};

/* By its name, else the only column that is no numbers, else the last. */
static il_status find_label(importer *im) {
  il_columns *c = &im->columns;
  const char *y = im->rows.options->y, *why = "--y";
  int texts = 0, text = -1;
  for (int i = 0; i < c->count; i++)
    if (!c->column[i].numeric && c->column[i].bad_line) {
      texts++;
      text = i;
    }
  im->label = y ? il_columns_find(c, "y", y) : il_columns_by_words(c, label_words);
  if (!y) why = "by its name";
  if (im->label < 0 && !y) {
    im->label = texts == 1 ? text : c->count - 1;
    why = texts == 1 ? "the only one that is no numbers" : "the last";
  }
  if (im->label < 0) return il_context_status(c->context);
  char name[64];
  il_import_note(c->context, im->rows.report, "%s header line; classes: %s, %s",
                 c->header ? "a" : "no", il_columns_name(c, im->label, name), why);
  return IL_OK;
}

static bool is_id(const il_column *column) {
  if (!column->counts) return false;
  bool known = !*column->name;
  for (const char *const *word = id_words; *word; word++)
    known |= !il_word_order(column->name, *word);
  return known;
}

static il_status find_features(importer *im) {
  il_columns *c = &im->columns;
  const char *x = im->rows.options->x;
  im->feature = il_arena_alloc(&c->arena, ((size_t)c->count + 1) * sizeof *im->feature);
  if (!im->feature) return il_fail_memory(c->context, "the columns of a table");
  im->features = x ? il_columns_find_list(c, "x", x, im->feature) : 0;
  for (int i = 0; i < c->count && !x; i++) {
    char name[64];
    if (i == im->label) continue;
    if (c->header && is_id(&c->column[i]))
      il_import_note(c->context, im->rows.report,
                     "%s counts the rows and is left out; --x would name it",
                     il_columns_name(c, i, name));
    else
      im->feature[im->features++] = i;
  }
  for (int i = 0; i < im->features; i++)
    if (im->feature[i] == im->label)
      return il_fail(c->context, IL_ERROR_ARGUMENT,
                     "%s: the column '%s' cannot be both an input and the class", c->path,
                     c->column[im->label].name);
  if (!im->features && il_context_status(c->context) == IL_OK)
    il_fail(c->context, IL_ERROR_DATA,
            "%s has %d column%s, expected features and a class, with one of , ; and tabs between",
            c->path, c->count, c->count == 1 ? "" : "s");
  return il_context_status(c->context);
}

static il_status make_room(importer *im) {
  il_examples *r = &im->rows;
  size_t numbers;
  r->count = im->columns.rows;
  r->example =
      r->options->layout == IL_LAYOUT_SIGNALS ? IL_SHAPE(im->features, 1) : IL_SHAPE(im->features);
  r->type = IL_FLOAT32;
  if (__builtin_mul_overflow((size_t)r->count, (size_t)im->features * sizeof(float), &numbers))
    return il_fail(r->context, IL_ERROR_DATA, "%s is too large", r->source);
  r->x = r->owned = malloc(numbers + 1);
  r->line = im->line = malloc(((size_t)r->count + 1) * sizeof *im->line);
  im->text = il_arena_alloc(&r->arena, ((size_t)r->count + 1) * sizeof *im->text);
  if (!r->x || !im->line || !im->text) return il_fail_memory(r->context, "a table");
  return il_examples_make(r);
}

static il_status read_row(importer *im, int64_t row, const char *const *field) {
  il_columns *c = &im->columns;
  float *x = (float *)im->rows.owned + row * im->features;
  char name[64];
  const char *label = il_cell_trim(field[im->label]), *reason;
  im->line[row] = il_csv_line(c->csv);
  if (!*label &&
      il_examples_skip(&im->rows, row, "%s is empty", il_columns_name(c, im->label, name)))
    return il_context_status(c->context);
  if (!(im->text[row] = il_arena_string(&im->rows.arena, label)))
    return il_fail_memory(c->context, "labels");
  for (int i = 0; i < im->features; i++) {
    const int at = im->feature[i];
    if (il_columns_number(c, at, field[at], &x[i], &reason)) return il_context_status(c->context);
    if (reason &&
        il_examples_skip(&im->rows, row, "%s is %s", il_columns_name(c, at, name), reason))
      return il_context_status(c->context);
    if (reason) x[i] = 0; /* the row is left out */
  }
  return IL_OK;
}

/* A column of numbers has classes in the order of its numbers, one of texts in the order of its texts. */
static il_status label_rows(importer *im) {
  il_examples *r = &im->rows;
  if (!im->columns.column[im->label].numeric) return il_examples_label_texts(r, im->text);
  double *value = malloc(((size_t)r->count + 1) * sizeof *value);
  char name[64];
  il_status status = value ? IL_OK : il_fail_memory(r->context, "labels");
  for (int64_t i = 0; !status && i < r->count; i++) {
    value[i] = 0;
    if (r->cls[i] >= 0 && il_cell_read(im->text[i], &value[i]) != IL_CELL_NUMBER)
      status = il_examples_skip(r, i, "%s is %s", il_columns_name(&im->columns, im->label, name),
                                im->text[i]);
  }
  if (!status)
    status = il_examples_label_reals(r, il_columns_name(&im->columns, im->label, name), value, NULL,
                                     NULL);
  free(value);
  return status;
}

static il_status read_all(importer *im) {
  const char *const *field;
  int64_t row = 0;
  int fields;
  while ((fields = il_csv_next(im->columns.csv, &field)) > 0)
    if (read_row(im, row++, field)) return il_context_status(im->rows.context);
  return fields < 0 ? il_context_status(im->rows.context) : label_rows(im);
}

static il_status import(il_context *context, const char *source, const char *out,
                        const il_import_options *options, il_import_report *report) {
  importer im = {
      .rows = {.context = context, .options = options, .source = source, .report = report}};
  locale_t plain, before = il_text_enter(&plain);
  il_status status = il_columns_open(&im.columns, context, source, options->header);
  if (!status) status = find_label(&im);
  if (!status) status = find_features(&im);
  if (!status) status = make_room(&im);
  if (!status) status = read_all(&im);
  char *with = il_import_options_text("csv", options);
  if (!status && !with) status = il_fail_memory(context, "the options of an import");
  if (!status) status = il_examples_write(&im.rows, out, with);
  il_text_leave(before, plain);
  free(with);
  free(im.line);
  il_examples_free(&im.rows);
  il_columns_close(&im.columns);
  return status;
}

static bool recognises(const char *source) { return il_import_is_text_table(source); }

const il_importer il_importer_csv = {
    .name = "csv",
    .doc = "a table of text: a row an example, a column its class, the others features (or the "
           "steps of a signal)",
    .takes = "signals scale header x y",
    .recognises = recognises,
    .import = import};
