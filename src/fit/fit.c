/* Supervised training: epochs of mini-batches, in an order drawn anew for each epoch. */
#include <innerloop/fit.h>
#include <math.h>
#include <stdlib.h>

#include "base/random.h"
#include "data/samples.h"
#include "graph/graph.h"
#include "nn/net.h"
#include "fit/supervised.h"

il_fit_options il_fit_defaults(void) {
  return (il_fit_options){.epochs = 5,
                          .batch = 32,
                          .lr = 0.001,
                          .optimizer = &il_adam,
                          .loss = IL_LOSS_CROSS_ENTROPY,
                          .seed = 1};
}

typedef struct fit {
  il_context *context;
  const il_samples *samples;
  const il_fit_options *options;
  il_trained trained;
  il_supervised whole, rest; /* of options->batch examples, and of what an epoch leaves over */
  int64_t *order;
} fit;

static il_status check(il_context *context, const il_model *m, const il_samples *s,
                       const il_fit_options *o) {
  if (o->epochs < 0 || o->batch < 1 || !(o->lr >= 0) || !isfinite(o->lr) || o->parts < 0 ||
      o->steps < 0 || !o->team)
    return il_fail(
        context, IL_ERROR_ARGUMENT,
        "il_fit: epochs %d, batch %d, lr %g, parts %d, steps %lld, team %s; expected 0 or "
        "more, batch at least 1, and a team",
        o->epochs, o->batch, o->lr, o->parts, (long long)o->steps, o->team ? "given" : "missing");
  if (il_method_accepts(context, "il_fit", o->optimizer) != IL_OK)
    return il_context_status(context);
  if (o->loss < IL_LOSS_CROSS_ENTROPY || o->loss > IL_LOSS_BINARY_CROSS_ENTROPY)
    return il_fail(context, IL_ERROR_ARGUMENT, "il_fit: unknown loss %d", (int)o->loss);
  if (o->loss == IL_LOSS_MEAN_SQUARED_ERROR && s->label)
    return il_fail(context, IL_ERROR_DATA,
                   "mean squared error needs targets, but the samples have labels");
  if (o->loss == IL_LOSS_CROSS_ENTROPY && (!s->label || s->outputs == 1))
    return il_fail(
        context, IL_ERROR_DATA,
        "cross_entropy needs a label and a score for each class, but the samples have %s "
        "and the net %d output%s; binary_cross_entropy takes them",
        s->label ? "labels" : "targets", s->outputs, s->outputs == 1 ? "" : "s");
  if (o->augment && il_augment_check(context, o->augment, s->example) != IL_OK)
    return il_context_status(context);
  if (o->augment && (o->augment->jitter || o->augment->gain) && il_net_vocabulary(m->net))
    return il_fail(
        context, IL_ERROR_ARGUMENT,
        "augmentation: found %s, which the net's embedding does not take: it reads whole "
        "numbers",
        o->augment->jitter ? "jitter" : "gain");
  return il_samples_fit_net(context, "the samples", s, m);
}

/* Pixels are divided by 255 on the way into a net; reals go in as they are, and have to be of the scale that the model
 * was trained on. Where its training is not known, nothing is asked. */
il_status il_samples_same_scale(il_context *context, const char *name, const il_samples *s,
                                const il_model *m) {
  const int vocabulary = il_net_vocabulary(m->net);
  if (vocabulary && s->type == IL_UINT8)
    return il_fail(context, IL_ERROR_DATA,
                   "%s: found pixels (u8), which are divided by 255; expected whole numbers as "
                   "reals, which the net's embedding takes",
                   name);
  const int64_t numbers = il_shape_count(s->example);
  const int64_t at = il_net_unfit(vocabulary, IL_FLOAT32, s->count * numbers, s->inputs);
  if (at >= 0)
    return il_fail(context, IL_ERROR_DATA, "%s: example %lld has " IL_NO_TOKEN, name,
                   (long long)(at / numbers), il_number_at(IL_FLOAT32, s->inputs, at),
                   vocabulary - 1);
  if (m->inputs == IL_MODEL_INPUTS_PIXELS && s->type != IL_UINT8 &&
      il_inputs_of(s) == IL_MODEL_INPUTS_REALS)
    return il_fail(
        context, IL_ERROR_DATA,
        "%s: found reals below 0 or above 1, but the model was trained on pixels divided "
        "by 255; expected pixels (u8), or reals that are divided by 255 already",
        name);
  if (m->inputs == IL_MODEL_INPUTS_REALS && s->type == IL_UINT8)
    return il_fail(context, IL_ERROR_DATA,
                   "%s: found pixels (u8), but the model was trained on reals below 0 or above 1; "
                   "expected reals of that scale",
                   name);
  return IL_OK;
}

il_status il_samples_fit_net(il_context *context, const char *name, const il_samples *s,
                             const il_model *m) {
  if (il_samples_check(context, name, s) != IL_OK) return il_context_status(context);
  int head = il_model_head(m);
  int64_t outputs = il_net_parameter_shape(m->net, head).dim[1];
  if (outputs != s->outputs)
    return il_fail(context, IL_ERROR_DATA,
                   "%s: found %d classes or targets, but the net has %lld outputs", name,
                   s->outputs, (long long)outputs);
  if (il_shape_equal(m->net->example, s->example))
    return il_samples_same_scale(context, name, s, m);
  char found[96], expected[96];
  return il_fail(context, IL_ERROR_DATA, "%s: an example has shape %s, but the net takes %s", name,
                 il_shape_text(s->example, found), il_shape_text(m->net->example, expected));
}

/* Fisher-Yates over all examples; epoch from 1. */
static void shuffle(fit *f, int epoch) {
  uint64_t seed = il_random_mix(f->options->seed, 0x6f72646572u /* "order" */);
  il_random random = il_random_start(seed, (uint64_t)epoch);
  int64_t n = f->samples->count;
  for (int64_t i = 0; i < n; i++) f->order[i] = i;
  for (int64_t i = n - 1; i > 0; i--) {
    int64_t j = (int64_t)il_random_below(&random, (uint32_t)i + 1), kept = f->order[i];
    f->order[i] = f->order[j];
    f->order[j] = kept;
  }
}

static bool stopped(const fit *f) { return f->options->stop && *f->options->stop; }
static bool enough(const fit *f) {
  return f->options->steps && f->trained.steps >= f->options->steps;
}

static il_status one_epoch(fit *f, int epoch) {
  const il_fit_options *o = f->options;
  int64_t n = f->samples->count, at = 0;
  double sum = 0;
  shuffle(f, epoch);
  while (at < n && !enough(f)) {
    if (stopped(f))
      return il_fail(f->context, IL_ERROR_INTERRUPTED, "stopped in epoch %d of %d", epoch,
                     o->epochs);
    il_supervised *s = n - at >= f->whole.batch && f->whole.function ? &f->whole : &f->rest;
    if (!s->function) break; /* a single example is no batch for norm layers */
    double loss;
    if (il_supervised_step(s, f->order + at, (uint64_t)epoch, &loss) != IL_OK)
      return il_context_status(f->context);
    if (!isfinite(loss))
      return il_fail(f->context, IL_ERROR_DATA,
                     "the loss of mini-batch %lld is %g; a smaller lr may keep it finite",
                     (long long)f->trained.steps, loss);
    sum += loss * s->batch;
    at += s->batch;
  }
  if (o->progress && at > 0)
    o->progress(o->user, &(il_fit_progress){epoch, o->epochs, f->trained.steps, sum / (double)at});
  return IL_OK;
}

static il_status prepare(fit *f, const il_model *model) {
  const il_fit_options *o = f->options;
  int64_t n = f->samples->count;
  il_status status = il_trained_init(f->context, &f->trained, model, o->optimizer);
  if (status == IL_OK && n >= o->batch)
    status = il_supervised_init(f->context, &f->whole, &f->trained, f->samples, o, o->batch);
  int rest = (int)(n % o->batch), least = model->norms ? 2 : 1;
  if (status == IL_OK && rest >= least)
    status = il_supervised_init(f->context, &f->rest, &f->trained, f->samples, o, rest);
  f->order = calloc((size_t)n + 1, sizeof *f->order);
  return f->order || status != IL_OK ? status : il_fail_memory(f->context, "the order of examples");
}

il_status il_fit(il_context *context, il_model *model, const il_samples *samples,
                 const il_fit_options *options) {
  if (check(context, model, samples, options) != IL_OK) return il_context_status(context);
  fit f = {.context = context, .samples = samples, .options = options};
  il_status status = prepare(&f, model);
  for (int epoch = 1;
       status == IL_OK && !enough(&f) && (options->steps || epoch <= options->epochs); epoch++)
    status = one_epoch(&f, epoch);
  if (f.trained.steps > 0 && (status == IL_OK || status == IL_ERROR_INTERRUPTED)) {
    il_trained_store(&f.trained, model);
    il_model_trained_on(model, samples);
  }
  free(f.order);
  il_supervised_free(&f.whole);
  il_supervised_free(&f.rest);
  il_trained_free(&f.trained);
  return status;
}
