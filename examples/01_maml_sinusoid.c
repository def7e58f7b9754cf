/* MAML by hand on sinusoid regression, with the public headers alone: describe one task as values, differentiate through
 * its inner step, average over tasks, update. Prints the query loss after one inner step as it falls. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <innerloop/innerloop.h>

enum { TASKS = 25, POINTS = 10, META_STEPS = 2000 };
static const char *const input[] = {"support_x", "support_y", "query_x", "query_y"};

static il_value loss(il_graph *g, const il_net *net, const il_values *w, il_value x, il_value y) {
  const il_value none = {0}; /* no dropout */
  return il_mean_squared_error(
      g, il_net_apply(net, g, w->at, x, IL_STATISTICS_BATCH, NULL, none, 0), y);
}

/* The query loss of one task after an inner step from θ. */
static il_value maml(il_graph *g, const il_net *net, const il_values *theta) {
  il_value data[4];
  for (int i = 0; i < 4; i++)
    data[i] = il_input(g, input[i], IL_TASK, IL_FLOAT32, IL_SHAPE(POINTS, 1));
  il_values d = il_values_grad(g, loss(g, net, theta, data[0], data[1]), theta);
  il_values phi = il_values_copy(g, theta);
  for (int i = 0; i < phi.count; i++) /* φ = θ − 0.01·∂(support loss)/∂θ */
    phi.at[i] = il_sub(g, theta->at[i], il_scale(g, d.at[i], 0.01));
  return loss(g, net, &phi, data[2], data[3]);
}

/* A meta-step: θ and Adam's moments go in, and what they are next comes out. */
static il_function *meta_step(il_context *context, const il_net *net, const il_entries *learned) {
  il_graph *g = net ? il_graph_new(context, IL_FLOAT32) : NULL;
  if (!g) return NULL;
  const int n = il_net_parameters(net);
  il_values theta = il_values_input(g, n, learned->entry, "", IL_SHARED),
            moments = il_values_input(g, learned->count - n, learned->entry + n, "", IL_SHARED);
  il_value step = il_input(g, "step", IL_SHARED, IL_FLOAT32, il_shape_scalar());
  il_value query = maml(g, net, &theta);
  il_values d = il_values_grad(g, query, &theta); /* through the inner step: second order */
  d = il_values_task_mean(g, &d);
  il_optimizer_next(g, &il_adam, NULL, step, (il_rate){.constant = 1e-3}, &theta, &moments, &d);
  il_output(g, "query loss", il_task_mean(g, query));
  return il_function_new(g, NULL);
}

/* Meta-step s on tasks of its own; their query loss. */
static double go(const il_function *f, il_run *run, uint64_t s) {
  float data[4][TASKS][POINTS];
  for (uint64_t t = 0; t < TASKS; t++)
    il_sinusoid_draw(1, IL_TRAIN, s * TASKS + t, POINTS, POINTS, data[0][t], data[1][t], data[2][t],
                     data[3][t]);
  for (int i = 0; i < 4; i++) il_run_input(run, il_function_input(f, input[i]), data[i]);
  il_run_set(run, il_function_input(f, "step"), (double)s);
  il_run_go(run, TASKS);
  return il_run_number(run, il_function_output(f, "query loss"));
}

int main(void) {
  il_context *context = il_context_new();
  il_net *net = il_net_preset(context, "mlp", IL_SHAPE(1), 1, 0);
  /* What is learned: weights, then Adam's moments; twice, for a run makes the next from the present. */
  il_entries learned = {0};
  il_buffers memory;
  il_net_entries(context, net, &learned);
  il_optimizer_slots(context, &il_adam, learned.count, learned.entry, &learned);
  il_buffers_init(context, &memory, learned.count, learned.entry, IL_FLOAT32, true);
  il_buffers_initialize(&memory, 1);
  il_function *f = meta_step(context, net, &learned); /* compiled once */
  il_team *team = il_team_new(context, 0);
  il_run *run = il_run_new(context, f, team, TASKS);
  double now = INFINITY;
  if (run) il_run_buffers(run, &memory, "");
  for (uint64_t s = 0; s < META_STEPS && il_context_status(context) == IL_OK; s++) {
    now = go(f, run, s);
    if ((s + 1) % 200 == 0) printf("meta-step %4d  query loss %.3f\n", (int)s + 1, now);
  }
  if (il_context_status(context)) fprintf(stderr, "%s\n", il_context_message(context));
  il_run_free(run);
  il_team_free(team);
  il_function_free(f);
  il_buffers_free(&memory);
  il_entries_free(&learned);
  il_net_free(net);
  il_context_free(context);
  return now < 2 ? EXIT_SUCCESS : EXIT_FAILURE;
}
