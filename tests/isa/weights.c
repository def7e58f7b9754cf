/* Meta-trains three small nets with the public headers of the core alone and prints a hash of their weights, so that
 * builds for different processors can be compared: weights [THREADS [STEPS [few]]]. The instruction set is
 * INNERLOOP_ISA's. The first meta-step runs beside the reference interpreter; with `few`, that of the first net alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <innerloop/plan.h>

#include "support/meta.h"

enum { MOST = 16, TASKS = 6 };

typedef struct trainer {
  il_context *context;
  il_graph *g;
  il_net *net;
  int parameters; /* and as many first and second moments of Adam */
  il_value now[3 * MOST], next[3 * MOST], step;
  float *state[3 * MOST];
  uint64_t drawn;
  int steps;
  bool unchecked;
} trainer;

static void stop(const trainer *t, const char *what) {
  fprintf(stderr, "weights: %s: %s\n", what, il_context_message(t->context));
  exit(EXIT_FAILURE);
}

/* A number in [0, 1) with 16 binary places: the same everywhere without any library. */
static float draw(trainer *t) {
  t->drawn = t->drawn * 6364136223846793005u + 1442695040888963407u;
  return (float)(t->drawn >> 48) * 0x1p-16f;
}

static void begin(trainer *t, const char *preset, il_shape example, int outputs, int width) {
  t->g = il_graph_new(t->context, IL_FLOAT32);
  t->net = il_net_preset(t->context, preset, example, outputs, width);
  if (!t->g || !t->net) stop(t, preset);
  t->parameters = il_net_parameters(t->net);
  char name[32];
  for (int i = 0; i < 3 * t->parameters; i++) {
    const int parameter = i % t->parameters;
    const il_shape shape = il_net_parameter_shape(t->net, parameter);
    snprintf(name, sizeof name, "state%d", i);
    t->now[i] = il_input(t->g, name, IL_SHARED, IL_FLOAT32, shape);
    t->state[i] = calloc((size_t)il_shape_count(shape), sizeof(float));
    if (!t->state[i]) stop(t, "memory");
    if (i < t->parameters) il_net_initialize(t->net, parameter, 1, IL_FLOAT32, t->state[i]);
  }
  t->step = il_input(t->g, "step", IL_SHARED, IL_FLOAT32, il_shape_scalar());
}

/* The graph's outputs: all state after one meta-step. */
static void finish_graph(trainer *t, il_inner inner, il_loss loss, const il_task *task) {
  const int n = t->parameters;
  il_value gradient[MOST];
  maml_gradient(t->g, t->net, inner, loss, IL_QUERY_STATISTICS_QUERY, task, t->now, gradient);
  if (il_context_status(t->context) != IL_OK) stop(t, "maml");
  for (int i = 0; i < n; i++) gradient[i] = il_task_mean(t->g, gradient[i]);
  for (int i = 0; i < n; i++)
    adam_update(t->g, 1e-2, t->step, t->now[i], gradient[i], t->now[n + i], t->now[2 * n + i],
                (il_value *[]){&t->next[i], &t->next[n + i], &t->next[2 * n + i]});
  char name[32];
  for (int i = 0; i < 3 * n; i++) {
    snprintf(name, sizeof name, "next%d", i);
    il_output(t->g, name, t->next[i]);
  }
}

/* FNV-1a over the bytes of weights and moments, which must be numbers. */
static void print_hash(const trainer *t, const char *name, const il_plan_checked *checked) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (int i = 0; i < 3 * t->parameters; i++) {
    const int64_t count = il_shape_count(il_net_parameter_shape(t->net, i % t->parameters));
    for (int64_t k = 0; k < count; k++) {
      const float x = t->state[i][k];
      if (!(x - x == 0)) {
        fprintf(stderr, "weights: %s: no number among the weights\n", name);
        exit(EXIT_FAILURE);
      }
      uint32_t bits;
      memcpy(&bits, &x, sizeof bits);
      for (int b = 0; b < 4; b++) hash = (hash ^ (bits >> 8 * b & 255)) * 0x100000001b3u;
    }
  }
  printf("%s %016llx", name, (unsigned long long)hash);
  if (!t->unchecked)
    printf(", %lld values equal to the reference, %lld close", (long long)checked->equal,
           (long long)checked->close);
  printf("\n");
}

/* Trains on the task inputs that follow the state and the step, `count` of them with `size` numbers per task. The
 * first meta-step also runs beside the reference interpreter, unless products are not fused. */
static void train(trainer *t, const char *name, int threads, int count, void *const *data) {
  const int n = t->parameters;
  il_graph_without_leaves(t->g);
  il_plan *plan = il_plan_build(t->g, NULL);
  il_team *team = il_team_new(t->context, threads);
  if (!plan || !team) stop(t, name);
  const size_t bytes = il_plan_workspace(plan, TASKS, threads);
  void *workspace = aligned_alloc(IL_WORKSPACE_ALIGNMENT, (bytes / 64 + 1) * 64);
  float *fresh[3 * MOST], counter;
  const void *inputs[3 * MOST + 8];
  void *outputs[3 * MOST];
  for (int i = 0; i < 3 * n; i++)
    fresh[i] =
        malloc((size_t)il_shape_count(il_net_parameter_shape(t->net, i % n)) * sizeof(float));
  il_plan_checked checked = {0};
  for (int s = 0; s < t->steps; s++) {
    for (int i = 0; i < 3 * n; i++) {
      inputs[i] = t->state[i];
      outputs[i] = fresh[i];
    }
    counter = (float)s;
    inputs[3 * n] = &counter;
    for (int i = 0; i < count; i++) inputs[3 * n + 1 + i] = data[i];
    const il_bindings bindings = {TASKS, inputs, outputs};
    if (s == 0 && !t->unchecked && il_plan_check(plan, &bindings, &checked) != IL_OK) {
      if (il_context_status(t->context) != IL_ERROR_UNSUPPORTED) stop(t, name);
      il_context_clear(t->context);
    }
    if (il_plan_run(plan, team, workspace, &bindings) != IL_OK) stop(t, name);
    for (int i = 0; i < 3 * n; i++) {
      float *old = t->state[i];
      t->state[i] = fresh[i];
      fresh[i] = old;
    }
  }
  print_hash(t, name, &checked);
  for (int i = 0; i < 3 * n; i++) {
    free(fresh[i]);
    free(t->state[i]);
  }
  free(workspace);
  il_team_free(team);
  il_plan_free(plan);
  il_net_free(t->net);
  il_graph_free(t->g);
}

/* Regression of a·sin(x + p), with one far p; the targets are computed in the graph, with its sine. */
static void sinusoid(trainer *t, int threads) {
  enum { POINTS = 10, INPUTS = 4 };
  begin(t, "mlp", IL_SHAPE(1), 1, 20);
  il_graph *g = t->g;
  const il_shape points = IL_SHAPE(POINTS, 1), one = IL_SHAPE(1, 1);
  const il_value x = il_input(g, "support_x", IL_TASK, IL_FLOAT32, points),
                 query = il_input(g, "query_x", IL_TASK, IL_FLOAT32, points),
                 height = il_input(g, "height", IL_TASK, IL_FLOAT32, one),
                 phase = il_input(g, "phase", IL_TASK, IL_FLOAT32, one);
  const il_task task = {.support_x = x,
                        .support_y = il_mul(g, height, il_sin(g, il_add(g, x, phase))),
                        .query_x = query,
                        .query_y = il_mul(g, height, il_sin(g, il_add(g, query, phase)))};
  finish_graph(t, (il_inner){.steps = 2, .lr = 0.01}, IL_LOSS_MEAN_SQUARED_ERROR, &task);
  float data[2][TASKS * POINTS], heights[TASKS], phases[TASKS];
  for (int i = 0; i < TASKS * POINTS; i++) {
    data[0][i] = 10 * draw(t) - 5;
    data[1][i] = 10 * draw(t) - 5;
  }
  for (int i = 0; i < TASKS; i++) {
    heights[i] = 0.1f + 4.9f * draw(t);
    phases[i] = i == 2 ? 1e6f : 3.1415927f * draw(t);
  }
  train(t, "sinusoid", threads, INPUTS, (void *[]){data[0], data[1], heights, phases});
}

/* Classification of noise: as much arithmetic as that of pictures. */
static void images(trainer *t, const char *preset, int filters, int side, int channels,
                   int threads) {
  enum { WAYS = 5, MOST_NUMBERS = TASKS * WAYS * 20 * 20 * 3 };
  begin(t, preset, IL_SHAPE(side, side, channels), WAYS, filters);
  il_graph *g = t->g;
  const il_shape shape = IL_SHAPE(WAYS, side, side, channels), labels = IL_SHAPE(WAYS);
  const il_task task = {.support_x = il_input(g, "support_x", IL_TASK, IL_FLOAT32, shape),
                        .support_y = il_input(g, "support_y", IL_TASK, IL_INT32, labels),
                        .query_x = il_input(g, "query_x", IL_TASK, IL_FLOAT32, shape),
                        .query_y = il_input(g, "query_y", IL_TASK, IL_INT32, labels)};
  finish_graph(t, (il_inner){.steps = 1, .lr = 0.4}, IL_LOSS_CROSS_ENTROPY, &task);
  static float support[MOST_NUMBERS], query[MOST_NUMBERS];
  int32_t label[TASKS * WAYS];
  for (int i = 0; i < TASKS * WAYS * side * side * channels; i++) {
    support[i] = draw(t);
    query[i] = 0.75f * support[i] + 0.25f * draw(t);
  }
  for (int i = 0; i < TASKS * WAYS; i++) label[i] = i % WAYS;
  train(t, preset, threads, 4, (void *[]){support, label, query, label});
}

int main(int argc, char **argv) {
  const int threads = argc > 1 ? atoi(argv[1]) : 1;
  trainer t = {.context = il_context_new(), .drawn = 1, .steps = argc > 2 ? atoi(argv[2]) : 6};
  sinusoid(&t, threads);
  t.unchecked = argc > 3;
  images(&t, "omniglot_conv", 8, 15, 1, threads);
  images(&t, "conv4", 16, 20, 3, threads); /* 16: Winograd's kernels take it */
  il_context_free(t.context);
  return EXIT_SUCCESS;
}
