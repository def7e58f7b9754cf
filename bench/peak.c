/* The most fused multiply-adds per second that this machine gives right now, in float32.
 *   peak THREADS [SECONDS]
 * Prints one JSON line: GFLOP/s of all threads together (one thread pinned to each core). */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifdef __AVX512F__
enum { LANES = 16 };
#elif defined __AVX__
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif
enum { CHAINS = 12, BURST = 200000, MOST_THREADS = 64 };
typedef float vector __attribute__((vector_size(LANES * sizeof(float))));

typedef struct job {
  pthread_t thread;
  int core;
  double seconds, rate;
} job;
static volatile float sink; /* keeps the chains alive */

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Independent chains: none waits for another's result. Best of the bursts. */
static void *run(void *argument) {
  job *j = argument;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(j->core, &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
  vector chain[CHAINS], by = (vector){0} + 0.5f, add = (vector){0} + 1e-3f;
  for (int k = 0; k < CHAINS; k++) chain[k] = (vector){0} + (float)k;
  const double end = now() + j->seconds;
  for (double start = now(); start < end;) {
    for (int i = 0; i < BURST; i++) {
#pragma GCC unroll 12
      for (int k = 0; k < CHAINS; k++) chain[k] = chain[k] * by + add;
    }
    const double stop = now(), rate = 2.0 * BURST * CHAINS * LANES / (stop - start) * 1e-9;
    if (rate > j->rate) j->rate = rate;
    start = stop;
  }
  for (int k = 0; k < CHAINS; k++) sink += chain[k][0];
  return NULL;
}

int main(int argc, char **argv) {
  const int threads = argc > 1 ? atoi(argv[1]) : 1;
  const double seconds = argc > 2 ? atof(argv[2]) : 0.2;
  static job jobs[MOST_THREADS];
  if (threads < 1 || threads > MOST_THREADS || seconds <= 0) {
    fprintf(stderr, "peak: expected 1 to %d threads and a positive time\n", MOST_THREADS);
    return 2;
  }
  double sum = 0;
  for (int i = 0; i < threads; i++) {
    jobs[i] = (job){.core = i, .seconds = seconds};
    if (pthread_create(&jobs[i].thread, NULL, run, &jobs[i]) != 0) return 1;
  }
  for (int i = 0; i < threads; i++) {
    pthread_join(jobs[i].thread, NULL);
    sum += jobs[i].rate;
  }
  printf("{\"threads\": %d, \"gflops\": %.2f}\n", threads, sum);
  return 0;
}
