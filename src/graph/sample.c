/* Inputs of the operations' samples: their ranges travel in the inputs' names. */
#include "base/locale.h"
#include "graph/sample.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"

il_value il_op_sample_input(il_graph *g, il_shape shape, double low, double high, double apart) {
  char name[96];
  il_plain_text(name, sizeof name, "x%d|%.17g|%.17g|%.17g", il_graph_inputs(g), low, high, apart);
  return il_input(g, name, IL_SHARED, il_graph_real(g), shape);
}

il_value il_op_sample_index(il_graph *g, il_shape shape, int64_t bound) {
  char name[96];
  snprintf(name, sizeof name, "i%d|%lld", il_graph_inputs(g), (long long)bound);
  return il_input(g, name, IL_SHARED, IL_INT32, shape);
}

/* Values that must stay apart, also from 0 where kinks lie: a shuffled grid whose points jitter by less than
 * half of what is left between them. One grid serves all inputs, so no two inputs share a value either. */
static double grid_point(il_random *random, int64_t slot, int64_t slots, double low, double high) {
  const double width = (high - low) / (double)slots;
  return low + ((double)slot + 0.5 + 0.25 * (il_random_uniform01(random) - 0.5)) * width;
}

static void shuffle(il_random *random, int64_t count, int64_t *slot) {
  for (int64_t i = 0; i < count; i++) slot[i] = i;
  for (int64_t i = count - 1; i > 0; i--) {
    const int64_t k = il_random_below(random, (uint32_t)i + 1), swap = slot[i];
    slot[i] = slot[k];
    slot[k] = swap;
  }
}

void il_op_sample_fill(const il_graph *g, uint64_t seed, void *const *inputs) {
  il_random random = il_random_start(seed, 0);
  int64_t total = 0, next = 0;
  for (int i = 0; i < il_graph_inputs(g); i++)
    total += il_shape_count(il_value_shape(g, il_graph_input(g, i)));
  const int64_t slots = total + total % 2; /* even: 0 lies between two slots of a symmetric range */
  int64_t *slot = malloc((size_t)slots * sizeof *slot);
  if (!slot) return;
  shuffle(&random, slots, slot);
  for (int i = 0; i < il_graph_inputs(g); i++) {
    const il_value v = il_graph_input(g, i);
    const int64_t count = il_shape_count(il_value_shape(g, v));
    double low = 0, high = 1, apart = 0;
    long long bound = 1;
    int number;
    locale_t plain, before = il_text_enter(&plain);
    sscanf(il_graph_input_name(g, i), "x%d|%lf|%lf|%lf", &number, &low, &high, &apart);
    sscanf(il_graph_input_name(g, i), "i%d|%lld", &number, &bound);
    il_text_leave(before, plain);
    for (int64_t k = 0; k < count; k++, next++) {
      const double x = apart > 0 ? grid_point(&random, slot[next], slots, low, high)
                                 : low + (high - low) * il_random_uniform01(&random);
      const il_type type = il_value_type(g, v);
      if (type == IL_INT32)
        ((int32_t *)inputs[i])[k] = (int32_t)il_random_below(&random, (uint32_t)bound);
      else if (type == IL_FLOAT32)
        ((float *)inputs[i])[k] = (float)x;
      else
        ((double *)inputs[i])[k] = x;
    }
  }
  free(slot);
}
