/* Which classes are taken for which, which are hard and which are easy. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "report/report_run.h"
#include "report/thumb.h"

enum { MATRIX = 20, PAIRS = 8, EXTREMES = 6, EXAMPLES = 5, LISTED = 3000, NAME = 256 };

typedef struct ranked {
  int cls;
  double share; /* of right answers */
  int64_t asked;
} ranked;

/* Of equal shares the one that more queries speak for stands further out. */
static int by_share(const void *left, const void *right) {
  const ranked *a = left, *b = right;
  if (a->share < b->share || a->share > b->share) return a->share < b->share ? -1 : 1;
  if (a->asked != b->asked) return (a->asked > b->asked) == (a->share < 0.5) ? -1 : 1;
  return (a->cls > b->cls) - (a->cls < b->cls);
}

/* Classes that were asked about, the hardest first; malloc'ed. */
static ranked *rank(const il_report_run *r, int *count) {
  const il_confusion *c = &r->confusion;
  ranked *all = malloc(((size_t)c->classes + 1) * sizeof *all);
  *count = 0;
  if (!all) {
    il_fail_memory(r->context, "a list of classes");
    return NULL;
  }
  for (int i = 0; i < c->classes; i++)
    if (c->asked[i])
      all[(*count)++] = (ranked){i, (double)c->right[i] / (double)c->asked[i], c->asked[i]};
  qsort(all, (size_t)*count, sizeof *all, by_share);
  return all;
}

static void draw_examples(const il_report_run *r, il_figure *f, const il_thumbs *t, double x,
                          double y, int cls, int count) {
  const int all = il_dataset_examples(r->dataset, cls / r->turns);
  for (int k = 0; k < count && k < all; k++)
    il_thumb_draw(t, f, x + k * (t->width + 4), y,
                  il_dataset_example(r->dataset, cls / r->turns, k));
}

static void widen(const il_report_run *r, il_thumbs *t, int cls) {
  const int all = il_dataset_examples(r->dataset, cls / r->turns);
  il_thumbs_over(t, all < EXAMPLES ? all : EXAMPLES,
                 il_dataset_example(r->dataset, cls / r->turns, 0));
}

/* ---- the matrix ---- */

static int ascending(const void *a, const void *b) {
  const int x = *(const int *)a, y = *(const int *)b;
  return (x > y) - (x < y);
}

/* All classes where they are few; else those of the pairs that are confused most often. */
static int choose(const ranked *all, int classes, const il_confused *worst, int pairs, int *cls) {
  int n = 0;
  for (int i = 0; i < classes && classes <= MATRIX; i++) cls[n++] = all[i].cls;
  for (int i = 0; i < pairs && classes > MATRIX; i++) {
    int more[2], missing = 0;
    for (int k = 0; k < 2; k++) {
      const int one = k ? worst[i].as : worst[i].of;
      bool there = false;
      for (int j = 0; j < n; j++) there |= cls[j] == one;
      if (!there) more[missing++] = one;
    }
    if (n + missing > MATRIX) break;
    for (int k = 0; k < missing; k++) cls[n++] = more[k];
  }
  qsort(cls, (size_t)n, sizeof *cls, ascending);
  return n;
}

static void draw_matrix(il_page *p, const il_report_run *r, const ranked *all, int classes,
                        const il_confused *worst, int pairs) {
  int cls[MATRIX + 1];
  const int n = choose(all, classes, worst, pairs, cls);
  il_figure *f = n ? il_figure_new(r->context, IL_PAGE_FIGURE, "Confusion matrix") : NULL;
  if (!f) return;
  const double left = 172,
               side = (IL_PAGE_FIGURE - left - 4) / n < 36 ? (IL_PAGE_FIGURE - left - 4) / n : 36,
               top = 40;
  char name[NAME], number[64];
  il_figure_text(f, IL_PAINT_SOFT, 12, false, 0, 0, left, 14, "taken for");
  il_figure_text(f, IL_PAINT_SOFT, 12, false, 1, 0, left - 8, 30, "shown");
  for (int i = 0; i < n; i++) {
    const double y = top + i * side;
    il_report_class_name(r, cls[i], name, sizeof name);
    snprintf(number, sizeof number, "%d", i + 1);
    if (side >= 16 || i % 2 == 0)
      il_figure_text(f, IL_PAINT_SOFT, 11, false, 0.5, 0, left + (i + 0.5) * side, 32, number);
    il_figure_text(f, IL_PAINT_SOFT, 11, false, 1, 0, left - 8, y + side / 2 + 4, number);
    il_figure_text(f, IL_PAINT_INK, 11.5, false, 1, left - 30, left - 28, y + side / 2 + 4, name);
    for (int k = 0; k < n; k++) {
      const il_confused *pair = il_confusion_find(&r->confusion, cls[i], cls[k]);
      const double x = left + k * side;
      if (!pair) continue; /* paper: they never met */
      const double share = (double)pair->taken / (double)pair->met;
      il_figure_box(f, IL_PAINT_GRID, 0.45, x, y, side - 1, side - 1);
      if (pair->taken)
        il_figure_box(f, i == k ? IL_PAINT_SERIES : IL_PAINT_BAD, 0.12 + 0.88 * share, x, y,
                      side - 1, side - 1);
      if (side < 22 || !pair->taken) continue;
      snprintf(number, sizeof number, "%.0f", 100 * share);
      il_figure_text(f, share > 0.55 ? IL_PAINT_PAPER : IL_PAINT_INK, 11, false, 0.5, 0,
                     x + (side - 1) / 2, y + side / 2 + 4, number);
    }
  }
  char caption[300];
  snprintf(caption, sizeof caption,
           "%s: how often, of all times that both were classes of a task, the shown one was taken "
           "for the other. Blue: right; red: wrong; grey: never; empty: they never met.",
           classes > n ? "The most confused of the test classes" : "All test classes");
  snprintf(number, sizeof number, "Confusion matrix of %d of %d classes", n, classes);
  il_page_figure(p, f, top + n * side + 4, "confusion", caption, number);
}

/* ---- pairs ---- */

static void draw_pairs(il_page *p, const il_report_run *r, const il_confused *worst, int pairs) {
  const int n = pairs < PAIRS ? pairs : PAIRS;
  il_thumbs t;
  il_figure *f = il_figure_new(r->context, IL_PAGE_FIGURE, "Taken for each other");
  const il_status status =
      il_thumbs_init(r->context, &t, il_dataset_shape(r->dataset), il_dataset_type(r->dataset));
  for (int i = 0; i < n && status == IL_OK; i++) {
    widen(r, &t, worst[i].of);
    widen(r, &t, worst[i].as);
  }
  const int across = t.shape.rank < 3 ? 1 : 3;
  const double row = t.height + 40, half = IL_PAGE_FIGURE / 2.0 + 12;
  char name[NAME], text[64], alt[512] = "Pairs that were confused most:";
  for (int i = 0; f && i < n && status == IL_OK; i++) {
    const double y = i * row;
    if (i) il_figure_line(f, IL_PAINT_GRID, 1, false, 2, (double[]){0, y, IL_PAGE_FIGURE, y});
    for (int k = 0; k < 2; k++) {
      const int cls = k ? worst[i].as : worst[i].of;
      const double x = k ? half : 0;
      il_report_class_name(r, cls, name, sizeof name);
      il_figure_text(f, IL_PAINT_INK, 12, false, 0, half - 30, x, y + 19, name);
      draw_examples(r, f, &t, x, y + 28, cls, across);
      const size_t at = strlen(alt);
      if (i < 3)
        snprintf(alt + at, sizeof alt - at, "%s%.60s", k ? " taken for " : i ? "; " : " ", name);
    }
    const double x = across * (t.width + 4) + 4;
    snprintf(text, sizeof text, "%lld of %lld →", (long long)worst[i].taken,
             (long long)worst[i].met);
    il_figure_text(f, IL_PAINT_BAD, 12, true, 0, 0, x, y + 28 + t.height / 2 + 4, text);
  }
  if (status == IL_OK && f)
    il_page_figure(p, f, n * row, "pairs",
                   "Shown, and what it was taken for most often: so many of the queries in tasks "
                   "that had both",
                   alt);
  else
    il_figure_free(f);
  il_thumbs_free(&t);
}

/* ---- hard and easy ---- */

static void draw_extreme(il_page *p, const il_report_run *r, const ranked *all, int classes,
                         bool hardest) {
  const int n = classes < 2 * EXTREMES ? classes / 2 : EXTREMES;
  il_thumbs t;
  il_figure *f = n ? il_figure_new(r->context, IL_PAGE_FIGURE,
                                   hardest ? "The hardest classes" : "The easiest classes")
                   : NULL;
  const il_status status =
      il_thumbs_init(r->context, &t, il_dataset_shape(r->dataset), il_dataset_type(r->dataset));
  for (int i = 0; i < n && status == IL_OK; i++)
    widen(r, &t, all[hardest ? i : classes - 1 - i].cls);
  int across = (int)((IL_PAGE_FIGURE - 10) / (t.width + 4));
  if (across > EXAMPLES + 5) across = EXAMPLES + 5;
  const double row = t.height + 30;
  char name[NAME], text[64], alt[512];
  snprintf(alt, sizeof alt, "Examples of the %s classes:", hardest ? "hardest" : "easiest");
  for (int i = 0; f && i < n && status == IL_OK; i++) {
    const ranked *one = &all[hardest ? i : classes - 1 - i];
    const double y = i * row;
    il_report_class_name(r, one->cls, name, sizeof name);
    il_figure_text(f, IL_PAINT_INK, 12, false, 0, IL_PAGE_FIGURE - 130, 0, y + 16, name);
    snprintf(text, sizeof text, "%.1f %% of %lld", 100 * one->share, (long long)one->asked);
    il_figure_text(f, one->share < 1 && hardest ? IL_PAINT_BAD : IL_PAINT_GOOD, 12, true, 1, 0,
                   IL_PAGE_FIGURE - 4, y + 16, text);
    draw_examples(r, f, &t, 0, y + 23, one->cls, across);
    const size_t at = strlen(alt);
    snprintf(alt + at, sizeof alt - at, " %.60s %.1f %%;", name, 100 * one->share);
  }
  if (f && status == IL_OK)
    il_page_figure(p, f, n * row, hardest ? "hard" : "easy",
                   hardest ? "The hardest classes: so many of their queries were answered right"
                           : "The easiest",
                   alt);
  else
    il_figure_free(f);
  il_thumbs_free(&t);
}

/* ---- all of them ---- */

static void list(il_page *p, const il_report_run *r, const ranked *all, int classes,
                 const il_confused *worst, int pairs) {
  const int n = classes < LISTED ? classes : LISTED;
  /* What each class was taken for most: the first pair of the sorted ones that is its. */
  int *first = malloc(((size_t)r->confusion.classes + 1) * sizeof *first);
  if (!first) {
    il_fail_memory(r->context, "a list of classes");
    return;
  }
  for (int i = 0; i < r->confusion.classes; i++) first[i] = -1;
  for (int i = pairs - 1; i >= 0; i--) first[worst[i].of] = i;
  il_page_print(p,
                "<details><summary>All %d classes in figures%s</summary><div class=\"scroll\">"
                "<table class=\"classes\"><caption>Queries of all test tasks, the hardest class "
                "first</caption><thead><tr><th scope=\"col\">class</th><th scope=\"col\" "
                "class=\"n\">right</th><th scope=\"col\" class=\"n\">of</th><th scope=\"col\" "
                "class=\"n\">%%</th><th scope=\"col\">most often taken for</th></tr></thead>"
                "<tbody>\n",
                classes, n < classes ? " (the hardest)" : "");
  char name[NAME];
  for (int i = 0; i < n; i++) {
    const int cls = all[i].cls;
    il_report_class_name(r, cls, name, sizeof name);
    il_page_print(p, "<tr><th scope=\"row\">");
    il_page_text(p, name);
    il_page_print(
        p, "</th><td class=\"n\">%lld</td><td class=\"n\">%lld</td><td class=\"n\">%.1f</td><td>",
        (long long)r->confusion.right[cls], (long long)all[i].asked, 100 * all[i].share);
    if (first[cls] >= 0) {
      const il_confused *w = &worst[first[cls]];
      il_report_class_name(r, w->as, name, sizeof name);
      il_page_text(p, name);
      il_page_print(p, " <span class=\"soft\">(%lld of %lld)</span>", (long long)w->taken,
                    (long long)w->met);
    }
    il_page_print(p, "</td></tr>\n");
  }
  il_page_print(p, "</tbody></table></div></details>\n");
  free(first);
}

void il_report_confusion(il_page *p, const il_report_run *r) {
  int classes = 0, pairs = 0;
  if (!r->dataset) return;
  ranked *all = rank(r, &classes);
  il_confused *worst = all ? il_confusion_worst(&r->confusion, &pairs) : NULL;
  if (worst) {
    char condition[96];
    il_report_condition(&r->evaluation.row[r->row], condition, sizeof condition);
    il_page_heading(p, "What is taken for what");
    if (pairs == 0)
      il_page_print(p, "<p>No query of any test task was answered wrong.</p>\n");
    else {
      il_page_print(p,
                    "<p class=\"soft\">%s%severy query of all %d test tasks.</p>\n<div "
                    "class=\"figures\">\n",
                    condition, *condition ? "; " : "", r->evaluation.tasks);
      draw_matrix(p, r, all, classes, worst, pairs);
      draw_pairs(p, r, worst, pairs);
      il_page_print(p, "</div>\n");
    }
    if (pairs) {
      il_page_heading(p, "What is hard, and what is easy");
      il_page_print(p, "<div class=\"figures\">\n");
      draw_extreme(p, r, all, classes, true);
      draw_extreme(p, r, all, classes, false);
      il_page_print(p, "</div>\n");
    }
    list(p, r, all, classes, worst, pairs);
  }
  free(worst);
  free(all);
}
