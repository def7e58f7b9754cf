/* A run opened and evaluated for a report, and what is kept of its answers. */
#include "report/report_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "config/config_method.h"
#include "data/episode.h"

static double score_at(const il_answers *a, const void *scores, size_t at) {
  return a->real == IL_FLOAT32 ? (double)((const float *)scores)[at] : ((const double *)scores)[at];
}

static int answer_of(const il_answers *a, size_t query) {
  const size_t from = query * (size_t)a->outputs;
  int best = 0;
  for (int k = 1; k < a->outputs; k++)
    if (score_at(a, a->scores[1], from + (size_t)k) >
        score_at(a, a->scores[1], from + (size_t)best))
      best = k;
  return best;
}

/* ---- which tasks are kept ---- */

static il_status keep(il_report_run *r, il_shown *s, const il_answers *a, double figure) {
  const size_t queries = (size_t)a->shape->query, numbers = queries * (size_t)a->outputs;
  *s = (il_shown){.task = a->task, .id = a->id, .figure = figure};
  if (!a->shape->targets) {
    if (!(s->answer = malloc((queries + 1) * sizeof *s->answer)))
      return il_fail_memory(r->context, "the answers of a task");
    for (size_t q = 0; q < queries; q++) s->answer[q] = answer_of(a, q);
    return IL_OK;
  }
  for (int side = 0; side < 2; side++) {
    if (!(s->fits[side] = malloc((numbers + 1) * sizeof *s->fits[side])))
      return il_fail_memory(r->context, "the answers of a task");
    for (size_t i = 0; i < numbers; i++) s->fits[side][i] = (float)score_at(a, a->scores[side], i);
  }
  return IL_OK;
}

static void drop(il_shown *s) {
  free(s->answer);
  free(s->fits[0]);
  free(s->fits[1]);
  *s = (il_shown){.task = -1};
}

/* Into a list that is sorted by how bad the figures are (or how good), the earlier of equal ones first. */
static il_status insert(il_report_run *r, int count, il_shown *list, const il_answers *a,
                        double figure, bool larger) {
  int at = count;
  while (at > 0 && (list[at - 1].task < 0 ||
                    (larger ? figure > list[at - 1].figure : figure < list[at - 1].figure)))
    at--;
  if (at == count) return IL_OK;
  drop(&list[count - 1]);
  memmove(list + at + 1, list + at, (size_t)(count - 1 - at) * sizeof *list);
  list[at] = (il_shown){.task = -1};
  return keep(r, &list[at], a, figure);
}

/* ---- hearing the answers ---- */

static il_status hear_classes(il_report_run *r, const il_answers *a, double *figure) {
  const int32_t *label = a->query_y;
  int right = 0;
  if (r->sampler) il_report_classes(r, a->id, r->cls);
  il_status status = IL_OK;
  for (int q = 0; q < a->shape->query && status == IL_OK; q++) {
    const int answer = answer_of(a, (size_t)q);
    right += answer == label[q];
    if (r->sampler)
      status = il_confusion_add(&r->confusion, a->shape->ways, r->cls, label[q], answer);
  }
  *figure = (double)right / a->shape->query;
  return status;
}

static double error_of(const il_answers *a) {
  const size_t numbers = (size_t)a->shape->query * (size_t)a->outputs;
  double sum = 0;
  for (size_t i = 0; i < numbers; i++) {
    const double d = score_at(a, a->scores[1], i) - score_at(a, a->query_y, i);
    sum += d * d;
  }
  return sum / (double)numbers;
}

static il_status hear(void *user, const il_answers *a) {
  il_report_run *r = user;
  const bool targets = a->shape->targets;
  double figure = 0;
  il_status status = IL_OK;
  if (targets)
    figure = error_of(a);
  else
    status = hear_classes(r, a, &figure);
  if (status == IL_OK && a->task < IL_SHOWN_FIRST) return keep(r, &r->first[a->task], a, figure);
  if (status == IL_OK) status = insert(r, IL_SHOWN_WORST, r->worst, a, figure, targets);
  if (status == IL_OK && targets) status = insert(r, IL_SHOWN_BEST, r->best, a, figure, false);
  return status;
}

/* ---- a run ---- */

/* The steps that the learner was trained with, or the most below that are measured. */
static void choose_steps(il_report_run *r) {
  int step[IL_CONFIG_EVAL_STEPS], after = 0;
  const int steps = il_config_eval_steps(r->opened.config, step);
  const il_method *m = &r->opened.method;
  for (int i = 0; i < steps; i++)
    if (i == 0 || step[i] <= m->inner.steps) after = step[i];
  const bool adapts = m->algorithm->step != NULL;
  r->listener = (il_listener){.protocol = m->statistics,
                              .step = {adapts ? step[0] : 0, adapts ? after : 0},
                              .hear = hear,
                              .user = r};
}

static void find_row(il_report_run *r) {
  const char *protocol = il_protocol_name(r->listener.protocol);
  for (int i = 0; i < r->evaluation.count; i++) {
    const il_evaluation_row *row = &r->evaluation.row[i];
    const bool same = !strcmp(row->protocol, "query") || !strcmp(row->protocol, protocol);
    if (same && row->steps == r->listener.step[1]) r->row = i;
  }
}

static il_status prepare_classes(il_report_run *r) {
  const il_tasks *tasks = r->opened.tasks;
  r->sampler = tasks->source->sampler ? tasks->source->sampler(tasks->data, IL_TEST) : NULL;
  if (r->sampler && r->sampler->options.fused > 1) r->sampler = NULL; /* a way has no one name */
  if (!r->sampler) return IL_OK;
  r->dataset = r->sampler->dataset;
  const il_episode_options *o = &r->sampler->options;
  r->turns = o->rotations == IL_ROTATIONS_CLASSES && o->rotate_test ? 4 : 1;
  r->episode = malloc(il_sampler_episode_size(r->sampler) + 1);
  r->cls = malloc(((size_t)o->ways + 1) * sizeof *r->cls);
  if (!r->episode || !r->cls) return il_fail_memory(r->context, "an episode");
  return il_confusion_init(r->context, &r->confusion, il_dataset_classes(r->dataset) * r->turns);
}

void il_report_classes(const il_report_run *r, il_task_id id, int *cls) {
  il_episode episode;
  if (!r->sampler) return;
  il_sampler_draw(r->sampler, id.split, id.index, r->episode, &episode);
  for (int w = 0; w < episode.ways; w++)
    cls[w] = episode.cls[w] * r->turns + (r->turns > 1 ? episode.rotation[w] : 0);
}

void il_report_class_name(const il_report_run *r, int cls, char *text, size_t size) {
  const char *name = il_dataset_class_name(r->dataset, cls / r->turns);
  const int turn = cls % r->turns;
  if (turn)
    snprintf(text, size, "%s, turned %d°", name, 90 * turn);
  else
    snprintf(text, size, "%s", name);
}

il_status il_report_run_init(il_context *context, il_report_run *r, const char *path,
                             const il_report_options *options) {
  *r = (il_report_run){.context = context, .path = path, .options = options};
  for (int i = 0; i < IL_SHOWN_FIRST; i++) r->first[i].task = -1;
  for (int i = 0; i < IL_SHOWN_WORST; i++) r->worst[i].task = -1;
  for (int i = 0; i < IL_SHOWN_BEST; i++) r->best[i].task = -1;
  il_status status = il_opened_init(context, &r->opened, path, &options->evaluate);
  if (status == IL_OK) status = il_curve_read(context, path, &r->curve);
  if (status == IL_OK) status = prepare_classes(r);
  if (status != IL_OK) return status;
  choose_steps(r);
  status = il_evaluate_opened(context, &r->opened, NULL, &r->listener, options->evaluate.team, NULL,
                              &r->evaluation);
  if (status == IL_OK) find_row(r);
  return status;
}

void il_report_run_free(il_report_run *r) {
  for (int i = 0; i < IL_SHOWN_FIRST; i++) drop(&r->first[i]);
  for (int i = 0; i < IL_SHOWN_WORST; i++) drop(&r->worst[i]);
  for (int i = 0; i < IL_SHOWN_BEST; i++) drop(&r->best[i]);
  il_confusion_free(&r->confusion);
  free(r->episode);
  free(r->cls);
  il_curve_free(&r->curve);
  il_opened_free(&r->opened);
}

/* ---- a task drawn again ---- */

il_status il_drawn_init(const il_report_run *r, il_task_id id, il_drawn *d) {
  const il_task_shape *s = il_tasks_shape(r->opened.tasks, id.split, id.variant);
  const int n[2] = {s->support, s->query};
  *d = (il_drawn){.shape = s};
  bool made = true;
  for (int set = 0; set < 2; set++) {
    const size_t rows = (size_t)n[set],
                 x = (size_t)il_shape_count(s->example) * (s->x == IL_UINT8 ? 1 : sizeof(float)),
                 y = s->targets ? (size_t)s->outputs * sizeof(float) : sizeof(int32_t);
    d->x[set] = calloc(rows + 1, x);
    d->y[set] = calloc(rows + 1, y);
    made = made && d->x[set] && d->y[set];
  }
  if (r->sampler) made = (d->cls = calloc((size_t)s->ways + 1, sizeof *d->cls)) && made;
  if (!made) return il_fail_memory(r->context, "a task");
  if (r->sampler) il_report_classes(r, id, d->cls);
  const il_task_memory memory = {.x = {d->x[0], d->x[1]}, .y = {d->y[0], d->y[1]}};
  return il_tasks_draw(r->opened.tasks, id, 1, &memory);
}

void il_drawn_free(il_drawn *d) {
  for (int set = 0; set < 2; set++) {
    free(d->x[set]);
    free(d->y[set]);
  }
  free(d->cls);
  *d = (il_drawn){0};
}
