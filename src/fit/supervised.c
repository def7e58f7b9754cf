/* One mini-batch of supervised training as a plan. Its parts are the plan's tasks, so they run in parallel and
 * their gradients meet in the fixed tree of il_task_mean. */
#include "fit/supervised.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/team.h"
#include "data/samples.h"
#include "nn/net.h"
#include "train/learner.h"

enum { PART_EXAMPLES = 8 }; /* of nets whose examples do not see each other */

/* ---- state ---- */

static size_t tensor_bytes(const il_trained *t, int tensor) {
  int n = t->model->values, value = tensor < n ? tensor : (tensor - n) % t->model->parameters;
  return (size_t)il_shape_count(il_model_value_shape(t->model, value)) * sizeof(float);
}

il_status il_trained_init(il_context *context, il_trained *t, const il_model *model,
                          il_optimizer optimizer) {
  *t = (il_trained){.model = model, .adam = optimizer == IL_OPTIMIZER_ADAM};
  t->tensors = model->values + (t->adam ? 2 * model->parameters : 0);
  size_t total = 64;
  for (int i = 0; i < t->tensors; i++) total += (tensor_bytes(t, i) + 63) / 64 * 64;
  for (int side = 0; side < 2; side++) {
    t->side_of[side] = calloc((size_t)t->tensors + 1, sizeof **t->side_of);
    char *at = t->side_of[side] ? aligned_alloc(64, total) : NULL;
    if (!at) {
      il_trained_free(t);
      return il_fail_memory(context, "the state of training");
    }
    memset(at, 0, total);
    t->side_of[side][0] = (float *)(void *)at;
    for (int i = 0; i < t->tensors; i++) {
      t->side_of[side][i] = (float *)(void *)at;
      if (i < model->values) memcpy(at, model->value[i], tensor_bytes(t, i));
      at += (tensor_bytes(t, i) + 63) / 64 * 64;
    }
  }
  return IL_OK;
}

void il_trained_store(const il_trained *t, il_model *model) {
  for (int i = 0; i < model->values; i++)
    memcpy(model->value[i], t->side_of[t->side][i], tensor_bytes(t, i));
}

void il_trained_free(il_trained *t) {
  for (int side = 0; side < 2; side++) {
    if (t->side_of[side]) free(t->side_of[side][0]);
    free(t->side_of[side]);
  }
  *t = (il_trained){0};
}

/* ---- graph ---- */

static bool has_dropout(const il_net *net) {
  for (int i = 0; i < il_net_layers(net); i++)
    if (il_net_layer(net, i)->kind == IL_LAYER_DROPOUT && il_net_layer(net, i)->rate > 0)
      return true;
  return false;
}

static il_shape of_part(int examples, il_shape example) {
  il_shape shape = {.rank = example.rank + 1, .dim = {examples}};
  memcpy(shape.dim + 1, example.dim, (size_t)example.rank * sizeof *shape.dim);
  return shape;
}

/* new = 0.9·old + 0.1·batch, with the variance of a sample, as PyTorch's (momentum 0.1). */
static void running(il_graph *g, const il_model *m, const il_moments *moments,
                    const int64_t *examples, const il_value *now, il_value *next) {
  il_scope_push(g, "running statistics");
  for (int k = 0; k < m->norms; k++)
    for (int which = 0; which < 2; which++) {
      int v = m->parameters + 2 * k + which;
      il_value seen = which ? moments->variance[k] : moments->mean[k];
      double n = (double)examples[k];
      if (which && n > 1) seen = il_scale(g, seen, n / (n - 1));
      seen = il_task_mean(g, il_reshape(g, seen, il_model_value_shape(m, v)));
      next[v] = il_add(g, il_scale(g, now[v], 0.9), il_scale(g, seen, 0.1));
    }
  il_scope_pop(g);
}

/* How many numbers each norm takes its statistics from: examples × pixels. */
static void norm_counts(const il_net *net, int examples, int64_t *count) {
  for (int i = 0, k = 0; i < net->layers; i++)
    if (net->layer[i].layer.kind == IL_LAYER_NORM) {
      il_shape s = net->layer[i].out;
      count[k++] = (int64_t)examples * (s.rank == 3 ? s.dim[0] * s.dim[1] : 1);
    }
}

static void update(il_supervised *s, il_value step, const il_value *now, const il_value *gradient,
                   il_value *next) {
  const il_model *m = s->trained->model;
  int n = m->parameters, first = m->values, second = first + n;
  il_graph *g = s->graph;
  il_adam adam = {.lr = s->options->lr, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
  if (s->trained->adam)
    il_adam_update(g, &adam, step, n, now, gradient, now + first, now + second, next, next + first,
                   next + second);
  else
    il_sgd_update(g, adam.lr, n, now, gradient, next);
}

static void build(il_supervised *s, il_value *now, il_value *next, il_value *gradient) {
  const il_model *m = s->trained->model;
  il_graph *g = s->graph;
  char name[96], of[64];
  static const char *const kind[] = {"", "adam.first.", "adam.second."};
  for (int i = 0; i < s->trained->tensors; i++) {
    int moment = i < m->values ? 0 : 1 + (i - m->values) / m->parameters;
    int value = moment ? (i - m->values) % m->parameters : i;
    il_model_value_name(m, value, of);
    snprintf(name, sizeof name, "%s%s", kind[moment], of);
    now[i] = il_input(g, name, IL_SHARED, IL_FLOAT32, il_model_value_shape(m, value));
  }
  il_value step = {0}, key = {0};
  if (s->trained->adam) step = il_input(g, "step", IL_SHARED, IL_FLOAT32, il_shape_scalar());
  const il_samples *data = s->samples;
  int examples = s->batch / s->parts;
  il_value x = il_input(g, "x", IL_TASK, data->type, of_part(examples, data->example));
  il_value y = data->label
                   ? il_input(g, "y", IL_TASK, IL_INT32, IL_SHAPE(examples))
                   : il_input(g, "y", IL_TASK, IL_FLOAT32, IL_SHAPE(examples, data->outputs));
  if (s->key) key = il_input(g, "dropout_key", IL_TASK, IL_INT32, IL_SHAPE(2));
  x = il_inputs_seen(g, x);
  il_moments moments = {0};
  int64_t counts[IL_NET_MAX_NORMS];
  il_value scores = il_net_apply(m->net, g, now, x, IL_STATISTICS_BATCH, &moments, key, 0);
  il_value loss = il_loss_value(g, s->options->loss, scores, y);
  if (il_grad(g, loss, m->parameters, now, gradient) != IL_OK) return;
  for (int i = 0; i < m->parameters; i++) gradient[i] = il_task_mean(g, gradient[i]);
  update(s, step, now, gradient, next);
  norm_counts(m->net, examples, counts);
  running(g, m, &moments, counts, now, next);
  for (int i = 0; i < s->trained->tensors; i++) {
    snprintf(name, sizeof name, "next %d", i);
    il_output(g, name, next[i]);
  }
  il_output(g, "loss", il_task_mean(g, loss));
}

/* ---- one size of mini-batch ---- */

static int parts_of(const il_model *m, int asked, int batch) {
  if (asked) return batch % asked ? 1 : asked;
  if (m->norms) return 1;
  int examples = batch < PART_EXAMPLES ? batch : PART_EXAMPLES;
  while (batch % examples) examples--;
  return batch / examples;
}

static il_status make(il_supervised *s) {
  const il_trained *t = s->trained;
  int n = t->tensors;
  size_t answer = s->samples->label ? sizeof(int32_t) : (size_t)s->samples->outputs * sizeof(float);
  s->x = malloc((size_t)s->batch * il_samples_stride(s->samples));
  s->y = malloc((size_t)s->batch * answer);
  bool keyed = has_dropout(t->model->net);
  if (keyed) s->key = calloc((size_t)s->parts, 2 * sizeof *s->key);
  s->input = calloc((size_t)n + 5, sizeof *s->input);
  s->output = calloc((size_t)n + 2, sizeof *s->output);
  il_value *v = calloc(3 * (size_t)n + 1, sizeof *v);
  s->graph = il_graph_new(s->context, IL_FLOAT32);
  if (!s->x || !s->y || (keyed && !s->key) || !s->input || !s->output || !v || !s->graph) {
    free(v);
    return il_fail_memory(s->context, "a mini-batch");
  }
  build(s, v, v + n, v + 2 * n);
  free(v);
  if (il_context_status(s->context) != IL_OK) return il_context_status(s->context);
  s->plan = il_plan_build(s->graph, &(il_plan_options){.tasks = s->parts});
  if (!s->plan) return il_context_status(s->context);
  s->workspace =
      il_workspace_alloc(s->context, s->plan, s->parts, il_team_threads(s->options->team));
  return il_context_status(s->context);
}

il_status il_supervised_init(il_context *context, il_supervised *s, il_trained *trained,
                             const il_samples *samples, const il_fit_options *options, int batch) {
  *s = (il_supervised){.context = context,
                       .trained = trained,
                       .samples = samples,
                       .options = options,
                       .batch = batch,
                       .parts = parts_of(trained->model, options->parts, batch)};
  il_status status = make(s);
  if (status != IL_OK) il_supervised_free(s);
  return status;
}

void il_supervised_free(il_supervised *s) {
  free(s->x);
  free(s->y);
  free(s->key);
  free(s->input);
  free(s->output);
  free(s->workspace);
  il_plan_free(s->plan);
  il_graph_free(s->graph);
  *s = (il_supervised){0};
}

typedef struct fill {
  il_supervised *s;
  const int64_t *index;
  uint64_t use;
} fill;

static void fill_worker(void *argument, int worker) {
  const fill *f = argument;
  il_supervised *s = f->s;
  const il_samples *data = s->samples;
  size_t stride = il_samples_stride(data);
  size_t answer = data->label ? sizeof(int32_t) : (size_t)data->outputs * sizeof(float);
  const char *answers = data->label ? (const char *)data->label : (const char *)data->target;
  int size[3] = {(int)data->example.dim[0], (int)data->example.dim[1], (int)data->example.dim[2]};
  for (int i = worker; i < s->batch; i += il_team_threads(s->options->team)) {
    size_t at = (size_t)f->index[i];
    const char *from = (const char *)data->inputs + at * stride;
    char *to = s->x + (size_t)i * stride;
    if (s->options->augment)
      il_augment_apply(s->options->augment, s->options->seed, f->use, at, data->type, size, from,
                       to);
    else
      memcpy(to, from, stride);
    memcpy(s->y + (size_t)i * answer, answers + at * answer, answer);
  }
}

il_status il_supervised_step(il_supervised *s, const int64_t *index, uint64_t use, double *loss) {
  il_trained *t = s->trained;
  fill f = {s, index, use};
  il_team_run(s->options->team, fill_worker, &f);
  int in = 0;
  float step = (float)t->steps, mean = 0;
  for (; in < t->tensors; in++) {
    s->input[in] = t->side_of[t->side][in];
    s->output[in] = t->side_of[1 - t->side][in];
  }
  s->output[in] = &mean;
  if (t->adam) s->input[in++] = &step;
  s->input[in++] = s->x;
  s->input[in++] = s->y;
  for (int p = 0; s->key && p < s->parts; p++) {
    uint64_t key = il_random_mix(il_random_mix(s->options->seed, 0x64726f70u /* "drop" */),
                                 (uint64_t)t->steps * (uint64_t)s->parts + (uint64_t)p);
    memcpy(s->key + 2 * p, &key, sizeof key);
  }
  if (s->key) s->input[in++] = s->key;
  il_status status = il_plan_run(s->plan, s->options->team, s->workspace,
                                 &(il_bindings){s->parts, s->input, s->output});
  if (status != IL_OK) return status;
  t->side = 1 - t->side;
  t->steps++;
  *loss = (double)mean;
  return IL_OK;
}
