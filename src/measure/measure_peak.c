/* The machine's peak: bursts of multiply-adds on all workers at once. */
#include <innerloop/measure.h>

#include "base/team.h"
#include "kernels/kernel.h"
#include "run/profile.h"

enum { ROUNDS = 7, BURST = 1000000, WORKERS = 1024 };

typedef struct il_peak {
  const il_kernel_set *kernels;
  double flops[WORKERS]; /* of a worker's burst */
  float sink[WORKERS];
} il_peak;

static void burst(void *argument, int worker) {
  il_peak *p = argument;
  if (worker < WORKERS) p->flops[worker] = p->kernels->burst(BURST, &p->sink[worker]);
}

double il_measure_peak(il_team *team) {
  il_peak peak = {.kernels = il_kernel_set_choose(NULL, NULL)};
  double best = 0;
  if (!peak.kernels) return 0;
  for (int round = 0; round < ROUNDS; round++) {
    const int64_t start = il_profile_now();
    il_team_run(team, burst, &peak);
    const double seconds = 1e-9 * (double)(il_profile_now() - start);
    double flops = 0;
    for (int i = 0; i < WORKERS; i++) flops += peak.flops[i];
    if (flops / seconds > best) best = flops / seconds;
  }
  return best;
}
