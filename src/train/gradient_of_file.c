/* Meta-gradients of tasks given in a file, freshly drawn weights as a file, the plan as text: what other
 * programs compare with. */
#include <innerloop/train.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/locale.h"
#include "run/function.h"
#include "config/config_method.h"
#include "config/config_tasks.h"
#include "data/samples.h"
#include "io/io.h"
#include "io/weights.h"
#include "nn/net.h"
#include "saved/learned_file.h"
#include "train/trainer.h"

typedef struct tasks {
  int count;
  il_task_shape asked; /* what the source says: labels or targets, outputs, loss */
  const il_tensor *tensor[4];
  void *converted[4]; /* reals in the graph's type, labels as i32; NULL: as in the file */
  il_shape shape[4];  /* of one task */
} tasks;
static const char *const names[] = {"support_x", "support_y", "query_x", "query_y"};

static const void *data_of(const tasks *t, int i) {
  return t->converted[i] ? t->converted[i] : t->tensor[i]->data;
}

static il_status read_tasks(il_context *context, const char *path, const il_tensors *file,
                            il_type real, tasks *t) {
  for (int i = 0; i < 4; i++) {
    const il_tensor *tensor = t->tensor[i] = il_tensors_find(file, names[i]);
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
    bool accepted = label ? tensor->type == IL_INT32 || tensor->type == IL_INT64
                          : il_tensor_is_real(tensor) || (tensor->type == IL_UINT8 && i % 2 == 0);
    if (!accepted)
      return il_fail(context, IL_ERROR_DATA, "%s: \"%s\" has type %s, expected %s", path, names[i],
                     il_type_name(tensor->type),
                     label   ? "i32 or i64"
                     : i % 2 ? "reals"
                             : "reals or u8");
    if (tensor->type == IL_INT32 || tensor->type == IL_UINT8 || tensor->type == real) continue;
    size_t count = (size_t)il_shape_count(tensor->shape);
    const size_t size = label ? sizeof(int32_t) : il_type_size(real);
    if (!(t->converted[i] = malloc(count * size + 1)))
      return il_fail_memory(context, "tasks of a file");
    if (!label) il_tensor_reals(tensor, real, t->converted[i]);
    for (size_t j = 0; label && j < count; j++) {
      const int64_t found = ((const int64_t *)tensor->data)[j];
      /* What no i32 holds is no class either; check_labels says so. */
      ((int32_t *)t->converted[i])[j] = found < 0 || found > INT32_MAX ? -1 : (int32_t)found;
    }
  }
  return IL_OK;
}

/* Labels index scores: beyond them the loss would silently be another. */
static il_status check_labels(il_context *context, const char *path, const tasks *t, int outputs) {
  for (int i = 1; i < 4 && !t->asked.targets; i += 2) {
    const int32_t *label = data_of(t, i);
    for (int64_t j = 0; j < il_shape_count(t->tensor[i]->shape); j++)
      if (label[j] < 0 || label[j] >= outputs)
        return il_fail(context, IL_ERROR_DATA, "%s: \"%s\" has label %d, expected 0 to %d", path,
                       names[i], label[j], outputs - 1);
  }
  return IL_OK;
}

typedef struct work {
  il_context *context;
  il_method method;
  il_learned *learner;
  il_buffers gradient;
  il_function *function;
  il_run *run;
} work;

/* An embedding reads rows by these numbers: beyond them it would silently be another row. */
static il_status check_tokens(const work *w, const char *path, const tasks *t) {
  const int vocabulary = il_net_vocabulary(w->learner->net);
  for (int i = 0; i < 4 && vocabulary; i += 2) {
    const il_type type = t->tensor[i]->type == IL_UINT8 ? IL_UINT8 : w->method.real;
    if (type == IL_UINT8)
      return il_fail(w->context, IL_ERROR_DATA,
                     "%s: \"%s\" has pixels (u8), which are divided by 255; expected whole numbers "
                     "as reals, which the net's embedding takes",
                     path, names[i]);
    const void *x = data_of(t, i);
    const int64_t at = il_net_unfit(vocabulary, type, il_shape_count(t->tensor[i]->shape), x);
    if (at >= 0)
      return il_fail(w->context, IL_ERROR_DATA, "%s: \"%s\" has " IL_NO_TOKEN, path, names[i],
                     il_number_at(type, x, at), vocabulary - 1);
  }
  return IL_OK;
}

/* One more than the largest label of the support sets. */
static int classes_of(const tasks *t) {
  const int32_t *label = data_of(t, 1);
  int32_t most = 0;
  for (int64_t j = 0; j < il_shape_count(t->tensor[1]->shape); j++)
    if (label[j] > most) most = label[j];
  return most < 65536 ? most + 1 : 65536;
}

/* The task's inputs with the shapes and types of the file. */
static void task_inputs(il_graph *g, const tasks *t, il_task *task) {
  il_value input[4];
  for (int i = 0; i < 4; i++) {
    const il_type stored = t->tensor[i]->type;
    input[i] = il_input(g, names[i], IL_TASK,
                        stored == IL_INT64                         ? IL_INT32
                        : stored == IL_INT32 || stored == IL_UINT8 ? stored
                                                                   : il_graph_real(g),
                        t->shape[i]);
    if (i % 2 == 0) input[i] = il_inputs_seen(g, input[i]);
  }
  *task = (il_task){
      .support_x = input[0], .support_y = input[1], .query_x = input[2], .query_y = input[3]};
}

static il_graph *build(work *w, const tasks *t) {
  il_graph *g = il_graph_new(w->context, w->method.real);
  if (!g) return NULL;
  il_build b = il_learned_build(w->learner, &w->method, g, &t->asked);
  b.inner.batch =
      0; /* a file has no order of mini-batches: a step learns from the whole support set */
  task_inputs(g, t, &b.task);
  il_outcome out;
  if (il_build_outcome(&b, &out) != IL_OK) return g;
  for (int i = 0; i < out.gradient.count; i++) {
    char name[280];
    const il_value d = out.gradient.at[i];
    snprintf(name, sizeof name, "gradient of %s", out.gradient.entry[i].name);
    il_output(g, name, il_value_stage(g, d) == IL_TASK ? il_task_mean(g, d) : d);
  }
  il_output(g, "loss", il_task_mean(g, out.loss));
  return g;
}

static il_status differentiate(work *w, const tasks *t, il_team *team, double *loss) {
  il_function_options options = w->method.function;
  options.plan.tasks = t->count;
  w->function = il_function_new(build(w, t), &options);
  if (!w->function || !(w->run = il_run_new(w->context, w->function, team, t->count)))
    return il_context_status(w->context);
  for (int i = 0; i < 4; i++)
    il_run_input(w->run, il_function_input(w->function, names[i]), data_of(t, i));
  for (int i = 0; i < w->gradient.count; i++) { /* what is not learned has no gradient: zeros */
    char name[280];
    snprintf(name, sizeof name, "gradient of %s", w->gradient.entry[i].name);
    const int place = il_function_output(w->function, name);
    if (place >= 0) il_run_output(w->run, place, il_buffers_at(&w->gradient, i));
  }
  if (il_learned_bind(w->learner, w->run) != IL_OK) return il_context_status(w->context);
  const il_status status = il_run_go(w->run, t->count);
  *loss = il_run_number(w->run, il_function_output(w->function, "loss"));
  return status;
}

/* The net's parameters of any file, and what is learned beside them from where it stands in ours: "meta/NAME"; what
 * the file does not have keeps its initial value. */
static il_status read_weights(work *w, const char *path) {
  il_learned *l = w->learner;
  il_learned_initialize(l, w->method.seed);
  il_status status =
      il_weights_open(w->context, path, l->net, l->meta.type, l->meta.side[l->meta.now]);
  il_tensors *file = status == IL_OK ? il_tensors_open(w->context, path) : NULL;
  for (int i = il_net_parameters(l->net); file && i < l->meta.count && status == IL_OK; i++)
    status = il_buffers_read_if_there(w->context, path, file, &l->meta, i, IL_ROLE_META);
  il_tensors_close(file);
  return il_context_status(w->context);
}

static il_status write_values(il_context *context, const il_buffers *b, int pairs,
                              const il_pair *pair, const char *path) {
  il_arena arena = {0};
  int count = 0;
  il_tensor *tensor = il_arena_alloc(&arena, ((size_t)b->count + 1) * sizeof *tensor);
  il_status status = tensor ? il_buffers_tensors(context, &arena, b, IL_ROLE_META, tensor, &count)
                            : il_fail_memory(context, "weights");
  if (status == IL_OK) status = il_safetensors_write(context, path, count, tensor, pairs, pair);
  il_arena_free(&arena);
  return status;
}

static il_status prepare(work *w, const il_config *config, const il_task_shape *shape) {
  il_net *net = il_config_net(w->context, config, shape);
  w->learner = il_learned_new(w->context, &w->method, net, true, false);
  if (!w->learner) return il_context_status(w->context);
  const il_entries *entries = &w->learner->meta_entries;
  return il_buffers_init(w->context, &w->gradient, entries->count, entries->entry, w->method.real,
                         false);
}

static void free_work(work *w) {
  il_run_free(w->run);
  il_function_free(w->function);
  il_buffers_free(&w->gradient);
  il_learned_free(w->learner);
}

/* A file of NaN would look like a result. */
static il_status check_finite(const work *w, const char *task_file, double loss) {
  if (!isfinite(loss))
    return il_fail(w->context, IL_ERROR_DATA,
                   "%s: the loss of these tasks is %g, expected a finite number; no gradient is "
                   "written",
                   task_file, loss);
  int64_t at;
  const int bad = il_buffers_not_finite(&w->gradient, &at);
  if (bad < 0) return IL_OK;
  return il_fail(w->context, IL_ERROR_DATA,
                 "%s: number %lld of the gradient of %s is not finite; no gradient is written",
                 task_file, (long long)at, w->gradient.entry[bad].name);
}

il_status il_gradient_of_file(il_context *context, const il_config *config, const char *weights,
                              const char *task_file, const char *gradient, il_team *team,
                              double *loss) {
  tasks t = {0};
  work w = {.context = context};
  il_tasks *source = NULL;
  if (il_config_method(config, &w.method) == IL_OK) source = il_config_shapes(context, config);
  if (source) t.asked = *il_tasks_shape(source, IL_TRAIN, 0);
  if (source) il_method_classes(context, &w.method, t.asked.outputs);
  il_tensors *file = source ? il_tensors_open(context, task_file) : NULL;
  const il_method *m = &w.method;
  if (file && read_tasks(context, task_file, file, m->real, &t) == IL_OK &&
      m->algorithm->own_head && !m->algorithm->all_classes)
    t.asked.ways = t.asked.outputs = classes_of(&t); /* a metric learner takes what is there */
  if (file && il_context_status(context) == IL_OK && m->algorithm->step && m->inner.batch > 0 &&
      m->inner.batch < (int)t.shape[0].dim[0])
    il_fail(
        context, IL_ERROR_CONFIG,
        "inner.batch: found %d, but the tasks of a file have no order of mini-batches; expected 0",
        m->inner.batch);
  if (file && il_context_status(context) == IL_OK &&
      check_labels(context, task_file, &t, t.asked.outputs) == IL_OK) {
    /* The file says how large examples are, and how many. */
    t.asked.example = (il_shape){.rank = t.shape[0].rank - 1};
    memcpy(t.asked.example.dim, t.shape[0].dim + 1, sizeof(int64_t) * (size_t)t.asked.example.rank);
    t.asked.support = (int)t.shape[0].dim[0];
    t.asked.query = (int)t.shape[2].dim[0];
    if (prepare(&w, config, &t.asked) == IL_OK && check_tokens(&w, task_file, &t) == IL_OK &&
        read_weights(&w, weights) == IL_OK && differentiate(&w, &t, team, loss) == IL_OK &&
        check_finite(&w, task_file, *loss) == IL_OK) {
      char number[64];
      il_plain_text(number, sizeof number, "%.17g", *loss);
      write_values(context, &w.gradient, 1, &(il_pair){"loss", number}, gradient);
    }
  }
  free_work(&w);
  for (int i = 0; i < 4; i++) free(t.converted[i]);
  il_tensors_close(file);
  il_tasks_free(source);
  return il_context_status(context);
}

il_status il_write_initial(il_context *context, const il_config *config, const char *path) {
  work w = {.context = context};
  il_tasks *source = NULL;
  if (il_config_method(config, &w.method) == IL_OK) source = il_config_shapes(context, config);
  if (source) il_method_classes(context, &w.method, il_tasks_shape(source, IL_TRAIN, 0)->outputs);
  if (source && il_context_status(context) == IL_OK &&
      prepare(&w, config, il_tasks_shape(source, IL_TRAIN, 0)) == IL_OK) {
    il_learned_initialize(w.learner, w.method.seed);
    write_values(context, &w.learner->meta, 0, NULL, path);
  }
  free_work(&w);
  il_tasks_free(source);
  return il_context_status(context);
}

/* Of several shapes of tasks the plan of the largest, which a first line says. */
static char *plan_text(const il_trainer *t) {
  char *plan = il_plan_print(il_meta_step_plan(&t->step)), *text = NULL;
  if (!plan || t->step.variants == 1) return plan;
  const il_task_shape *s = il_tasks_shape(t->tasks, IL_TRAIN, t->step.largest % t->step.variants);
  char all[48];
  il_tasks_text(t->tasks, IL_TRAIN, all, sizeof all);
  if (asprintf(&text,
               "%s: %d plans; this is the one of the most arithmetic, for tasks of %d + %d "
               "examples\n%s",
               all, t->step.variants, s->support, s->query, plan) < 0) {
    text = NULL;
    il_fail_memory(t->step.context, "the text of a plan");
  }
  free(plan);
  return text;
}

char *il_training_plan(il_context *context, const il_config *config, il_plan_summary *summary) {
  il_trainer t;
  char *text = NULL;
  if (il_trainer_init(context, &t, config, NULL) == IL_OK) {
    text = plan_text(&t);
    if (summary) *summary = il_plan_summarize(il_meta_step_plan(&t.step));
  }
  il_trainer_free(&t);
  return text;
}
