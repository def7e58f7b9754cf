/* Sinusoid regression (Finn, Abbeel, Levine, "Model-agnostic meta-learning", ICML 2017, section 5.1). */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/random.h"
#include "data/source.h"

enum { PART = 24 }; /* points at once */

/* sin x for |x| <= 100: quarter turns removed with π/2 in two parts (products with the first are exact), then
 * Taylor's polynomials. Not the system's: episodes are to be the same everywhere. */
static double sine(double x) {
  const double shifter = 6755399441055744.0; /* 1.5·2^52: rounds to an integer */
  const double n = (x * 0.63661977236758134308 + shifter) - shifter;
  const double r = (x - n * 1.5707963267341256) - n * 6.077100506506192e-11, z = r * r;
  double s = 1.0 / 355687428096000, c = 1.0 / 20922789888000;
  s = s * z - 1.0 / 1307674368000;
  s = s * z + 1.0 / 6227020800;
  s = s * z - 1.0 / 39916800;
  s = s * z + 1.0 / 362880;
  s = s * z - 1.0 / 5040;
  s = s * z + 1.0 / 120;
  s = s * z - 1.0 / 6;
  s = s * z * r + r;
  c = c * z - 1.0 / 87178291200;
  c = c * z + 1.0 / 479001600;
  c = c * z - 1.0 / 3628800;
  c = c * z + 1.0 / 40320;
  c = c * z - 1.0 / 720;
  c = c * z + 1.0 / 24;
  c = c * z - 1.0 / 2;
  c = c * z + 1;
  const int32_t quadrant = (int32_t)n;
  const double y = quadrant & 1 ? c : s;
  return quadrant & 2 ? -y : y;
}

/* Always PART points, so that a compiler takes them in the lanes of vectors. */
static void draw_points(const double u[PART], double amplitude, double phase, float x[PART],
                        float y[PART]) {
  for (int i = 0; i < PART; i++) {
    x[i] = (float)(10.0 * u[i] - 5.0);
    y[i] = (float)(amplitude * sine((double)x[i] - phase)); /* of the x that the net will see */
  }
}

void il_sinusoid_draw(uint64_t seed, il_split split, uint64_t index, int shots, int queries,
                      float *support_x, float *support_y, float *query_x, float *query_y) {
  il_random random = il_random_start(il_random_mix(seed, (uint64_t)split), index);
  double u[2 + PART] = {0}; /* the curve's two numbers, then the points' */
  float x[PART], y[PART];
  for (int at = 0; at < shots + queries; at += PART) {
    const int left = shots + queries - at, count = left < PART ? left : PART, drawn = at ? 2 : 0;
    il_random_uniforms01(&random, 2 + count - drawn, u + drawn);
    draw_points(u + 2, 0.1 + 4.9 * u[0], M_PI * u[1], x, y);
    for (int i = 0; i < count; i++) {
      const int point = at + i;
      *(point < shots ? support_x + point : query_x + point - shots) = x[i];
      *(point < shots ? support_y + point : query_y + point - shots) = y[i];
    }
  }
}

/* ---- as a source ---- */

typedef struct sinusoid {
  int shots[2], queries[2]; /* of training, and of validation and test */
  int ranges;               /* numbers of shots that training tasks have, from shots[0] on */
  uint64_t seed;
} sinusoid;

static void *open_source(il_context *context, const void *settings, const il_source_options *o) {
  (void)settings;
  sinusoid *s = malloc(sizeof *s);
  if (!s) {
    il_fail_memory(context, "a source of tasks");
    return NULL;
  }
  *s = (sinusoid){.shots = {0, o->shots},
                  .queries = {o->train_queries ? o->train_queries : o->queries, o->queries},
                  .seed = o->seed};
  s->ranges = il_source_shots(o, &s->shots[0]);
  return s;
}

static int variants(void *data, il_split split) {
  return split == IL_TRAIN ? ((sinusoid *)data)->ranges : 1;
}

static void describe(void *data, il_split split, int variant, il_task_shape *shape) {
  const sinusoid *s = data;
  *shape = (il_task_shape){.ways = 1,
                           .shots = s->shots[split != IL_TRAIN] + variant,
                           .queries = s->queries[split != IL_TRAIN],
                           .outputs = 1,
                           .example = IL_SHAPE(1),
                           .x = IL_FLOAT32,
                           .targets = true,
                           .loss = IL_LOSS_MEAN_SQUARED_ERROR};
}

static il_status draw(void *data, il_task_id id, void *scratch, const il_task_memory *task) {
  (void)scratch;
  const sinusoid *s = data;
  const int side = id.split != IL_TRAIN;
  il_sinusoid_draw(s->seed, id.split, id.index, s->shots[side] + id.variant, s->queries[side],
                   task->x[0], task->y[0], task->x[1], task->y[1]);
  return IL_OK;
}

const il_source il_source_sinusoid = {.name = "sinusoid",
                                      .doc = "regression of sine curves",
                                      .open = open_source,
                                      .describe = describe,
                                      .draw = draw,
                                      .close = free,
                                      .variants = variants};
