/* innerloop eval: the table of protocols and inner steps. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/locale.h"
#include "cli/cli_eval.h"
#include "cli/cli_ranks.h"
#include "ranks/ranks.h"
#include "train/evaluate.h"

enum {
  OPTION_TASKS = 256,
  OPTION_EPISODES,
  OPTION_WAYS,
  OPTION_SHOTS,
  OPTION_QUERIES,
  OPTION_INNER_STEPS,
  OPTION_ENSEMBLE,
  OPTION_SPLIT_FILE,
  OPTION_ADAPT
};
static const struct argp_option options[] = {
    {"data", OPTION_DATA, "PATH", 0,
     "another data set, all classes of which are tested; the run's own, wherever it lies now, "
     "keeps "
     "the run's split",
     0},
    {"tasks", OPTION_TASKS, "N", 0, "test tasks (eval.tasks)", 0},
    {"episodes", OPTION_EPISODES, "FILE", 0, "replay the episodes of a list, of whatever classes",
     0},
    {"ways", OPTION_WAYS, "N", 0, "classes of a task (task.ways)", 0},
    {"shots", OPTION_SHOTS, "N", 0, "support examples of a class (task.shots)", 0},
    {"queries", OPTION_QUERIES, "N", 0, "query examples of a class (eval.queries)", 0},
    {"inner-steps", OPTION_INNER_STEPS, "LIST", 0,
     "numbers of inner steps after which it measures (eval.steps; with --adapt greedy 1,3,5,10)",
     0},
    {"ensemble", OPTION_ENSEMBLE, "K", 0,
     "average the scores of the K learners that validated best, which a run trained with "
     "checkpoint.best keeps",
     0},
    {"split-file", OPTION_SPLIT_FILE, "FILE", 0,
     "test the classes of its lines `test CLASS` (task.split_file)", 0},
    {"set", OPTION_SET, "KEY=VALUE", 0,
     "change a key of task, eval, inner or the source of tasks (repeatable)", 0},
    THREADS_OPTION,
    JSON_OPTION,
    {"adapt", OPTION_ADAPT, "full|greedy", 0,
     "greedy: move only the units with the best scores on the support set (full: every parameter)",
     1},
    {NULL, 0, NULL, 0, "With --adapt greedy:", 2},
    {"fraction", OPTION_FRACTION, "LIST", 0,
     "shares of the parameters to update, one table row each (1,0.5,0.2,0.1,0.05,0.01)", 2},
    GREEDY_OPTIONS,
    {0}};

static error_t parse_greedy_option(eval_input *in, int key, char *arg, struct argp_state *state) {
  error_t error = 0;
  if (key == OPTION_FRACTION)
    in->fractions = parse_list(state, "fraction", arg, IL_GREEDY_FRACTIONS, in->fraction, 1e-9, 1);
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
  case OPTION_WAYS: in->ways = (int)parse_number(state, "ways", arg, 2, 1000); return 0;
  case OPTION_SHOTS: in->shots = (int)parse_number(state, "shots", arg, 1, 1000); return 0;
  case OPTION_QUERIES: in->queries = (int)parse_number(state, "queries", arg, 1, 1000); return 0;
  case OPTION_ENSEMBLE: in->ensemble = (int)parse_number(state, "ensemble", arg, 2, 16); return 0;
  case OPTION_INNER_STEPS: in->inner_steps = arg; return 0;
  case OPTION_SPLIT_FILE: in->split_file = arg; return 0;
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
    if (in->ensemble && in->greedy) argp_error(state, "--ensemble: takes no --adapt greedy");
    return 0;
  default:
    if (parse_greedy_option(in, key, arg, state) == 0) return 0;
    return parse_setting(&in->common, key, arg, state);
  }
}
const struct argp eval_argp = {options,
                               parse_option,
                               "RUN",
                               "Evaluates a run on tasks of its test classes, or of another data "
                               "set: accuracy with a 95 % interval "
                               "over tasks, under three protocols "
                               "(norm statistics of the whole query set, of the support set, of "
                               "each query alone) after 0 to 10 inner "
                               "steps. Writes the figures of every task to RUN/eval.csv. With "
                               "--adapt greedy: sparse inner steps beside the full ones.",
                               NULL,
                               NULL,
                               NULL};

void print_interval(char *text, size_t size, int places, double interval) {
  *text = 0;
  if (!isnan(interval)) snprintf(text, size, " ± %.*f", places, interval);
}

static void print_json(const il_evaluation *e) {
  printf("{\"step\": %lld, \"tasks\": %d, \"tested\": ", (long long)e->trained, e->tasks);
  print_json_string(e->tested);
  printf(", \"results\": [");
  for (int i = 0; i < e->count; i++) {
    printf("%s\n  {\"protocol\": \"%s\", \"inner_steps\": %d, \"%s\": ", i ? "," : "",
           e->row[i].protocol, e->row[i].steps, e->squared_error ? "loss" : "accuracy");
    il_json_real(stdout, e->row[i].mean);
    fputs(", \"interval\": ", stdout);
    il_json_real(stdout, e->row[i].interval);
    putchar('}');
  }
  puts("\n]}");
}

void print_heading(bool squared_error, int64_t trained, int tasks) {
  printf("%s after %lld meta-steps, %d test task%s",
         squared_error ? "mean squared error" : "accuracy in %", (long long)trained, tasks,
         tasks == 1 ? ", no interval: one task" : "s, ± 95 % interval over tasks");
}

/* Rows are the numbers of steps, columns the protocols. */
static void print_table(const il_evaluation *e, const char *run) {
  int steps = 1;
  while (steps < e->count && !strcmp(e->row[steps].protocol, e->row[0].protocol)) steps++;
  const int protocols = e->count / steps;
  print_heading(e->squared_error, e->trained, e->tasks);
  printf("\n%s\n\n", e->tested);
  printf("inner steps");
  for (int p = 0; p < protocols; p++)
    printf("  %20s", il_protocol_heading(e->row[p * steps].protocol));
  putchar('\n');
  for (int s = 0; s < steps; s++) {
    printf("%11d", e->row[s].steps);
    for (int p = 0; p < protocols; p++) {
      const il_evaluation_row *row = &e->row[p * steps + s];
      char cell[64], interval[32];
      const double factor = e->squared_error ? 1 : 100;
      const int places = e->squared_error ? 3 : 2;
      print_interval(interval, sizeof interval, places, factor * row->interval);
      if (isfinite(row->mean))
        snprintf(cell, sizeof cell, "%.*f%s", places, factor * row->mean, interval);
      else
        snprintf(cell, sizeof cell, "diverged%s", interval);
      printf("  %*s", *interval ? 21 : 20, cell); /* ± is two bytes */
    }
    putchar('\n');
  }
  printf("\nfigures of every task: %s/eval.csv\n", run);
}

static void eval_full(il_context *context, const eval_input *in, const char *data, il_team *team,
                      const il_ranks *ranks) {
  il_evaluation e;
  il_evaluate_options o = {.data = data,
                           .settings = in->setting,
                           .tasks = in->tasks,
                           .ensemble = in->ensemble,
                           .episodes = in->episodes,
                           .team = team,
                           .ranks = ranks};
  if (il_evaluate(context, in->common.config, &o, &e) != IL_OK || !il_ranks_first(ranks)) return;
  if (in->json)
    print_json(&e);
  else
    print_table(&e, in->common.config);
}

/* The options beside --set are short for settings, which go over those of --set. */
static void add_setting(eval_input *in, int *count, const char *key, int number, const char *text) {
  char **made = &in->text[in->texts];
  if ((text ? asprintf(made, "%s=%s", key, text) : asprintf(made, "%s=%d", key, number)) < 0) {
    fputs("innerloop: out of memory\n", stderr);
    exit(1);
  }
  in->setting[(*count)++] = in->text[in->texts++];
}

static void collect_settings(eval_input *in) {
  int count = 0;
  for (; count < in->common.sets; count++) in->setting[count] = in->common.set[count];
  if (in->ways) add_setting(in, &count, "task.ways", in->ways, NULL);
  if (in->shots) add_setting(in, &count, "task.shots", in->shots, NULL);
  if (in->queries) add_setting(in, &count, "eval.queries", in->queries, NULL);
  if (in->inner_steps && !in->greedy) add_setting(in, &count, "eval.steps", 0, in->inner_steps);
  if (in->split_file) {
    add_setting(in, &count, "task.split", 0, "file");
    add_setting(in, &count, "task.split_file", 0, in->split_file);
  }
}

int run_eval(int argc, char **argv) {
  eval_input in = {.rule = il_greedy_rule_defaults()};
  parse(&eval_argp, argc, argv, &in);
  collect_settings(&in);
  if (in.greedy && started_ranks() > 1)
    return usage_error("started as %d ranks; expected one for --adapt greedy", started_ranks());
  il_context *context = new_context();
  const il_ranks *ranks = join_ranks(context);
  char *data = in.common.data ? resolve_data(context, in.common.data) : NULL;
  il_team *team = il_context_status(context) == IL_OK
                      ? il_team_new(context, threads_of_rank(in.common.threads))
                      : NULL;
  const bool good = ranks_well(context, ranks);
  if (good && in.greedy)
    eval_greedy(context, &in, data, team);
  else if (good)
    eval_full(context, &in, data, team, ranks);
  il_team_free(team);
  free(data);
  for (int i = 0; i < in.texts; i++) free(in.text[i]);
  return leave_ranks(context);
}
