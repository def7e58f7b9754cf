/* Meta-learning from plain samples: tasks are cut from them, the rest is the machinery of `innerloop train`. */
#include <innerloop/fit.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/division.h"
#include "nn/net.h"
#include "train/evaluate.h"
#include "train/feed.h"
#include "train/learner.h"
#include "fit/model.h"

il_meta_options il_meta_defaults(void) {
  return (il_meta_options){.episodes = {IL_EPISODES_ALL_CLASSES, 0, 32, 32, false},
                           .inner_steps = 5,
                           .inner_lr = 0.1,
                           .query_statistics = IL_QUERY_STATISTICS_SUPPORT,
                           .loss = IL_LOSS_CROSS_ENTROPY,
                           .optimizer = IL_OPTIMIZER_ADAM,
                           .lr = 0.001,
                           .meta_batch = 8,
                           .steps = 500,
                           .seed = 1};
}

/* ---- the options as a configuration, the model's layers in it ---- */

static const char *const statistics_name[] = {"", "query", "support", "each"};

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

static il_config *configure(il_context *context, const il_model *m, const il_meta_options *o) {
  il_query_statistics asked = statistics_of(context, m, o);
  if (!asked) return NULL;
  il_config *c = il_config_new(context);
  const char *statistics = statistics_name[asked];
  const char *optimizer = o->optimizer == IL_OPTIMIZER_ADAM ? "adam" : "sgd";
  char text[7][80];
  snprintf(text[0], 80, "meta.inner_steps=%d", o->inner_steps);
  snprintf(text[1], 80, "meta.inner_lr=%.17g", o->inner_lr);
  snprintf(text[2], 80, "meta.first_order=%s", o->first_order ? "true" : "false");
  snprintf(text[3], 80, "meta.query_statistics=%s", statistics);
  snprintf(text[4], 80, "outer.optimizer=%s", optimizer);
  snprintf(text[5], 80, "outer.lr=%.17g", o->lr);
  snprintf(text[6], 80, "seed=%llu", (unsigned long long)(o->seed & INT64_MAX));
  for (int i = 0; c && i < 7; i++)
    if (il_config_set(c, text[i]) != IL_OK) {
      il_config_free(c);
      return NULL;
    }
  if (!c) return NULL;
  c->layers = il_net_layers(m->net);
  int last = 0;
  for (int i = 0; i < c->layers; i++) {
    c->layer[i] = *il_net_layer(m->net, i);
    if (c->layer[i].kind == IL_LAYER_LINEAR) last = i;
  }
  c->layer[last].units = 0;
  return c;
}

typedef struct meta {
  il_config *config;
  il_division *division;
  il_source *source;
} meta;

static void meta_free(meta *t) {
  il_source_free(t->source);
  il_division_free(t->division);
  il_config_free(t->config);
}

static il_status meta_init(il_context *context, meta *t, const il_model *model,
                           const il_samples *samples, const il_meta_options *o) {
  *t = (meta){0};
  if (il_samples_check(context, "the samples", samples) != IL_OK ||
      il_samples_same_scale(context, "the samples", samples, model) != IL_OK)
    return il_context_status(context);
  if (o->meta_batch < 1 || o->steps < 0 || !o->team)
    return il_fail(context, IL_ERROR_ARGUMENT,
                   "meta-learning: meta_batch %d, steps %lld, team %s; expected at least 1, at "
                   "least 0, and a team",
                   o->meta_batch, (long long)o->steps, o->team ? "given" : "missing");
  t->config = configure(context, model, o);
  if (t->config) t->division = il_division_new(context, samples, &o->episodes, o->seed);
  if (t->division) t->source = il_source_of_division(context, t->config, t->division, o->loss);
  int outputs =
      t->source ? (int)il_net_parameter_shape(model->net, il_model_head(model)).dim[1] : 0;
  if (t->source && outputs != t->division->outputs)
    il_fail(context, IL_ERROR_ARGUMENT, "the tasks have %d classes, but the net has %d outputs",
            t->division->outputs, outputs);
  il_status status = il_context_status(context);
  if (status != IL_OK) meta_free(t);
  return status;
}

/* ---- training ---- */

static size_t bytes_of(const il_model *m, int parameter) {
  return (size_t)il_shape_count(il_net_parameter_shape(m->net, parameter)) * sizeof(float);
}

static il_status loop(il_context *context, il_learner *l, il_feed *feed, const il_meta_options *o) {
  double loss = 0, accuracy = 0; /* NAN where there is none */
  int64_t every = (o->steps + 9) / 10, since = 0;
  for (int64_t step = 0; step < o->steps; step++) {
    if (o->stop && *o->stop)
      return il_fail(context, IL_ERROR_INTERRUPTED, "stopped after %lld of %lld meta-steps",
                     (long long)step, (long long)o->steps);
    const il_batch *batch = il_feed_batch(feed, o->team, step);
    il_status status = il_learner_step(l, o->team, batch, step);
    if (status != IL_OK) return status;
    if (!isfinite(l->loss))
      return il_fail(
          context, IL_ERROR_DATA,
          "the loss of meta-step %lld is %g; a smaller lr or inner lr may keep it finite",
          (long long)step + 1, l->loss);
    loss += l->loss;
    accuracy += l->accuracy;
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
  fit.optimizer = IL_OPTIMIZER_SGD;
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
  il_learner *l = il_learner_new(context, t.source, true);
  il_status status =
      l ? il_learner_workspace(l, o->meta_batch, o->team) : il_context_status(context);
  if (status == IL_OK)
    status = il_feed_init(&feed, t.source, IL_FLOAT32, l->dropout, o->meta_batch,
                          il_team_threads(o->team));
  if (status == IL_OK) {
    for (int i = 0; i < model->parameters; i++)
      memcpy(l->state[l->side][0][i], model->value[i], bytes_of(model, i));
    l->meanwhile = il_feed_ahead(&feed);
    status = loop(context, l, &feed, o);
    if (status == IL_OK || status == IL_ERROR_INTERRUPTED)
      for (int i = 0; i < model->parameters; i++)
        memcpy(model->value[i], l->state[l->side][0][i], bytes_of(model, i));
  }
  if (status == IL_OK || status == IL_ERROR_INTERRUPTED) {
    il_model_trained_on(model, samples);
    if (model->norms && o->episodes.kind == IL_EPISODES_BY_CLASS)
      model->statistics = il_config_maml(t.config).query_statistics;
  }
  il_feed_free(&feed);
  il_learner_free(l);
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
  fit.optimizer = IL_OPTIMIZER_SGD;
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
  if (meta_init(context, &t, model, samples, o) != IL_OK) return il_context_status(context);
  il_evaluator e = {0};
  const il_query_statistics statistics = il_config_maml(t.config).query_statistics;
  double *value = calloc((size_t)tasks, sizeof *value);
  il_status status = value ? il_evaluator_init(&e, t.source, model->net, 1, &statistics, 1,
                                               &o->inner_steps, tasks, o->team)
                           : il_fail_memory(context, "the accuracies of tasks");
  if (status == IL_OK) {
    status = il_evaluator_run(&e, o->team, (void *const *)model->value, IL_TEST, tasks, value);
    if (status == IL_OK) il_evaluator_summary(&e, tasks, value, 0, mean, interval);
    il_evaluator_free(&e);
  }
  free(value);
  meta_free(&t);
  return status;
}
