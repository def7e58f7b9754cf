/* Regression tasks, drawn: what the net said before it adapted and after. Of one input, curves over it; of more, what was
 * said over what is true. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "report/report_run.h"

typedef struct points {
  int count;
  double *x, *y, *before, *after; /* in the order of x */
} points;

/* Pairs of x and the place that it came from. */
typedef struct keyed {
  double x;
  int at;
} keyed;

static int by_x(const void *left, const void *right) {
  const keyed *a = left, *b = right;
  if (a->x < b->x || a->x > b->x) return a->x < b->x ? -1 : 1;
  return (a->at > b->at) - (a->at < b->at);
}

/* Queries of one input and one output in the order of x; else all outputs of all queries, over what is true. */
static bool sort_points(points *p, const il_drawn *d, const il_shown *shown, bool curve) {
  const il_task_shape *s = d->shape;
  p->count = curve ? s->query : s->query * s->outputs;
  double *room = malloc(4 * ((size_t)p->count + 1) * sizeof *room);
  keyed *order = malloc(((size_t)p->count + 1) * sizeof *order);
  if (room && order) {
    const float *x = curve ? d->x[1] : d->y[1], *y = d->y[1];
    for (int i = 0; i < p->count; i++) order[i] = (keyed){(double)x[i], i};
    qsort(order, (size_t)p->count, sizeof *order, by_x);
    p->x = room;
    p->y = room + p->count;
    p->before = p->y + p->count;
    p->after = p->before + p->count;
    for (int i = 0; i < p->count; i++) {
      p->x[i] = order[i].x;
      p->y[i] = (double)y[order[i].at];
      p->before[i] = (double)shown->fits[0][order[i].at];
      p->after[i] = (double)shown->fits[1][order[i].at];
    }
  } else {
    free(room);
  }
  free(order);
  return p->x != NULL;
}

static int curve_series(const points *p, const il_drawn *d, const char *after, double *support,
                        il_chart_series *series) {
  const int n = d->shape->support;
  for (int i = 0; i < n; i++) {
    support[i] = (double)((const float *)d->x[0])[i];
    support[n + i] = (double)((const float *)d->y[0])[i];
  }
  int k = 0;
  series[k++] = (il_chart_series){.name = "truth",
                                  .count = p->count,
                                  .x = p->x,
                                  .y = p->y,
                                  .colour = 5,
                                  .dots = true,
                                  .thin = true};
  series[k++] = (il_chart_series){.name = "before",
                                  .count = p->count,
                                  .x = p->x,
                                  .y = p->before,
                                  .colour = 1,
                                  .dashed = true,
                                  .line = true};
  series[k++] = (il_chart_series){
      .name = after, .count = p->count, .x = p->x, .y = p->after, .colour = 0, .line = true};
  series[k++] = (il_chart_series){
      .name = "shown", .count = n, .x = support, .y = support + n, .colour = 3, .dots = true};
  return k;
}

static int scatter_series(const points *p, const char *after, double *diagonal,
                          il_chart_series *series) {
  diagonal[0] = p->x[0];
  diagonal[1] = p->x[p->count - 1];
  int k = 0;
  series[k++] = (il_chart_series){.name = "as it is",
                                  .count = 2,
                                  .x = diagonal,
                                  .y = diagonal,
                                  .colour = 5,
                                  .thin = true,
                                  .line = true};
  series[k++] = (il_chart_series){.name = "before",
                                  .count = p->count,
                                  .x = p->x,
                                  .y = p->before,
                                  .colour = 1,
                                  .dots = true,
                                  .rings = true};
  series[k++] = (il_chart_series){
      .name = after, .count = p->count, .x = p->x, .y = p->after, .colour = 0, .dots = true};
  return k;
}

static double mean_square(const points *p, const double *said) {
  double sum = 0;
  for (int i = 0; i < p->count; i++) sum += (said[i] - p->y[i]) * (said[i] - p->y[i]);
  return sum / p->count;
}

static void draw_fit(il_page *page, const il_report_run *r, const il_shown *shown, const char *why,
                     int number) {
  il_drawn d;
  points p = {0};
  if (il_drawn_init(r, shown->id, &d) == IL_OK) {
    const bool curve = il_shape_count(d.shape->example) == 1 && d.shape->outputs == 1;
    double *support = malloc(2 * ((size_t)d.shape->support + 1) * sizeof *support), diagonal[2];
    il_figure *f = NULL;
    char title[160], file[32], alt[300];
    if (!support || !sort_points(&p, &d, shown, curve)) {
      il_fail_memory(r->context, "a task");
    } else {
      const double before = mean_square(&p, p.before);
      snprintf(title, sizeof title, "Task %d%s: error %.3g → %.3g", shown->task + 1, why, before,
               shown->figure);
      snprintf(alt, sizeof alt,
               "Chart of a regression task with %d points shown: mean squared error %.3g before "
               "adaptation, %.3g after.",
               d.shape->support, before, shown->figure);
      snprintf(file, sizeof file, "task%d", number);
      f = il_figure_new(r->context, IL_PAGE_FIGURE, title);
    }
    if (f) {
      il_chart_series series[4];
      char after[48];
      snprintf(after, sizeof after, "after %d step%s", r->listener.step[1],
               r->listener.step[1] == 1 ? "" : "s");
      const int count = curve ? curve_series(&p, &d, after, support, series)
                              : scatter_series(&p, after, diagonal, series);
      const double height = il_chart_draw(f, 0,
                                          &(il_chart){.x_axis = curve ? "x" : "what is true",
                                                      .y_axis = curve ? "y" : "what was said",
                                                      .count = count,
                                                      .series = series});
      il_page_figure(page, f, height, file, title, alt);
    }
    free(support);
  }
  free(p.x);
  il_drawn_free(&d);
}

void il_report_fits(il_page *p, const il_report_run *r) {
  const bool several = p->runs > 1;
  const int first = several ? 1 : IL_SHOWN_FIRST, others = several ? 1 : IL_SHOWN_WORST;
  int number = 0;
  il_page_heading(p, "Test tasks");
  il_page_print(p, "<p>What the net said before it had seen the task's own examples, and after "
                   "adapting to them; mean squared errors on the queries. The first tasks were not "
                   "chosen.</p>\n<div class=\"figures\">\n");
  for (int i = 0; i < first; i++)
    if (r->first[i].task >= 0) draw_fit(p, r, &r->first[i], "", ++number);
  il_page_print(p, "</div>\n");
  il_page_heading(p, "What is hard, and what is easy");
  il_page_print(p, "<div class=\"figures\">\n");
  for (int i = 0; i < others; i++)
    if (r->worst[i].task >= 0)
      draw_fit(p, r, &r->worst[i], i ? ", hard" : ", the hardest", ++number);
  for (int i = 0; i < others; i++)
    if (r->best[i].task >= 0) draw_fit(p, r, &r->best[i], i ? ", easy" : ", the easiest", ++number);
  il_page_print(p, "</div>\n");
}
