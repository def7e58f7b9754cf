/* Curves of training, and figures by inner step under each protocol. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/report_run.h"
#include "train/evaluate.h"

void il_report_curves(il_page *p, const il_report_run *r) {
  const il_curve *c = &r->curve;
  il_page_heading(p, "Training");
  if (!c->count && !c->validations) {
    il_page_print(p, "<p>The run has logged nothing (log.every).</p>\n");
    return;
  }
  il_page_print(p, "<div class=\"figures\">\n");
  char words[400];
  if (il_curve_accurate(c)) {
    il_figure *f = il_figure_new(r->context, IL_PAGE_FIGURE, "Accuracy while it trained");
    int length = snprintf(words, sizeof words, "Chart of accuracy over meta-steps.");
    if (c->validations)
      snprintf(words + length, sizeof words - (size_t)length,
               " Validation goes from %.1f %% at meta-step %.0f to %.1f ± %.1f %% at %.0f.",
               100 * c->value[0], c->at[0], 100 * c->value[c->validations - 1],
               100 * c->interval[c->validations - 1], c->at[c->validations - 1]);
    if (f)
      il_page_figure(p, f, il_curve_draw(c, false, f, 0), "accuracy",
                     !c->accuracies   ? "Accuracy on tasks of classes that neither train nor test"
                     : c->validations ? "Accuracy on training tasks, and on tasks of classes that "
                                        "neither train nor test"
                                      : "Accuracy on training tasks; nothing validated",
                     words);
  }
  il_figure *f = il_figure_new(r->context, IL_PAGE_FIGURE, "Loss while it trained");
  snprintf(words, sizeof words, "Chart of the training loss over meta-steps, from %.4g to %.4g.",
           c->count ? c->loss[0] : 0, c->count ? c->loss[c->count - 1] : 0);
  if (f)
    il_page_figure(p, f, il_curve_draw(c, true, f, 0), "loss",
                   c->supports ? "Loss on queries after adaptation, and on the support set before "
                                 "the last step"
                               : "Loss",
                   words);
  il_page_print(p, "</div>\n");
}

void il_report_condition(const il_evaluation_row *row, char *text, size_t size) {
  char steps[40] = "";
  if (row->steps)
    snprintf(steps, sizeof steps, "after %d inner step%s", row->steps, row->steps == 1 ? "" : "s");
  const bool norms = strcmp(row->protocol, "query") != 0;
  snprintf(text, size, "%s%s%s", steps, *steps && norms ? ", " : "",
           norms ? il_protocol_heading(row->protocol) : "");
}

static void draw_steps(il_page *p, const il_report_run *r, int steps, int protocols) {
  const il_evaluation *e = &r->evaluation;
  double x[IL_EVALUATION_ROWS], y[IL_EVALUATION_ROWS], interval[IL_EVALUATION_ROWS];
  il_chart_series series[4];
  for (int i = 0; i < e->count; i++) {
    x[i] = e->row[i].steps;
    y[i] = e->row[i].mean;
    interval[i] = e->row[i].interval;
  }
  for (int k = 0; k < protocols && k < 4; k++)
    series[k] = (il_chart_series){
        .name = protocols > 1 ? il_protocol_heading(e->row[k * steps].protocol) : NULL,
        .count = steps,
        .x = x + k * steps,
        .y = y + k * steps,
        .interval = interval + k * steps,
        .colour = k,
        .dots = true,
        .rings = k == 1,
        .dashed = k == 2,
        .line = true};
  il_figure *f = il_figure_new(r->context, IL_PAGE_FIGURE,
                               e->squared_error ? "Error by inner step" : "Accuracy by inner step");
  if (!f) return;
  char words[300], before[64], after[64];
  il_page_figure_text(before, sizeof before, e->squared_error, y[0], interval[0]);
  il_page_figure_text(after, sizeof after, e->squared_error, y[steps - 1], interval[steps - 1]);
  snprintf(words, sizeof words,
           "Chart by inner step; %s: %s before, %s after %d steps. The table has all figures.",
           il_protocol_heading(e->row[0].protocol), before, after, (int)x[steps - 1]);
  const double height =
      il_chart_draw(f, 0,
                    &(il_chart){.x_axis = "inner steps",
                                .y_axis = e->squared_error ? "mean squared error" : "accuracy in %",
                                .percent = !e->squared_error,
                                .points_only = true,
                                .count = protocols < 4 ? protocols : 4,
                                .series = series});
  il_page_figure(p, f, height, "steps",
                 e->squared_error ? "Error on queries by inner step, ± 95 % over test tasks"
                                  : "Accuracy on queries by inner step, ± 95 % over test tasks",
                 words);
}

static void cell(il_page *p, const il_report_run *r, const il_evaluation_row *row) {
  const il_evaluation *e = &r->evaluation;
  char text[64];
  il_page_figure_text(text, sizeof text, e->squared_error, row->mean, row->interval);
  il_page_print(p,
                "<td class=\"n%s\" data-run=\"%d\" data-protocol=\"%s\" data-steps=\"%d\" "
                "data-mean=\"%.9g\"",
                row == &e->row[r->row] ? " mine" : "", p->run, row->protocol, row->steps,
                row->mean);
  if (!isnan(row->interval)) il_page_print(p, " data-interval=\"%.9g\"", row->interval);
  il_page_print(p, ">%s</td>", text);
}

static void print_table(il_page *p, const il_report_run *r, int steps, int protocols) {
  const il_evaluation *e = &r->evaluation;
  il_page_print(p,
                "<div class=\"scroll\"><table><caption>%s, %d test tasks%s. In bold: what the "
                "rest of this page is about.</caption>\n<thead><tr><th scope=\"col\" "
                "class=\"n\">inner steps</th>",
                e->squared_error ? "Mean squared error" : "Accuracy in %", e->tasks,
                e->tasks > 1 ? ", ± 95 % interval over tasks" : ", no interval");
  for (int k = 0; k < protocols; k++)
    il_page_print(p, "<th scope=\"col\" class=\"n\">%s</th>",
                  il_protocol_heading(e->row[k * steps].protocol));
  il_page_print(p, "</tr></thead>\n<tbody>\n");
  for (int s = 0; s < steps; s++) {
    il_page_print(p, "<tr><th scope=\"row\" class=\"n\">%d</th>", e->row[s].steps);
    for (int k = 0; k < protocols; k++) cell(p, r, &e->row[k * steps + s]);
    il_page_print(p, "</tr>\n");
  }
  il_page_print(p, "</tbody></table></div>\n");
}

void il_report_steps(il_page *p, const il_report_run *r) {
  const il_evaluation *e = &r->evaluation;
  int steps = 1;
  while (steps < e->count && !strcmp(e->row[steps].protocol, e->row[0].protocol)) steps++;
  const int protocols = e->count / steps;
  il_page_heading(p, e->squared_error ? "How well it predicts" : "How well it recognises");
  il_page_print(p, "<div class=\"figures\">\n");
  if (steps > 1) draw_steps(p, r, steps, protocols);
  il_page_print(p, "<div>\n");
  print_table(p, r, steps, protocols);
  if (protocols > 1)
    il_page_print(
        p, "<p class=\"soft\">The protocols differ in whose statistics the norm layers take when "
           "queries are scored: those of the whole query set (transductive), of the support set, "
           "or of each query alone, as when it is used. Never compare one with another.</p>\n");
  il_page_print(p, "</div></div>\n");
}
