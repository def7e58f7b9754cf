/* The same net on the same samples at the same budget: plain, augmented, with dropout, meta-learned. */
#include <innerloop/study.h>
#include <time.h>

#include "base/error.h"
#include "plot/plot.h"
#include "nn/net.h"
#include "fit/model.h"

typedef enum method { PLAIN, AUGMENTED, DROPOUT_LOW, DROPOUT_MIDDLE, DROPOUT_HIGH, META } method;
static const char *const names[] = {"plain",       "augmented",   "dropout 0.1",
                                    "dropout 0.2", "dropout 0.5", "meta-learned"};
static const double rates[] = {0, 0, 0.1, 0.2, 0.5, 0};

typedef struct comparison {
  il_context *context;
  const il_samples *train, *test;
  const il_compare_options *options;
} comparison;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static il_status learn(const comparison *c, method way, il_model *m, uint64_t seed,
                       il_compare_row *row) {
  il_fit_options fit = c->options->fit;
  fit.seed = seed;
  row->steps = fit.steps;
  row->examples = fit.steps * fit.batch;
  if (way != AUGMENTED) fit.augment = NULL;
  if (way != META) return il_fit(c->context, m, c->train, &fit);
  il_meta_options meta = c->options->meta;
  int64_t task = (int64_t)meta.inner_steps * meta.episodes.shots + meta.episodes.queries;
  meta.steps = (row->examples + task * meta.meta_batch / 2) / (task * meta.meta_batch);
  if (meta.steps < 1) meta.steps = 1;
  row->steps = meta.steps;
  row->examples = meta.steps * task * meta.meta_batch;
  meta.seed = seed;
  il_status status = il_meta_fit(c->context, m, c->train, &meta);
  return status == IL_OK ? il_adapt(c->context, m, c->train, &meta) : status;
}

static il_status one(const comparison *c, method way, int run, il_compare_row *row) {
  il_model_options options = c->options->model;
  options.seed = c->options->fit.seed + (uint64_t)run;
  options.dropout = rates[way];
  il_model *m = il_model_new(c->context, &options, c->train->example, c->train->outputs);
  if (!m) return il_context_status(c->context);
  double begun = now();
  il_test_result result;
  il_status status = learn(c, way, m, options.seed, row);
  row->seconds += (now() - begun) / c->options->seeds;
  if (status == IL_OK)
    status = il_test(c->context, m, c->test, c->options->fit.loss, c->options->fit.team, &result);
  if (status == IL_OK) row->accuracy[run] = result.accuracy;
  il_model_free(m);
  if (status == IL_OK && c->options->progress)
    c->options->progress(c->options->user, row->name, run, row->accuracy[run]);
  return status;
}

/* Dropout stands in front of linear layers but a first one: without hidden layers there is no place for it. */
static const char *left_out(const comparison *c, method way) {
  if (way == AUGMENTED && c->train->example.rank != 3) return "the samples are no images";
  if (way == AUGMENTED && !c->options->fit.augment) return "no augmentation is chosen";
  il_model_options options = c->options->model;
  options.dropout = rates[way];
  il_net *net = il_model_layers(c->context, &options, false, c->train->example, c->train->outputs);
  bool found = rates[way] <= 0;
  for (int i = 0; net && i < il_net_layers(net); i++)
    found |= il_net_layer(net, i)->kind == IL_LAYER_DROPOUT;
  il_net_free(net);
  return found ? NULL : "the net has no hidden layer";
}

il_compare_options il_compare_defaults(void) {
  il_compare_options o = {
      .model = {.kind = "mlp"}, .fit = il_fit_defaults(), .meta = il_meta_defaults(), .seeds = 5};
  o.fit.steps = 500;
  o.meta.inner_steps = 1;
  o.meta.meta_batch = 1;
  o.meta.episodes.shots = o.meta.episodes.queries = o.fit.batch / 2;
  return o;
}

il_status il_compare(il_context *context, const il_samples *train, const il_samples *test,
                     const il_compare_options *options, il_compare_result *result) {
  *result = (il_compare_result){.seeds = options->seeds};
  comparison c = {context, train, test, options};
  if (options->seeds < 1 || options->seeds > IL_COMPARE_SEEDS || options->fit.steps < 1 ||
      options->meta.episodes.kind != IL_EPISODES_ALL_CLASSES)
    return il_fail(
        context, IL_ERROR_ARGUMENT,
        "il_compare: %d seeds and %lld steps; expected 1 to %d seeds, at least 1 step, and "
        "episodes within all classes",
        options->seeds, (long long)options->fit.steps, IL_COMPARE_SEEDS);
  for (int k = 0; k < IL_COMPARE_ROWS; k++) {
    il_compare_row *row = &result->row[k];
    row->name = names[k];
    row->left_out = left_out(&c, (method)k);
    if (il_context_status(context) != IL_OK) return il_context_status(context);
    for (int run = 0; run < options->seeds && !row->left_out; run++)
      if (one(&c, (method)k, run, row) != IL_OK) return il_context_status(context);
    if (!row->left_out) il_interval(options->seeds, row->accuracy, &row->mean, &row->interval);
  }
  return IL_OK;
}

il_status il_compare_plot(il_context *context, const il_compare_result *result, const char *path) {
  il_plot_row row[IL_COMPARE_ROWS];
  int rows = 0;
  for (int k = 0; k < IL_COMPARE_ROWS; k++) {
    const il_compare_row *r = &result->row[k];
    if (!r->left_out)
      row[rows++] = (il_plot_row){r->name, r->mean, r->interval, result->seeds, r->accuracy};
  }
  return il_plot_intervals(context, path, "The same net, data and budget",
                           "accuracy on the test samples, mean and 95 % interval over seeds", rows,
                           row);
}
