/* Ranks that are threads of this process: all of il_ranks without MPI. Each may stand for a machine of its own on a network
 * that there is not: then its clock is the processor time of its thread, and every communication adds what it would take. */
#ifndef TESTS_SUPPORT_THREAD_RANKS_H
#define TESTS_SUPPORT_THREAD_RANKS_H

#include <innerloop/ranks.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct thread_rank {
  il_ranks ranks; /* user: this */
  struct thread_ranks *all;
  pthread_t thread;
  const void *shown;         /* what the others read in a communication… */
  const size_t *shown_begin; /* …and where its parts begin */
  double clock, seen;        /* seconds on its machine; its processor time when they were added */
  double sent, waited;       /* bytes; seconds in communications */
} thread_rank;

typedef struct thread_ranks {
  int size;
  thread_rank *rank;
  double latency, rate; /* of the network: seconds, and bytes a second; 0: no clocks */
  pthread_mutex_t mutex;
  pthread_cond_t turned;
  int waiting;
  unsigned turn;
  bool lost;
  double latest;
} thread_ranks;

static double thread_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Waits for all; false: one is lost. */
static bool thread_ranks_meet(thread_ranks *t) {
  pthread_mutex_lock(&t->mutex);
  const unsigned turn = t->turn;
  if (++t->waiting == t->size) {
    t->waiting = 0;
    t->turn++;
    pthread_cond_broadcast(&t->turned);
  }
  while (t->turn == turn && !t->lost) pthread_cond_wait(&t->turned, &t->mutex);
  const bool well = !t->lost;
  pthread_mutex_unlock(&t->mutex);
  return well;
}

static void thread_ranks_lose(thread_ranks *t) {
  pthread_mutex_lock(&t->mutex);
  t->lost = true;
  pthread_cond_broadcast(&t->turned);
  pthread_mutex_unlock(&t->mutex);
}

/* Everybody's clock goes to that of the last who came, and on by what the communication takes. */
static bool thread_ranks_pass(thread_rank *me, double messages, double sent, double received) {
  thread_ranks *t = me->all;
  me->sent += sent;
  if (t->rate <= 0) return true;
  const double before = me->clock += thread_seconds() - me->seen;
  const double takes =
      messages * t->latency + (sent > received ? sent : received) / t->rate; /* both ways at once */
  pthread_mutex_lock(&t->mutex);
  if (me->clock > t->latest) t->latest = me->clock;
  pthread_mutex_unlock(&t->mutex);
  if (!thread_ranks_meet(t)) return false;
  const double last = t->latest;
  if (!thread_ranks_meet(t)) return false;
  me->clock = last + takes;
  me->waited += me->clock - before;
  return true;
}

static double rounds_of(int size) {
  double rounds = 0;
  for (int reached = 1; reached < size; reached *= 2) rounds++;
  return rounds;
}

static bool thread_ranks_gather(void *user, void *all, const size_t *begin) {
  thread_rank *me = user;
  thread_ranks *t = me->all;
  const double own = (double)(begin[me->ranks.rank + 1] - begin[me->ranks.rank]),
               rest = (double)begin[t->size] - own;
  me->shown = all;
  if (!thread_ranks_pass(me, rounds_of(t->size), rest, rest) || !thread_ranks_meet(t)) return false;
  for (int r = 0; r < t->size; r++)
    if (r != me->ranks.rank && begin[r + 1] > begin[r])
      memcpy((char *)all + begin[r], (const char *)t->rank[r].shown + begin[r],
             begin[r + 1] - begin[r]);
  const bool well = thread_ranks_meet(t);
  me->seen = thread_seconds(); /* copies are the network's */
  return well;
}

static bool thread_ranks_exchange(void *user, const void *send, const size_t *send_begin,
                                  void *receive, const size_t *receive_begin) {
  thread_rank *me = user;
  thread_ranks *t = me->all;
  const int rank = me->ranks.rank;
  const double to = (double)(send_begin[t->size] - (send_begin[rank + 1] - send_begin[rank])),
               from = (double)(receive_begin[t->size] -
                               (receive_begin[rank + 1] - receive_begin[rank]));
  me->shown = send;
  me->shown_begin = send_begin;
  /* A message to each; they overlap, so that each beyond the first costs a part of the latency. */
  if (!thread_ranks_pass(me, 1 + (t->size - 2) / 4.0, to, from) || !thread_ranks_meet(t))
    return false;
  bool well = true;
  for (int r = 0; r < t->size; r++) {
    const size_t bytes = receive_begin[r + 1] - receive_begin[r];
    const size_t *theirs = t->rank[r].shown_begin;
    well = well && theirs[rank + 1] - theirs[rank] == bytes;
    if (well && bytes)
      memcpy((char *)receive + receive_begin[r], (const char *)t->rank[r].shown + theirs[rank],
             bytes);
  }
  if (!well) thread_ranks_lose(t); /* ranks that count differently are an error of the caller's */
  well = thread_ranks_meet(t) && well;
  me->seen = thread_seconds();
  return well;
}

typedef struct thread_start {
  thread_rank *rank;
  void (*work)(thread_rank *rank, void *argument);
  void *argument;
} thread_start;

static void *thread_ranks_work(void *argument) {
  const thread_start *s = argument;
  s->rank->seen = thread_seconds();
  s->work(s->rank, s->argument);
  return NULL;
}

/* work as each of `size` ranks at once; latency and rate 0: without clocks. The ranks' records stay to be looked at, and are
 * freed with free. */
static thread_rank *thread_ranks_run(int size, double latency, double rate,
                                     void (*work)(thread_rank *rank, void *argument),
                                     void *argument) {
  thread_ranks t = {.size = size,
                    .rank = calloc((size_t)size, sizeof *t.rank),
                    .latency = latency,
                    .rate = rate,
                    .mutex = PTHREAD_MUTEX_INITIALIZER,
                    .turned = PTHREAD_COND_INITIALIZER};
  thread_start *start = calloc((size_t)size, sizeof *start);
  if (!t.rank || !start) abort();
  for (int r = 0; r < size; r++) {
    t.rank[r].all = &t;
    t.rank[r].ranks = (il_ranks){r, size, thread_ranks_gather, thread_ranks_exchange, &t.rank[r]};
    start[r] = (thread_start){&t.rank[r], work, argument};
    if (pthread_create(&t.rank[r].thread, NULL, thread_ranks_work, &start[r])) abort();
  }
  for (int r = 0; r < size; r++) pthread_join(t.rank[r].thread, NULL);
  free(start);
  return t.rank;
}

#endif
