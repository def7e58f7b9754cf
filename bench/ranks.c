/* Meta-steps on machines and a network that there are not: ranks are threads, each with a clock of its own that counts its
 * processor time, and every communication adds to all clocks what the network would take (tests/support/thread_ranks.h).
 *   ranks PRESET [--set KEY=VALUE]... [--latency MICROSECONDS] [--rate MEGABYTES] [--steps N] [--most RANKS]
 * Prints a line for each number of ranks, beside what the cost model of docs/scale.md says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/plan.h"
#include "run/profile.h"
#include "support/thread_ranks.h"
#include "train/trainer.h"

typedef struct asked {
  const char *preset, *setting[32];
  int settings, steps, most;
  double latency, rate; /* seconds, bytes a second */
} asked;

typedef struct found {
  const asked *asked;
  double seconds, waited, sent; /* of one meta-step: on the slowest clock; of rank 0 */
  int tasks, busiest;
  size_t mean_bytes, row_bytes;
  int nodes;
  bool whole;
  double share; /* of the time, that goes by tasks */
  pthread_mutex_t mutex;
} found;

static _Noreturn void stop(const char *sentence) {
  fprintf(stderr, "ranks: %s\n", sentence);
  exit(1);
}

static void note(found *f, const il_trainer *t, const thread_rank *me, double seconds, int own) {
  pthread_mutex_lock(&f->mutex);
  if (seconds > f->seconds) f->seconds = seconds;
  if (own > f->busiest) f->busiest = own;
  if (me->ranks.rank == 0) {
    const il_plan *plan = il_meta_step_plan(&t->step);
    const il_joint *joint = il_run_joint(t->step.form[0].run);
    f->tasks = t->method.meta_batch;
    f->mean_bytes = plan->mean_bytes;
    f->row_bytes = plan->row_bytes;
    f->nodes = joint ? joint->subtrees.nodes : 1;
    f->whole = !joint || joint->whole;
    f->waited = me->waited / f->asked->steps;
    f->sent = me->sent / f->asked->steps;
  }
  pthread_mutex_unlock(&f->mutex);
}

static double nanoseconds(il_profile *p, const il_plan *plan, int list) {
  double sum = 0;
  for (int64_t i = 0; i < plan->list[list].count; i++)
    sum += (double)il_profile_entries(p, 0, list)[i].nanoseconds;
  return sum;
}

/* Of a meta-step's time, what goes by tasks; the rest is every rank's. */
static double share_of_tasks(il_trainer *t, il_team *team, int64_t first, int steps) {
  const il_plan *plan = il_meta_step_plan(&t->step);
  il_profile *p = il_profile_new(plan, 1);
  if (!p) stop("out of memory");
  il_run_profile(t->step.form[0].run, p);
  for (int s = 0; s < steps; s++) {
    const il_batch *batch = il_feed_batch(&t->feed, team, first + s);
    if (!batch || il_meta_step_go(&t->step, batch, first + s) != IL_OK) stop("no meta-step");
  }
  const double tasks = nanoseconds(p, plan, IL_PER_TASK) + nanoseconds(p, plan, IL_SINGLE),
               rest = nanoseconds(p, plan, IL_BEFORE) + nanoseconds(p, plan, IL_AFTER);
  il_profile_free(p);
  return tasks / (tasks + rest);
}

static void work(thread_rank *me, void *argument) {
  found *f = argument;
  const asked *a = f->asked;
  il_context *context = il_context_new();
  il_config *config = il_config_load(context, a->preset);
  for (int i = 0; config && i < a->settings; i++)
    if (il_config_set(config, a->setting[i]) != IL_OK) break;
  il_team *team = il_team_new(context, 1);
  il_trainer t = {0};
  int own = 0;
  if (il_context_status(context) == IL_OK) il_trainer_init(context, &t, config, team);
  if (il_context_status(context) != IL_OK) stop(il_context_message(context));
  if (me->all->size > 1 && il_trainer_join(&t, &me->ranks, &own) != IL_OK)
    stop(il_context_message(context));
  if (me->all->size == 1) own = t.method.meta_batch;
  double begun = 0;
  for (int s = -1; s < a->steps; s++) { /* the first is for the caches */
    if (s == 0) {
      me->waited = me->sent = 0;
      me->seen = thread_seconds();
      begun = me->clock;
    }
    const il_batch *batch = il_feed_batch(&t.feed, team, s + 1);
    if (!batch || il_meta_step_go(&t.step, batch, s + 1) != IL_OK)
      stop(il_context_message(context));
  }
  note(f, &t, me, (me->clock + thread_seconds() - me->seen - begun) / a->steps, own);
  if (me->all->size == 1) f->share = share_of_tasks(&t, team, a->steps + 1, a->steps);
  il_trainer_free(&t);
  il_team_free(team);
  il_config_free(config);
  il_context_free(context);
}

static found measure(const asked *a, int size) {
  found f = {.asked = a, .mutex = PTHREAD_MUTEX_INITIALIZER};
  free(thread_ranks_run(size, a->latency, a->rate, work, &f));
  return f;
}

/* What docs/scale.md says of a communication. */
static double communication(const asked *a, const found *f, int size) {
  if (size == 1) return 0;
  const double rounds = rounds_of(size), bytes = (double)f->mean_bytes, others = size - 1;
  double takes = f->whole ? rounds * a->latency + f->nodes * bytes * others / size / a->rate
                          : (1 + (size - 2) / 4.0 + rounds) * a->latency +
                                (1 + (double)f->nodes / size) * bytes * others / size / a->rate;
  if (f->row_bytes)
    takes += rounds * a->latency + f->tasks * (double)f->row_bytes * others / size / a->rate;
  return takes;
}

int main(int argc, char **argv) {
  asked a = {.steps = 4, .most = 64, .latency = 30e-6, .rate = 1e9};
  for (int i = 1; i < argc; i++) {
    const char *more = i + 1 < argc ? argv[i + 1] : "";
    if (argv[i][0] != '-') {
      a.preset = argv[i];
      continue;
    }
    if (!strcmp(argv[i], "--set") && a.settings < 32)
      a.setting[a.settings++] = more;
    else if (!strcmp(argv[i], "--latency"))
      a.latency = 1e-6 * atof(more);
    else if (!strcmp(argv[i], "--rate"))
      a.rate = 1e6 * atof(more);
    else if (!strcmp(argv[i], "--steps"))
      a.steps = atoi(more);
    else if (!strcmp(argv[i], "--most"))
      a.most = atoi(more);
    else
      stop("expected PRESET [--set K=V] [--latency US] [--rate MB/S] [--steps N] [--most RANKS]");
    i++;
  }
  if (!a.preset || a.steps < 1 || a.rate <= 0) stop("expected a preset, steps and a rate");
  const found one = measure(&a, 1);
  const double task = one.seconds * one.share / one.tasks, rest = one.seconds * (1 - one.share);
  printf("%s, %d tasks; %.1f us and %.0f MB/s; a task %.3f ms, the rest %.3f ms; sums of %.1f KB, "
         "rows of "
         "%.1f KB a task\n",
         a.preset, one.tasks, 1e6 * a.latency, 1e-6 * a.rate, 1e3 * task, 1e3 * rest,
         1e-3 * (double)one.mean_bytes, 1e-3 * (double)one.row_bytes);
  printf("%5s %7s %10s %10s %10s %8s %10s\n", "ranks", "busiest", "ms", "model ms", "waits ms",
         "faster", "KB sent");
  for (int size = 1; size <= a.most; size *= 2) {
    const found f = size == 1 ? one : measure(&a, size);
    printf("%5d %7d %10.3f %10.3f %10.3f %8.2f %10.1f\n", size, f.busiest, 1e3 * f.seconds,
           1e3 * (rest + f.busiest * task + communication(&a, &f, size)), 1e3 * f.waited,
           one.seconds / f.seconds, 1e-3 * f.sent);
    fflush(stdout);
  }
  return 0;
}
