/* The greedy algorithm's plans. Members and candidates are tasks with weights of their own; for the curvature the
 * examples are the tasks. So every sum has the order that the engine prescribes, whatever the number of threads. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "data/samples.h"
#include "greedy/greedy.h"
#include "nn/net.h"

static il_shape rows(int64_t n, il_shape example) {
  il_shape shape = {.rank = example.rank + 1, .dim = {n}};
  for (int i = 0; i < example.rank; i++) shape.dim[i + 1] = example.dim[i];
  return shape;
}

/* What the three graphs begin with: weights, x (as the net sees it), y, and given moments. */
typedef struct opening {
  il_value parameter[IL_GREEDY_PARAMETERS], x, y;
  il_statistics statistics;
  il_moments moments;
} opening;

static void open_moments(const il_engine *e, il_graph *g, opening *o) {
  char name[64];
  o->statistics = e->o->moments ? IL_STATISTICS_GIVEN : IL_STATISTICS_BATCH;
  for (int i = 0, k = 0; e->o->moments && i < e->net->layers; i++) {
    if (!il_layer_takes_moments(&e->net->layer[i].layer)) continue;
    il_shape shape = e->net->parameter[e->net->layer[i].parameter].shape;
    snprintf(name, sizeof name, "%s.mean", e->net->layer[i].name);
    o->moments.mean[k] = il_input(g, name, IL_SHARED, e->real, shape);
    snprintf(name, sizeof name, "%s.variance", e->net->layer[i].name);
    o->moments.variance[k++] = il_input(g, name, IL_SHARED, e->real, shape);
  }
}

static void open_graph(const il_engine *e, il_graph *g, il_stage weights, il_stage data,
                       const il_greedy_part *part, int64_t examples, opening *o) {
  for (int p = 0; p < e->parameters; p++)
    o->parameter[p] = il_input(g, il_net_parameter_name(e->net, p), weights, e->real,
                               il_net_parameter_shape(e->net, p));
  o->x = il_input(g, "x", data, part->type, rows(examples, e->net->example));
  bool labels = part->label != NULL;
  o->y = il_input(g, "y", data, labels ? IL_INT32 : e->real,
                  labels ? IL_SHAPE(examples) : IL_SHAPE(examples, e->outputs));
  o->x = il_inputs_seen(g, o->x);
  open_moments(e, g, o);
}

static il_value mean_loss(const il_engine *e, il_graph *g, opening *o) {
  il_value scores = il_net_apply(e->net, g, o->parameter, o->x, o->statistics,
                                 e->o->moments ? &o->moments : NULL, (il_value){0}, 0);
  return il_loss_value(g, e->o->loss, scores, o->y);
}

static il_status build_descent(il_engine *e, il_graph *g, const il_greedy_part *part) {
  opening o = {0};
  il_value d[IL_GREEDY_PARAMETERS];
  int batch = e->o->candidates.batch;
  bool whole = batch == 0 || batch >= part->count;
  open_graph(e, g, IL_TASK, whole ? IL_SHARED : IL_TASK, part, whole ? part->count : batch, &o);
  il_grad(g, mean_loss(e, g, &o), e->parameters, o.parameter, d);
  for (int p = 0; p < e->parameters; p++) il_output(g, il_net_parameter_name(e->net, p), d[p]);
  return il_context_status(e->context);
}

static il_status build_query(il_engine *e, il_graph *g, const il_greedy_part *part) {
  opening o = {0};
  il_value d[IL_GREEDY_PARAMETERS];
  char name[64];
  open_graph(e, g, IL_TASK, IL_SHARED, part, part->count, &o);
  il_value loss = mean_loss(e, g, &o);
  il_grad(g, loss, e->parameters, o.parameter, d);
  il_output(g, "loss", loss);
  for (int p = 0; p < e->parameters; p++)
    il_output(g, il_net_parameter_name(e->net, p), il_task_mean(g, d[p]));
  for (int p = 0; e->o->rule.score == IL_GREEDY_FISHER && p < e->parameters; p++) {
    snprintf(name, sizeof name, "square.%s", il_net_parameter_name(e->net, p));
    il_output(g, name, il_task_mean(g, il_mul(g, d[p], d[p])));
  }
  return il_context_status(e->context);
}

/* Norm layers without given moments tie the examples of a batch together: then the whole part is one task. */
static int curve_examples(const il_engine *e, const il_greedy_part *part) {
  return il_net_norms(e->net) && !e->o->moments ? part->count : 1;
}

static il_status build_curve(il_engine *e, il_graph *g, const il_greedy_part *part) {
  enum { MOST_PASSES = 2048 };
  opening o = {0};
  il_value h[IL_GREEDY_PARAMETERS];
  int examples = curve_examples(e, part);
  if ((int64_t)examples * e->outputs > MOST_PASSES)
    return il_fail(e->context, IL_ERROR_UNSUPPORTED,
                   "greedy: the curvature of a net with norm layers takes a backward pass per "
                   "example and output; found %d × %d, at most %d",
                   examples, e->outputs, MOST_PASSES);
  open_graph(e, g, IL_SHARED, IL_TASK, part, examples, &o);
  il_greedy_curvature(g, e->net, e->o->loss, o.parameter, o.x, o.statistics,
                      e->o->moments ? &o.moments : NULL, h);
  for (int p = 0; p < e->parameters; p++)
    il_output(g, il_net_parameter_name(e->net, p), il_task_mean(g, h[p]));
  return il_context_status(e->context);
}

/* The function of a graph, a run of it, and memory for all its inputs and outputs. Takes the graph over. */
static il_status finish(il_engine *e, il_engine_call *p, il_graph *g, int tasks) {
  const int outputs = il_graph_outputs(g);
  p->function = il_function_new(g, NULL);
  p->run = p->function ? il_run_new(e->context, p->function, e->o->team, tasks) : NULL;
  if (!p->run) return il_context_status(e->context);
  p->outputs = outputs;
  p->tasks = tasks;
  p->weights = calloc((size_t)e->parameters + 1, sizeof *p->weights);
  p->result = calloc((size_t)outputs + 1, sizeof *p->result);
  bool made = p->weights && p->result;
  for (int i = 0; made && i < e->parameters; i++) {
    size_t many = il_value_stage(g, il_graph_input(g, i)) == IL_TASK ? (size_t)tasks : 1;
    size_t count = (size_t)(e->offset[i + 1] - e->offset[i]);
    made = (p->weights[i] = malloc(many * count * il_type_size(e->real)));
    il_run_input(p->run, i, p->weights[i]);
  }
  for (int i = 0; made && i < outputs; i++) {
    il_value v = il_graph_output(g, i);
    size_t many = il_value_stage(g, v) == IL_TASK ? (size_t)tasks : 1;
    size_t count = (size_t)il_shape_count(il_value_shape(g, v));
    made = (p->result[i] = malloc(many * count * il_type_size(e->real)));
    il_run_output(p->run, i, p->result[i]);
  }
  return made ? IL_OK : il_fail_memory(e->context, "a function of the greedy algorithm");
}

static void call_free(const il_engine *e, il_engine_call *p) {
  for (int i = 0; p->weights && i < e->parameters; i++) free(p->weights[i]);
  for (int i = 0; p->result && i < p->outputs; i++) free(p->result[i]);
  free(p->weights);
  free(p->result);
  il_run_free(p->run);
  il_function_free(p->function);
}

/* Builds one call for so many tasks. */
static il_status make(il_engine *e, il_engine_call *p, const il_greedy_part *part,
                      il_status (*build)(il_engine *e, il_graph *g, const il_greedy_part *part),
                      int tasks) {
  il_graph *g = il_graph_new(e->context, e->real);
  if (!g) return il_context_status(e->context);
  if (build(e, g, part) == IL_OK) return finish(e, p, g, tasks);
  il_graph_free(g);
  return il_context_status(e->context);
}

/* The mean loss as a negative log likelihood of n examples: a factor, and a constant of the Gaussian. */
static void likelihood(il_engine *e, int which, int n) {
  double sigma = e->o->candidates.noise;
  bool squared = e->o->loss == IL_LOSS_MEAN_SQUARED_ERROR;
  double numbers = (double)n * e->outputs;
  e->scale[which] = squared                               ? numbers / (2 * sigma * sigma)
                    : e->o->loss == IL_LOSS_CROSS_ENTROPY ? n
                                                          : numbers;
  e->constant[which] =
      squared ? 0.5 * numbers * log(2 * 3.14159265358979323846 * sigma * sigma) : 0;
}

static il_status build_plans(il_engine *e) {
  int count = e->o->candidates.count;
  il_candidates_kind kind = e->o->candidates.kind;
  if (kind != IL_CANDIDATES_LAPLACE) {
    int members = kind == IL_CANDIDATES_ENSEMBLE ? count : 1;
    if (make(e, &e->descent, e->train, build_descent, members) != IL_OK)
      return il_context_status(e->context);
    size_t batch = (size_t)e->o->candidates.batch * (size_t)members;
    e->batch_x = malloc(batch * e->x_size + 1);
    e->batch_y = malloc(batch * e->y_size + 1);
    if (!e->batch_x || !e->batch_y) return il_fail_memory(e->context, "mini-batches");
  }
  if (make(e, &e->query, e->held, build_query, count) != IL_OK)
    return il_context_status(e->context);
  for (int which = 0; which < 2; which++) {
    const il_greedy_part *part = which ? e->held : e->train;
    bool needed = which ? e->o->rule.score == IL_GREEDY_NEWTON : kind == IL_CANDIDATES_LAPLACE;
    if (needed && make(e, &e->curve[which], part, build_curve,
                       part->count / curve_examples(e, part)) != IL_OK)
      return il_context_status(e->context);
  }
  return IL_OK;
}

il_status il_engine_init(il_engine *e, il_context *context, const il_net *net, il_type real,
                         const il_greedy_options *options, const il_greedy_part *train,
                         const il_greedy_part *held) {
  *e = (il_engine){.context = context,
                   .net = net,
                   .real = real,
                   .o = options,
                   .train = train,
                   .held = held,
                   .parameters = il_net_parameters(net)};
  if (e->parameters > IL_GREEDY_PARAMETERS)
    return il_fail(context, IL_ERROR_UNSUPPORTED, "greedy: the net has %d parameters; at most %d",
                   e->parameters, IL_GREEDY_PARAMETERS);
  if (train->count < 1 || held->count < 1)
    return il_fail(context, IL_ERROR_DATA,
                   "greedy: %d training and %d held-out examples; expected 1 or more of each",
                   train->count, held->count);
  e->offset = calloc((size_t)e->parameters + 1, sizeof *e->offset);
  if (!e->offset) return il_fail_memory(context, "the greedy algorithm");
  for (int p = 0; p < e->parameters; p++)
    e->offset[p + 1] = e->offset[p] + il_shape_count(il_net_parameter_shape(net, p));
  e->scalars = e->offset[e->parameters];
  e->outputs = (int)il_shape_count(net->layer[net->layers - 1].out);
  e->x_size = (size_t)il_shape_count(net->example) * il_type_size(train->type);
  e->y_size = train->label ? sizeof(int32_t) : (size_t)e->outputs * il_type_size(real);
  likelihood(e, 0, train->count);
  likelihood(e, 1, held->count);
  return build_plans(e);
}

void il_engine_free(il_engine *e) {
  call_free(e, &e->descent);
  call_free(e, &e->query);
  call_free(e, &e->curve[0]);
  call_free(e, &e->curve[1]);
  free(e->batch_x);
  free(e->batch_y);
  free(e->offset);
  *e = (il_engine){0};
}

/* Flat doubles of some tasks into the plan's weights. */
static void load(const il_engine *e, const il_engine_call *p, int tasks, const double *theta) {
  for (int i = 0; i < e->parameters; i++) {
    int64_t count = e->offset[i + 1] - e->offset[i];
    for (int t = 0; t < tasks; t++) {
      const double *from = theta + t * e->scalars + e->offset[i];
      if (e->real == IL_FLOAT32)
        for (int64_t k = 0; k < count; k++)
          ((float *)p->weights[i])[t * count + k] = (float)from[k];
      else
        memcpy((double *)p->weights[i] + t * count, from, (size_t)count * sizeof *from);
    }
  }
}

static double number(il_type real, const void *data, int64_t i) {
  return real == IL_FLOAT32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

/* Outputs `first` … of each parameter into flat doubles of some tasks. */
static void store(const il_engine *e, const il_engine_call *p, int first, int tasks, double *out) {
  for (int i = 0; i < e->parameters; i++) {
    int64_t count = e->offset[i + 1] - e->offset[i];
    for (int t = 0; t < tasks; t++)
      for (int64_t k = 0; k < count; k++)
        out[t * e->scalars + e->offset[i] + k] =
            number(e->real, p->result[first + i], t * count + k);
  }
}

static il_status run(il_engine *e, il_engine_call *p, int tasks, const void *x, const void *y) {
  il_run_input(p->run, e->parameters, x);
  il_run_input(p->run, e->parameters + 1, y);
  for (int k = 0; e->o->moments && k < 2 * il_net_norms(e->net); k++)
    il_run_input(p->run, e->parameters + 2 + k, e->o->moments[k]);
  return il_run_go(p->run, tasks);
}

static const void *answers(const il_greedy_part *part) {
  return part->label ? (const void *)part->label : part->target;
}

il_status il_engine_descent(il_engine *e, int members, const double *theta, const int32_t *index,
                            double *gradient) {
  const void *x = e->train->x, *y = answers(e->train);
  if (index) {
    int total = members * e->o->candidates.batch;
    for (int i = 0; i < total; i++) {
      memcpy((char *)e->batch_x + (size_t)i * e->x_size,
             (const char *)x + (size_t)index[i] * e->x_size, e->x_size);
      memcpy((char *)e->batch_y + (size_t)i * e->y_size,
             (const char *)y + (size_t)index[i] * e->y_size, e->y_size);
    }
    x = e->batch_x;
    y = e->batch_y;
  }
  load(e, &e->descent, members, theta);
  il_status status = run(e, &e->descent, members, x, y);
  if (status == IL_OK) store(e, &e->descent, 0, members, gradient);
  return status;
}

il_status il_engine_query(il_engine *e, int candidates, const double *theta, double *loss,
                          double *mean, double *square) {
  load(e, &e->query, candidates, theta);
  il_status status = run(e, &e->query, candidates, e->held->x, answers(e->held));
  if (status != IL_OK) return status;
  for (int c = 0; c < candidates; c++) loss[c] = number(e->real, e->query.result[0], c);
  store(e, &e->query, 1, 1, mean);
  if (square) store(e, &e->query, 1 + e->parameters, 1, square);
  return IL_OK;
}

il_status il_engine_curvature(il_engine *e, int part, const double *theta, double *h) {
  il_engine_call *p = &e->curve[part];
  const il_greedy_part *data = part ? e->held : e->train;
  load(e, p, 1, theta);
  il_status status = run(e, p, p->tasks, data->x, answers(data));
  if (status == IL_OK) store(e, p, 0, 1, h);
  return status;
}
