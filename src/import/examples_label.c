/* Classes out of labels: whole numbers of any size, reals that are whole, texts. Only labels that occur cost anything. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "import/examples.h"

enum { CLASSES_MAX = 1 << 24 };

static il_status too_many(il_examples *r) {
  return il_fail(r->context, IL_ERROR_DATA, "%s has more than %d classes", r->source,
                 (int)CLASSES_MAX);
}

static int by_number(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static il_status name_number(il_examples *r, int cls, int64_t number, const il_texts *names,
                             const il_texts *origins) {
  char text[24];
  snprintf(text, sizeof text, "%lld", (long long)number);
  r->name[cls] = il_arena_string(&r->arena, names ? names->text[number] : text);
  if (r->name[cls] && r->origin) r->origin[cls] = il_arena_string(&r->arena, origins->text[number]);
  return r->name[cls] && (!r->origin || r->origin[cls])
             ? IL_OK
             : il_fail_memory(r->context, "the names of classes");
}

static il_status check_named(il_examples *r, const int64_t *label, const il_texts *names) {
  char place[32];
  for (int64_t i = 0; names && i < r->count; i++)
    if (r->cls[i] >= 0 && (label[i] < 0 || label[i] >= names->count))
      return il_fail(r->context, IL_ERROR_DATA,
                     "%s%s: the label is %lld, expected 0 to %lld as '%s' has names", r->source,
                     il_examples_place(r, i, place), (long long)label[i],
                     (long long)names->count - 1, names->name);
  return IL_OK;
}

/* One text for each name; where there are no names, for each number from 0 to the highest label. */
static il_status check_origins(il_examples *r, const int64_t *label, const il_texts *names,
                               const il_texts *origins) {
  int64_t expected = names ? names->count : 0;
  for (int64_t i = 0; !names && i < r->count; i++) {
    if (r->cls[i] < 0) continue;
    if (label[i] < 0 || label[i] == INT64_MAX) return check_named(r, label, origins);
    if (label[i] >= expected) expected = label[i] + 1;
  }
  if (origins->count == expected) return IL_OK;
  return il_fail(r->context, IL_ERROR_DATA,
                 "%s: class_origins has %lld text%s, expected %lld, one for each class", r->source,
                 (long long)origins->count, origins->count == 1 ? "" : "s", (long long)expected);
}

/* Those that are given, where they stand: what is written of them would be refused by the file's name. */
static il_status check_names(il_examples *r, const il_texts *names) {
  char what[512];
  snprintf(what, sizeof what, "%s: %s", r->source, names->name);
  return il_dataset_names_good(r->context, what, r->classes, r->name);
}

il_status il_examples_label_ints(il_examples *r, const int64_t *label, const il_texts *names,
                                 const il_texts *origins) {
  if (check_named(r, label, names) || (origins && check_origins(r, label, names, origins)))
    return il_context_status(r->context);
  int64_t *number = malloc(((size_t)r->count + 1) * sizeof *number), count = 0;
  if (!number) return il_fail_memory(r->context, "the classes of a data set");
  for (int64_t i = 0; i < r->count; i++)
    if (r->cls[i] >= 0) number[count++] = label[i];
  qsort(number, (size_t)count, sizeof *number, by_number);
  int64_t classes = 0;
  for (int64_t i = 0; i < count; i++)
    if (i == 0 || number[i] != number[classes - 1]) number[classes++] = number[i];
  il_status status = classes > CLASSES_MAX ? too_many(r) : IL_OK;
  r->classes = (int)classes;
  r->name = il_arena_alloc(&r->arena, ((size_t)classes + 1) * sizeof *r->name);
  if (origins) r->origin = il_arena_alloc(&r->arena, ((size_t)classes + 1) * sizeof *r->origin);
  if (!status && (!r->name || (origins && !r->origin)))
    status = il_fail_memory(r->context, "the names of classes");
  for (int c = 0; !status && c < r->classes; c++)
    status = name_number(r, c, number[c], names, origins);
  if (!status && names) status = check_names(r, names);
  for (int64_t i = 0; !status && i < r->count; i++) {
    if (r->cls[i] < 0) continue;
    const int64_t *found = bsearch(&label[i], number, (size_t)classes, sizeof *number, by_number);
    r->cls[i] = (int32_t)(found - number);
  }
  free(number);
  return status;
}

il_status il_examples_label_reals(il_examples *r, const char *what, const double *label,
                                  const il_texts *names, const il_texts *origins) {
  int64_t *whole = malloc(((size_t)r->count + 1) * sizeof *whole);
  char place[32];
  il_status status = whole ? IL_OK : il_fail_memory(r->context, "labels");
  for (int64_t i = 0; !status && i < r->count; i++) {
    whole[i] = 0;
    if (isnan(label[i]))
      status = il_examples_skip(r, i, "the label in %s is NaN", what);
    else if (rint(label[i]) != label[i] || fabs(label[i]) > 9007199254740992.0)
      status = il_fail(r->context, IL_ERROR_DATA,
                       "%s%s: the label in %s is %.9g, expected a whole number or a text; --y says "
                       "where labels stand, and targets that are reals make a table for "
                       "regression: --kind table",
                       r->source, il_examples_place(r, i, place), what, label[i]);
    else
      whole[i] = (int64_t)label[i];
  }
  if (!status) status = il_examples_label_ints(r, whole, names, origins);
  free(whole);
  return status;
}

static int by_text(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

il_status il_examples_label_texts(il_examples *r, const char *const *label) {
  const char **text = il_arena_alloc(&r->arena, ((size_t)r->count + 1) * sizeof *text);
  if (!text) return il_fail_memory(r->context, "the classes of a data set");
  int64_t count = 0, classes = 0;
  for (int64_t i = 0; i < r->count; i++)
    if (r->cls[i] >= 0) text[count++] = label[i];
  qsort(text, (size_t)count, sizeof *text, by_text);
  for (int64_t i = 0; i < count; i++)
    if (i == 0 || strcmp(text[i], text[classes - 1]) != 0) text[classes++] = text[i];
  if (classes > CLASSES_MAX) return too_many(r);
  for (int64_t i = 0; i < r->count; i++) {
    if (r->cls[i] < 0) continue;
    const char **found = bsearch(&label[i], text, (size_t)classes, sizeof *text, by_text);
    r->cls[i] = (int32_t)(found - text);
  }
  r->name = text;
  r->classes = (int)classes;
  return IL_OK;
}
