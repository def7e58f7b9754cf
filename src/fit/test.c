/* Scores of a model, and how right they are. The graph that predicts has the inputs only: no target can leak
 * into a prediction. */
#include <innerloop/function.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/samples.h"
#include "fit/model.h"
#include "nn/net.h"

enum { PART = 32 }; /* examples of a task of the plan, where examples do not see each other */

/* Inputs: the model's values in order, then x. moments_asked: outputs are the batch's mean and variance at each norm,
 * mean over parts, instead of scores. */
static il_graph *build(il_context *context, const il_model *m, const il_samples *s, int part,
                       bool moments_asked) {
  il_graph *g = il_graph_new(context, IL_FLOAT32);
  il_value *v = calloc((size_t)m->values + 1, sizeof *v);
  if (!g || !v) {
    free(v);
    il_fail_memory(context, "a prediction");
    return g;
  }
  for (int i = 0; i < m->values; i++) {
    char name[64];
    il_model_value_name(m, i, name);
    v[i] = il_input(g, name, IL_SHARED, IL_FLOAT32, il_model_value_shape(m, i));
  }
  il_moments moments = {0};
  for (int k = 0; k < m->norms; k++) {
    moments.mean[k] = v[m->parameters + 2 * k];
    moments.variance[k] = v[m->parameters + 2 * k + 1];
  }
  il_shape shape = {.rank = s->example.rank + 1, .dim = {part}};
  memcpy(shape.dim + 1, s->example.dim, (size_t)s->example.rank * sizeof *shape.dim);
  il_value x = il_inputs_seen(g, il_input(g, "x", IL_TASK, s->type, shape));
  il_statistics statistics = m->statistics == IL_QUERY_STATISTICS_QUERY  ? IL_STATISTICS_BATCH
                             : m->statistics == IL_QUERY_STATISTICS_EACH ? IL_STATISTICS_EACH
                                                                         : IL_STATISTICS_GIVEN;
  if (moments_asked) statistics = IL_STATISTICS_BATCH;
  il_value scores = il_net_apply(m->net, g, v, x, statistics, &moments, (il_value){0}, 0);
  if (!moments_asked) il_output(g, "scores", scores);
  for (int k = m->parameters; moments_asked && k < m->values; k++) {
    int norm = (k - m->parameters) / 2;
    il_value seen = (k - m->parameters) % 2 ? moments.variance[norm] : moments.mean[norm];
    char name[64];
    snprintf(name, sizeof name, "moment %d", k - m->parameters);
    seen = il_reshape(g, seen, il_model_value_shape(m, k));
    il_output(g, name, il_task_mean(g, seen));
  }
  free(v);
  return g;
}

/* Runs `tasks` parts of the inputs from x on; output[i]: memory of the i-th. */
static il_status run_parts(il_context *context, const il_model *m, const il_samples *s,
                           il_team *team, const void *x, int tasks, int part, bool moments_asked,
                           int outputs, void *const *output) {
  il_function *f = il_function_new(build(context, m, s, part, moments_asked), NULL);
  il_run *run = f ? il_run_new(context, f, team, tasks) : NULL;
  if (run) {
    for (int i = 0; i < m->values; i++) il_run_input(run, i, m->value[i]);
    il_run_input(run, m->values, x);
    for (int i = 0; i < outputs; i++) il_run_output(run, i, output[i]);
    il_run_go(run, tasks);
  }
  il_run_free(run);
  il_function_free(f);
  return il_context_status(context);
}

/* `tasks` parts of the inputs from example `first` on. */
static il_status predict_parts(il_context *context, const il_model *m, const il_samples *s,
                               int outputs, il_team *team, int64_t first, int tasks, int part,
                               float *scores) {
  void *output[] = {scores + first * outputs};
  const void *x = (const char *)s->inputs + (size_t)first * il_samples_stride(s);
  return run_parts(context, m, s, team, x, tasks, part, false, 1, output);
}

/* Batch statistics: all samples are one batch, or where they are too many, batches that differ by one at most. */
static il_status predict_together(il_context *context, const il_model *m, const il_samples *s,
                                  int outputs, il_team *team, float *scores) {
  int64_t batches = (s->count + IL_MODEL_AT_ONCE - 1) / IL_MODEL_AT_ONCE;
  int size = (int)(s->count / batches), larger = (int)(s->count % batches);
  il_status status = IL_OK;
  if (larger) status = predict_parts(context, m, s, outputs, team, 0, larger, size + 1, scores);
  if (status == IL_OK)
    status = predict_parts(context, m, s, outputs, team, (int64_t)larger * (size + 1),
                           (int)batches - larger, size, scores);
  return status;
}

il_status il_scores_of(il_context *context, const il_model *model, const il_samples *samples,
                       int outputs, il_team *team, float *scores) {
  if (model->norms && model->statistics == IL_QUERY_STATISTICS_QUERY)
    return predict_together(context, model, samples, outputs, team, scores);
  int64_t parts = samples->count / PART;
  int rest = (int)(samples->count % PART);
  il_status status = IL_OK;
  if (parts)
    status = predict_parts(context, model, samples, outputs, team, 0, (int)parts, PART, scores);
  if (rest && status == IL_OK)
    status = predict_parts(context, model, samples, outputs, team, parts * PART, 1, rest, scores);
  return status;
}

il_status il_predict(il_context *context, const il_model *model, const il_samples *samples,
                     il_team *team, float *scores) {
  if (il_samples_fit_net(context, "the samples", samples, model) != IL_OK)
    return il_context_status(context);
  return il_scores_of(context, model, samples, samples->outputs, team, scores);
}

il_status il_model_take_moments(il_context *context, il_model *m, const il_samples *s,
                                il_team *team) {
  if (!m->norms) return IL_OK;
  int part = s->count < IL_MODEL_AT_ONCE ? (int)s->count : IL_MODEL_AT_ONCE;
  int tasks = (int)(s->count / part);
  int moments = 2 * m->norms;
  size_t size = 0; /* of the largest moment */
  for (int k = m->parameters; k < m->values; k++) {
    size_t count = (size_t)il_shape_count(il_model_value_shape(m, k));
    size = count > size ? count : size;
  }
  float *room = calloc((size_t)moments * size + 1, sizeof *room);
  void **output = calloc((size_t)moments + 1, sizeof *output);
  if (!room || !output) il_fail_memory(context, "the moments of norm layers");
  il_status status = il_context_status(context);
  for (int k = 0; k < moments && status == IL_OK; k++) output[k] = room + (size_t)k * size;
  if (status == IL_OK)
    status = run_parts(context, m, s, team, s->inputs, tasks, part, true, moments, output);
  for (int k = 0; k < moments && status == IL_OK; k++) /* only now: they were inputs */
    memcpy(m->value[m->parameters + k], output[k],
           (size_t)il_shape_count(il_model_value_shape(m, m->parameters + k)) * sizeof(float));
  free(output);
  free(room);
  return status;
}

/* log(1 + e^s) without overflow. */
static double softplus(double s) { return (s > 0 ? s : 0) + log1p(exp(-fabs(s))); }

static double cross_entropy(const float *score, int outputs, int label) {
  double most = (double)score[0], sum = 0;
  for (int k = 1; k < outputs; k++) /* not fmax: gcc 12 for aarch64 stops at its vector reduction */
    most = (double)score[k] > most ? (double)score[k] : most;
  for (int k = 0; k < outputs; k++) sum += exp((double)score[k] - most);
  return log(sum) + most - (double)score[label];
}

void il_test_scores(const il_samples *s, il_loss loss, const float *scores,
                    il_test_result *result) {
  *result = (il_test_result){0};
  int k = s->outputs;
  double sum = 0;
  for (int64_t i = 0; i < s->count; i++) {
    const float *score = scores + i * k;
    int label = s->label ? s->label[i] : -1, best = 0;
    for (int c = 1; c < k; c++)
      if (score[c] > score[best]) best = c;
    if (label >= 0) {
      result->correct += k == 1 ? (score[0] > 0) == label : best == label;
      result->total++;
    }
    if (loss == IL_LOSS_CROSS_ENTROPY && label >= 0) sum += cross_entropy(score, k, label);
    for (int c = 0; c < k; c++) {
      double target = label < 0 ? (double)s->target[i * k + c] : k == 1 ? label : c == label;
      if (label < 0) {
        result->correct += (score[c] > 0) == (target > 0.5);
        result->total++;
      }
      double distance = (double)score[c] - target;
      if (loss == IL_LOSS_MEAN_SQUARED_ERROR) sum += distance * distance / k;
      if (loss == IL_LOSS_BINARY_CROSS_ENTROPY)
        sum += (softplus((double)score[c]) - target * (double)score[c]) / k;
    }
  }
  result->loss = sum / (double)s->count;
  if (loss == IL_LOSS_MEAN_SQUARED_ERROR) result->correct = result->total = 0;
  result->accuracy = result->total ? (double)result->correct / (double)result->total : (double)NAN;
}

il_status il_test(il_context *context, const il_model *model, const il_samples *samples,
                  il_loss loss, il_team *team, il_test_result *result) {
  *result = (il_test_result){0};
  float *scores = calloc((size_t)samples->count + 1, (size_t)samples->outputs * sizeof *scores);
  if (!scores) return il_fail_memory(context, "scores");
  il_status status = il_predict(context, model, samples, team, scores);
  if (status == IL_OK) il_test_scores(samples, loss, scores, result);
  free(scores);
  return status;
}
