/* MAML on sinusoid regression with the public headers alone: describe one task, differentiate it, compile
 * it, run it over 25 tasks a meta-step. Prints the query loss after one inner step as it falls. */
#include <stdio.h>
#include <stdlib.h>

#include <innerloop/base.h>
#include <innerloop/data.h>
#include <innerloop/meta.h>
#include <innerloop/plan.h>

enum { TASKS = 25, POINTS = 10, META_STEPS = 2000, MOST = 16 };

int main(void) {
  il_context *context = il_context_new();
  il_graph *g = il_graph_new(context, IL_FLOAT32);
  il_net *net = il_net_preset(context, "mlp", IL_SHAPE(1), 1, 0);
  int status = EXIT_FAILURE, n = net ? il_net_parameters(net) : 0;
  if (!g || n == 0 || n > MOST) {
    fprintf(stderr, "%s\n", context ? il_context_message(context) : "out of memory");
    return EXIT_FAILURE;
  }

  /* What one task is: parameters and optimizer state that all tasks share, points of its own. */
  static const char *const kind[] = {"", "first moment of ", "second moment of "};
  il_value now[3 * MOST], next[3 * MOST], gradient[MOST];
  char name[128];
  for (int i = 0; i < 3 * n; i++) {
    snprintf(name, sizeof name, "%s%s", kind[i / n], il_net_parameter_name(net, i % n));
    now[i] = il_input(g, name, IL_SHARED, IL_FLOAT32, il_net_parameter_shape(net, i % n));
  }
  il_value step = il_input(g, "step", IL_SHARED, IL_FLOAT32, il_shape_scalar());
  il_shape points = IL_SHAPE(POINTS, 1);
  il_task task = {.support_x = il_input(g, "support_x", IL_TASK, IL_FLOAT32, points),
                  .support_y = il_input(g, "support_y", IL_TASK, IL_FLOAT32, points),
                  .query_x = il_input(g, "query_x", IL_TASK, IL_FLOAT32, points),
                  .query_y = il_input(g, "query_y", IL_TASK, IL_FLOAT32, points)};

  /* Adapt, measure, differentiate through the adaptation; average over tasks; update. */
  il_maml maml = {.inner_steps = 1,
                  .inner_lr = 0.01,
                  .loss = IL_LOSS_MEAN_SQUARED_ERROR,
                  .query_statistics = IL_QUERY_STATISTICS_QUERY};
  il_adam adam = {.lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
  il_maml_result result = {0};
  il_maml_gradient(g, net, &maml, &task, now, &result, gradient);
  for (int i = 0; i < n; i++) gradient[i] = il_task_mean(g, gradient[i]);
  il_adam_update(g, &adam, step, n, now, gradient, now + n, now + 2 * n, next, next + n,
                 next + 2 * n);
  for (int i = 0; i < 3 * n; i++) {
    snprintf(name, sizeof name, "next %s%s", kind[i / n], il_net_parameter_name(net, i % n));
    il_output(g, name, next[i]);
  }
  il_output(g, "query loss", il_task_mean(g, result.query_loss));

  /* Parameters and optimizer state lie twice in memory: a meta-step reads one and writes the other. */
  size_t total = 0;
  for (int i = 0; i < n; i++) total += (size_t)il_shape_count(il_net_parameter_shape(net, i));
  float *memory = calloc(6 * total, sizeof(float)), *state[6 * MOST], loss, counter;
  float data[4][TASKS][POINTS], *at = memory;
  il_plan *plan = il_plan_build(g, NULL);
  il_team *team = il_team_new(context, 0);
  size_t bytes = plan && team ? il_plan_workspace(plan, TASKS, il_team_threads(team)) : 0;
  void *workspace = aligned_alloc(IL_WORKSPACE_ALIGNMENT, bytes + 64 - bytes % 64);
  if (plan && team && memory && workspace) {
    status = EXIT_SUCCESS;
    for (int i = 0; i < 6 * n; i++) {
      state[i] = at;
      at += il_shape_count(il_net_parameter_shape(net, i % n));
      if (i < n) il_net_initialize(net, i, 1, IL_FLOAT32, state[i]);
    }
  }
  for (int s = 0; s < META_STEPS && status == EXIT_SUCCESS; s++) {
    for (int t = 0; t < TASKS; t++)
      il_sinusoid_draw(1, IL_TRAIN, (uint64_t)s * TASKS + (uint64_t)t, POINTS, POINTS, data[0][t],
                       data[1][t], data[2][t], data[3][t]);
    const void *inputs[3 * MOST + 5];
    void *outputs[3 * MOST + 1];
    for (int i = 0; i < 3 * n; i++) {
      inputs[i] = state[s % 2 * 3 * n + i];
      outputs[i] = state[(1 - s % 2) * 3 * n + i];
    }
    counter = (float)s;
    inputs[3 * n] = &counter;
    for (int i = 0; i < 4; i++) inputs[3 * n + 1 + i] = data[i];
    outputs[3 * n] = &loss;
    if (il_plan_run(plan, team, workspace, &(il_bindings){TASKS, inputs, outputs}) != IL_OK)
      status = EXIT_FAILURE;
    if ((s + 1) % 200 == 0) printf("meta-step %4d  query loss %.3f\n", s + 1, (double)loss);
  }
  if (status != EXIT_SUCCESS) fprintf(stderr, "%s\n", il_context_message(context));
  free(memory);
  free(workspace);
  il_team_free(team);
  il_plan_free(plan);
  il_net_free(net);
  il_graph_free(g);
  il_context_free(context);
  return status;
}
