/* A source of tasks of one's own, by callback: lines y = a·x + b with noise. A task is a pure function of its number,
 * so the same whenever it is drawn, by whatever thread. MAML learns them; prints the query loss as it falls. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <innerloop/innerloop.h>

enum { TASKS = 10, POINTS = 10, META_STEPS = 1500 };

/* Number `at` of a task, even in [−1, 1) (splitmix: Steele, Lea, Flood, OOPSLA 2014). */
static float number(uint64_t task, uint64_t at) {
  uint64_t z = task * 0xd1342543de82ef95u + at * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (float)((z ^ (z >> 31)) >> 40) * 0x1p-23f - 1;
}
static void *open_lines(il_context *context, const void *mine, const il_source_options *options) {
  (void)context, (void)options;
  return (void *)(uintptr_t)mine;
}
static void describe(void *mine, il_split split, int variant, il_task_shape *shape) {
  (void)mine, (void)split, (void)variant; /* the same for all */
  *shape = (il_task_shape){.support = POINTS, .query = POINTS, .outputs = 1, .x = IL_FLOAT32};
  shape->example = IL_SHAPE(1);
  shape->targets = true;
  shape->loss = IL_LOSS_MEAN_SQUARED_ERROR;
}
static il_status draw(void *mine, il_task_id id, void *scratch, const il_task_memory *to) {
  (void)scratch;
  const float noise = *(const float *)mine;
  const uint64_t task = (uint64_t)id.split << 40 | id.index;
  for (uint64_t i = 0; i < 2 * POINTS; i++) { /* support set, then query set */
    float *x = to->x[i / POINTS], *y = to->y[i / POINTS];
    x[i % POINTS] = 2 * number(task, 2 + i);
    y[i % POINTS] = 2 * number(task, 0) * x[i % POINTS] + number(task, 1) +
                    noise * number(task, 2 + 2 * POINTS + i);
  }
  return IL_OK;
}
static const il_source source = {
    .name = "lines", .open = open_lines, .describe = describe, .draw = draw};

int main(void) {
  il_context *context = il_context_new();
  il_team *team = il_team_new(context, 0);
  const float mine = 0.1f; /* what the callbacks are given: here how noisy y is */
  il_tasks *tasks = il_tasks_open(context, &source, &mine, &(il_source_options){0});
  il_net *net = il_net_preset(context, "mlp", IL_SHAPE(1), 1, 0);
  il_graph *g = il_graph_new(context, IL_FLOAT32); /* of a meta-step, by gradient descent */
  if (!team || !tasks || !net || !g) return EXIT_FAILURE;
  il_entries theta = {0};
  il_buffers memory;
  il_build b = {.g = g, .net = net, .algorithm = &il_maml, .inner = {.steps = 3, .lr = 0.05}};
  const il_task_shape *shape = il_tasks_shape(tasks, IL_TRAIN, 0);
  b.loss = shape->loss;
  b.statistics = IL_QUERY_STATISTICS_QUERY;
  il_meta_entries(context, net, b.algorithm, &b.inner, NULL, &theta);
  b.meta = il_values_input(g, theta.count, theta.entry, "", IL_SHARED);
  il_task_inputs(g, shape, (il_task_needs){0}, &b.task);
  il_outcome out;
  il_build_outcome(&b, &out);
  il_values d = il_values_task_mean(g, &out.gradient), none = {0};
  il_optimizer_next(g, &il_sgd, NULL, (il_value){0}, (il_rate){.constant = 0.02}, &b.meta, &none,
                    &d);
  il_output(g, "query loss", il_task_mean(g, out.loss));
  il_function *f = il_function_new(g, NULL);
  il_run *run = il_run_new(context, f, team, TASKS);
  il_buffers_init(context, &memory, theta.count, theta.entry, IL_FLOAT32, true);
  il_buffers_initialize(&memory, 1);
  if (!run || il_run_buffers(run, &memory, "")) return EXIT_FAILURE;
  /* Tasks 10·s … 10·s + 9 train meta-step s. */
  float x[2][TASKS][POINTS], y[2][TASKS][POINTS], again[4][POINTS];
  const il_task_memory batch = {{x[0], x[1]}, {y[0], y[1]}},
                       one = {{again[0], again[1]}, {again[2], again[3]}};
  il_run_input(run, il_function_input(f, "support_x"), x[0]);
  il_run_input(run, il_function_input(f, "support_y"), y[0]);
  il_run_input(run, il_function_input(f, "query_x"), x[1]);
  il_run_input(run, il_function_input(f, "query_y"), y[1]);
  double mean = 1e9; /* of 300 meta-steps */
  for (int s = 0; s < META_STEPS && il_context_status(context) == IL_OK; s++) {
    il_tasks_draw(tasks, (il_task_id){IL_TRAIN, 0, (uint64_t)s * TASKS}, TASKS, &batch);
    if (il_run_go(run, TASKS)) break;
    mean = (s % 300 ? mean : 0) + il_run_number(run, il_function_output(f, "query loss")) / 300;
    if (s % 300 == 299) printf("meta-steps %4d to %4d  query loss %.3f\n", s - 298, s + 1, mean);
  }
  /* The last but two, once more, alone: the same. */
  il_tasks_draw(tasks, (il_task_id){IL_TRAIN, 0, META_STEPS * TASKS - 3}, 1, &one);
  const bool same = !memcmp(again[3], y[1][TASKS - 3], sizeof *again);
  printf("a task drawn twice is %s\n", same ? "the same" : "another");
  il_run_free(run);
  il_function_free(f);
  il_buffers_free(&memory);
  il_entries_free(&theta);
  il_net_free(net);
  il_tasks_free(tasks);
  il_team_free(team);
  il_context_free(context);
  return same && mean < 0.125 ? EXIT_SUCCESS : EXIT_FAILURE;
}
