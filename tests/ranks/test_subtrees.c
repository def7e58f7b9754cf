/* The tree of sums divided over ranks: every leaf once, whole subtrees, and the sum of the one tree in its order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "ranks/subtrees.h"

enum { MOST = 200 };

/* A sum that knows its order: neither commutative nor associative. */
static uint64_t sum(uint64_t a, uint64_t b) { return il_random_mix(a * 3, b); }

/* The leaves from begin to end level by level, an odd last one passes up: what one process does. */
static uint64_t tree(int begin, int end) {
  uint64_t block[MOST];
  const int count = end - begin;
  for (int i = 0; i < count; i++) block[i] = il_random_mix(7, (uint64_t)(begin + i));
  for (int step = 1; step < count; step *= 2)
    for (int i = 0; i + step < count; i += 2 * step) block[i] = sum(block[i], block[i + step]);
  return block[0];
}

static void look_at(const il_subtrees *s) {
  uint64_t block[MOST];
  assert_int_equal(s->begin[0], 0);
  assert_int_equal(s->begin[s->ranks], s->leaves);
  for (int r = 0; r < s->ranks; r++) {
    assert_true(s->begin[r] <= s->begin[r + 1]);
    /* Its nodes are its leaves, one after the other. */
    for (int n = s->first[r], at = s->begin[r]; n < s->first[r + 1]; n++) {
      const int end = n + 1 < s->first[r + 1] ? s->node[n + 1] : s->begin[r + 1];
      assert_int_equal(s->node[n], at);
      block[n] = tree(at, end);
      at = end;
    }
    const int share = (s->leaves + s->ranks - 1) / s->ranks;
    assert_true((s->begin[r + 1] - s->begin[r]) * 8 <= share * 9);
  }
  for (int m = 0; m < s->nodes - 1; m++)
    block[s->merge[m].into] = sum(block[s->merge[m].into], block[s->merge[m].from]);
  assert_true(block[0] == tree(0, s->leaves));
}

static void test_one_tree(void **state) {
  (void)state;
  il_context *context = il_context_new();
  for (int leaves = 1; leaves <= MOST; leaves++)
    for (int ranks = 1; ranks <= 70; ranks += ranks < 20 ? 1 : 7) {
      il_subtrees s;
      assert_int_equal(il_subtrees_init(context, &s, leaves, ranks), IL_OK);
      look_at(&s);
      il_subtrees_free(&s);
    }
  il_context_free(context);
}

/* Ranks that are powers of two have one subtree each. */
static void test_few_blocks(void **state) {
  (void)state;
  il_context *context = il_context_new();
  for (int ranks = 1; ranks <= 32; ranks *= 2) {
    il_subtrees s;
    assert_int_equal(il_subtrees_init(context, &s, 32, ranks), IL_OK);
    assert_int_equal(s.nodes, ranks);
    il_subtrees_free(&s);
  }
  il_subtrees s;
  assert_int_equal(il_subtrees_init(context, &s, 32, 3), IL_OK); /* 8, 12 and 12 leaves */
  assert_int_equal(s.grain, 4);
  assert_int_equal(s.nodes, 5);
  il_subtrees_free(&s);
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_tree),
                                     cmocka_unit_test(test_few_blocks)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
