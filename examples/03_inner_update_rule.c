/* An inner update rule of one's own: RMSProp as a record, in the place of gradient descent in MAML's inner loop, and
 * differentiated through like everything else. Prints the query loss on sinusoids after two inner steps as it falls. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <innerloop/innerloop.h>

enum { TASKS = 10, POINTS = 10, META_STEPS = 1500 };
typedef struct rmsprop_settings {
  double decay, eps;
} rmsprop_settings;

/* v = decay·v + (1 − decay)·g²; w − lr·g/√(v + eps): eps inside the root, which has a derivative at 0 then. */
static void rmsprop_update(il_graph *g, const void *settings, il_update *u) {
  const rmsprop_settings *s = settings;
  il_value square = il_mul(g, u->gradient, u->gradient);
  il_value v = il_add(g, il_scale(g, u->slot[0], s->decay), il_scale(g, square, 1 - s->decay));
  il_value direction = il_div(g, u->gradient, il_sqrt(g, il_shift(g, v, s->eps)));
  u->weight = il_sub(g, u->weight, il_rate_times(g, direction, u->lr));
  u->slot[0] = v;
}
static const il_optimizer rmsprop = {.name = "rmsprop",
                                     .size = sizeof(rmsprop_settings),
                                     .slots = 1,
                                     .slot = {"square"},
                                     .update = rmsprop_update};

/* A meta-step of MAML with it; Adam is the outer rule. */
static il_function *build(il_context *context, const il_net *net, const il_entries *learned,
                          const il_task_shape *shape) {
  il_graph *g = net ? il_graph_new(context, IL_FLOAT32) : NULL;
  if (!g) return NULL;
  const int n = il_net_parameters(net);
  const rmsprop_settings settings = {0.9, 0.01};
  il_build b = {.g = g, .net = net, .algorithm = &il_maml, .loss = shape->loss, .training = true};
  b.inner = (il_inner){.steps = 2, .lr = 0.01, .optimizer = &rmsprop, .settings = &settings};
  b.statistics = IL_QUERY_STATISTICS_QUERY;
  b.meta = il_values_input(g, n, learned->entry, "", IL_SHARED);
  il_values moments = il_values_input(g, learned->count - n, learned->entry + n, "", IL_SHARED);
  il_value step = il_input(g, "step", IL_SHARED, IL_FLOAT32, il_shape_scalar());
  il_task_inputs(g, shape, (il_task_needs){0}, &b.task);
  il_outcome out;
  il_build_outcome(&b, &out);
  il_values d = il_values_task_mean(g, &out.gradient);
  il_optimizer_next(g, &il_adam, NULL, step, (il_rate){.constant = 1e-3}, &b.meta, &moments, &d);
  il_output(g, "query loss", il_task_mean(g, out.loss));
  return il_function_new(g, NULL);
}

/* Meta-step s on tasks of its own; their query loss. */
static double go(const il_function *f, il_run *run, const il_tasks *tasks, int s) {
  static const char *const input[] = {"support_x", "support_y", "query_x", "query_y"};
  float data[4][TASKS][POINTS];
  il_tasks_draw(tasks, (il_task_id){IL_TRAIN, 0, (uint64_t)s * TASKS}, TASKS,
                &(il_task_memory){{data[0], data[2]}, {data[1], data[3]}});
  for (int i = 0; i < 4; i++) il_run_input(run, il_function_input(f, input[i]), data[i]);
  il_run_set(run, il_function_input(f, "step"), s);
  il_run_go(run, TASKS);
  return il_run_number(run, il_function_output(f, "query loss"));
}

int main(void) {
  il_context *context = il_context_new();
  il_team *team = il_team_new(context, 0);
  const il_source_options options = {.shots = POINTS, .queries = POINTS, .seed = 1};
  il_tasks *tasks = il_tasks_open(context, il_source_find("sinusoid"), NULL, &options);
  il_net *net = il_net_preset(context, "mlp", IL_SHAPE(1), 1, 0);
  il_entries learned = {0};
  il_buffers memory;
  il_meta_entries(context, net, &il_maml, &(il_inner){0}, NULL, &learned); /* all adapt */
  il_optimizer_slots(context, &il_adam, learned.count, learned.entry, &learned);
  il_buffers_init(context, &memory, learned.count, learned.entry, IL_FLOAT32, true);
  il_buffers_initialize(&memory, 1);
  il_function *f = tasks ? build(context, net, &learned, il_tasks_shape(tasks, IL_TRAIN, 0)) : NULL;
  il_run *run = il_run_new(context, f, team, TASKS);
  if (run) il_run_buffers(run, &memory, "");
  double mean = 0, first = NAN; /* of 300 meta-steps each */
  for (int s = 0; s < META_STEPS && il_context_status(context) == IL_OK; s++) {
    mean = (s % 300 ? mean : 0) + go(f, run, tasks, s) / 300;
    if (s == 299) first = mean;
    if (s % 300 == 299) printf("meta-steps %4d to %4d  query loss %.3f\n", s - 298, s + 1, mean);
  }
  if (il_context_status(context)) fprintf(stderr, "%s\n", il_context_message(context));
  il_run_free(run);
  il_function_free(f);
  il_buffers_free(&memory);
  il_entries_free(&learned);
  il_net_free(net);
  il_tasks_free(tasks);
  il_team_free(team);
  il_context_free(context);
  return mean < 0.6 * first ? EXIT_SUCCESS : EXIT_FAILURE;
}
