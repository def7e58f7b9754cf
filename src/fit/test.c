/* Scores of a model, and how right they are. The graph that predicts has the inputs only: no target can leak
 * into a prediction. */
#include <innerloop/plan.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/samples.h"
#include "nn/net.h"
#include "train/learner.h"
#include "fit/model.h"

enum { PART = 32 }; /* examples of a task of the plan */

typedef struct predictor {
  il_graph *graph;
  il_plan *plan;
  void *workspace;
  const void **input;
} predictor;

static il_status build(il_context *context, predictor *p, const il_model *m, const il_samples *s,
                       int part) {
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
  if (s->type == IL_UINT8) x = il_scale(p->graph, il_cast(p->graph, x), 1.0 / 255);
  il_output(p->graph, "scores",
            il_net_apply(m->net, p->graph, v, x, IL_STATISTICS_GIVEN, &moments, (il_value){0}, 0));
  free(v);
  if (il_context_status(context) == IL_OK) p->plan = il_plan_build(p->graph, NULL);
  return il_context_status(context);
}

/* `tasks` parts of the inputs from example `first` on. */
static il_status predict_parts(il_context *context, const il_model *m, const il_samples *s,
                               int outputs, il_team *team, int64_t first, int tasks, int part,
                               float *scores) {
  predictor p = {0};
  il_status status = build(context, &p, m, s, part);
  if (status == IL_OK) {
    p.input[m->values] = (const char *)s->inputs + (size_t)first * il_samples_stride(s);
    void *output[] = {scores + first * outputs};
    p.workspace = il_workspace_alloc(context, p.plan, tasks, il_team_threads(team));
    if (p.workspace) il_plan_run(p.plan, team, p.workspace, &(il_bindings){tasks, p.input, output});
    status = il_context_status(context);
  }
  free(p.workspace);
  free(p.input);
  il_plan_free(p.plan);
  il_graph_free(p.graph);
  return status;
}

il_status il_scores_of(il_context *context, const il_model *model, const il_samples *samples,
                       int outputs, il_team *team, float *scores) {
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
      if (loss == IL_LOSS_BINARY_CROSS_ENTROPY)
        sum += (softplus((double)score[c]) - target * (double)score[c]) / k;
    }
  }
  result->loss = sum / (double)s->count;
  result->accuracy = (double)result->correct / (double)result->total;
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
