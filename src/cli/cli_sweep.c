/* innerloop sweep: one configuration with several seeds and settings, and one table. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/cli_ranks.h"
#include "ranks/ranks.h"

enum { AXES = 16, VALUES = 1000, SEEDS = 1000 };
typedef struct input {
  settings common;
  const char *out;
  int axes, seeds;
  il_sweep_axis axis[AXES];
  int64_t *seed; /* [SEEDS] */
  bool dry, tensorboard, json;
} input;

enum { OPTION_SEEDS = 256, OPTION_GRID, OPTION_DRY, OPTION_TENSORBOARD };
static const struct argp_option options[] = {
    {"seeds", OPTION_SEEDS, "LIST", 0, "a run for each of these seeds: 1,2,3 (the configuration's)",
     0},
    {"grid", OPTION_GRID, "KEY=LIST", 0,
     "a run for each of these values of a key: inner.lr=0.1,0.4 (with ; between values that have "
     "commas); repeated: for each combination",
     0},
    {"out", OPTION_OUT, "FOLDER", 0, "folder of the runs and of the table", 0},
    {"dry-run", OPTION_DRY, NULL, 0, "check all combinations, list the runs and do nothing", 0},
    {"tensorboard", OPTION_TENSORBOARD, NULL, 0,
     "also write curves, histograms and configurations for TensorBoard into the runs' folders", 0},
    SET_OPTION,
    DATA_OPTION,
    THREADS_OPTION,
    JSON_OPTION,
    {0}};

static void *must(void *memory) {
  if (memory) return memory;
  fputs("innerloop: out of memory\n", stderr);
  exit(1);
}

static void add_seeds(input *in, char *arg, struct argp_state *state) {
  if (in->seed) argp_error(state, "--seeds is given twice");
  in->seed = must(calloc(SEEDS, sizeof *in->seed));
  for (char *rest = arg, *word; (word = strsep(&rest, ","));) {
    if (in->seeds == SEEDS) argp_error(state, "--seeds: found more than %d", SEEDS);
    in->seed[in->seeds++] = parse_number(state, "seeds", word, 0, 9000000000000000);
  }
}

static void add_axis(input *in, char *arg, struct argp_state *state) {
  char *equals = strchr(arg, '=');
  if (!equals || equals == arg || !equals[1])
    argp_error(state, "--grid: found \"%s\", expected KEY=VALUE,VALUE…", arg);
  if (in->axes == AXES) argp_error(state, "--grid is given more than %d times", AXES);
  *equals = 0;
  const char *between = strchr(equals + 1, ';') ? ";" : ",";
  const char **value = must(calloc(VALUES, sizeof *value));
  int count = 0;
  for (char *rest = equals + 1, *word; (word = strsep(&rest, between));) {
    if (count == VALUES) argp_error(state, "--grid %s: found more than %d values", arg, VALUES);
    value[count++] = must(strdup(word));
  }
  in->axis[in->axes++] = (il_sweep_axis){arg, count, value};
}

static error_t parse_option(int key, char *arg, struct argp_state *state) {
  input *in = state->input;
  switch (key) {
  case OPTION_SEEDS: add_seeds(in, arg, state); return 0;
  case OPTION_GRID: add_axis(in, arg, state); return 0;
  case OPTION_OUT: in->out = arg; return 0;
  case OPTION_DRY: in->dry = true; return 0;
  case OPTION_TENSORBOARD: in->tensorboard = true; return 0;
  case OPTION_JSON: in->json = true; return 0;
  case ARGP_KEY_END:
    if (!in->common.config) argp_error(state, "expected a preset or a configuration file");
    if (!in->out) argp_error(state, "--out is missing");
    return 0;
  default: return parse_setting(&in->common, key, arg, state);
  }
}
const struct argp sweep_argp = {
    options,
    parse_option,
    "PRESET|CONFIG.yaml",
    "Trains a configuration with each seed and each combination of values, evaluates every run, "
    "and "
    "prints one table: mean ± standard deviation over the seeds beside the interval over tasks. "
    "The runs lie in FOLDER, each the same to the bit as a single `innerloop train`, the table in "
    "FOLDER/sweep.json and sweep.csv. After an interruption of any kind the same command goes on: "
    "what is done is kept. Every combination is checked before the first is trained.\v"
    "Example:\n  innerloop sweep glyphs-5w1s-maml --seeds 1,2,3 --grid inner.lr=0.1,0.4 --out "
    "sweep",
    NULL,
    NULL,
    NULL};

/* ---- while it goes on, on standard error ---- */

static void show(void *user, const il_sweep *sweep, const il_sweep_progress *p) {
  const bool terminal = *(const bool *)user;
  const il_sweep_run *run = il_sweep_run_at(sweep, p->run);
  const bool squared = il_sweep_point_at(sweep, run->point)->squared_error;
  const double factor = squared ? 1 : 100;
  if (p->training && (!terminal || p->training->kind != IL_PROGRESS_STEP)) return;
  if (terminal) fputs("\r\033[K", stderr);
  if (!p->training && !terminal && run->state < IL_SWEEP_DONE) return;
  fprintf(stderr, "run %d of %d, %s: ", p->run + 1, il_sweep_runs(sweep), run->name);
  if (run->state == IL_SWEEP_DONE)
    fprintf(stderr, "%.*f ± %.*f%s\n", squared ? 4 : 2, factor * run->mean, squared ? 4 : 2,
            factor * run->interval, squared ? "" : " %");
  else if (run->state == IL_SWEEP_FAILED)
    fprintf(stderr, "failed: %s\n", run->failure);
  else if (run->state == IL_SWEEP_TRAINED)
    fputs("evaluating", stderr);
  else if (p->training)
    fprintf(stderr, "meta-step %lld of %lld", (long long)run->made, (long long)run->steps);
  fflush(stderr);
}

/* ---- what is printed ---- */

static void print_dry(const il_sweep *s, bool json) {
  int left = 0;
  for (int r = 0; r < il_sweep_runs(s); r++) {
    const il_sweep_run *run = il_sweep_run_at(s, r);
    const char *state = run->state == IL_SWEEP_NEW       ? "to be trained"
                        : run->state == IL_SWEEP_BEGUN   ? "to be continued"
                        : run->state == IL_SWEEP_TRAINED ? "to be evaluated"
                                                         : "done";
    left += run->state != IL_SWEEP_DONE;
    if (json) {
      printf("{\"folder\": ");
      print_json_string(run->folder);
      printf(", \"seed\": %lld, \"step\": %lld, \"steps\": %lld, \"is\": \"%s\"}\n",
             (long long)run->seed, (long long)run->made, (long long)run->steps, state);
    } else {
      printf("%s  %s, %lld of %lld meta-steps\n", run->folder, state, (long long)run->made,
             (long long)run->steps);
    }
  }
  if (!json) printf("%d runs, %d of them left to do\n", il_sweep_runs(s), left);
}

/* Widest of an axis's key and values. */
static int width_of(const il_sweep_axis *axis) {
  size_t width = strlen(axis->key);
  for (int v = 0; v < axis->values; v++)
    if (strlen(axis->value[v]) > width) width = strlen(axis->value[v]);
  return (int)width;
}

static void print_cell(double mean, double beside, bool squared, bool sign) {
  const double factor = squared ? 1 : 100;
  const int places = squared ? 4 : 2;
  char text[64] = "-";
  if (!isnan(mean)) snprintf(text, sizeof text, "%.*f", places, factor * mean);
  const size_t at = strlen(text);
  if (!isnan(beside) && sign)
    snprintf(text + at, sizeof text - at, " ± %.*f", places, factor * beside);
  printf("  %*s", !isnan(beside) && sign ? 18 : 17, text); /* ± is two bytes */
}

static void print_table(const il_sweep *s, const input *in) {
  const bool squared = il_sweep_point_at(s, 0)->squared_error;
  printf("%s: mean ± standard deviation over seeds; interval: 95 %% over the tasks of one run\n\n",
         squared ? "mean squared error" : "accuracy in %");
  for (int a = 0; a < in->axes; a++) printf("%-*s  ", width_of(&in->axis[a]), in->axis[a].key);
  printf("%5s  %17s  %17s  %11s  %6s  %s\n", "seeds", "mean", "interval ±", "inner steps", "tasks",
         "protocol");
  for (int p = 0; p < il_sweep_points(s); p++) {
    const il_sweep_point *point = il_sweep_point_at(s, p);
    for (int a = 0; a < in->axes; a++) printf("%-*s  ", width_of(&in->axis[a]), point->value[a]);
    printf("%5d", point->done);
    print_cell(point->mean, point->spread, squared, true);
    print_cell(point->interval, (double)NAN, squared, false);
    printf("  %11d  %6d  %s", point->inner_steps, point->tasks, point->protocol);
    if (point->failed) printf("  (%d failed)", point->failed);
    putchar('\n');
  }
  printf("\ntable: %s/sweep.json, %s/sweep.csv\n", in->out, in->out);
}

/* ---- together ---- */

/* Data sets that a grid names are found and imported as --data is. */
static bool resolve_axis(il_context *context, il_sweep_axis *axis) {
  if (strcmp(axis->key, "task.data") != 0) return true;
  const char **value = (const char **)axis->value;
  for (int v = 0; v < axis->values; v++) {
    char *file = resolve_data(context, value[v]);
    if (!file) return false;
    free((char *)value[v]);
    value[v] = file;
  }
  return true;
}

static void free_input(input *in) {
  for (int a = 0; a < in->axes; a++) {
    for (int v = 0; v < in->axis[a].values; v++) free((char *)in->axis[a].value[v]);
    free((char **)in->axis[a].value);
  }
  free(in->seed);
}

static void go(il_context *context, il_sweep *s, const input *in, const il_ranks *ranks) {
  bool terminal = isatty(STDERR_FILENO);
  il_team *team = il_team_new(context, threads_of_rank(in->common.threads));
  if (!ranks_well(context, ranks)) {
    il_team_free(team);
    return;
  }
  const il_sweep_go_options o = {.team = team,
                                 .tensorboard = in->tensorboard,
                                 .progress = show,
                                 .user = &terminal,
                                 .stop = catch_signals(),
                                 .ranks = ranks};
  const il_status status = il_sweep_go(s, &o);
  if (terminal && il_ranks_first(ranks)) fputs("\r\033[K", stderr);
  il_team_free(team);
  if (status == IL_ERROR_INTERRUPTED || status == IL_ERROR_RANKS || !il_ranks_first(ranks)) return;
  char *json = in->json ? il_sweep_json(s) : NULL;
  if (json) puts(json);
  if (!in->json) print_table(s, in);
  free(json);
}

int run_sweep(int argc, char **argv) {
  input in = {0};
  parse(&sweep_argp, argc, argv, &in);
  il_context *context = new_context();
  const il_ranks *ranks = in.dry ? NULL : join_ranks(context);
  il_config *config = load_config_together(context, ranks, &in.common);
  bool good = config != NULL;
  for (int a = 0; a < in.axes && good; a++) good = resolve_axis(context, &in.axis[a]);
  const il_sweep_options o = {
      .out = in.out, .seeds = in.seeds, .seed = in.seed, .axes = in.axes, .axis = in.axis};
  il_sweep *s = good ? il_sweep_new(context, config, &o) : NULL;
  const bool ready = config && ranks_well(context, ranks);
  il_config_free(config);
  if (ready && in.dry)
    print_dry(s, in.json);
  else if (ready)
    go(context, s, &in, ranks);
  il_sweep_free(s);
  free_input(&in);
  return leave_ranks(context);
}
