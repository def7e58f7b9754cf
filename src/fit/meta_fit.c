/* Meta-learning from plain samples: tasks are cut from them, the rest is the machinery of `innerloop train`. */
#include <innerloop/fit.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/division.h"
#include "data/feed.h"
#include "fit/model.h"
#include "nn/net.h"
#include "train/evaluate.h"
#include "train/meta_step.h"

il_meta_options il_meta_defaults(void) {
  return (il_meta_options){.episodes = {IL_EPISODES_ALL_CLASSES, 0, 32, 32, false},
                           .inner_steps = 5,
                           .inner_lr = 0.1,
                           .query_statistics = IL_QUERY_STATISTICS_SUPPORT,
                           .loss = IL_LOSS_CROSS_ENTROPY,
                           .optimizer = &il_adam,
                           .lr = 0.001,
                           .meta_batch = 8,
                           .steps = 500,
                           .seed = 1};
}

/* ---- the options as a method ---- */

/* As asked, or else the model's own; 0 after an error. */
static il_query_statistics statistics_of(il_context *context, const il_model *m,
                                         const il_meta_options *o) {
  il_query_statistics s = o->query_statistics;
  if (!s) s = m->statistics;
  if (!o->query_statistics && s == IL_QUERY_STATISTICS_RUNNING) s = IL_QUERY_STATISTICS_SUPPORT;
  if (s >= IL_QUERY_STATISTICS_QUERY && s <= IL_QUERY_STATISTICS_EACH) return s;
  il_fail(context, IL_ERROR_ARGUMENT,
          "meta-learning: query_statistics %d; expected those of the query set (1), of the support "
          "set (2), or of each query (3)",
          (int)s);
  return 0;
}

typedef struct meta {
  il_method method;
  il_tasks *tasks;
  il_learned *learner; /* with the model's values */
} meta;

static void meta_free(meta *t) {
  il_learned_free(t->learner);
  il_tasks_free(t->tasks);
}

static void take_options(meta *t, const il_meta_options *o, il_query_statistics statistics) {
  il_method_defaults(&t->method);
  il_method_outer(&t->method, o->optimizer);
  t->method.inner.steps = o->inner_steps;
  t->method.inner.lr = o->inner_lr;
  t->method.inner.first_order = o->first_order;
  t->method.statistics = statistics;
  t->method.lr = o->lr;
  t->method.steps = o->steps;
  t->method.meta_batch = o->meta_batch;
  t->method.seed = o->seed & INT64_MAX;
  t->method.function = (il_function_options){.plan = {.tasks = o->meta_batch}, .factored = true};
}

static size_t bytes_of(const il_model *m, int parameter) {
  return (size_t)il_shape_count(il_net_parameter_shape(m->net, parameter)) * sizeof(float);
}

static il_learned *learner_of(il_context *context, const meta *t, const il_model *m) {
  il_learned *l = il_learned_new(context, &t->method, il_net_copy(m->net), true, true);
  for (int i = 0; l && i < m->parameters; i++)
    memcpy(il_buffers_at(&l->meta, i), m->value[i], bytes_of(m, i));
  return l;
}

static il_status meta_init(il_context *context, meta *t, const il_model *model,
                           const il_samples *samples, const il_meta_options *o) {
  *t = (meta){0};
  if (il_samples_check(context, "the samples", samples) != IL_OK ||
      il_samples_same_scale(context, "the samples", samples, model) != IL_OK)
    return il_context_status(context);
  if (o->meta_batch < 1 || o->steps < 0 || !o->team || o->inner_steps < 0 || !(o->inner_lr >= 0) ||
      !(o->lr >= 0))
    return il_fail(context, IL_ERROR_ARGUMENT,
                   "meta-learning: meta_batch %d, steps %lld, inner steps %d, lr %g, inner lr %g, "
                   "team %s; expected at least 1, others at least 0, and a team",
                   o->meta_batch, (long long)o->steps, o->inner_steps, o->lr, o->inner_lr,
                   o->team ? "given" : "missing");
  if (il_method_accepts(context, "meta-learning", o->optimizer) != IL_OK)
    return il_context_status(context);
  const il_query_statistics statistics = statistics_of(context, model, o);
  if (!statistics) return il_context_status(context);
  take_options(t, o, statistics);
  const il_samples_tasks settings = {samples, o->episodes, o->loss};
  t->tasks = il_tasks_open(context, &il_source_samples, &settings,
                           &(il_source_options){.seed = t->method.seed});
  int outputs = t->tasks ? (int)il_net_parameter_shape(model->net, il_model_head(model)).dim[1] : 0;
  if (t->tasks && outputs != il_tasks_shape(t->tasks, IL_TRAIN, 0)->outputs)
    il_fail(context, IL_ERROR_ARGUMENT, "the tasks have %d classes, but the net has %d outputs",
            il_tasks_shape(t->tasks, IL_TRAIN, 0)->outputs, outputs);
  if (il_context_status(context) == IL_OK) t->learner = learner_of(context, t, model);
  il_status status = il_context_status(context);
  if (status != IL_OK) meta_free(t);
  return status;
}

/* ---- training ---- */

static il_status loop(il_context *context, il_meta_step *s, il_feed *feed,
                      const il_meta_options *o) {
  double loss = 0, accuracy = 0; /* NAN where there is none */
  int64_t every = (o->steps + 9) / 10, since = 0;
  for (int64_t step = 0; step < o->steps; step++) {
    if (o->stop && *o->stop)
      return il_fail(context, IL_ERROR_INTERRUPTED, "stopped after %lld of %lld meta-steps",
                     (long long)step, (long long)o->steps);
    const il_batch *batch = il_feed_batch(feed, o->team, step);
    il_status status = batch ? il_meta_step_go(s, batch, step) : il_context_status(context);
    if (status != IL_OK) return status;
    if (!isfinite(s->loss))
      return il_fail(
          context, IL_ERROR_DATA,
          "the loss of meta-step %lld is %g; a smaller lr or inner lr may keep it finite",
          (long long)step + 1, s->loss);
    loss += s->loss;
    accuracy += s->accuracy;
    since++;
    if (!o->progress || ((step + 1) % every && step + 1 < o->steps)) continue;
    o->progress(o->user, &(il_meta_progress){step + 1, o->steps, loss / (double)since,
                                             accuracy / (double)since});
    loss = accuracy = 0;
    since = 0;
  }
  return IL_OK;
}

/* A learning rate of 0 leaves the parameters and moves the running statistics: 0.9^120 of the old is left. */
il_status il_measure_norms(il_context *context, il_model *m, const il_samples *samples,
                           il_loss loss, uint64_t seed, il_team *team) {
  if (!m->norms) return IL_OK;
  il_fit_options fit = il_fit_defaults();
  fit.lr = 0;
  fit.optimizer = &il_sgd;
  fit.loss = loss;
  fit.steps = 120;
  fit.seed = seed;
  fit.team = team;
  return il_fit(context, m, samples, &fit);
}

il_status il_meta_fit(il_context *context, il_model *model, const il_samples *samples,
                      const il_meta_options *o) {
  meta t;
  if (meta_init(context, &t, model, samples, o) != IL_OK) return il_context_status(context);
  il_feed feed = {0};
  il_meta_step step;
  il_status status = il_meta_step_init(context, &step, &t.method, t.learner, t.tasks, o->team);
  if (status == IL_OK)
    status = il_feed_init(&feed, t.tasks, IL_FLOAT32, step.needs, o->meta_batch,
                          il_team_threads(o->team));
  if (status == IL_OK) {
    il_meta_step_meanwhile(&step, il_feed_ahead(&feed));
    status = loop(context, &step, &feed, o);
    if (status == IL_OK || status == IL_ERROR_INTERRUPTED)
      for (int i = 0; i < model->parameters; i++)
        memcpy(model->value[i], il_buffers_at(&t.learner->meta, i), bytes_of(model, i));
  }
  if (status == IL_OK || status == IL_ERROR_INTERRUPTED) {
    il_model_trained_on(model, samples);
    if (model->norms && o->episodes.kind == IL_EPISODES_BY_CLASS)
      model->statistics = t.method.statistics;
  }
  il_feed_free(&feed);
  il_meta_step_free(&step);
  meta_free(&t);
  if (status != IL_OK || o->episodes.kind == IL_EPISODES_BY_CLASS) return status;
  return il_measure_norms(context, model, samples, o->loss, o->seed, o->team);
}

il_status il_adapt(il_context *context, il_model *model, const il_samples *samples,
                   const il_meta_options *o) {
  il_query_statistics mode = model->statistics;
  il_fit_options fit = il_fit_defaults();
  fit.epochs = o->inner_steps;
  fit.batch = samples->count < IL_MODEL_AT_ONCE ? (int)samples->count : IL_MODEL_AT_ONCE;
  fit.lr = o->inner_lr;
  fit.optimizer = &il_sgd;
  fit.loss = o->loss;
  fit.seed = o->seed;
  fit.team = o->team;
  fit.stop = o->stop;
  il_status status = il_fit(context, model, samples, &fit);
  model->statistics = mode;
  if (status != IL_OK || mode != IL_QUERY_STATISTICS_SUPPORT) return status;
  return il_model_take_moments(context, model, samples, o->team);
}

/* ---- evaluation ---- */

il_status il_meta_test(il_context *context, const il_model *model, const il_samples *samples,
                       const il_meta_options *o, int tasks, double *mean, double *interval) {
  meta t;
  *mean = *interval = 0;
  if (tasks < 1)
    return il_fail(context, IL_ERROR_ARGUMENT, "il_meta_test: %d tasks; expected at least 1",
                   tasks);
  if (meta_init(context, &t, model, samples, o) != IL_OK) return il_context_status(context);
  il_evaluator e = {0};
  double *value = calloc((size_t)tasks, sizeof *value);
  il_status status =
      value ? il_evaluator_init(context, &e, &t.method, t.learner, t.tasks, IL_TEST, 1,
                                &t.method.statistics, 1, &o->inner_steps, tasks, o->team, NULL)
            : il_fail_memory(context, "the accuracies of tasks");
  if (status == IL_OK) {
    status = il_evaluator_run(&e, IL_TEST, tasks, value);
    if (status == IL_OK) il_evaluator_summary(&e, tasks, value, 0, mean, interval);
    il_evaluator_free(&e);
  }
  free(value);
  meta_free(&t);
  return status;
}
