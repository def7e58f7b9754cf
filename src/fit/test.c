/* Scores of a model, and how right they are. The graph that predicts has the inputs only: no target can leak
 * into a prediction. */
#include <innerloop/plan.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/samples.h"
#include "nn/net.h"
#include "train/learner.h"
#include "fit/model.h"

enum { PART = 32 }; /* examples of a task of the plan, where examples do not see each other */

typedef struct predictor {
  il_graph *graph;
  il_plan *plan;
  void *workspace;
  const void **input;
} predictor;

static void predictor_free(predictor *p) {
  free(p->workspace);
  free(p->input);
  il_plan_free(p->plan);
  il_graph_free(p->graph);
}

/* moments: outputs are the batch's mean and variance at each norm, mean over parts, instead of scores. */
static il_status build(il_context *context, predictor *p, const il_model *m, const il_samples *s,
                       int part, bool moments_asked) {
  p->graph = il_graph_new(context, IL_FLOAT32);
  il_value *v = calloc((size_t)m->values + 1, sizeof *v);
  p->input = calloc((size_t)m->values + 1, sizeof *p->input);
  if (!p->graph || !v || !p->input) {
    free(v);
    return il_fail_memory(context, "a prediction");
  }
  for (int i = 0; i < m->values; i++) {
    char name[64];
    il_model_value_name(m, i, name);
    v[i] = il_input(p->graph, name, IL_SHARED, IL_FLOAT32, il_model_value_shape(m, i));
    p->input[i] = m->value[i];
  }
  il_moments moments = {0};
  for (int k = 0; k < m->norms; k++) {
    moments.mean[k] = v[m->parameters + 2 * k];
    moments.variance[k] = v[m->parameters + 2 * k + 1];
  }
  il_shape shape = {.rank = s->example.rank + 1, .dim = {part}};
  memcpy(shape.dim + 1, s->example.dim, (size_t)s->example.rank * sizeof *shape.dim);
  il_value x = il_input(p->graph, "x", IL_TASK, s->type, shape);
  x = il_inputs_seen(p->graph, x);
  il_statistics statistics = m->statistics == IL_QUERY_STATISTICS_QUERY  ? IL_STATISTICS_BATCH
                             : m->statistics == IL_QUERY_STATISTICS_EACH ? IL_STATISTICS_EACH
                                                                         : IL_STATISTICS_GIVEN;
  if (moments_asked) statistics = IL_STATISTICS_BATCH;
  il_value scores = il_net_apply(m->net, p->graph, v, x, statistics, &moments, (il_value){0}, 0);
  if (!moments_asked) il_output(p->graph, "scores", scores);
  for (int k = m->parameters; moments_asked && k < m->values; k++) {
    int norm = (k - m->parameters) / 2;
    il_value seen = (k - m->parameters) % 2 ? moments.variance[norm] : moments.mean[norm];
    char name[64];
    snprintf(name, sizeof name, "moment %d", k - m->parameters);
    seen = il_reshape(p->graph, seen, il_model_value_shape(m, k));
    il_output(p->graph, name, il_task_mean(p->graph, seen));
  }
  free(v);
  if (il_context_status(context) == IL_OK) p->plan = il_plan_build(p->graph, NULL);
  return il_context_status(context);
}

/* `tasks` parts of the inputs from example `first` on. */
static il_status predict_parts(il_context *context, const il_model *m, const il_samples *s,
                               int outputs, il_team *team, int64_t first, int tasks, int part,
                               float *scores) {
  predictor p = {0};
  il_status status = build(context, &p, m, s, part, false);
  if (status == IL_OK) {
    p.input[m->values] = (const char *)s->inputs + (size_t)first * il_samples_stride(s);
    void *output[] = {scores + first * outputs};
    p.workspace = il_workspace_alloc(context, p.plan, tasks, il_team_threads(team));
    if (p.workspace) il_plan_run(p.plan, team, p.workspace, &(il_bindings){tasks, p.input, output});
    status = il_context_status(context);
  }
  predictor_free(&p);
  return status;
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
  predictor p = {0};
  if (!room || !output) il_fail_memory(context, "the moments of norm layers");
  il_status status = il_context_status(context);
  for (int k = 0; k < moments && status == IL_OK; k++) output[k] = room + (size_t)k * size;
  if (status == IL_OK) status = build(context, &p, m, s, part, true);
  if (status == IL_OK) {
    p.input[m->values] = s->inputs;
    p.workspace = il_workspace_alloc(context, p.plan, tasks, il_team_threads(team));
    if (p.workspace) il_plan_run(p.plan, team, p.workspace, &(il_bindings){tasks, p.input, output});
    status = il_context_status(context);
  }
  for (int k = 0; k < moments && status == IL_OK; k++) /* only now: they were the plan's inputs */
    memcpy(m->value[m->parameters + k], output[k],
           (size_t)il_shape_count(il_model_value_shape(m, m->parameters + k)) * sizeof(float));
  predictor_free(&p);
  free(output);
  free(room);
  return status;
}

/* log(1 + e^s) without overflow. */
static double softplus(double s) { return (s > 0 ? s : 0) + log1p(exp(-fabs(s))); }

static double cross_entropy(const float *score, int outputs, int label) {
  double most = (double)score[0], sum = 0;
  for (int k = 1; k < outputs; k++) most = fmax(most, (double)score[k]);
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
