/* Candidates that walk can take longer than all else of a step: they say how far they are, and stop on the way. */
#include <innerloop/greedy.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { N = 12, FEATURES = 2 };
static const float x[N * FEATURES] = {1, 0, 2, 1, 0, 1, 1, 2, 2, 0, 0, 2,
                                      3, 1, 1, 3, 2, 2, 0, 3, 3, 0, 1, 1};
static const int32_t y[N] = {0, 0, 1, 1, 0, 1, 0, 1, 0, 1, 0, 1};
static const il_samples samples = {.count = N,
                                   .example = {.rank = 1, .dim = {FEATURES}},
                                   .type = IL_FLOAT32,
                                   .inputs = x,
                                   .label = y,
                                   .outputs = 2};

typedef struct walk {
  int64_t done, all, calls, stop_at;
  volatile sig_atomic_t stop;
} walk;

static void count(void *user, int64_t done, int64_t all) {
  walk *w = user;
  assert_int_equal(done, w->done % all + 1); /* no step is left out */
  w->done = done;
  w->all = all;
  w->stop = ++w->calls == w->stop_at;
}

static il_status fit(il_context *context, il_model *model, il_candidates_kind kind, walk *w) {
  il_fit_greedy_options o = il_fit_greedy_defaults();
  o.greedy.candidates.kind = kind;
  o.greedy.candidates.count = 4;
  o.greedy.candidates.burn_in = 5;
  o.greedy.candidates.rank = 2;
  o.greedy.candidates.lr = 1e-3;
  o.greedy.candidates.steps = 4;
  o.greedy.steps = 2;
  o.greedy.tolerance = 0;
  o.greedy.walking = count;
  o.greedy.user = w;
  o.greedy.stop = &w->stop;
  o.greedy.team = il_team_new(context, 1);
  il_greedy_result result;
  il_status status = il_fit_greedy(context, model, &samples, &o, &result);
  il_team_free(o.greedy.team);
  return status;
}

static void walks_say_how_far_they_are(void **state) {
  (void)state;
  static const int64_t all[] = {
      [IL_CANDIDATES_SWAG] = 4, [IL_CANDIDATES_SGLD] = 5 + 3 * 4, [IL_CANDIDATES_ENSEMBLE] = 4};
  il_context *context = il_context_new();
  il_model_options linear = {.kind = "linear", .seed = 1};
  for (int kind = IL_CANDIDATES_LAPLACE; kind <= IL_CANDIDATES_ENSEMBLE; kind++) {
    il_model *model = il_model_new(context, &linear, samples.example, samples.outputs);
    walk w = {0};
    assert_int_equal(fit(context, model, (il_candidates_kind)kind, &w), IL_OK);
    assert_int_equal(w.all, all[kind]);
    assert_int_equal(w.calls,
                     3 * all[kind]); /* two steps, and the candidates that are the result */
    il_model_free(model);
  }
  il_context_free(context);
}

/* In the first step nothing is learned yet, so the model stays; in the last draw the steps before it are kept. */
static void walks_stop_on_the_way(void **state) {
  (void)state;
  il_model_options linear = {.kind = "linear", .seed = 1};
  for (int64_t at = 7; at <= 7 + 2 * 17; at += 2 * 17) {
    il_context *context = il_context_new();
    il_model *model = il_model_new(context, &linear, samples.example, samples.outputs);
    float before[FEATURES * 2];
    memcpy(before, il_model_parameter(model, 0), sizeof before);
    walk w = {.stop_at = at};
    assert_int_equal(fit(context, model, IL_CANDIDATES_SGLD, &w), IL_ERROR_INTERRUPTED);
    assert_int_equal(w.calls, at);
    assert_string_equal(il_context_message(context),
                        "stopped after 7 of 17 steps of the candidates");
    assert_int_equal(memcmp(before, il_model_parameter(model, 0), sizeof before) == 0, at == 7);
    il_model_free(model);
    il_context_free(context);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(walks_say_how_far_they_are),
                                     cmocka_unit_test(walks_stop_on_the_way)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
