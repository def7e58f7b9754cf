/* Learning the rate on MNIST-1D as Greydanus 2020 published it (notebook metalearn-learn-rate), from the weights that PyTorch
 * draws after manual_seed(0): what the notebook prints, in every digit that it prints. */
#include <innerloop/innerloop.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/numpy_random.h"
#include "support/scale.h"
#include "train/trainer.h"

/* nn.Linear's weight or bias: PyTorch's generator is numpy's, of which uniform_ takes 24 bits for a float. */
static void draw_as_torch(il_numpy_random *r, il_learned *l, const char *name, int inputs) {
  const int at = il_buffers_find(&l->meta, name);
  const il_entry *e = &l->meta.entry[at];
  const float bound = (float)(1 / sqrt((double)inputs));
  const int64_t count = il_shape_count(e->shape);
  float *drawn = calloc((size_t)count, sizeof *drawn);
  assert_non_null(drawn);
  for (int64_t i = 0; i < count; i++)
    drawn[i] = (float)(il_numpy_upto(r, UINT32_MAX) & 0xffffff) * 0x1p-24f * (2 * bound) - bound;
  il_net_from_torch(e->net, e->parameter, IL_FLOAT32, drawn, il_buffers_at(&l->meta, at));
  free(drawn);
}

static void rounds_to(double found, const char *printed) {
  char text[32];
  snprintf(text, sizeof text, "%.3e", found);
  assert_string_equal(text, printed);
}

typedef struct line {
  int step; /* from 0 */
  const char *mean_loss, *final_loss, *rate;
} line;

static void run(const char *start, int lines, const line *printed) {
  il_context *context = il_context_new();
  il_config *config = il_config_load(context, "mnist1d-learn-rate");
  assert_non_null(config);
  assert_int_equal(il_config_set(config, start), IL_OK);
  il_team *team = il_team_new(context, 1);
  il_trainer t;
  if (il_trainer_init(context, &t, config, team) != IL_OK)
    fail_msg("%s", il_context_message(context));
  il_numpy_random r;
  il_numpy_seed(&r, 0);
  draw_as_torch(&r, t.learner, "linear1.weight", 40);
  draw_as_torch(&r, t.learner, "linear1.bias", 40);
  draw_as_torch(&r, t.learner, "linear2.weight", 50);
  draw_as_torch(&r, t.learner, "linear2.bias", 50);
  for (int i = 0, made = 0; i < lines; i++) {
    for (; made <= printed[i].step; made++) {
      const il_batch *batch = il_feed_batch(&t.feed, team, made);
      assert_non_null(batch);
      assert_int_equal(il_meta_step_go(&t.step, batch, made), IL_OK);
    }
    const int rate = il_buffers_find(&t.learner->meta, "inner.lr");
    rounds_to(t.step.loss, printed[i].mean_loss);
    rounds_to(t.step.support_loss, printed[i].final_loss);
    rounds_to((double)*(const float *)il_buffers_at(&t.learner->meta, rate), printed[i].rate);
  }
  il_trainer_free(&t);
  il_team_free(team);
  il_config_free(config);
  il_context_free(context);
}

static void a_learned_rate_is_the_published_one(void **state) {
  (void)state;
  static const line high[] = {{3, "1.808e+00", "1.588e+00", "1.259e+00"},
                              {6, "1.762e+00", "1.508e+00", "1.044e+00"},
                              {9, "1.737e+00", "1.500e+00", "9.111e-01"}},
                    low[] = {{3, "1.722e+00", "1.555e+00", "4.909e-01"},
                             {6, "1.718e+00", "1.535e+00", "5.407e-01"}};
  run("hyper.lr=1.5", test_scale(3, 1), high);
  if (test_full()) run("hyper.lr=0.15", 2, low);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_learned_rate_is_the_published_one)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
