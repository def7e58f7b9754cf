/* ProtoNet by hand on drawn characters (Snell, Swersky, Zemel, NIPS 2017): a class is the mean of its support features, and
 * the score of a query for it is minus the squared distance. 15 ways in training, 5 in the test on characters never seen,
 * whose accuracy is printed. */
#include <stdio.h>
#include <stdlib.h>

#include <innerloop/innerloop.h>

enum { TASKS = 4, RUNS = 150, MOST = 15 * 5, PIXELS = 28 * 28 };

/* Scores [queries, ways] of one task. */
static il_value protonet(il_graph *g, const il_net *net, const il_values *w, const il_task *t,
                         const il_task_shape *s) {
  const il_value none = {0}; /* no dropout */
  il_value f = il_net_apply(net, g, w->at, t->support_x, IL_STATISTICS_BATCH, NULL, none, 0),
           q = il_net_apply(net, g, w->at, t->query_x, IL_STATISTICS_BATCH, NULL, none, 0);
  il_value member = il_one_hot(g, t->support_y, s->ways); /* [support, ways] */
  il_value mean = il_scale(g, il_matmul(g, member, f, true, false), 1.0 / s->shots);
  const int64_t features = il_value_shape(g, q).dim[1];
  il_value away = il_sub(g, il_reshape(g, q, IL_SHAPE(s->query, 1, features)),
                         il_reshape(g, mean, IL_SHAPE(1, s->ways, features)));
  il_value squares = il_sum(g, il_mul(g, away, away), 1 << 2); /* over features */
  return il_neg(g, il_reshape(g, squares, IL_SHAPE(s->query, s->ways)));
}

/* Loss and accuracy of tasks of a split; of training tasks, also what is learned is next. */
static il_function *build(il_context *context, const il_net *net, const il_entries *learned,
                          const il_task_shape *shape, bool training) {
  il_graph *g = net ? il_graph_new(context, IL_FLOAT32) : NULL;
  if (!g) return NULL;
  const int n = il_net_parameters(net);
  il_values w = il_values_input(g, n, learned->entry, "", IL_SHARED);
  il_task task;
  il_task_inputs(g, shape, (il_task_needs){0}, &task);
  il_value scores = protonet(g, net, &w, &task, shape);
  il_value loss = il_cross_entropy(g, scores, task.query_y);
  il_output(g, "accuracy", il_task_mean(g, il_accuracy(g, scores, task.query_y)));
  if (training) {
    il_values d = il_values_grad(g, loss, &w),
              moments = il_values_input(g, learned->count - n, learned->entry + n, "", IL_SHARED);
    il_value step = il_input(g, "step", IL_SHARED, IL_FLOAT32, il_shape_scalar());
    d = il_values_task_mean(g, &d);
    il_optimizer_next(g, &il_adam, NULL, step, (il_rate){.constant = 5e-3}, &w, &moments, &d);
  }
  return il_function_new(g, NULL);
}

/* Runs the function on tasks first … first + TASKS − 1 of the split; their accuracy. */
static double go(il_run *run, const il_function *f, const il_tasks *tasks, il_split split, int k) {
  static uint8_t sx[TASKS * MOST * PIXELS], qx[TASKS * MOST * PIXELS];
  static int32_t sy[TASKS * MOST], qy[TASKS * MOST];
  il_tasks_draw(tasks, (il_task_id){split, 0, (uint64_t)k * TASKS}, TASKS,
                &(il_task_memory){{sx, qx}, {sy, qy}});
  il_run_input(run, il_function_input(f, "support_x"), sx);
  il_run_input(run, il_function_input(f, "support_y"), sy);
  il_run_input(run, il_function_input(f, "query_x"), qx);
  il_run_input(run, il_function_input(f, "query_y"), qy);
  il_run_set(run, il_function_input(f, "step"), k);
  il_run_go(run, TASKS);
  return il_run_number(run, il_function_output(f, "accuracy"));
}

int main(void) {
  il_context *context = il_context_new();
  il_team *team = il_team_new(context, 0);
  const il_glyphs drawn = {10, 20, 20, 28, 1, 1}; /* alphabets, classes, writers, side, … */
  const il_split_options split = {.kind = "random", .train = 120, .validation = 20, .seed = 1};
  const il_source_options options = {
      .ways = 5, .shots = 1, .queries = 5, .train_ways = 15, .split = split, .seed = 1};
  il_tasks *tasks = il_tasks_open(context, il_source_find("glyphs"), &drawn, &options);
  il_net *net = il_net_preset(context, "omniglot_conv", IL_SHAPE(28, 28, 1), 0, 16);
  il_entries learned = {0};
  il_buffers memory;
  il_net_entries(context, net, &learned);
  il_optimizer_slots(context, &il_adam, learned.count, learned.entry, &learned);
  il_buffers_init(context, &memory, learned.count, learned.entry, IL_FLOAT32, true);
  il_buffers_initialize(&memory, 1);
  double mean[2] = {0, 0}; /* accuracies: in training, in the test */
  for (int test = 0; test < 2 && tasks; test++) {
    const il_split from = test ? IL_TEST : IL_TRAIN;
    il_function *f = build(context, net, &learned, il_tasks_shape(tasks, from, 0), !test);
    il_run *run = il_run_new(context, f, team, TASKS);
    if (run) il_run_buffers(run, &memory, "");
    for (int k = 0; run && k < RUNS; k++) mean[test] += go(run, f, tasks, from, k) / RUNS;
    il_run_free(run);
    il_function_free(f);
  }
  printf("accuracy: while training, 15 ways, %.1f %%; then 5 ways of new characters, %.1f %%\n",
         100 * mean[0], 100 * mean[1]);
  if (il_context_status(context)) fprintf(stderr, "%s\n", il_context_message(context));
  il_buffers_free(&memory);
  il_entries_free(&learned);
  il_net_free(net);
  il_tasks_free(tasks);
  il_team_free(team);
  il_context_free(context);
  return mean[1] > 0.8 ? EXIT_SUCCESS : EXIT_FAILURE;
}
