/* A user's program, C and C++ alike: the mean over two tasks of Σ(w·x)² and of its gradient by w. */
#include <innerloop/graph.h>
#include <innerloop/grad.h>
#include <innerloop/plan.h>
#include <innerloop/version.h>
#ifndef CORE_ONLY
#include <innerloop/innerloop.h>
#endif
#include <stdio.h>
#include <stdlib.h>

int main(void) {
  il_context *context = il_context_new();
  il_graph *g = il_graph_new(context, IL_FLOAT32);
  const int n = 2;
  il_value w = il_input(g, "w", IL_SHARED, IL_FLOAT32, IL_SHAPE(n));
  il_value x = il_input(g, "x", IL_TASK, IL_FLOAT32, IL_SHAPE(n));
  il_value wx = il_mul(g, w, x), loss = il_sum_all(g, il_mul(g, wx, wx)), dw;
  il_grad(g, loss, 1, &w, &dw);
  il_output(g, "loss", il_task_mean(g, loss));
  il_output(g, "dw", il_task_mean(g, dw));
  il_plan *plan = il_plan_build(g, NULL);
  il_team *team = il_team_new(context, 1);
  if (!plan || !team) {
    fprintf(stderr, "%s\n", il_context_message(context));
    return EXIT_FAILURE;
  }
  const size_t bytes = il_plan_workspace(plan, 2, 1) / IL_WORKSPACE_ALIGNMENT + 1;
  void *workspace = aligned_alloc(IL_WORKSPACE_ALIGNMENT, bytes * IL_WORKSPACE_ALIGNMENT);
  if (!workspace) return EXIT_FAILURE;
  const float weights[2] = {1, 2}, tasks[4] = {1, 1, 3, 2};
  float found = 0, gradient[2] = {0, 0};
  const void *inputs[2] = {weights, tasks};
  void *outputs[2] = {&found, gradient};
  il_bindings bindings = {2, inputs, outputs};
  const il_status status = il_plan_run(plan, team, workspace, &bindings);
  printf("innerloop %s: loss %g, gradient %g %g\n", INNERLOOP_VERSION, (double)found,
         (double)gradient[0], (double)gradient[1]);
  free(workspace);
  il_team_free(team);
  il_plan_free(plan);
  il_graph_free(g);
  il_context_free(context);
  /* (1 + 4 + 9 + 16) / 2; 2·w·x² of both tasks, (2 + 18) / 2 and (4 + 16) / 2 */
  return status == IL_OK && found == 15 && gradient[0] == 10 && gradient[1] == 10 ? 0
                                                                                  : EXIT_FAILURE;
}
