/* Worker team: persistent threads that run one job at a time, all of them the same function.
 * Workers and caller spin briefly before they sleep, since jobs follow each other closely.
 * Concurrent il_team_run calls take turns; a job may not call il_team_run on its own team.
 * A fork copies the memory of a team and none of its threads: its first job in a child starts them anew. */
#include "base/team.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/float_mode.h"

/* Some 60 microseconds: longer than the gap between two jobs of a small meta-step, also where a worker has a
 * group of tasks more than the other. With a tenth of it, two threads of a sinusoid run were no faster than one. */
enum { SPINS = 2000, MAX_THREADS = 1024 };

typedef struct worker {
  il_team *team;
  pthread_t thread;
  int index;
} worker;

struct il_team {
  il_context *context;
  int threads; /* with the caller */
  int started; /* threads that exist beside the caller */
  worker *workers;
  pthread_mutex_t turn;  /* held for a whole run: one job at a time */
  pthread_mutex_t mutex; /* guards sleeping and waking */
  pthread_cond_t wake, done;
  int sleepers;
  bool caller_sleeps;
  void (*job)(void *argument, int worker);
  void *argument;
  bool quit;
  atomic_uint forks;      /* of the process, when the threads were started */
  atomic_uint generation; /* one more for each job */
  atomic_int pending;     /* workers that have not finished the job */
};

static atomic_uint forks; /* from the first process to this one */
static pthread_mutex_t reviving = PTHREAD_MUTEX_INITIALIZER;

static void count_fork(void) {
  pthread_mutex_init(&reviving, NULL); /* whoever held it is not here */
  atomic_fetch_add_explicit(&forks, 1, memory_order_release);
}

static void watch_forks(void) { pthread_atfork(NULL, NULL, count_fork); }

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

static void wait_for_job(il_team *team, unsigned seen) {
  for (int i = 0; i < SPINS; i++) {
    if (atomic_load_explicit(&team->generation, memory_order_acquire) != seen) return;
    relax();
  }
  pthread_mutex_lock(&team->mutex);
  team->sleepers++;
  while (atomic_load_explicit(&team->generation, memory_order_acquire) == seen)
    pthread_cond_wait(&team->wake, &team->mutex);
  team->sleepers--;
  pthread_mutex_unlock(&team->mutex);
}

static void *work(void *argument) {
  worker *self = argument;
  il_team *team = self->team;
  il_float_plain(); /* a thread begins with the mode of the one that starts it */
  for (unsigned seen = 0;;) {
    wait_for_job(team, seen++);
    if (team->quit) return NULL;
    team->job(team->argument, self->index);
    if (atomic_fetch_sub_explicit(&team->pending, 1, memory_order_acq_rel) == 1) {
      pthread_mutex_lock(&team->mutex);
      if (team->caller_sleeps) pthread_cond_signal(&team->done);
      pthread_mutex_unlock(&team->mutex);
    }
  }
}

static void start_job(il_team *team) {
  pthread_mutex_lock(&team->mutex);
  atomic_fetch_add_explicit(&team->generation, 1, memory_order_release);
  if (team->sleepers) pthread_cond_broadcast(&team->wake);
  pthread_mutex_unlock(&team->mutex);
}

static void wait_for_workers(il_team *team) {
  for (int i = 0; i < SPINS; i++) {
    if (atomic_load_explicit(&team->pending, memory_order_acquire) == 0) return;
    relax();
  }
  pthread_mutex_lock(&team->mutex);
  team->caller_sleeps = true;
  while (atomic_load_explicit(&team->pending, memory_order_acquire) != 0)
    pthread_cond_wait(&team->done, &team->mutex);
  team->caller_sleeps = false;
  pthread_mutex_unlock(&team->mutex);
}

/* Starts what threads there are to be beside the caller; an error's number, or 0. */
static int start_workers(il_team *team) {
  pthread_mutex_init(&team->turn, NULL);
  pthread_mutex_init(&team->mutex, NULL);
  pthread_cond_init(&team->wake, NULL);
  pthread_cond_init(&team->done, NULL);
  team->started = team->sleepers = 0;
  team->caller_sleeps = false;
  atomic_store_explicit(&team->generation, 0, memory_order_relaxed);
  /* Signals stay with the threads of the user: an interrupt must not land in a worker. */
  sigset_t all, before;
  sigfillset(&all);
  /* What a worker's own access raises goes to it alone; blocked, it would kill without being handled. */
  static const int own[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL};
  for (size_t i = 0; i < sizeof own / sizeof *own; i++) sigdelset(&all, own[i]);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = 0;
  while (!error && team->started < team->threads - 1) {
    worker *next = &team->workers[team->started];
    next->team = team;
    next->index = team->started + 1;
    error = pthread_create(&next->thread, NULL, work, next);
    if (!error) team->started++;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  atomic_store_explicit(&team->forks, atomic_load_explicit(&forks, memory_order_acquire),
                        memory_order_release);
  return error;
}

static bool forked(const il_team *team) {
  return atomic_load_explicit(&team->forks, memory_order_acquire) !=
         atomic_load_explicit(&forks, memory_order_acquire);
}

static void revive(il_team *team) {
  pthread_mutex_lock(&reviving);
  if (forked(team)) start_workers(team); /* where threads lack, the caller does their parts */
  pthread_mutex_unlock(&reviving);
}

void il_team_run(il_team *team, void (*job)(void *argument, int worker), void *argument) {
  if (!team) {
    job(argument, 0);
    return;
  }
  if (forked(team)) revive(team);
  const il_float_mode mode = il_float_plain();
  pthread_mutex_lock(&team->turn);
  team->job = job;
  team->argument = argument;
  if (team->started > 0) {
    atomic_store_explicit(&team->pending, team->started, memory_order_relaxed);
    start_job(team);
  }
  job(argument, 0);
  for (int i = team->started + 1; i < team->threads; i++) job(argument, i);
  if (team->started > 0) wait_for_workers(team);
  pthread_mutex_unlock(&team->turn);
  il_float_restore(mode);
}

static int available_cores(void) {
  cpu_set_t set;
  CPU_ZERO(&set);
  int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  return count < 1 ? 1 : count;
}

il_team *il_team_new(il_context *context, int threads) {
  if (threads < 0 || threads > MAX_THREADS) {
    il_fail(context, IL_ERROR_ARGUMENT, "il_team_new: %d threads, expected 0 to %d", threads,
            MAX_THREADS);
    return NULL;
  }
  if (threads == 0) threads = available_cores();
  il_team *team = calloc(1, sizeof *team);
  worker *workers = calloc((size_t)threads, sizeof *workers);
  if (!team || !workers) {
    free(team);
    free(workers);
    il_fail_memory(context, "a worker team");
    return NULL;
  }
  team->context = context;
  team->threads = threads;
  team->workers = workers;
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, watch_forks);
  const int error = start_workers(team);
  if (error) {
    il_fail(context, IL_ERROR_MEMORY,
            "il_team_new: thread %d of %d could not be started (error %d)", team->started + 2,
            threads, error);
    il_team_free(team);
    return NULL;
  }
  return team;
}

void il_team_free(il_team *team) {
  if (!team) return;
  if (!forked(
          team)) { /* in a child there is nobody to join, and what they waited at is not ours to destroy */
    team->quit = true;
    start_job(team);
    for (int i = 0; i < team->started; i++) pthread_join(team->workers[i].thread, NULL);
    pthread_cond_destroy(&team->done);
    pthread_cond_destroy(&team->wake);
    pthread_mutex_destroy(&team->mutex);
    pthread_mutex_destroy(&team->turn);
  }
  free(team->workers);
  free(team);
}

int il_team_threads(const il_team *team) { return team ? team->threads : 1; }

il_context *il_team_context(const il_team *team) { return team ? team->context : NULL; }
