/* Evaluation of a learner on tasks of a split. */
#include "train/evaluate.h"

#include <stdlib.h>

#include "base/statistics.h"
#include "nn/net.h"
#include "ranks/ranks.h"
#include "run/function.h"
#include "train/patience.h"

enum { CHUNK = 32, MOST_PROTOCOLS = 4, MOST_MEMBERS = IL_KEPT_MOST };

static il_value measure(il_evaluator *e, il_build *b, il_value scores) {
  if (e->squared_error) return il_mean_squared_error(b->g, scores, b->task.query_y);
  return il_accuracy(b->g, scores, b->task.query_y);
}

static const char *const scores_name[2] = {"scores before", "scores after"};

/* Scores are an output of their own for who listens; they are the values that the figures come from. */
static void listen(const il_evaluator *e, il_evaluator_form *f, il_graph *g, int column,
                   il_value scores) {
  const il_listener *l = e->listener;
  if (!l || (e->norms && e->protocol[column] != l->protocol)) return;
  for (int i = 0; i < 2; i++)
    if (l->step[i] == e->steps[column] && (i == 0 || l->step[1] != l->step[0])) {
      const il_shape shape = il_value_shape(g, scores);
      f->outputs = shape.rank == 2 ? (int)shape.dim[1] : 1;
      il_output(g, scores_name[i], scores);
    }
}

static il_graph *build(il_evaluator *e, il_evaluator_form *f, const il_method *m,
                       const il_learned *learner, const il_task_shape *shape, il_task_needs needs,
                       int protocols, const il_query_statistics *protocol, int steps,
                       const int *step) {
  il_graph *g = il_graph_new(e->context, m->real);
  if (!g) return NULL;
  il_build b[MOST_MEMBERS];
  int members = 0;
  for (const il_learned *l = learner; l && members < MOST_MEMBERS; l = l->next, members++) {
    b[members] = il_learned_build_member(l, members, m, g, shape);
    b[members].training = false;
    b[members].inner.steps = step[steps - 1];
    if (members == 0)
      il_task_inputs(g, shape, needs, &b[0].task);
    else
      b[members].task = b[0].task;
  }
  il_value column[IL_EVALUATOR_COLUMNS] = {0}, score[IL_EVALUATOR_COLUMNS] = {0};
  il_values state[MOST_MEMBERS][MOST_PROTOCOLS] = {0};
  int done = 0;
  for (int s = 0; s < steps; s++) {
    for (int p = 0; p < protocols; p++) {
      const int c = p * steps + s;
      /* What does not depend on the protocol is the same value each time, and computed once. */
      il_value scores = {0};
      for (int i = 0; i < members; i++) {
        b[i].statistics = protocol[p];
        if (s == 0) il_build_begin(&b[i], &state[i][p]);
        il_build_adapt(&b[i], &state[i][p], done, step[s]);
        const il_values ended = il_build_end(&b[i], &state[i][p]);
        const il_value own = il_build_query(&b[i], &ended, step[s]);
        scores = i ? il_add(g, scores, own) : own;
      }
      if (members > 1) scores = il_scale(g, scores, 1.0 / members);
      e->steps[c] = step[s];
      e->protocol[c] = protocol[p];
      column[c] = measure(e, &b[0], scores);
      score[c] = scores;
    }
    done = step[s];
  }
  e->columns = protocols * steps;
  for (int c = 0; c < e->columns; c++) {
    char name[64];
    snprintf(name, sizeof name, "protocol %d, %d steps", (int)e->protocol[c], e->steps[c]);
    il_output(g, name, column[c]);
  }
  for (int c = 0; c < e->columns; c++) listen(e, f, g, c, score[c]);
  return g;
}

static il_status prepare(il_evaluator *e, il_evaluator_form *f, il_learned *learner, int chunk) {
  f->run = il_run_new(e->context, f->function, e->team, chunk);
  f->figures = calloc((size_t)e->columns * (size_t)chunk, sizeof(double));
  if (!f->run || !f->figures) return il_fail_memory(e->context, "an evaluation");
  for (int i = 0; i < IL_BATCH_INPUTS; i++)
    il_run_input(f->run, il_function_input(f->function, il_batch_input_name[i]), f->batch.input[i]);
  const size_t stride = (size_t)chunk * il_type_size(f->batch.real);
  for (int c = 0; c < e->columns; c++)
    il_run_output(f->run, c, (char *)f->figures + (size_t)c * stride);
  for (int i = 0; i < 2; i++) {
    const int place = il_function_output(f->function, scores_name[i]);
    if (place < 0) continue;
    f->scores[i] = calloc((size_t)chunk * (size_t)f->batch.shape.query * (size_t)f->outputs + 1,
                          il_type_size(f->batch.real));
    if (!f->scores[i]) return il_fail_memory(e->context, "the answers of tasks");
    il_run_output(f->run, place, f->scores[i]);
  }
  return il_learned_bind(learner, f->run);
}

/* A head scores so many classes, or gives so many numbers. */
static il_status check_outputs(const il_evaluator *e, const il_method *m, const il_tasks *tasks,
                               il_split split) {
  const int outputs = il_tasks_shape(tasks, split, 0)->outputs;
  for (int v = 1; v < e->forms && !m->algorithm->own_head; v++) {
    const int other = il_tasks_shape(tasks, split, v)->outputs;
    if (other != outputs)
      return il_fail(e->context, IL_ERROR_DATA,
                     "source %s: %s tasks have %d and %d outputs, but %s has a head for one number "
                     "of them",
                     tasks->source->name, il_split_name(split), outputs, other, m->algorithm->name);
  }
  return IL_OK;
}

static void share_room(il_evaluator *e) {
  int most = 0;
  for (int v = 1; v < e->forms; v++)
    if (il_run_bytes(e->form[v].run) > il_run_bytes(e->form[most].run)) most = v;
  for (int v = 0; v < e->forms; v++)
    if (v != most) il_run_lend(e->form[most].run, e->form[v].run);
}

il_status il_evaluator_init(il_context *context, il_evaluator *e, const il_method *m,
                            il_learned *learner, const il_tasks *tasks, il_split split,
                            int protocols, const il_query_statistics *protocol, int steps,
                            const int *step, int most, il_team *team, const il_listener *listener) {
  static const il_query_statistics only[] = {IL_QUERY_STATISTICS_QUERY};
  static const int none[] = {0};
  const int forms = il_tasks_variants(tasks, split);
  *e = (il_evaluator){.context = context,
                      .team = team,
                      .squared_error =
                          il_tasks_shape(tasks, split, 0)->loss == IL_LOSS_MEAN_SQUARED_ERROR,
                      .norms = il_net_norms(learner->net) > 0,
                      .tasks = tasks,
                      .listener = listener,
                      .forms = forms,
                      .form = calloc((size_t)forms + 1, sizeof *e->form)};
  if (!e->norms) {
    protocols = 1;
    protocol = only;
  }
  if (!m->algorithm->step) {
    steps = 1;
    step = none;
  }
  il_status status =
      e->form ? check_outputs(e, m, tasks, split) : il_fail_memory(context, "an evaluation");
  int count[IL_TASK_VARIANTS];
  il_tasks_divide(tasks, split, most, count);
  il_function_options options = m->function;
  options.plan.tasks = 0;
  for (int v = 0; v < forms && status == IL_OK; v++) {
    const int chunk = count[v] < 1 ? 1 : count[v] < CHUNK ? count[v] : CHUNK;
    const il_task_shape *shape = il_tasks_shape(tasks, split, v);
    const il_task_needs needs = il_method_needs(m, learner->net, shape, step[steps - 1], false);
    il_evaluator_form *f = &e->form[v];
    f->function = il_function_new(
        build(e, f, m, learner, shape, needs, protocols, protocol, steps, step), &options);
    status = il_context_status(context);
    if (status == IL_OK)
      status =
          il_batch_init(&f->batch, tasks, split, v, m->real, needs, chunk, il_team_threads(team));
    if (status == IL_OK) status = prepare(e, f, learner, chunk);
  }
  if (status == IL_OK && forms)
    share_room(e);
  else
    il_evaluator_free(e);
  return status;
}

void il_evaluator_free(il_evaluator *e) {
  for (int v = 0; e->form && v < e->forms; v++) {
    il_evaluator_form *f = &e->form[v];
    free(f->figures);
    for (int i = 0; i < 2; i++) free(f->scores[i]);
    il_run_free(f->run);
    il_batch_free(&f->batch);
    il_function_free(f->function);
  }
  free(e->form);
  *e = (il_evaluator){0};
}

int il_evaluator_tasks(const il_tasks *tasks, il_split split, int asked) {
  const int64_t count = il_tasks_count(tasks, split);
  return count < 0 || count > asked ? asked : (int)count;
}

/* The answers of the first `count` tasks of a batch, of which `first` is the first. */
static il_status tell(const il_evaluator *e, const il_evaluator_form *f, il_split split, int before,
                      int first, int count) {
  const il_batch *b = &f->batch;
  const size_t size = (size_t)b->shape.query * (size_t)f->outputs * il_type_size(b->real);
  const void *after = f->scores[1] ? f->scores[1] : f->scores[0];
  il_status status = IL_OK;
  for (int t = 0; t < count && status == IL_OK; t++) {
    const size_t at = (size_t)t;
    const il_answers answers = {
        .task = before + first + t,
        .id = {split, b->variant, (uint64_t)(first + t)},
        .shape = &b->shape,
        .real = b->real,
        .outputs = f->outputs,
        .query_y = (const char *)b->input[3] + at * b->size[3],
        .scores = {(const char *)f->scores[0] + at * size, (const char *)after + at * size}};
    status = e->listener->hear(e->listener->user, &answers);
  }
  return status;
}

/* The first task of this rank, or of the one `after` it. */
static int begin_of(const il_evaluator *e, int tasks, int after) {
  return e->ranks ? (int)((int64_t)tasks * (e->ranks->rank + after) / e->ranks->size)
                  : after * tasks;
}

/* The ranks' figures, where each had no error. */
static il_status gather(const il_evaluator *e, int tasks, double *value) {
  const il_ranks *ranks = e->ranks;
  size_t *begin = calloc((size_t)ranks->size + 1, sizeof *begin);
  if (!begin) il_fail_memory(e->context, "an evaluation");
  il_status status = il_ranks_agree(e->context, ranks);
  for (int r = 0; r <= ranks->size && status == IL_OK; r++)
    begin[r] = (size_t)((int64_t)tasks * r / ranks->size) * (size_t)e->columns * sizeof *value;
  if (status == IL_OK) status = il_ranks_gather(e->context, ranks, value, begin);
  free(begin);
  return status;
}

/* value: [tasks][columns] of this shape; before: tasks of the shapes before it. */
static il_status run_form(il_evaluator *e, il_evaluator_form *f, il_split split, int before,
                          int tasks, double *value) {
  const int chunk = f->batch.tasks, end = begin_of(e, tasks, 1);
  il_status status = IL_OK;
  for (int first = begin_of(e, tasks, 0); first < end && status == IL_OK; first += chunk) {
    const int count = end - first < chunk ? end - first : chunk;
    status = il_batch_draw(&f->batch, e->team, split, (uint64_t)first, count);
    if (status == IL_OK) status = il_run_go(f->run, count);
    for (int c = 0; c < e->columns; c++)
      for (int t = 0; t < count; t++) {
        const size_t at = (size_t)c * (size_t)chunk + (size_t)t;
        value[(size_t)(first + t) * (size_t)e->columns + (size_t)c] =
            f->batch.real == IL_FLOAT32 ? (double)((float *)f->figures)[at]
                                        : ((double *)f->figures)[at];
      }
    if (status == IL_OK && e->listener) status = tell(e, f, split, before, first, count);
  }
  return e->ranks ? gather(e, tasks, value) : status;
}

il_status il_evaluator_run(il_evaluator *e, il_split split, int tasks, double *value) {
  int count[IL_TASK_VARIANTS], before = 0;
  il_tasks_divide(e->tasks, split, tasks, count);
  il_status status = IL_OK;
  for (int v = 0; v < e->forms && status == IL_OK; v++) {
    status = run_form(e, &e->form[v], split, before, count[v], value);
    before += count[v];
    value += (size_t)count[v] * (size_t)e->columns;
  }
  return status;
}

void il_evaluator_summary(const il_evaluator *e, int tasks, const double *value, int column,
                          double *mean, double *interval) {
  *interval = il_interval_of_many(tasks, value + column, (size_t)e->columns, mean);
}
