/* Adapting and answering: two functions with the state between them (learner/adaptation.h). A query is a task of the second, so
 * that every query is looked at alone. */
#include "adapt/adapted.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/elementary.h"
#include "base/error.h"
#include "config/config_method.h"
#include "config/config_tasks.h"
#include "run/function.h"
#include "nn/net.h"

enum { AT_ONCE = 64 };

size_t il_adapted_number(const il_adapted *a) {
  return a->shape.x == IL_UINT8 ? 1 : il_type_size(a->method.real);
}

static void copy_reals(const il_adapted *a, const float *from, size_t count, void *to) {
  if (a->method.real == IL_FLOAT32)
    memcpy(to, from, count * sizeof *from);
  else
    for (size_t i = 0; i < count; i++) ((double *)to)[i] = (double)from[i];
}

void il_adapted_copy(const il_adapted *a, const void *from, size_t count, void *to) {
  if (a->shape.x == IL_UINT8)
    memcpy(to, from, count);
  else
    copy_reals(a, from, count, to);
}

double il_adapted_score(const il_adapted *a, const void *scores, size_t at) {
  return a->method.real == IL_FLOAT32 ? (double)((const float *)scores)[at]
                                      : ((const double *)scores)[at];
}

int il_adapted_softmax(int n, const double *score, double temperature, double *probability) {
  int best = 0;
  double sum = 0;
  for (int i = 1; i < n; i++)
    if (score[i] > score[best]) best = i;
  for (int i = 0; i < n && probability; i++) {
    const double below = (score[i] - score[best]) / temperature;
    probability[i] = below < -700 ? 0 : il_double_exp(below);
    sum += probability[i];
  }
  for (int i = 0; i < n && probability; i++) probability[i] /= sum;
  return best;
}

/* ---- the function ---- */

il_function *il_adapted_function(il_adapted *a, const il_task_shape *shape) {
  il_graph *g = il_graph_new(a->context, a->method.real);
  if (!g) return NULL;
  il_task_needs needs =
      il_method_needs(&a->method, a->learner->net, shape, a->method.inner.steps, false);
  needs.unlabelled = true;
  il_build b = il_learned_build(a->learner, &a->method, g, shape);
  b.training = false;
  b.statistics = a->statistics;
  il_task_inputs(g, shape, needs, &b.task);
  if (il_build_check(&b)) {
    il_values state = {0};
    const int steps = b.algorithm->step ? b.inner.steps : 0;
    il_build_begin(&b, &state);
    il_build_adapt(&b, &state, 0, steps);
    const il_values ended = il_build_end(&b, &state);
    il_output(g, "scores", il_build_query(&b, &ended, steps));
  }
  il_function_options options = a->method.function;
  options.plan.tasks = 0;
  return il_function_new(g, &options);
}

static il_status make_order(il_adapted *a) {
  const il_task_needs needs =
      il_method_needs(&a->method, a->learner->net, &a->shape, a->method.inner.steps, false);
  if (!needs.batch) return IL_OK;
  int32_t *place = calloc((size_t)a->shape.support, sizeof *place);
  a->order = calloc((size_t)needs.steps * (size_t)needs.batch, sizeof *a->order);
  if (place && a->order)
    il_method_order(a->shape.support, needs, a->method.seed, place, a->order);
  else
    il_fail_memory(a->context, "the order of inner steps");
  free(place);
  return il_context_status(a->context);
}

il_status il_adapted_prepare(il_adapted *a) {
  a->adaptation = (il_adaptation){
      .method = &a->method, .learned = a->learner, .shape = a->shape, .statistics = a->statistics};
  if (il_adaptation_init(a->context, &a->adaptation) != IL_OK) return il_context_status(a->context);
  return il_buffers_init(a->context, &a->state, a->adaptation.state.count,
                         a->adaptation.state.entry, a->method.real, false);
}

/* Numbers of examples from `first` on, as they were given. */
static il_status check_whole(const il_adapted *a, const char *what, int64_t first, size_t count,
                             const void *x) {
  const int vocabulary = il_net_vocabulary(a->learner->net);
  const int64_t at = il_net_unfit(vocabulary, a->shape.x, (int64_t)count, x);
  if (at < 0) return IL_OK;
  return il_fail(a->context, IL_ERROR_DATA, "%s %lld has " IL_NO_TOKEN, what,
                 (long long)(first + at / il_shape_count(a->shape.example)),
                 il_number_at(a->shape.x, x, at), vocabulary - 1);
}

il_status il_adapted_adapt(il_adapted *a) {
  const size_t numbers = (size_t)a->shape.support * (size_t)il_shape_count(a->shape.example),
               targets = a->target ? (size_t)a->shape.support * (size_t)a->shape.outputs : 0;
  if (check_whole(a, "example", 0, numbers, a->support_x) != IL_OK || make_order(a) != IL_OK)
    return il_context_status(a->context);
  void *x = malloc(numbers * il_adapted_number(a) + 1);
  void *y = malloc(targets * sizeof(double) + 1); /* targets as reals */
  if (!x || !y) il_fail_memory(a->context, "a support set");
  il_function *adapt = x && y ? il_adaptation_adapt(a->context, &a->adaptation) : NULL;
  il_run *run = il_run_new(a->context, adapt, a->team, 1);
  il_status status = run ? il_learned_bind(a->learner, run) : il_context_status(a->context);
  if (status == IL_OK) {
    il_adapted_copy(a, a->support_x, numbers, x);
    il_run_input(run, il_function_input(adapt, "support_x"), x);
    if (targets) copy_reals(a, a->target, targets, y);
    il_run_input(run, il_function_input(adapt, "support_y"),
                 targets ? y : (const void *)a->support_y);
    il_run_input(run, il_function_input(adapt, "order"), a->order);
    il_adaptation_write(run, adapt, &a->state);
    status = il_run_go(run, 1);
    int64_t at;
    const int bad = status == IL_OK ? il_buffers_not_finite(&a->state, &at) : -1;
    if (bad >= 0)
      status =
          il_fail(a->context, IL_ERROR_DATA,
                  "adapting left number %lld of %s not finite: numbers of the support set or of "
                  "the learner are too large, or its inner steps are",
                  (long long)at, a->state.entry[bad].name);
  }
  il_run_free(run);
  il_function_free(adapt);
  free(x);
  free(y);
  return status;
}

il_status il_adapted_finish(il_adapted *a) {
  const size_t example = (size_t)il_shape_count(a->shape.example);
  a->function = il_adaptation_answer(a->context, &a->adaptation);
  a->room = AT_ONCE;
  a->run = il_run_new(a->context, a->function, a->team, a->room);
  a->scores = calloc((size_t)a->room * (size_t)a->shape.outputs, sizeof(double));
  a->asked = calloc((size_t)a->room * example, sizeof(double));
  if (!a->run || il_learned_bind(a->learner, a->run) != IL_OK ||
      il_run_buffers(a->run, &a->state, "state/") != IL_OK)
    return il_context_status(a->context);
  if (!a->scores || !a->asked) return il_fail_memory(a->context, "an adapted learner");
  il_run_input(a->run, il_function_input(a->function, "query_x"), a->asked);
  il_run_output(a->run, il_function_output(a->function, "scores"), a->scores);
  return IL_OK;
}

static il_status not_finite(const il_adapted *a, int64_t query, double score) {
  return il_fail(a->context, IL_ERROR_DATA,
                 "query %lld: a score is %g; expected finite ones: numbers of the query, of the "
                 "support set or of the learner are too large, or adapting with inner.lr=%s was",
                 (long long)query, score, il_config_get(a->config, "inner.lr"));
}

/* What is answered of the scores of query `at` of those asked: they themselves, or the probabilities of classes. score: room
 * for twice as many. */
static il_status answer(const il_adapted *a, int64_t first, size_t at, double *score, float *to) {
  const size_t n = (size_t)a->shape.outputs;
  for (size_t i = 0; i < n; i++) {
    score[i] = il_adapted_score(a, a->scores, at * n + i);
    if (!isfinite(score[i])) return not_finite(a, first + (int64_t)at, score[i]);
  }
  if (!a->target) il_adapted_softmax((int)n, score, a->temperature, score + n);
  for (size_t i = 0; i < n; i++) to[i] = (float)score[a->target ? i : n + i];
  return IL_OK;
}

il_status il_adapted_predict(il_adapted *a, int64_t count, const void *x, float *answers) {
  const size_t example = (size_t)il_shape_count(a->shape.example),
               outputs = (size_t)a->shape.outputs,
               bytes = example * (a->shape.x == IL_UINT8 ? 1 : sizeof(float));
  double *score = malloc(2 * outputs * sizeof *score);
  if (!score) return il_fail_memory(a->context, "the scores of a query");
  il_status status = IL_OK;
  for (int64_t first = 0; first < count && status == IL_OK; first += a->room) {
    const int n = count - first < a->room ? (int)(count - first) : a->room;
    const void *from = (const char *)x + (size_t)first * bytes;
    status = check_whole(a, "query", first, (size_t)n * example, from);
    if (status != IL_OK) break;
    il_adapted_copy(a, from, (size_t)n * example, a->asked);
    status = il_run_go(a->run, n);
    for (size_t q = 0; q < (size_t)n && status == IL_OK; q++)
      status = answer(a, first, q, score, answers + ((size_t)first + q) * outputs);
  }
  free(score);
  return status;
}

/* ---- making and asking about it ---- */

il_adapted *il_adapted_begin(il_context *context, il_config *config, const il_task_shape *shape,
                             il_team *team) {
  il_adapted *a = config ? calloc(1, sizeof *a) : NULL;
  if (!a) {
    if (config) il_fail_memory(context, "an adapted learner");
    il_config_free(config);
    return NULL;
  }
  *a = (il_adapted){
      .context = context, .team = team, .config = config, .shape = *shape, .temperature = 1};
  if (il_config_method(config, &a->method) == IL_OK) {
    a->statistics = il_statistics_alone(a->method.statistics);
    a->learner =
        il_learned_new(context, &a->method, il_config_net(context, config, shape), true, false);
  }
  const size_t support = (size_t)shape->support;
  a->support_x = calloc(support * (size_t)il_shape_count(shape->example) + 1,
                        shape->x == IL_UINT8 ? 1 : sizeof(float));
  a->support_y = calloc(support + 1, sizeof *a->support_y);
  if (shape->targets) a->target = calloc(support * (size_t)shape->outputs, sizeof *a->target);
  a->name = il_arena_alloc(&a->arena, (size_t)shape->ways * sizeof *a->name);
  if (a->learner && (!a->support_x || !a->support_y || !a->name || (shape->targets && !a->target)))
    il_fail_memory(context, "an adapted learner");
  if (il_context_status(context) == IL_OK) return a;
  il_adapted_free(a);
  return NULL;
}

void il_adapted_free(il_adapted *a) {
  if (!a) return;
  il_run_free(a->run);
  il_function_free(a->function);
  il_buffers_free(&a->state);
  il_adaptation_free(&a->adaptation);
  il_learned_free(a->learner);
  il_config_free(a->config);
  il_arena_free(&a->arena);
  free(a->support_x);
  free(a->support_y);
  free(a->target);
  free(a->order);
  free(a->asked);
  free(a->scores);
  free(a);
}

int il_adapted_classes(const il_adapted *a) { return a->target ? 0 : a->shape.ways; }
int il_adapted_outputs(const il_adapted *a) { return a->shape.outputs; }
const char *il_adapted_class_name(const il_adapted *a, int cls) { return a->name[cls]; }
il_shape il_adapted_example(const il_adapted *a) { return a->shape.example; }
il_type il_adapted_type(const il_adapted *a) { return a->shape.x; }
bool il_adapted_inverted(const il_adapted *a) { return a->inverted; }

void il_adapted_describe(const il_adapted *a, il_adapted_report *report) {
  *report = (il_adapted_report){.algorithm = a->method.algorithm->name,
                                .statistics = il_query_statistics_name(a->statistics),
                                .steps = a->method.algorithm->step ? a->method.inner.steps : 0,
                                .examples = a->shape.support,
                                .left_out = a->left_out,
                                .right = a->right,
                                .temperature = a->temperature,
                                .reject = a->reject};
}
