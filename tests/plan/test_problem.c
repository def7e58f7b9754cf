/* Problems as text: every line of every preset's plan reads back as the very problem, can be posed as a graph
 * that poses it again, and a line that is no problem is refused with a sentence that names the word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <innerloop/train.h>

#include "kernels/kernel.h"
#include "plan/plan.h"
#include "support/presets.h"
#include "train/trainer.h"

static void assert_same(const il_problem *a, const il_problem *b, const char *text) {
  if (a->op != b->op || a->type != b->type) fail_msg("%s", text);
  if (a->op == IL_OP_NONE) {
    if (memcmp(a->tile, b->tile, sizeof *a->tile) != 0) fail_msg("%s", text);
  } else if (memcmp(a, b, sizeof *a) != 0) {
    fail_msg("%s", text);
  }
}

static void round_trip(il_context *context, const il_problem *problem) {
  char text[IL_PROBLEM_TEXT], again[IL_PROBLEM_TEXT], line[IL_PROBLEM_TEXT + 32];
  il_arena arena = {0};
  il_problem read;
  il_problem_text(problem, text, sizeof text);
  snprintf(line, sizeof line, "  12  conv2d/rows  conv1 | %s", text);
  if (il_problem_parse(context, line, &arena, &read) != IL_OK)
    fail_msg("%s", il_context_message(context));
  assert_same(problem, &read, text);
  il_problem_text(&read, again, sizeof again);
  assert_string_equal(text, again);
  il_graph *g = il_problem_pose(context, &read);
  if (!g) fail_msg("%s", il_context_message(context));
  il_graph_free(g);
  il_arena_free(&arena);
}

static void test_presets(void **state) {
  (void)state;
  int64_t lines = 0, programs = 0;
  for (int i = 0; i < il_presets(); i++) {
    if (!shapes_are_known(il_preset_at(i)->name)) continue;
    il_context *context = il_context_new();
    il_config *config = il_config_load(context, il_preset_at(i)->name);
    il_trainer trainer;
    if (!config || il_trainer_init(context, &trainer, config, NULL) != IL_OK)
      fail_msg("%s", il_context_message(context));
    const il_plan *plan = il_meta_step_plan(&trainer.step);
    for (int when = 0; when < 3; when++)
      for (int64_t k = 0; k < plan->list[when].count; k++) {
        const il_call *call = &plan->list[when].call[k];
        if (call->kind != IL_CALL_KERNEL) continue;
        round_trip(context, &call->problem);
        lines++;
        programs += call->problem.op == IL_OP_NONE;
      }
    il_trainer_free(&trainer);
    il_config_free(config);
    il_context_free(context);
  }
  printf("%lld lines read back, %lld of them fused programs\n", (long long)lines,
         (long long)programs);
  assert_true(lines > 1000 && programs > 100);
}

/* Written by hand: as the left side says, printed as the right. */
static void test_forms(void **state) {
  (void)state;
  static const char *const pairs[][2] = {
      {"conv n25 h14 w14 c64 k64 f3 s1", "conv n25 h14 w14 c64 k64 f3x3 s1,1 p0,0"},
      {"conv k64 n25 h14 w14 c64 f3 p1 direct", "conv n25 h14 w14 c64 k64 f3x3 s1,1 p1,1 direct"},
      {"conv_weight k4 c2 w9 h8 n1 f3x2 s2,1 p1,0 d1,2 g2",
       "conv_weight n1 h8 w9 c2 k4 f3x2 s2,1 p1,0 d1,2 g2"},
      {"conv_transpose n1 h8 w8 c2 k4 f3 s2 p0 o4 f64",
       "conv_transpose n1 h8 w8 c2 k4 f3x3 s2,2 p0,0 o4x4 f64"},
      {"matmul tn b2 m3 n4 k5 f64 lanes:2", "matmul b2 m3 n4 k5 tn f64 lanes:2"},
      {"matmul plus:-0.5 tn m3 n4 k5 b1 lanes:4", "matmul b1 m3 n4 k5 tn plus:-0.5 lanes:4"},
      {"sum 5r 7 lanes ", "sum 5r 7 lanes"},
      {"pool_argmax n5 h28 w28 c64 f2 s2", "pool_argmax n5 h28 w28 c64 f2x2 s2,2 p0,0"},
      {"matmul m5 n64 k7 b3 tn", "matmul b3 m5 n64 k7 tn"},
      {"scatter_add r9 w2 n5", "scatter_add r9 w2 n5"},
      {"sum 3r 4 5r f64", "sum 3r 4 5r f64"},
      {"transpose 1:1 5:7 7:1 u8", "transpose 1:1 5:7 7:1 u8"},
      {"slice 2:20 1:5 4:1 @26", "slice 2:20 1:5 4:1 @26"},
      {"broadcast 3:0 4:1 1:0", "broadcast 3:0 4:1 1:0"},
      {"tile r7 w5 in full, channel,row,scalar,-0.1,1e300 do 6=select( 0,1,2) 7=pow(3,4) "
       "8=add(7,5) 7=mul(6,8) out 7,sum(8) f64",
       NULL},
  };
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    il_context *context = il_context_new();
    il_arena arena = {0};
    il_problem p;
    char text[IL_PROBLEM_TEXT];
    il_problem_parse(context, pairs[i][0], &arena, &p);
    if (!pairs[i][1]) { /* a list has no blanks */
      assert_int_equal(il_context_status(context), IL_ERROR_CONFIG);
    } else {
      if (il_context_status(context) != IL_OK) fail_msg("%s", il_context_message(context));
      il_problem_text(&p, text, sizeof text);
      assert_string_equal(text, pairs[i][1]);
      round_trip(context, &p);
    }
    il_arena_free(&arena);
    il_context_free(context);
  }
}

static void test_refused(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"", "unknown operation \"\""},
      {"convolve n1", "unknown operation \"convolve\""},
      {"cast [5,28,28,1]", "has no kernel"},
      {"conv n25 h14 w14 c64 f3 s1", "k is missing"},
      {"conv n25 h14 w14 c64 k64 f3 s0", "found \"0\", expected s, a number from 1"},
      {"conv n25 h14 w14 c64 k64 f3 n2", "n is given twice"},
      {"conv n25 h14 w14 c64 k64 f3 q2", "unknown word \"q2\""},
      {"conv n25 h14 w14 c64 k64 f3s1", "where a word should end"},
      {"conv n99999999999 h14 w14 c64 k64 f3", "expected n, a number from 1 to 2147483647"},
      {"conv n1 h2 w2 c1 k1 f5", "larger than the padded image"},
      {"matmul b1 m2 n3 k4", "nn, tn, nt or tt is missing"},
      {"matmul b1 m2 n3 k4 na", "n is given twice"},
      {"matmul b1 m2 n3 k4 nn plus:1", "plus is for lanes"},
      {"matmul b1 m2 n3 k4 nn plus:0 lanes",
       "found \"0\", expected a number other than 0 after plus:"},
      {"sum 5 lanes:x", "found \"lanes:x\""},
      {"sum 5x", "where a word should end"},
      {"transpose 5", "an axis without stride"},
      {"sum 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", "axes"},
      {"tile r7 w5 in full,wide do 2=add(0,1) out 2", "found \"wide\""},
      {"tile r7 w5 in full do 1=plus(0,0) out 1", "unknown elementwise operation \"plus\""},
      {"tile r7 w5 in full do 1=add(0,3) out 1", "register 3 is read before it is written"},
      {"tile r7 w5 in full do 0=neg(0) out 0", "found \"0=neg(0)\""},
      {"tile r7 w5 in full do 1=neg(0) 1=neg(1) out 1", "read and written by one operation"},
      {"tile r7 w5 in full do 1=neg(0)", "without \"out\""},
      {"tile r7 w5 in full do 1=neg(0) out 0", "result 0 is an operand"},
      {"tile r7 w5 in full do 1=neg(0) out 1,1", "stored twice"},
      {"tile r7 w5 in full do 1=neg(0) out 1 2", "follows after the results"},
      {"tile r7 w5 in full do out 1", "without operations"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    il_context *context = il_context_new();
    il_arena arena = {0};
    il_problem p;
    assert_int_equal(il_problem_parse(context, cases[i][0], &arena, &p), IL_ERROR_CONFIG);
    if (!strstr(il_context_message(context), cases[i][1]))
      fail_msg("%s, expected: %s", il_context_message(context), cases[i][1]);
    il_arena_free(&arena);
    il_context_free(context);
  }
}

/* Read, but posed by no operation. */
static void test_not_posed(void **state) {
  (void)state;
  static const char *const cases[] = {"sum 5r 6r", "conv n1 h8 w8 c2 k4 f3 p1 o4",
                                      "conv n1 h8 w8 c3 k4 f3 g2", "transpose 5:9 7:1",
                                      "slice 5:7 8:3"};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    il_context *context = il_context_new();
    il_arena arena = {0};
    il_problem p;
    assert_int_equal(il_problem_parse(context, cases[i], &arena, &p), IL_OK);
    assert_null(il_problem_pose(context, &p));
    assert_true(strlen(il_context_message(context)) > 10);
    il_arena_free(&arena);
    il_context_free(context);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_presets), cmocka_unit_test(test_forms),
                                     cmocka_unit_test(test_refused),
                                     cmocka_unit_test(test_not_posed)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
