/* Sinusoid regression (Finn, Abbeel, Levine, "Model-agnostic meta-learning", ICML 2017, section 5.1). */
#include <math.h>

#include <innerloop/data.h>

#include "base/random.h"

static void draw_points(il_random *random, double amplitude, double phase, int count, float *x,
                        float *y) {
  for (int i = 0; i < count; i++) {
    x[i] = (float)(10.0 * il_random_uniform01(random) - 5.0);
    y[i] = (float)(amplitude * sin((double)x[i] - phase)); /* of the x that the net will see */
  }
}

void il_sinusoid_draw(uint64_t seed, il_split split, uint64_t index, int shots, int queries,
                      float *support_x, float *support_y, float *query_x, float *query_y) {
  il_random random = il_random_start(il_random_mix(seed, (uint64_t)split), index);
  double amplitude = 0.1 + 4.9 * il_random_uniform01(&random);
  double phase = M_PI * il_random_uniform01(&random);
  draw_points(&random, amplitude, phase, shots, support_x, support_y);
  draw_points(&random, amplitude, phase, queries, query_x, query_y);
}
