/* innerloop's side of the benchmark: meta-steps exactly as `innerloop train` makes them, episodes and outer
 * update included, or evaluations of a meta-batch of test tasks.
 *   metastep PRESET [--threads N] [--set KEY=VALUE]... [--evaluate STEPS]
 * Prints "ready", then answers each line "N …" of standard input with one JSON line about N meta-steps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config_method.h"
#include "config/config_tasks.h"
#include "train/evaluate.h"
#include "train/trainer.h"

typedef struct side {
  il_context *context;
  il_config *config;
  il_team *team;
  il_trainer trainer;
  bool evaluates;
  il_evaluator evaluator;
  double *values;
  int tasks;
  int64_t step;
} side;

static double read_clock(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double now(void) { return read_clock(CLOCK_MONOTONIC); }

/* Seconds that all threads of this process have computed. */
static double processor(void) { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

/* Peak resident memory of this process so far, in KiB. */
static long peak_resident(void) {
  char line[256];
  long size = 0;
  FILE *status = fopen("/proc/self/status", "r");
  while (status && fgets(line, sizeof line, status))
    if (sscanf(line, "VmHWM: %ld", &size) == 1) break;
  if (status) fclose(status);
  return size;
}

static _Noreturn void stop(const char *sentence) {
  fprintf(stderr, "metastep: %s\n", sentence);
  exit(1);
}

/* What il_trainer_init puts together, without the meta-step. */
static void prepare_evaluation(side *s, int steps) {
  il_trainer *t = &s->trainer;
  if (il_config_method(s->config, &t->method) != IL_OK) return;
  t->tasks = il_config_tasks(s->context, s->config);
  if (!t->tasks) return;
  il_net *net = il_config_net(s->context, s->config, il_tasks_shape(t->tasks, IL_TEST, 0));
  t->learner = il_learned_new(s->context, &t->method, net, true, false);
  s->values = calloc((size_t)s->tasks, sizeof *s->values);
  if (!t->learner || !s->values) return;
  il_learned_initialize(t->learner, t->method.seed);
  il_evaluator_init(s->context, &s->evaluator, &t->method, t->learner, t->tasks, IL_TEST, 1,
                    &t->method.statistics, 1, &steps, s->tasks, s->team, NULL);
}

static il_status one_step(side *s) {
  if (s->evaluates) return il_evaluator_run(&s->evaluator, IL_TEST, s->tasks, s->values);
  const il_batch *batch = il_feed_batch(&s->trainer.feed, s->team, s->step);
  return il_meta_step_go(&s->trainer.step, batch, s->step++);
}

static void answer(side *s) {
  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    const long steps = strtol(line, NULL, 10);
    if (steps < 1) stop("expected a number of meta-steps");
    const double start = now(), used = processor();
    for (long i = 0; i < steps; i++)
      if (one_step(s) != IL_OK) stop(il_context_message(s->context));
    printf("{\"seconds\": %.9f, \"processor\": %.9f, \"memory\": %ld}\n", now() - start,
           processor() - used, peak_resident());
    fflush(stdout);
  }
}

static void clear(side *s) {
  il_evaluator_free(&s->evaluator);
  free(s->values);
  il_trainer_free(&s->trainer);
  il_team_free(s->team);
  il_config_free(s->config);
  il_context_free(s->context);
}

int main(int argc, char **argv) {
  if (argc < 2) stop("expected a preset");
  side s = {.context = il_context_new()};
  if (!s.context) stop("out of memory");
  s.config = il_config_load(s.context, argv[1]);
  int threads = 0, evaluate = 0;
  for (int i = 2; i < argc && s.config; i++) {
    if (i + 1 == argc) stop("an option has no value");
    if (!strcmp(argv[i], "--threads"))
      threads = atoi(argv[++i]);
    else if (!strcmp(argv[i], "--evaluate"))
      evaluate = atoi(argv[++i]);
    else if (!strcmp(argv[i], "--set"))
      il_config_set(s.config, argv[++i]);
    else
      stop("unknown option");
  }
  if (il_context_status(s.context) == IL_OK) s.team = il_team_new(s.context, threads);
  const double start = now();
  if (s.team) {
    s.tasks = il_config_int(s.config, IL_KEY_META_BATCH);
    s.evaluates = evaluate > 0;
    if (s.evaluates)
      prepare_evaluation(&s, evaluate);
    else
      il_trainer_init(s.context, &s.trainer, s.config, s.team);
  }
  if (il_context_status(s.context) != IL_OK) stop(il_context_message(s.context));
  printf("{\"ready\": true, \"build_seconds\": %.6f}\n", now() - start);
  fflush(stdout);
  answer(&s);
  clear(&s);
  return 0;
}
