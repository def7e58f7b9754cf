/* Test tasks of classes, drawn: what was shown, what was asked, what was answered; mistakes first. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "report/report_run.h"
#include "report/thumb.h"

enum { SHOTS = 3, WAYS = 10, NAME = 256, LINES = 2, LARGE = 56, HALF = 208 };

/* What is drawn of one class of a task. */
typedef struct way {
  int label, support, queries, wrong;
  int blamed; /* queries of others that were answered so */
} way;

typedef struct drawing {
  const il_report_run *r;
  const il_shown *shown;
  il_drawn drawn;
  il_thumbs t;
  il_figure *f;
  int ways;
  way *way; /* [ways] */
} drawing;

static const void *example(const drawing *d, int set, int index) {
  const size_t bytes = (size_t)il_shape_count(d->t.shape) * il_type_size(d->t.type);
  return (const char *)d->drawn.x[set] + (size_t)index * bytes;
}

static void count_ways(drawing *d) {
  const il_task_shape *s = d->drawn.shape;
  const int32_t *support = d->drawn.y[0], *query = d->drawn.y[1];
  for (int w = 0; w < d->ways; w++) d->way[w].label = w;
  for (int i = 0; i < s->support; i++) d->way[support[i]].support++;
  for (int i = 0; i < s->query; i++) {
    d->way[query[i]].queries++;
    const int answer = d->shown->answer[i];
    d->way[query[i]].wrong += answer != query[i];
    if (answer != query[i] && answer < d->ways) d->way[answer].blamed++;
  }
}

static int by_wrong(const void *left, const void *right) {
  const way *a = left, *b = right;
  if (a->wrong != b->wrong) return a->wrong < b->wrong ? 1 : -1;
  if (a->blamed != b->blamed) return a->blamed < b->blamed ? 1 : -1;
  return (a->label > b->label) - (a->label < b->label);
}

static int by_label(const void *left, const void *right) {
  const way *a = left, *b = right;
  return (a->label > b->label) - (a->label < b->label);
}

static void name_way(const drawing *d, int label, char *text, size_t size) {
  if (d->drawn.cls)
    il_report_class_name(d->r, d->drawn.cls[label], text, size);
  else
    snprintf(text, size, "label %d", label);
}

/* Support examples on a shade, then queries: those answered wrong with what they were taken for, then the right ones. */
static double draw_way(drawing *d, const way *w, double x0, double y, double width) {
  const il_task_shape *s = d->drawn.shape;
  const int32_t *support = d->drawn.y[0], *query = d->drawn.y[1];
  const bool wide = d->t.shape.rank < 3;
  const double across = d->t.width + 6, down = d->t.height + (w->wrong ? 20 : 6);
  const int shots = wide ? 1 : w->support < SHOTS ? w->support : SHOTS;
  char name[NAME], text[NAME + 64];
  name_way(d, w->label, name, sizeof name);
  snprintf(text, sizeof text, "%d  %s", w->label + 1, name);
  const bool narrow = width < IL_PAGE_FIGURE;
  il_figure_text(d->f, IL_PAINT_INK, 12, false, 0, width - (narrow ? 50 : 90), x0, y + 15, text);
  snprintf(text, sizeof text, "%d of %d%s", w->queries - w->wrong, w->queries,
           narrow ? "" : " right");
  il_figure_text(d->f, w->wrong ? IL_PAINT_BAD : IL_PAINT_GOOD, 12, false, 1, 0, x0 + width - 2,
                 y + 15, text);
  y += 23;
  il_figure_box(d->f, IL_PAINT_GRID, 0.8, x0, y - 3, shots * across + 4, d->t.height + 10);
  for (int i = 0, k = 0; i < s->support && k < shots; i++)
    if (support[i] == w->label)
      il_thumb_draw(&d->t, d->f, x0 + 5 + k++ * across, y + 2, example(d, 0, i));
  if (w->support > shots) {
    snprintf(text, sizeof text, "+ %d", w->support - shots);
    il_figure_text(d->f, IL_PAINT_SOFT, 12, false, 0, 0, x0 + 4, y + d->t.height + 20, text);
  }
  const double left = shots * across + 18;
  const int fit = (int)((width - left) / across), room = fit > 1 ? fit : 1;
  const int most = room * LINES;
  int drawn = 0;
  for (int wrong = 1; wrong >= 0; wrong--)
    for (int i = 0; i < s->query; i++) {
      const int answer = d->shown->answer[i];
      if (query[i] != w->label || (answer != w->label) != wrong || drawn == most) continue;
      const double x = x0 + left + drawn % room * across, at = y + 2 + drawn / room * down;
      il_thumb_draw(&d->t, d->f, x, at, example(d, 1, i));
      drawn++;
      if (!wrong) continue;
      il_figure_frame(d->f, IL_PAINT_BAD, 2.5, x - 1, at - 1, d->t.width + 2, d->t.height + 2);
      snprintf(text, sizeof text, "→ %d", answer + 1);
      il_figure_text(d->f, IL_PAINT_BAD, 12, true, 0.5, 0, x + d->t.width / 2,
                     at + d->t.height + 14, text);
    }
  const int lines = drawn ? (drawn + room - 1) / room : 1;
  y += (lines - 1) * down + d->t.height +
       (lines == 1 && w->support > shots ? 26
        : w->wrong                       ? 20
                                         : 10);
  return y + 6;
}

static double draw_ways(drawing *d) {
  const int shown = d->ways < WAYS ? d->ways : WAYS;
  count_ways(d);
  qsort(d->way, (size_t)d->ways, sizeof *d->way, by_wrong);
  qsort(d->way, (size_t)shown, sizeof *d->way, by_label);
  double y = 0;
  const bool halves = d->ways > 5 && d->t.width < HALF / 4; /* two next to each other */
  for (int w = 0; w < shown; w += 1 + halves) {
    const double width = halves ? HALF : IL_PAGE_FIGURE;
    double below = draw_way(d, &d->way[w], 0, y, width);
    if (halves && w + 1 < shown)
      below = fmax(below, draw_way(d, &d->way[w + 1], IL_PAGE_FIGURE - HALF, y, width));
    y = below;
  }
  if (shown < d->ways) {
    char text[80];
    int wrong = 0;
    for (int w = shown; w < d->ways; w++) wrong += d->way[w].wrong;
    snprintf(text, sizeof text, "and %d more classes, with %d mistake%s", d->ways - shown, wrong,
             wrong == 1 ? "" : "s");
    il_figure_text(d->f, IL_PAINT_SOFT, 12, false, 0, 0, 0, y + 12, text);
    y += 20;
  }
  return y;
}

/* Pictures fill the width where they are few. */
static void enlarge(il_thumbs *t, const il_task_shape *s) {
  const int shots = s->shots < SHOTS ? s->shots : SHOTS, cells = shots + s->queries;
  if (t->shape.rank < 3 || s->shots < 1) return;
  double width = ((s->ways > 5 && cells <= 4 ? HALF : IL_PAGE_FIGURE) - 22) / (double)cells - 6;
  width = fmin(width, s->ways > 5 ? HALF / 4 - 1 : LARGE);
  if (width <= t->width) return;
  t->height *= width / t->width;
  t->width = width;
}

static void draw_task(il_page *p, const il_report_run *r, const il_shown *shown, const char *why,
                      int number) {
  drawing d = {.r = r, .shown = shown};
  char title[160], file[32], alt[300];
  snprintf(title, sizeof title, "Task %d%s: %.1f %% right", shown->task + 1, why,
           100 * shown->figure);
  snprintf(file, sizeof file, "task%d", number);
  il_status status = il_drawn_init(r, shown->id, &d.drawn);
  if (status == IL_OK) {
    const il_task_shape *s = d.drawn.shape;
    d.ways = s->ways;
    d.way = calloc((size_t)d.ways + 1, sizeof *d.way);
    d.f = il_figure_new(r->context, IL_PAGE_FIGURE, title);
    status = il_thumbs_init(r->context, &d.t, s->example, s->x == IL_UINT8 ? IL_UINT8 : IL_FLOAT32);
    if (!d.way) status = il_fail_memory(r->context, "a task");
    if (status == IL_OK && d.f) {
      enlarge(&d.t, s);
      il_thumbs_over(&d.t, s->support, d.drawn.x[0]);
      il_thumbs_over(&d.t, s->query, d.drawn.x[1]);
      const double height = draw_ways(&d);
      int wrong = 0;
      for (int w = 0; w < d.ways; w++) wrong += d.way[w].wrong;
      snprintf(alt, sizeof alt,
               "A test task of %d classes: support examples, then queries; %d of %d queries were "
               "answered wrong.",
               d.ways, wrong, s->query);
      il_page_figure(p, d.f, height, file, title, alt);
      d.f = NULL;
    }
  }
  il_figure_free(d.f);
  il_thumbs_free(&d.t);
  free(d.way);
  il_drawn_free(&d.drawn);
}

void il_report_tasks(il_page *p, const il_report_run *r) {
  if (r->evaluation.squared_error) {
    il_report_fits(p, r);
    return;
  }
  const int first = p->runs > 1 ? 1 : IL_SHOWN_FIRST, worst = p->runs > 1 ? 1 : IL_SHOWN_WORST;
  char condition[96];
  il_report_condition(&r->evaluation.row[r->row], condition, sizeof condition);
  il_page_heading(p, "Test tasks");
  il_page_print(p,
                "<p>On a shade what the learner was shown of each class, then what it was asked: "
                "first what it got wrong, with the number of the class that it answered%s%s%s. The "
                "first tasks were not chosen; the hardest have most mistakes.</p>\n<div "
                "class=\"figures\">\n",
                *condition ? " (" : "", condition, *condition ? ")" : "");
  int number = 0;
  for (int i = 0; i < first; i++)
    if (r->first[i].task >= 0) draw_task(p, r, &r->first[i], "", ++number);
  for (int i = 0; i < worst; i++)
    if (r->worst[i].task >= 0 && r->worst[i].figure < 1)
      draw_task(p, r, &r->worst[i], i ? ", hard" : ", the hardest of the others", ++number);
  il_page_print(p, "</div>\n");
}
