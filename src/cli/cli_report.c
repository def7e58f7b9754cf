/* innerloop report: a page of what runs learned. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_eval.h"

typedef struct input {
  settings common; /* its config is not used */
  const char *run[IL_REPORT_RUNS];
  int runs, tasks;
  const char *out, *episodes;
  bool json;
} input;

enum { OPTION_TASKS = 256, OPTION_EPISODES };
static const struct argp_option options[] = {
    {"out", OPTION_OUT, "FOLDER|PAGE.html", 0,
     "where to (report.html in the run's folder; of several runs in the present one)", 0},
    {"data", OPTION_DATA, "PATH", 0, "another data set, as eval takes it", 0},
    {"tasks", OPTION_TASKS, "N", 0, "test tasks (eval.tasks)", 0},
    {"episodes", OPTION_EPISODES, "LIST", 0, "replay the episodes of a list", 0},
    {"set", OPTION_SET, "KEY=VALUE", 0,
     "change a key of task, eval, inner or the source of tasks (repeatable)", 0},
    THREADS_OPTION,
    JSON_OPTION,
    {0}};

static error_t parse_option(int key, char *arg, struct argp_state *state) {
  input *in = state->input;
  switch (key) {
  case OPTION_OUT: in->out = arg; return 0;
  case OPTION_TASKS: in->tasks = (int)parse_number(state, "tasks", arg, 2, 10000000); return 0;
  case OPTION_EPISODES: in->episodes = arg; return 0;
  case OPTION_JSON: in->json = true; return 0;
  case ARGP_KEY_ARG:
    if (in->runs == IL_REPORT_RUNS)
      argp_error(state, "expected at most %d runs", (int)IL_REPORT_RUNS);
    in->run[in->runs++] = arg;
    return 0;
  case ARGP_KEY_END:
    if (!in->runs) argp_error(state, "expected the folder of a run");
    if (in->out && !*in->out)
      argp_error(state, "--out: found nothing, expected a folder or PAGE.html");
    return 0;
  default: return parse_setting(&in->common, key, arg, state);
  }
}
const struct argp report_argp = {
    options,
    parse_option,
    "RUN…",
    "Evaluates runs as `eval` does and writes one page of HTML: what was trained on what, curves, "
    "accuracy by inner step under each protocol, which classes are confused, tasks with their "
    "mistakes, what is hard and what is easy; fits of regression. It needs no network and no "
    "script, and its pictures lie beside it as PNG files. Several runs stand side by side, seeds "
    "of one configuration with mean and spread.\v"
    "Examples:\n  innerloop report runs/demo\n"
    "  innerloop report runs/seed1 runs/seed2 runs/seed3 --out seeds.html",
    NULL,
    NULL,
    NULL};

static void show(void *user, int run, const char *path) {
  const input *in = user;
  if (isatty(STDERR_FILENO)) fprintf(stderr, "evaluating %s (%d of %d)\n", path, run + 1, in->runs);
}

static void print_result(const input *in, const il_report *r) {
  if (in->json) {
    fputs("{\"page\": ", stdout);
    print_json_string(r->page);
    printf(", \"pictures\": %d, \"runs\": %d}\n", r->pictures, in->runs);
  } else {
    printf("%s: %d run%s, %d picture%s beside it as PNG\n", r->page, in->runs,
           in->runs == 1 ? "" : "s", r->pictures, r->pictures == 1 ? "" : "s");
  }
}

int run_report(int argc, char **argv) {
  input in = {0};
  parse(&report_argp, argc, argv, &in);
  il_context *context = new_context();
  const char *setting[sizeof in.common.set / sizeof *in.common.set + 1] = {NULL};
  for (int i = 0; i < in.common.sets; i++) setting[i] = in.common.set[i];
  char *data = in.common.data ? resolve_data(context, in.common.data) : NULL;
  il_team *team = in.common.data && !data ? NULL : il_team_new(context, in.common.threads);
  if (team) {
    const il_report_options o = {.out = in.out,
                                 .evaluate = {.data = data,
                                              .settings = setting,
                                              .tasks = in.tasks,
                                              .episodes = in.episodes,
                                              .team = team},
                                 .progress = show,
                                 .user = &in};
    il_report report;
    if (il_report_write(context, in.runs, in.run, &o, &report) == IL_OK) print_result(&in, &report);
  }
  il_team_free(team);
  free(data);
  return finish(context);
}
