/* Meta-gradients of tasks given in a file, freshly drawn weights as a file, the plan as text: what other
 * programs compare with. */
#include <stdlib.h>
#include <string.h>

#include "io/io.h"
#include "train/learner.h"
#include "io/weights.h"

typedef struct tasks {
  int count;
  il_task_shape asked; /* what the source says: labels or targets, outputs, loss */
  const il_tensor *tensor[4];
  void *converted[4]; /* reals in the graph's type, or NULL: as in the file */
  il_shape shape[4];  /* of one task */
} tasks;
static const char *const names[] = {"support_x", "support_y", "query_x", "query_y"};

static il_status read_tasks(il_context *context, const char *path, const il_safetensors *file,
                            il_type real, tasks *t) {
  for (int i = 0; i < 4; i++) {
    const il_tensor *tensor = t->tensor[i] = il_safetensors_find(file, names[i]);
    if (!tensor)
      return il_fail(
          context, IL_ERROR_DATA,
          "%s: tensor \"%s\" is missing, expected support_x, support_y, query_x, query_y", path,
          names[i]);
    if (tensor->shape.rank < 2 || tensor->shape.rank > 5)
      return il_fail(context, IL_ERROR_DATA,
                     "%s: \"%s\" has %d dimensions, expected [tasks, examples, …]", path, names[i],
                     tensor->shape.rank);
    if (i && tensor->shape.dim[0] != t->count)
      return il_fail(context, IL_ERROR_DATA, "%s: \"%s\" has %lld tasks, but support_x has %d",
                     path, names[i], (long long)tensor->shape.dim[0], t->count);
    if (tensor->shape.dim[0] < 1 || tensor->shape.dim[0] > 65536)
      return il_fail(context, IL_ERROR_DATA, "%s: \"%s\" has %lld tasks, expected 1 to 65536", path,
                     names[i], (long long)tensor->shape.dim[0]);
    t->count = (int)tensor->shape.dim[0];
    t->shape[i].rank = tensor->shape.rank - 1;
    memcpy(t->shape[i].dim, tensor->shape.dim + 1, sizeof(int64_t) * (size_t)t->shape[i].rank);
    bool label = i % 2 && !t->asked.targets;
    bool accepted = label ? tensor->type == IL_INT32
                          : tensor->type == IL_FLOAT32 || tensor->type == IL_FLOAT64 ||
                                (tensor->type == IL_UINT8 && i % 2 == 0);
    if (!accepted)
      return il_fail(context, IL_ERROR_DATA, "%s: \"%s\" has type %s, expected %s", path, names[i],
                     il_type_name(tensor->type),
                     label   ? "i32"
                     : i % 2 ? "f32 or f64"
                             : "f32, f64 or u8");
    if (tensor->type == IL_INT32 || tensor->type == IL_UINT8 || tensor->type == real) continue;
    size_t count = (size_t)il_shape_count(tensor->shape);
    if (!(t->converted[i] = malloc(count * il_type_size(real) + 1)))
      return il_fail_memory(context, "tasks of a file");
    for (size_t j = 0; j < count; j++) {
      if (real == IL_FLOAT64)
        ((double *)t->converted[i])[j] = (double)((const float *)tensor->data)[j];
      else
        ((float *)t->converted[i])[j] = (float)((const double *)tensor->data)[j];
    }
  }
  return IL_OK;
}

static il_value pixels(il_graph *g, il_value x) {
  if (il_value_type(g, x) != IL_UINT8) return x;
  return il_scale(g, il_cast(g, x), 1.0 / 255);
}

/* Labels index scores: beyond them the loss would silently be another. */
static il_status check_labels(il_context *context, const char *path, const tasks *t, int outputs) {
  for (int i = 1; i < 4 && !t->asked.targets; i += 2) {
    const int32_t *label = t->tensor[i]->data;
    for (int64_t j = 0; j < il_shape_count(t->tensor[i]->shape); j++)
      if (label[j] < 0 || label[j] >= outputs)
        return il_fail(context, IL_ERROR_DATA, "%s: \"%s\" has label %d, expected 0 to %d", path,
                       names[i], label[j], outputs - 1);
  }
  return IL_OK;
}

typedef struct work {
  il_context *context;
  il_net *net;
  il_graph *graph;
  il_plan *plan;
  void **weights, **gradient, *workspace;
  il_value *value;
  const void **inputs;
  void **outputs;
} work;

static il_status differentiate(work *w, const il_config *config, const tasks *t, il_type real,
                               il_team *team, double *loss) {
  int n = il_net_parameters(w->net);
  w->graph = il_graph_new(w->context, real);
  w->value = calloc(2 * (size_t)n + 1, sizeof *w->value);
  w->inputs = calloc((size_t)n + 4, sizeof *w->inputs);
  w->outputs = calloc((size_t)n + 1, sizeof *w->outputs);
  if (!w->graph || !w->value || !w->inputs || !w->outputs)
    return il_fail_memory(w->context, "a meta-gradient");
  il_graph *g = w->graph;
  for (int i = 0; i < n; i++) {
    w->value[i] = il_input(g, il_net_parameter_name(w->net, i), IL_SHARED, real,
                           il_net_parameter_shape(w->net, i));
    w->inputs[i] = w->weights[i];
    w->outputs[i] = w->gradient[i];
  }
  il_value input[4];
  for (int i = 0; i < 4; i++) {
    il_type stored = t->tensor[i]->type;
    input[i] = il_input(g, names[i], IL_TASK,
                        stored == IL_INT32 || stored == IL_UINT8 ? stored : real, t->shape[i]);
    w->inputs[n + i] = t->converted[i] ? t->converted[i] : t->tensor[i]->data;
  }
  il_task task = {pixels(g, input[0]), input[1], pixels(g, input[2]), input[3], {0}};
  il_maml maml = il_config_maml(config, t->asked.loss);
  il_maml_result result;
  if (il_maml_gradient(g, w->net, &maml, &task, w->value, &result, w->value + n) != IL_OK)
    return il_context_status(w->context);
  for (int i = 0; i < n; i++) {
    char name[280];
    snprintf(name, sizeof name, "gradient of %s", il_net_parameter_name(w->net, i));
    il_output(g, name, il_task_mean(g, w->value[n + i]));
  }
  il_output(g, "loss", il_task_mean(g, result.query_loss));
  double figure = 0;
  w->outputs[n] = &figure;
  if (il_context_status(w->context) != IL_OK) return il_context_status(w->context);
  il_plan_options options = il_config_plan(config);
  options.tasks = t->count;
  if (il_config_is(config, IL_KEY_FACTORED, "auto") && il_graph_factor(g) != IL_OK)
    return il_context_status(w->context);
  if (!(w->plan = il_plan_build(g, &options))) return il_context_status(w->context);
  w->workspace = il_workspace_alloc(w->context, w->plan, t->count, il_team_threads(team));
  if (!w->workspace) return il_context_status(w->context);
  il_plan_run(w->plan, team, w->workspace, &(il_bindings){t->count, w->inputs, w->outputs});
  float single;
  memcpy(&single, &figure, sizeof single);
  *loss = real == IL_FLOAT32 ? (double)single : figure;
  return il_context_status(w->context);
}

static void free_work(work *w) {
  il_plan_free(w->plan);
  il_graph_free(w->graph);
  il_net_free(w->net);
  il_weights_free(w->weights);
  il_weights_free(w->gradient);
  free(w->workspace);
  free(w->value);
  free(w->inputs);
  free(w->outputs);
}

static il_status write_weights(il_context *context, const il_net *net, il_type real, void **weights,
                               int pairs, const il_pair *pair, const char *path) {
  il_arena arena = {0};
  int n = il_net_parameters(net);
  il_tensor *tensor = il_arena_alloc(&arena, (size_t)(n + 1) * sizeof *tensor);
  il_status status = tensor ? il_weights_tensors(context, &arena, net, "", real,
                                                 (const void *const *)weights, tensor)
                            : il_fail_memory(context, "weights");
  if (status == IL_OK) status = il_safetensors_write(context, path, n, tensor, pairs, pair);
  il_arena_free(&arena);
  return status;
}

il_status il_gradient_of_file(il_context *context, const il_config *config, const char *weights,
                              const char *task_file, const char *gradient, il_type real,
                              il_team *team, double *loss) {
  tasks t = {0};
  work w = {.context = context};
  il_tasks *source = il_config_shapes(context, config);
  if (source) t.asked = *il_tasks_shape(source, IL_TRAIN);
  il_safetensors *file = source ? il_safetensors_open(context, task_file) : NULL;
  int outputs = t.asked.outputs;
  if (file && read_tasks(context, task_file, file, real, &t) == IL_OK &&
      check_labels(context, task_file, &t, outputs) == IL_OK) {
    /* The file says how large examples are. */
    t.asked.example = (il_shape){.rank = t.shape[0].rank - 1};
    memcpy(t.asked.example.dim, t.shape[0].dim + 1, sizeof(int64_t) * (size_t)t.asked.example.rank);
    w.net = il_config_net(context, config, &t.asked);
    if (w.net) w.weights = il_weights_alloc(context, w.net, real);
    if (w.weights) w.gradient = il_weights_alloc(context, w.net, real);
    if (w.gradient && il_weights_open(context, weights, w.net, real, w.weights) == IL_OK &&
        differentiate(&w, config, &t, real, team, loss) == IL_OK) {
      char number[64];
      snprintf(number, sizeof number, "%.17g", *loss);
      write_weights(context, w.net, real, w.gradient, 1, &(il_pair){"loss", number}, gradient);
    }
  }
  free_work(&w);
  for (int i = 0; i < 4; i++) free(t.converted[i]);
  il_safetensors_close(file);
  il_tasks_free(source);
  return il_context_status(context);
}

il_status il_write_initial(il_context *context, const il_config *config, const char *path) {
  il_type real = il_config_type(config);
  il_tasks *source = il_config_shapes(context, config);
  il_net *net = source ? il_config_net(context, config, il_tasks_shape(source, IL_TRAIN)) : NULL;
  void **weights = net ? il_weights_alloc(context, net, real) : NULL;
  if (weights) {
    for (int i = 0; i < il_net_parameters(net); i++)
      il_net_initialize(net, i, (uint64_t)il_config_long(config, IL_KEY_SEED), real, weights[i]);
    write_weights(context, net, real, weights, 0, NULL, path);
  }
  il_weights_free(weights);
  il_net_free(net);
  il_tasks_free(source);
  return il_context_status(context);
}

char *il_training_plan(il_context *context, const il_config *config, il_plan_summary *summary) {
  il_tasks *source = il_config_shapes(context, config);
  il_learner *learner = source ? il_learner_new(context, config, source, false) : NULL;
  char *text = learner ? il_plan_print(learner->plan) : NULL;
  if (learner && summary) *summary = il_plan_summarize(learner->plan);
  il_learner_free(learner);
  il_tasks_free(source);
  return text;
}
