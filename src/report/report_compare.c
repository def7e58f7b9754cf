/* Several runs in one table and two charts; runs that differ in their seed alone also by mean and spread. */
#include "report/report_compare.h"

#include <innerloop/study.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "config/config.h"

char *il_report_name(il_context *context, const char *path) {
  size_t length = strlen(path);
  while (length > 1 && path[length - 1] == '/') length--;
  size_t from = length;
  while (from > 0 && path[from - 1] != '/') from--;
  char *name = strndup(path + from, length - from);
  if (!name) il_fail_memory(context, "a name");
  return name;
}

il_status il_report_summarize(il_report_run *r, il_report_summary *s) {
  *s = (il_report_summary){.algorithm = r->opened.method.algorithm->name,
                           .name = il_report_name(r->context, r->path),
                           .evaluation = r->evaluation,
                           .row = r->row,
                           .curve = r->curve};
  r->curve = (il_curve){0};
  snprintf(s->seed, sizeof s->seed, "%s", il_config_get(r->opened.run, "seed"));
  char *text = il_config_dump(r->opened.run);
  il_config *same = text ? il_config_parse(r->context, r->path, text) : NULL;
  free(text);
  text = same && il_config_set(same, "seed=0") == IL_OK ? il_config_dump(same) : NULL;
  il_config_free(same);
  if (text && asprintf(&s->method, "%lld\n%s", (long long)r->opened.trained, text) < 0)
    s->method = NULL;
  free(text);
  if (s->name && s->method) return IL_OK;
  return il_fail_memory(r->context, "a summary of a run");
}

void il_report_summary_free(il_report_summary *s) {
  free(s->name);
  free(s->method);
  il_curve_free(&s->curve);
  *s = (il_report_summary){0};
}

static const il_evaluation_row *figure(const il_report_summary *s) {
  return &s->evaluation.row[s->row];
}

static void print_row(il_page *p, int number, const il_report_summary *s) {
  char text[64];
  const il_evaluation_row *row = figure(s);
  il_page_figure_text(text, sizeof text, s->evaluation.squared_error, row->mean, row->interval);
  il_page_print(p, "<tr><th scope=\"row\"><a href=\"#run-%d\">", number);
  il_page_text(p, s->name);
  il_page_print(p, "</a></th><td>%s</td><td class=\"n\">%s</td><td class=\"n\">%lld</td>",
                s->algorithm, s->seed, (long long)s->evaluation.trained);
  il_page_print(p, "<td class=\"n\">%s</td></tr>\n", text);
}

/* How and on what a run was measured, said once for all runs of which it is true. */
static void print_measured(il_page *p, int runs, const il_report_summary *s) {
  il_page_print(p, "<ul>\n");
  for (int i = 0; i < runs; i++) {
    char condition[2][96];
    il_report_condition(figure(&s[i]), condition[0], sizeof condition[0]);
    bool said = false, all = true;
    for (int k = 0; k < runs; k++) {
      il_report_condition(figure(&s[k]), condition[1], sizeof condition[1]);
      const bool same = !strcmp(condition[0], condition[1]) &&
                        !strcmp(s[i].evaluation.tested, s[k].evaluation.tested);
      said |= same && k < i;
      all = all && same;
    }
    if (said) continue;
    il_page_print(p, "<li>");
    il_page_text(p, all ? "All runs" : s[i].name);
    for (int k = i + 1; k < runs && !all; k++) {
      il_report_condition(figure(&s[k]), condition[1], sizeof condition[1]);
      if (strcmp(condition[0], condition[1]) != 0 ||
          strcmp(s[i].evaluation.tested, s[k].evaluation.tested) != 0)
        continue;
      il_page_print(p, ", ");
      il_page_text(p, s[k].name);
    }
    il_page_print(p, ": %s%s", condition[0], *condition[0] ? "; " : "");
    il_page_text(p, s[i].evaluation.tested);
    il_page_print(p, ".</li>\n");
  }
  il_page_print(p, "</ul>\n");
}

/* Figures of the runs that have the method of run `first`, where it is the first of them; how many. */
static int collect(int runs, const il_report_summary *s, int first, double *value, double *tasks) {
  int count = 0;
  *tasks = 0;
  for (int i = 0; i < runs; i++) {
    if (strcmp(s[i].method, s[first].method) != 0) continue;
    if (i < first) return 0;
    const il_evaluation_row *row = figure(&s[i]);
    value[count++] = row->mean;
    *tasks += isnan(row->interval) ? 0 : row->interval;
  }
  if (count) *tasks /= count;
  return count;
}

static void print_group(il_page *p, int count, const double *value, double tasks,
                        const il_report_summary *first) {
  double mean, interval, squares = 0;
  il_interval(count, value, &mean, &interval);
  for (int i = 0; i < count; i++) squares += (value[i] - mean) * (value[i] - mean);
  const bool error = first->evaluation.squared_error;
  const double factor = error ? 1 : 100, deviation = sqrt(squares / (count - 1));
  const int places = error ? 3 : 2;
  il_page_print(p,
                "<tr data-seeds=\"%d\" data-mean=\"%.9g\" data-deviation=\"%.9g\"><th "
                "scope=\"row\">",
                count, mean, deviation);
  il_page_text(p, first->name);
  il_page_print(p,
                " and %d more</th><td class=\"n\">%.*f ± %.*f</td><td class=\"n\">%.*f</td><td "
                "class=\"n\">± %.*f</td></tr>\n",
                count - 1, places, factor * mean, places, factor * interval, places,
                factor * deviation, places, factor * tasks);
}

/* Runs that differ in their seed alone. */
static void print_groups(il_page *p, int runs, const il_report_summary *s) {
  double value[IL_REPORT_RUNS], tasks;
  bool any = false;
  for (int i = 0; i < runs; i++) any |= collect(runs, s, i, value, &tasks) > 1;
  if (!any) return;
  il_page_print(p,
                "<div class=\"scroll\"><table><caption>Over seeds: runs that differ in their seed "
                "alone</caption>\n<thead><tr><th scope=\"col\">runs</th><th scope=\"col\" "
                "class=\"n\">mean ± 95 %% over seeds</th><th scope=\"col\" class=\"n\">standard "
                "deviation between seeds</th><th scope=\"col\" class=\"n\">over tasks, each "
                "run</th></tr></thead>\n<tbody>\n");
  for (int i = 0; i < runs; i++) {
    const int count = collect(runs, s, i, value, &tasks);
    if (count > 1) print_group(p, count, value, tasks, &s[i]);
  }
  il_page_print(p, "</tbody></table></div>\n<p class=\"soft\">The interval over tasks says how "
                   "precisely one trained model was measured; the one over seeds (Student's t) how "
                   "much training itself varies.</p>\n");
}

static void draw_validation(il_page *p, int runs, const il_report_summary *s) {
  il_chart_series series[IL_REPORT_RUNS];
  const bool error = s[0].evaluation.squared_error;
  int n = 0;
  for (int i = 0; i < runs; i++)
    if (s[i].curve.validations)
      series[n++] = (il_chart_series){.name = s[i].name,
                                      .count = s[i].curve.validations,
                                      .x = s[i].curve.at,
                                      .y = s[i].curve.value,
                                      .interval = s[i].curve.interval,
                                      .colour = i,
                                      .dots = true,
                                      .rings = i / 6 % 2 == 1,
                                      .dashed = i % 2 == 1,
                                      .line = true};
  il_figure *f = n ? il_figure_new(p->context, IL_PAGE_FIGURE, "Validation of all runs") : NULL;
  if (!f) return;
  const double height =
      il_chart_draw(f, 0,
                    &(il_chart){.x_axis = "meta-step",
                                .y_axis = error ? "mean squared error" : "accuracy in %",
                                .percent = !error,
                                .count = n,
                                .series = series});
  il_page_figure(p, f, height, "runs-validation", "Validation while they trained",
                 "Chart of validation over meta-steps, a line for each run.");
}

/* Under the protocol that each was trained for. */
static void draw_steps(il_page *p, int runs, const il_report_summary *s) {
  il_chart_series series[IL_REPORT_RUNS];
  double *room = malloc(3 * sizeof *room * (size_t)runs * IL_EVALUATION_ROWS), *at = room;
  const bool error = s[0].evaluation.squared_error;
  int most = 1;
  for (int i = 0; room && i < runs; i++) {
    const il_evaluation *e = &s[i].evaluation;
    double *x = at, *y = at + IL_EVALUATION_ROWS, *interval = y + IL_EVALUATION_ROWS;
    int n = 0;
    for (int k = 0; k < e->count; k++) {
      if (strcmp(e->row[k].protocol, figure(&s[i])->protocol) != 0) continue;
      x[n] = e->row[k].steps;
      y[n] = e->row[k].mean;
      interval[n++] = e->row[k].interval;
    }
    at += 3 * IL_EVALUATION_ROWS;
    most = n > most ? n : most;
    series[i] = (il_chart_series){.name = s[i].name,
                                  .count = n,
                                  .x = x,
                                  .y = y,
                                  .interval = interval,
                                  .colour = i,
                                  .dots = true,
                                  .rings = i / 6 % 2 == 1,
                                  .dashed = i % 2 == 1,
                                  .line = true};
  }
  il_figure *f =
      room && most > 1 ? il_figure_new(p->context, IL_PAGE_FIGURE, "All runs by inner step") : NULL;
  if (!room) il_fail_memory(p->context, "a chart");
  if (f) {
    const double height =
        il_chart_draw(f, 0,
                      &(il_chart){.x_axis = "inner steps",
                                  .y_axis = error ? "mean squared error" : "accuracy in %",
                                  .percent = !error,
                                  .count = runs,
                                  .series = series});
    il_page_figure(p, f, height, "runs-steps",
                   "On test tasks by inner step, each under the protocol that it was trained for",
                   "Chart of the figures on test tasks by inner step, a line for each run.");
  }
  free(room);
}

void il_report_compare(il_page *p, int runs, const il_report_summary *s) {
  const bool error = s[0].evaluation.squared_error;
  il_page_print(p,
                "<h2>Side by side</h2>\n<div class=\"scroll\"><table><caption>%s on test tasks, "
                "± 95 %% interval over tasks</caption>\n<thead><tr><th scope=\"col\">run</th>"
                "<th scope=\"col\">algorithm</th><th scope=\"col\" class=\"n\">seed</th><th "
                "scope=\"col\" class=\"n\">meta-steps</th><th scope=\"col\" class=\"n\">%s</th>"
                "</tr></thead>\n<tbody>\n",
                error ? "Mean squared error" : "Accuracy in %", error ? "error" : "accuracy");
  for (int i = 0; i < runs; i++) print_row(p, i + 1, &s[i]);
  il_page_print(p, "</tbody></table></div>\n");
  print_groups(p, runs, s);
  print_measured(p, runs, s);
  il_page_print(p, "<div class=\"figures\">\n");
  draw_validation(p, runs, s);
  draw_steps(p, runs, s);
  il_page_print(p, "</div>\n");
}
