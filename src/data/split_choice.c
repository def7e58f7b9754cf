/* Which classes of a split can be drawn, and with which weights (see split.h). Chosen after the classes were divided: a
 * class never changes sides because others are left out. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/locale.h"
#include "base/pattern.h"
#include "data/lines.h"
#include "data/split.h"

/* A pattern means a class by its name or by its origin. */
static bool means(const il_pattern *p, const il_dataset *d, int cls) {
  return il_pattern_matches(p, d->name[cls]) ||
         (*d->origin[cls] && il_pattern_matches(p, d->origin[cls]));
}

/* The last pattern that means a class decides; where all have "!", what none of them means stays. */
static il_status filter(il_context *context, const il_dataset *d, const char *only, int *split) {
  bool taken = true;
  il_pattern p;
  for (const char *at = only; il_pattern_next(&at, &p);) taken = taken && p.no;
  bool *kept = malloc((size_t)d->classes * sizeof *kept);
  if (!kept) return il_fail_memory(context, "a choice of classes");
  for (int c = 0; c < d->classes; c++) kept[c] = taken;
  for (const char *at = only; il_pattern_next(&at, &p) && il_context_status(context) == IL_OK;) {
    int meant = 0;
    for (int c = 0; c < d->classes; c++) {
      if (!means(&p, d, c)) continue;
      kept[c] = !p.no;
      meant++;
    }
    if (!meant)
      il_fail(context, IL_ERROR_CONFIG,
              "task.only: \"%.*s\" is the name or the origin of none of the %d classes; expected "
              "such as %s, with * for any text",
              (int)p.length, p.text, d->classes, d->name[0]);
  }
  for (int c = 0; c < d->classes; c++)
    if (!kept[c]) split[c] = IL_SPLIT_UNUSED;
  free(kept);
  return il_context_status(context);
}

typedef struct weighing { /* a file of weights */
  il_context *context;
  const il_dataset *dataset;
  const char *path;
  double *weight;
} weighing;

/* "2.5 Greek/character01": a weight, and the classes that it is for. */
static il_status read_weight(void *user, int number, char *line) {
  const weighing *f = user;
  il_context *context = f->context;
  const il_dataset *d = f->dataset;
  const char *path = f->path;
  char *end = line;
  const bool digit = (*line >= '0' && *line <= '9') || *line == '.';
  const double w = digit ? il_real_parse(line, &end) : -1;
  const bool plain = strcspn(line, "xX") >= (size_t)(end - line); /* not hexadecimal */
  if (end == line || *end != ' ' || !end[1] || !plain || !(w >= 0 && w <= 1e30))
    return il_fail(context, IL_ERROR_FORMAT,
                   "%s:%d: found '%s', expected a weight from 0 to 1e30, a space and a class name",
                   path, number, line);
  const il_pattern p = {.text = end + 1, .length = strlen(end + 1)};
  int meant = 0;
  for (int c = 0; c < d->classes; c++) {
    if (!means(&p, d, c)) continue;
    f->weight[c] = w;
    meant++;
  }
  if (meant) return IL_OK;
  return il_fail(context, IL_ERROR_DATA, "%s:%d: the dataset has no class '%s'", path, number,
                 p.text);
}

static void count(const il_dataset *d, const int *split, int counts[3]) {
  memset(counts, 0, 3 * sizeof *counts);
  for (int c = 0; c < d->classes; c++)
    if (split[c] != IL_SPLIT_UNUSED) counts[split[c]]++;
}

il_status il_split_choose(il_context *context, const il_dataset *d, const il_split_options *o,
                          int *split, double *weight) {
  const bool filtered = o->only && *o->only, weighed = o->weights && *o->weights;
  int had[3], has[3];
  count(d, split, had);
  for (int c = 0; c < d->classes; c++) weight[c] = 1;
  il_status status = filtered ? filter(context, d, o->only, split) : IL_OK;
  weighing f = {context, d, o->weights, weight};
  if (!status && weighed)
    status = il_lines_read(context, "task.class_weights", o->weights, read_weight, &f);
  for (int c = 0; c < d->classes && !status; c++)
    if (weight[c] == 0) split[c] = IL_SPLIT_UNUSED;
  count(d, split, has);
  for (int s = o->tests_only ? IL_TEST : IL_TRAIN; s <= IL_TEST && !status; s++)
    if (had[s] && !has[s] && s != IL_VALIDATION)
      status =
          il_fail(context, IL_ERROR_CONFIG, "%s: %s leaves none of the %d classes of the %s split",
                  filtered ? "task.only" : "task.class_weights", filtered ? o->only : o->weights,
                  had[s], il_split_name((il_split)s));
  return status;
}
