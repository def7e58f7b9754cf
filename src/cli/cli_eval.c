/* innerloop eval: the table of protocols and inner steps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli_eval.h"

enum { OPTION_TASKS = 256, OPTION_EPISODES, OPTION_ADAPT, OPTION_STEPS };
static const struct argp_option options[] = {
    DATA_OPTION,
    {"tasks", OPTION_TASKS, "N", 0, "test tasks (eval.tasks)", 0},
    {"episodes", OPTION_EPISODES, "LIST", 0, "replay the episodes of a list", 0},
    THREADS_OPTION,
    JSON_OPTION,
    {"adapt", OPTION_ADAPT, "HOW", 0,
     "full (every parameter), or greedy: only the units with the best scores on the support set",
     1},
    {NULL, 0, NULL, 0, "With --adapt greedy:", 2},
    {"fraction", OPTION_FRACTION, "LIST", 0,
     "shares of the parameters to update, one table row each (1,0.5,0.2,0.1,0.05,0.01)", 2},
    {"steps", OPTION_STEPS, "LIST", 0, "numbers of inner steps (1,3,5,10)", 2},
    GREEDY_OPTIONS,
    {0}};

static void parse_steps(eval_input *in, char *arg, struct argp_state *state) {
  double number[IL_GREEDY_STEPS];
  in->steps = parse_list(state, "steps", arg, IL_GREEDY_STEPS, number, 0, 1000);
  for (int i = 0; i < in->steps; i++) {
    in->step[i] = (int)number[i];
    if (number[i] != in->step[i] || (i && number[i] <= number[i - 1]))
      argp_error(state, "--steps: expected ascending whole numbers");
  }
}

static error_t parse_greedy_option(eval_input *in, int key, char *arg, struct argp_state *state) {
  error_t error = 0;
  if (key == OPTION_FRACTION)
    in->fractions = parse_list(state, "fraction", arg, IL_GREEDY_FRACTIONS, in->fraction, 1e-9, 1);
  else if (key == OPTION_STEPS)
    parse_steps(in, arg, state);
  else
    error = parse_greedy(&in->rule, key, arg, state);
  if (!error && !in->only_greedy) in->only_greedy = option_name(options, key);
  return error;
}

static error_t parse_option(int key, char *arg, struct argp_state *state) {
  eval_input *in = state->input;
  switch (key) {
  case OPTION_TASKS: in->tasks = (int)parse_number(state, "tasks", arg, 2, 10000000); return 0;
  case OPTION_EPISODES: in->episodes = arg; return 0;
  case OPTION_JSON: in->json = true; return 0;
  case OPTION_ADAPT:
    in->greedy = !strcmp(arg, "greedy");
    if (!in->greedy && strcmp(arg, "full"))
      argp_error(state, "--adapt: found \"%s\", expected full or greedy", arg);
    return 0;
  case ARGP_KEY_END:
    if (!in->common.config) argp_error(state, "expected the folder of a run");
    if (in->only_greedy && !in->greedy)
      argp_error(state, "--%s: needs --adapt greedy", in->only_greedy);
    return 0;
  default:
    if (parse_greedy_option(in, key, arg, state) == 0) return 0;
    return parse_setting(&in->common, key, arg, state);
  }
}
static const struct argp argp = {options,
                                 parse_option,
                                 "RUN",
                                 "Evaluates a run on its test tasks: accuracy with a 95 % interval "
                                 "over tasks, under three protocols "
                                 "(norm statistics of the whole query set, of the support set, of "
                                 "each query alone) after 0 to 10 inner "
                                 "steps. Writes the figures of every task to RUN/eval.csv. With "
                                 "--adapt greedy: sparse inner steps beside the full ones.",
                                 NULL,
                                 NULL,
                                 NULL};

static void print_json(const il_evaluation *e) {
  printf("{\"step\": %lld, \"tasks\": %d, \"results\": [", (long long)e->trained, e->tasks);
  for (int i = 0; i < e->count; i++)
    printf("%s\n  {\"protocol\": \"%s\", \"inner_steps\": %d, \"%s\": %.9g, \"interval\": %.9g}",
           i ? "," : "", e->row[i].protocol, e->row[i].steps,
           e->squared_error ? "loss" : "accuracy", e->row[i].mean, e->row[i].interval);
  puts("\n]}");
}

static const char *heading_of(const char *protocol) {
  if (!strcmp(protocol, "support")) return "support statistics";
  if (!strcmp(protocol, "each")) return "one query at a time";
  if (!strcmp(protocol, "running")) return "running statistics";
  return strcmp(protocol, "query") ? protocol : "query set";
}

/* Rows are the numbers of steps, columns the protocols. */
static void print_table(const il_evaluation *e, const char *run) {
  int steps = 1;
  while (steps < e->count && !strcmp(e->row[steps].protocol, e->row[0].protocol)) steps++;
  const int protocols = e->count / steps;
  printf("%s after %lld meta-steps, %d test tasks, ± 95 %% interval over tasks\n\n",
         e->squared_error ? "mean squared error" : "accuracy in %", (long long)e->trained,
         e->tasks);
  printf("inner steps");
  for (int p = 0; p < protocols; p++) printf("  %20s", heading_of(e->row[p * steps].protocol));
  putchar('\n');
  for (int s = 0; s < steps; s++) {
    printf("%11d", e->row[s].steps);
    for (int p = 0; p < protocols; p++) {
      const il_evaluation_row *row = &e->row[p * steps + s];
      char cell[64];
      double factor = e->squared_error ? 1 : 100;
      snprintf(cell, sizeof cell, e->squared_error ? "%.3f ± %.3f" : "%.2f ± %.2f",
               factor * row->mean, factor * row->interval);
      printf("  %21s", cell); /* ± is two bytes */
    }
    putchar('\n');
  }
  printf("\nfigures of every task: %s/eval.csv\n", run);
}

static void eval_full(il_context *context, const eval_input *in, const char *data, il_team *team) {
  il_evaluation e;
  il_evaluate_options o = {
      .data = data, .tasks = in->tasks, .episodes = in->episodes, .team = team};
  if (il_evaluate(context, in->common.config, &o, &e) != IL_OK) return;
  if (in->json)
    print_json(&e);
  else
    print_table(&e, in->common.config);
}

int run_eval(int argc, char **argv) {
  eval_input in = {.rule = il_greedy_rule_defaults()};
  parse(&argp, argc, argv, &in);
  il_context *context = new_context();
  char *data = in.common.data ? resolve_data(context, in.common.data) : NULL;
  il_team *team = in.common.data && !data ? NULL : il_team_new(context, in.common.threads);
  if (team && in.greedy)
    eval_greedy(context, &in, data, team);
  else if (team)
    eval_full(context, &in, data, team);
  il_team_free(team);
  free(data);
  return finish(context);
}
