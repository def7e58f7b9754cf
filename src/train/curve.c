/* Curves of training, out of metrics.jsonl. */
#include "train/curve.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/locale.h"
#include "io/io.h"
#include "train/checkpoint.h"

enum { DRAWN = 120, WIDTH = 440 };

/* Room for one more in each of n arrays of doubles, which have `count`. */
static bool grow(int n, double **array[], int count) {
  if (count & (count - 1)) return true;
  for (int i = 0; i < n; i++) {
    double *more = realloc(*array[i], (size_t)(count ? 2 * count : 1) * sizeof *more);
    if (!more) return false;
    *array[i] = more;
  }
  return true;
}

static double real(const json_t *line, const char *key) {
  const json_t *value = json_object_get(line, key);
  return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

/* False: no line of metrics, or no memory. */
static bool take(il_curve *c, const json_t *line, bool *memory) {
  const double step = real(line, "step"), accuracy = real(line, "validation_accuracy"),
               error = real(line, "validation_loss"), loss = real(line, "loss");
  if (isnan(step)) return false;
  if (json_is_null(json_object_get(line, "validation_accuracy")) ||
      json_is_null(json_object_get(line, "validation_loss")) ||
      json_is_null(json_object_get(line, "loss")))
    return true; /* it has diverged there: no point to draw */
  if (!isnan(accuracy) || !isnan(error)) {
    *memory = grow(3, (double **[]){&c->at, &c->value, &c->interval}, c->validations);
    if (!*memory) return false;
    c->squared_error = isnan(accuracy);
    c->at[c->validations] = step;
    c->value[c->validations] = isnan(accuracy) ? error : accuracy;
    c->interval[c->validations++] = real(line, "interval");
    return true;
  }
  if (isnan(loss)) /* a step whose figures are not kept, or why there are no more steps */
    return json_object_get(line, "skipped") || json_object_get(line, "ended");
  *memory = grow(4, (double **[]){&c->step, &c->loss, &c->accuracy, &c->support_loss}, c->count);
  if (!*memory) return false;
  c->step[c->count] = step;
  c->loss[c->count] = loss;
  c->accuracy[c->count] = real(line, "accuracy");
  c->support_loss[c->count] = real(line, "support_loss");
  c->accuracies |= !isnan(c->accuracy[c->count]);
  c->supports |= !isnan(c->support_loss[c->count]);
  c->count++;
  return true;
}

static il_status read_lines(il_context *context, FILE *file, const char *path, il_curve *c) {
  char *line = NULL;
  size_t room = 0;
  ssize_t length = 0;
  int64_t number = 0;
  il_status status = IL_OK;
  errno = 0;
  while (status == IL_OK && (length = getline(&line, &room, file)) > 0 &&
         line[length - 1] == '\n') {
    bool memory = true;
    json_t *read = json_loadb(line, (size_t)length, 0, NULL);
    number++;
    if (!take(c, read, &memory))
      status = memory ? il_fail(context, IL_ERROR_FILE,
                                "%s:%lld: found no metrics, expected {\"step\": …, \"loss\": …}",
                                path, (long long)number)
                      : il_fail_memory(context, "the curves of a run");
    json_decref(read);
  }
  if (status == IL_OK && length < 0 && !feof(file))
    status = il_fail(context, IL_ERROR_FILE, "%s cannot be read: %s", path, strerror(errno));
  free(line);
  return status;
}

il_status il_curve_read(il_context *context, const char *run, il_curve *curve) {
  *curve = (il_curve){0};
  char *path = il_run_path(context, run, "metrics.jsonl");
  if (!path) return il_context_status(context);
  FILE *file = il_open_file(context, path);
  locale_t plain, before = il_text_enter(&plain);
  const il_status status =
      file ? read_lines(context, file, path, curve) : il_context_status(context);
  il_text_leave(before, plain);
  if (file) fclose(file);
  free(path);
  return status;
}

void il_curve_free(il_curve *c) {
  free(c->step);
  free(c->loss);
  free(c->accuracy);
  free(c->support_loss);
  free(c->at);
  free(c->value);
  free(c->interval);
  *c = (il_curve){0};
}

/* Means of as many neighbours as leave at most DRAWN points. */
typedef struct thinned {
  int count;
  double x[DRAWN], y[DRAWN];
} thinned;

static void thin(thinned *t, int count, const double *x, const double *y) {
  t->count = count < DRAWN ? count : DRAWN;
  for (int k = 0; k < t->count; k++) {
    const int from = (int)((int64_t)k * count / t->count),
              to = (int)((int64_t)(k + 1) * count / t->count);
    double sum[2] = {0, 0};
    for (int i = from; i < to; i++) {
      sum[0] += x[i];
      sum[1] += y[i];
    }
    t->x[k] = sum[0] / (to - from);
    t->y[k] = sum[1] / (to - from);
  }
}

/* Losses that fall far are seen on a logarithmic axis. */
static bool falls_far(const thinned *t) {
  double low = (double)INFINITY, high = 0;
  for (int i = 0; i < t->count; i++) {
    low = fmin(low, t->y[i]);
    high = fmax(high, t->y[i]);
  }
  return low > 0 && high > 8 * low;
}

bool il_curve_accurate(const il_curve *c) {
  return c->accuracies || (c->validations && !c->squared_error);
}

double il_curve_draw(const il_curve *c, bool loss, il_figure *figure, double top) {
  thinned train = {0}, support = {0};
  il_chart_series series[3];
  int n = 0;
  if (loss || c->accuracies) thin(&train, c->count, c->step, loss ? c->loss : c->accuracy);
  if (loss && c->supports) thin(&support, c->count, c->step, c->support_loss);
  if (train.count)
    series[n++] = (il_chart_series){.name = loss ? "training, query loss" : "training",
                                    .count = train.count,
                                    .x = train.x,
                                    .y = train.y,
                                    .colour = 5,
                                    .dots = train.count == 1,
                                    .line = true};
  if (support.count)
    series[n++] = (il_chart_series){.name = "training, support loss",
                                    .count = support.count,
                                    .x = support.x,
                                    .y = support.y,
                                    .colour = 4,
                                    .dots = support.count == 1,
                                    .dashed = true,
                                    .line = true};
  if (c->validations && c->squared_error == loss)
    series[n++] = (il_chart_series){.name = "validation, ± 95 % over tasks",
                                    .count = c->validations,
                                    .x = c->at,
                                    .y = c->value,
                                    .interval = c->interval,
                                    .colour = 0,
                                    .dots = true,
                                    .line = true};
  return il_chart_draw(figure, top,
                       &(il_chart){.x_axis = "meta-step",
                                   .y_axis = loss ? "loss" : "accuracy in %",
                                   .percent = !loss,
                                   .logarithmic = loss && falls_far(&train),
                                   .count = n,
                                   .series = series});
}

il_status il_curve_plot(il_context *context, const char *run) {
  il_curve curve;
  il_status status = il_curve_read(context, run, &curve);
  char *path = il_run_path(context, run, "curve.png");
  il_figure *figure = path && status == IL_OK ? il_figure_new(context, WIDTH, run) : NULL;
  if (figure) {
    double top = 0;
    if (il_curve_accurate(&curve)) top = il_curve_draw(&curve, false, figure, top) + 14;
    il_figure_height(figure, il_curve_draw(&curve, true, figure, top));
    status = il_figure_png(figure, path);
  }
  il_figure_free(figure);
  il_curve_free(&curve);
  free(path);
  return il_context_status(context);
}
