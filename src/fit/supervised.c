/* One mini-batch of supervised training as a function. Its parts are the plan's tasks, so they run in parallel and
 * their gradients meet in the fixed tree of il_task_mean. */
#include "fit/supervised.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/team.h"
#include "data/samples.h"
#include "nn/net.h"

enum { PART_EXAMPLES = 8 }; /* of nets whose examples do not see each other */

/* ---- state ---- */

static il_status entries_of(il_context *context, il_trained *t) {
  const il_model *m = t->model;
  for (int i = 0; i < m->values; i++) {
    il_entry e = {.shape = il_model_value_shape(m, i), .drawn = true};
    il_model_value_name(m, i, e.name);
    if (!il_entries_add(context, &t->value_entries, e)) return il_context_status(context);
  }
  return il_optimizer_slots(context, t->optimizer, m->parameters, t->value_entries.entry,
                            &t->slot_entries);
}

il_status il_trained_init(il_context *context, il_trained *t, const il_model *model,
                          const il_optimizer *optimizer) {
  *t = (il_trained){.model = model, .optimizer = optimizer};
  if (optimizer->fields) il_fields_default(optimizer->fields, t->settings);
  il_status status = entries_of(context, t);
  if (status == IL_OK)
    status = il_buffers_init(context, &t->values, t->value_entries.count, t->value_entries.entry,
                             IL_FLOAT32, true);
  if (status == IL_OK)
    status = il_buffers_init(context, &t->slots, t->slot_entries.count, t->slot_entries.entry,
                             IL_FLOAT32, true);
  for (int i = 0; i < model->values && status == IL_OK; i++)
    memcpy(il_buffers_at(&t->values, i), model->value[i],
           (size_t)il_shape_count(il_model_value_shape(model, i)) * sizeof(float));
  if (status != IL_OK) il_trained_free(t);
  return status;
}

void il_trained_store(const il_trained *t, il_model *model) {
  for (int i = 0; i < model->values; i++)
    memcpy(model->value[i], il_buffers_at(&t->values, i),
           (size_t)il_shape_count(il_model_value_shape(model, i)) * sizeof(float));
}

void il_trained_free(il_trained *t) {
  il_buffers_free(&t->values);
  il_buffers_free(&t->slots);
  il_entries_free(&t->value_entries);
  il_entries_free(&t->slot_entries);
  *t = (il_trained){0};
}

/* ---- graph ---- */

static bool has_dropout(const il_net *net) {
  for (int i = 0; i < il_net_layers(net); i++)
    if (il_net_layer(net, i)->rate > 0 && il_layer_draws(il_net_layer(net, i))) return true;
  return false;
}

static il_shape of_part(int examples, il_shape example) {
  il_shape shape = {.rank = example.rank + 1, .dim = {examples}};
  memcpy(shape.dim + 1, example.dim, (size_t)example.rank * sizeof *shape.dim);
  return shape;
}

/* new = 0.9·old + 0.1·batch, with the variance of a sample, as PyTorch's (momentum 0.1). */
static void running(il_graph *g, const il_model *m, const il_moments *moments,
                    const int64_t *examples, il_values *values) {
  il_scope_push(g, "running statistics");
  for (int k = 0; k < m->norms; k++)
    for (int which = 0; which < 2; which++) {
      int v = m->parameters + 2 * k + which;
      il_value seen = which ? moments->variance[k] : moments->mean[k];
      double n = (double)examples[k];
      if (which && n > 1) seen = il_scale(g, seen, n / (n - 1));
      seen = il_task_mean(g, il_reshape(g, seen, il_model_value_shape(m, v)));
      values->at[v] = il_add(g, il_scale(g, values->at[v], 0.9), il_scale(g, seen, 0.1));
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

/* The parameters and the optimizer's slots become their next values. */
static void update(il_supervised *s, il_graph *g, il_value made, const il_values *gradient,
                   il_values *values, il_values *slots) {
  const il_rate lr = {.constant = s->options->lr};
  il_values parameters = *values;
  parameters.count = gradient->count;
  il_scope_push(g, s->trained->optimizer->name);
  il_optimizer_update(g, s->trained->optimizer, s->trained->settings, made, lr, NULL, NULL, false,
                      &parameters, slots, gradient);
  il_scope_pop(g);
}

static il_graph *build(il_supervised *s) {
  const il_trained *t = s->trained;
  const il_model *m = t->model;
  il_graph *g = il_graph_new(s->context, IL_FLOAT32);
  if (!g) return NULL;
  const il_values now =
      il_values_input(g, t->value_entries.count, t->value_entries.entry, "", IL_SHARED);
  const il_values moments =
      il_values_input(g, t->slot_entries.count, t->slot_entries.entry, "", IL_SHARED);
  il_value made = {0}, key = {0};
  if (t->optimizer->slots) made = il_input(g, "step", IL_SHARED, IL_FLOAT32, il_shape_scalar());
  const il_samples *data = s->samples;
  int examples = s->batch / s->parts;
  il_value x = il_input(g, "x", IL_TASK, data->type, of_part(examples, data->example));
  il_value y = data->label
                   ? il_input(g, "y", IL_TASK, IL_INT32, IL_SHAPE(examples))
                   : il_input(g, "y", IL_TASK, IL_FLOAT32, IL_SHAPE(examples, data->outputs));
  if (s->key) key = il_input(g, "dropout_key", IL_TASK, IL_INT32, IL_SHAPE(2));
  x = il_inputs_seen(g, x);
  il_moments seen = {0};
  int64_t counts[IL_NET_MAX_NORMS];
  il_value scores = il_net_apply(m->net, g, now.at, x, IL_STATISTICS_BATCH, &seen, key, 0);
  il_value loss = il_loss_value(g, s->options->loss, scores, y);
  il_values parameters = now;
  parameters.count = m->parameters;
  il_values gradient = il_values_grad(g, loss, &parameters);
  if (il_context_status(s->context) != IL_OK) return g;
  for (int i = 0; i < gradient.count; i++) gradient.at[i] = il_task_mean(g, gradient.at[i]);
  il_values next = il_values_copy(g, &now), slots = il_values_copy(g, &moments);
  update(s, g, made, &gradient, &next, &slots);
  norm_counts(m->net, examples, counts);
  running(g, m, &seen, counts, &next);
  for (int i = 0; i < now.count; i++) il_next(g, now.at[i], next.at[i]);
  for (int i = 0; i < slots.count; i++) il_next(g, moments.at[i], slots.at[i]);
  il_output(g, "loss", il_task_mean(g, loss));
  return g;
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
  il_trained *t = s->trained;
  size_t answer = s->samples->label ? sizeof(int32_t) : (size_t)s->samples->outputs * sizeof(float);
  s->x = malloc((size_t)s->batch * il_samples_stride(s->samples));
  s->y = malloc((size_t)s->batch * answer);
  bool keyed = has_dropout(t->model->net);
  if (keyed) s->key = calloc((size_t)s->parts, 2 * sizeof *s->key);
  if (!s->x || !s->y || (keyed && !s->key)) return il_fail_memory(s->context, "a mini-batch");
  const il_function_options options = {.plan = {.tasks = s->parts}};
  s->function = il_function_new(build(s), &options);
  s->run = s->function ? il_run_new(s->context, s->function, s->options->team, s->parts) : NULL;
  if (!s->run) return il_context_status(s->context);
  s->place_made = il_function_input(s->function, "step");
  s->place_loss = il_function_output(s->function, "loss");
  il_run_input(s->run, il_function_input(s->function, "x"), s->x);
  il_run_input(s->run, il_function_input(s->function, "y"), s->y);
  il_run_input(s->run, il_function_input(s->function, "dropout_key"), s->key);
  const il_status status = il_run_buffers(s->run, &t->values, "");
  return status == IL_OK ? il_run_buffers(s->run, &t->slots, "") : status;
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
  il_run_free(s->run);
  il_function_free(s->function);
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
  for (int i = worker; i < s->batch; i += il_team_threads(s->options->team)) {
    size_t at = (size_t)f->index[i];
    const char *from = (const char *)data->inputs + at * stride;
    char *to = s->x + (size_t)i * stride;
    if (s->options->augment)
      il_augment_apply(s->options->augment, s->options->seed, f->use, at, data->type, data->example,
                       from, to);
    else
      memcpy(to, from, stride);
    memcpy(s->y + (size_t)i * answer, answers + at * answer, answer);
  }
}

il_status il_supervised_step(il_supervised *s, const int64_t *index, uint64_t use, double *loss) {
  il_trained *t = s->trained;
  fill f = {s, index, use};
  il_team_run(s->options->team, fill_worker, &f);
  il_run_set(s->run, s->place_made, (double)t->steps);
  for (int p = 0; s->key && p < s->parts; p++) {
    uint64_t key = il_random_mix(il_random_mix(s->options->seed, 0x64726f70u /* "drop" */),
                                 (uint64_t)t->steps * (uint64_t)s->parts + (uint64_t)p);
    memcpy(s->key + 2 * p, &key, sizeof key);
  }
  const il_status status = il_run_go(s->run, s->parts);
  if (status != IL_OK) return status;
  t->steps++;
  *loss = il_run_number(s->run, s->place_loss);
  return IL_OK;
}
