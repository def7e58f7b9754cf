/* innerloop train: one live line on a terminal, plain lines in a pipe, a checkpoint on Ctrl-C. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/locale.h"
#include "cli/cli.h"
#include "cli/cli_ranks.h"

typedef struct input {
  settings common;
  const char *out;
  bool resume, check, plot, profile, tensorboard, detect, json;
} input;

enum {
  OPTION_RESUME = 256,
  OPTION_CHECK,
  OPTION_PLOT,
  OPTION_PROFILE,
  OPTION_TENSORBOARD,
  OPTION_DETECT
};
static const struct argp_option options[] = {
    SET_OPTION,
    DATA_OPTION,
    {"out", OPTION_OUT, "RUN", 0, "folder of the run (runs/NAME)", 0},
    THREADS_OPTION,
    {"resume", OPTION_RESUME, NULL, 0,
     "continue from the checkpoint in the run's folder, given as RUN or by --out", 0},
    {"check", OPTION_CHECK, NULL, 0, "first compare a meta-step with the interpreter, bit by bit",
     0},
    {"plot", OPTION_PLOT, NULL, 0,
     "draw the curves of training and validation to RUN/curve.png, at each validation and at the "
     "end",
     0},
    {"tensorboard", OPTION_TENSORBOARD, NULL, 0,
     "also write curves, histograms and the configuration for TensorBoard into the run's folder",
     0},
    {"detect-anomaly", OPTION_DETECT, NULL, 0,
     "at the first NaN or infinity in data, loss or update, run the meta-step's tasks again "
     "through the "
     "interpreter and end saying in which operation or input it arises",
     0},
    {"profile", OPTION_PROFILE, NULL, 0,
     "at the end, print where the time went, by step of the plan (with --json on standard error)",
     0},
    JSON_OPTION,
    {0}};

static bool is_folder(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* train --resume RUN: the folder instead of a configuration. */
static void take_folder(input *in, struct argp_state *state) {
  const char *run = in->common.config;
  if (!in->resume)
    argp_error(state,
               "%s is a folder, expected a preset or a configuration file; a run is continued with "
               "--resume %s, and repeated from %s/config.yaml",
               run, run, run);
  if (in->out && strcmp(in->out, run))
    argp_error(state, "--resume %s continues in that folder; found --out %s as well", run, in->out);
  in->out = run;
  in->common.config = NULL;
}

static error_t parse_option(int key, char *arg, struct argp_state *state) {
  input *in = state->input;
  switch (key) {
  case OPTION_OUT: in->out = arg; return 0;
  case OPTION_RESUME: in->resume = true; return 0;
  case OPTION_CHECK: in->check = true; return 0;
  case OPTION_PLOT: in->plot = true; return 0;
  case OPTION_PROFILE: in->profile = true; return 0;
  case OPTION_TENSORBOARD: in->tensorboard = true; return 0;
  case OPTION_DETECT: in->detect = true; return 0;
  case OPTION_JSON: in->json = true; return 0;
  case ARGP_KEY_END:
    if (!in->common.config && !(in->resume && in->out))
      argp_error(state, "expected a preset or a configuration file (or --resume RUN)");
    if (in->common.config && is_folder(in->common.config)) take_folder(in, state);
    return 0;
  default: return parse_setting(&in->common, key, arg, state);
  }
}
const struct argp train_argp = {
    options,
    parse_option,
    "PRESET|CONFIG.yaml\n--resume RUN",
    "Meta-trains and writes a run's folder: config.yaml (complete), metrics.jsonl, "
    "checkpoint.safetensors. Ctrl-C stops with a checkpoint.\v"
    "Examples:\n  innerloop train glyphs-5w1s-maml\n"
    "  innerloop train omniglot-5w1s-maml --data omniglot --set outer.steps=30000\n"
    "  innerloop train --resume runs/omniglot-5w1s-maml",
    NULL,
    NULL,
    NULL};

typedef struct display {
  bool terminal, json, live;
  double started, shown, loss, accuracy; /* smoothed */
  int64_t first, skipped;
  bool shows; /* there was a meta-step with a loss */
} display;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void clear_line(display *d) {
  if (d->live) fputs("\r\033[K", stdout);
  d->live = false;
}

static void print_json_figure(const char *name, double real) {
  printf(", \"%s\": ", name);
  il_json_real(stdout, real);
}

static void show_step(display *d, const il_progress *p) {
  double at = now(), keep = 0.95;
  if (d->first < 0) d->first = p->step - 1;
  d->skipped = p->skipped;
  if (!isnan(p->loss)) { /* of one that was left out there is none */
    d->loss = d->shows ? keep * d->loss + (1 - keep) * p->loss : p->loss;
    d->accuracy = d->shows ? keep * d->accuracy + (1 - keep) * p->accuracy : p->accuracy;
    d->shows = true;
  }
  bool last = p->step == p->steps;
  if (!last && at - d->shown < (d->terminal && !d->json ? 0.2 : 5)) return;
  d->shown = at;
  double seconds = at - d->started,
         rate = (double)(p->step - d->first) / (seconds > 0 ? seconds : 1);
  if (d->json) {
    printf("{\"step\": %lld", (long long)p->step);
    if (d->shows) print_json_figure("loss", d->loss);
    if (p->skipped) printf(", \"skipped\": %lld", (long long)p->skipped);
    if (d->shows && !isnan(d->accuracy)) print_json_figure("accuracy", d->accuracy);
    printf(", \"rate\": %.4g}\n", rate);
    fflush(stdout);
    return;
  }
  clear_line(d);
  printf("meta-step %lld/%lld", (long long)p->step, (long long)p->steps);
  if (d->shows) printf("  loss %.4f", d->loss);
  if (!isnan(d->accuracy)) printf("  accuracy %.1f %%", 100 * d->accuracy);
  printf("  %.1f/s", rate);
  if (!last) printf("  %.0f s left", (double)(p->steps - p->step) / rate);
  d->live = d->terminal && !last;
  if (!d->live) putchar('\n');
  fflush(stdout);
}

static void show(void *user, const il_progress *p) {
  display *d = user;
  switch (p->kind) {
  case IL_PROGRESS_STEP: show_step(d, p); return;
  case IL_PROGRESS_VALIDATION:
    clear_line(d);
    if (d->json) {
      printf("{\"step\": %lld, \"tasks\": %d", (long long)p->step, p->tasks);
      print_json_figure(p->squared_error ? "validation_loss" : "validation_accuracy", p->value);
      print_json_figure("interval", p->interval);
      puts("}");
    } else if (!isfinite(p->value))
      printf("meta-step %lld  validation: diverged (%d tasks)\n", (long long)p->step, p->tasks);
    else if (p->squared_error)
      printf("meta-step %lld  validation loss%s %.4f ± %.4f (%d tasks)\n", (long long)p->step,
             p->averaged ? " of averaged weights" : "", p->value, p->interval, p->tasks);
    else
      printf("meta-step %lld  validation accuracy%s %.1f ± %.1f %% (%d tasks)\n",
             (long long)p->step, p->averaged ? " of averaged weights" : "", 100 * p->value,
             100 * p->interval, p->tasks);
    break;
  case IL_PROGRESS_ENDED:
    clear_line(d);
    fprintf(d->json ? stderr : stdout, "%s\n", p->message);
    break;
  case IL_PROGRESS_START:
  case IL_PROGRESS_CHECK:
    if (d->json) return;
    clear_line(d);
    puts(p->message);
    if (p->kind == IL_PROGRESS_START && p->step > 0)
      printf("continuing from meta-step %lld\n", (long long)p->step);
    d->started = now();
    break;
  case IL_PROGRESS_PROFILE:
    clear_line(d);
    fputs(p->message, d->json ? stderr : stdout);
    break;
  case IL_PROGRESS_CHECKPOINT: return;
  }
  fflush(stdout);
}

/* train --resume NAME, which is no folder: there are runs of presets and of files alone. */
static bool no_run(const input *in) {
  const char *name = in->common.config, *dot = name ? strrchr(name, '.') : NULL;
  if (!in->resume || in->out || !name || access(name, F_OK) == 0) return false;
  if (dot && (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml"))) return false;
  for (int i = 0; i < il_presets(); i++)
    if (!strcmp(il_preset_at(i)->name, name)) return false;
  return true;
}

/* runs/NAME, NAME being the preset's or the file's without folder and ending. */
static char *default_folder(const char *config) {
  const char *slash = strrchr(config, '/'), *name = slash ? slash + 1 : config;
  const char *dot = strrchr(name, '.');
  char *folder = NULL;
  if (asprintf(&folder, "runs/%.*s", dot ? (int)(dot - name) : (int)strlen(name), name) < 0)
    return NULL;
  return folder;
}

static char *saved_config(const char *out) {
  char *path = NULL;
  return asprintf(&path, "%s/config.yaml", out) < 0 ? NULL : path;
}

int run_train(int argc, char **argv) {
  input in = {0};
  parse(&train_argp, argc, argv, &in);
  il_context *context = new_context();
  char *folder = in.out ? strdup(in.out) : default_folder(in.common.config);
  char *saved = folder && !in.common.config ? saved_config(folder) : NULL;
  if (saved) in.common.config = saved;
  ranks_leave_behind(folder);
  const il_ranks *ranks = join_ranks(context);
  if (!folder || !in.common.config) il_fail_memory(context, "the name of a folder");
  if (no_run(&in))
    il_fail(context, IL_ERROR_FILE,
            "%s: there is no run; expected a folder that `innerloop train --out` has made",
            in.common.config);
  il_config *config = load_config_together(context, ranks, &in.common);
  il_team *team = config ? il_team_new(context, threads_of_rank(in.common.threads)) : NULL;
  if (config && ranks_well(context, ranks)) {
    display d = {.terminal = isatty(STDOUT_FILENO),
                 .json = in.json,
                 .started = now(),
                 .first = -1,
                 .loss = (double)NAN,
                 .accuracy = (double)NAN};
    d.shown = d.started - 4;
    il_train_options o = {.out = folder,
                          .team = team,
                          .resume = in.resume,
                          .check = in.check,
                          .plot = in.plot,
                          .profile = in.profile,
                          .tensorboard = in.tensorboard,
                          .detect_anomaly = in.detect,
                          .progress = show,
                          .user = &d,
                          .stop = catch_signals(),
                          .ranks = ranks};
    il_status status = il_train(context, config, &o);
    clear_line(&d);
    if (status == IL_OK && !in.json && d.skipped)
      printf("%lld meta-steps were left out: their loss or update was not finite\n",
             (long long)d.skipped);
    if (status == IL_OK && !in.json) printf("done; evaluate with: innerloop eval %s\n", folder);
    if (status == IL_OK && !in.json && in.plot) printf("curves: %s/curve.png\n", folder);
    if (status == IL_OK && !in.json && in.tensorboard)
      printf("curves: tensorboard --logdir %s\n", folder);
    fflush(stdout);
  }
  il_team_free(team);
  il_config_free(config);
  free(saved);
  const int code = leave_ranks(context);
  free(folder);
  return code;
}
