/* Contexts, arena, random numbers, worker teams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/context.h"
#include "base/sort.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/random.h"
#include "base/team.h"

static void first_error_wins(void **state) {
  (void)state;
  il_context *context = il_context_new();
  assert_int_equal(il_context_status(context), IL_OK);
  assert_string_equal(il_context_message(context), "");
  assert_int_equal(il_fail(context, IL_ERROR_SHAPE, "first %d\n", 1), IL_ERROR_SHAPE);
  assert_int_equal(il_fail(context, IL_ERROR_TYPE, "second"), IL_ERROR_TYPE);
  assert_int_equal(il_context_status(context), IL_ERROR_SHAPE);
  assert_string_equal(il_context_message(context), "first 1");
  il_context_clear(context);
  assert_int_equal(il_context_status(context), IL_OK);
  il_fail(context, IL_ERROR_FILE, "a\nb");
  assert_string_equal(il_context_message(context), "a?b");
  il_context_free(context);
  assert_int_equal(il_fail(NULL, IL_ERROR_FILE, "x"), IL_ERROR_FILE);
  assert_string_equal(il_status_name(IL_ERROR_STAGE), "IL_ERROR_STAGE");
  assert_string_equal(il_status_name((il_status)12345), "unknown");
  assert_int_equal(il_status_exit_code(IL_ERROR_CONFIG), 2);
}

static void arena_is_aligned_and_zero(void **state) {
  (void)state;
  il_arena arena = {.block_size = 64};
  for (size_t size = 0; size < 300; size++) {
    unsigned char *memory = il_arena_alloc(&arena, size);
    assert_non_null(memory);
    assert_int_equal((uintptr_t)memory % 16, 0);
    for (size_t i = 0; i < size; i++) assert_int_equal(memory[i], 0);
    memset(memory, 0xA5, size);
  }
  assert_string_equal(il_arena_string(&arena, "kept"), "kept");
  assert_null(il_arena_alloc(&arena, SIZE_MAX));
  il_arena_free(&arena);
  il_arena_free(&arena);
}

/* Known answers of Random123 (kat_vectors, philox4x32 10). */
static void philox_known_answers(void **state) {
  (void)state;
  uint32_t words[4];
  il_random_block(0, 0, 0, words);
  const uint32_t zeros[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
  assert_memory_equal(words, zeros, sizeof words);
  il_random_block(UINT64_MAX, UINT64_MAX, UINT64_MAX, words);
  const uint32_t ones[4] = {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd};
  assert_memory_equal(words, ones, sizeof words);
  /* counter 243f6a88 85a308d3 13198a2e 03707344, key a4093822 299f31d0 */
  il_random_block(0x299f31d0a4093822u, 0x0370734413198a2eu, 0x85a308d3243f6a88u, words);
  const uint32_t pi[4] = {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1};
  assert_memory_equal(words, pi, sizeof words);
}

static void draws_have_their_distribution(void **state) {
  (void)state;
  enum { COUNT = 60000 };
  il_random random = il_random_start(7, 1);
  double sum = 0, squares = 0, uniform = 0;
  int seen[6] = {0};
  for (int i = 0; i < COUNT; i++) {
    double x = il_random_normal01(&random), u = il_random_uniform01(&random);
    assert_true(u >= 0 && u < 1 && isfinite(x));
    sum += x;
    squares += x * x;
    uniform += u;
    seen[il_random_below(&random, 6)]++;
  }
  assert_true(fabs(sum / COUNT) < 0.02 && fabs(squares / COUNT - 1) < 0.03);
  assert_true(fabs(uniform / COUNT - 0.5) < 0.01);
  for (int i = 0; i < 6; i++) assert_true(seen[i] > COUNT / 6 - 500 && seen[i] < COUNT / 6 + 500);
  assert_int_equal(il_random_below(&random, 1), 0);
  assert_true(il_random_mix(1, 2) != il_random_mix(2, 1));
}

typedef struct count {
  atomic_int calls, workers;
} count;

static void count_job(void *argument, int worker) {
  count *c = argument;
  atomic_fetch_add(&c->calls, 1);
  atomic_fetch_add(&c->workers, worker);
}

static void team_runs_every_worker(void **state) {
  (void)state;
  for (int threads = 1; threads <= 5; threads++) {
    il_team *team = il_team_new(NULL, threads);
    assert_int_equal(il_team_threads(team), threads);
    count c = {0};
    for (int i = 0; i < 2000; i++) il_team_run(team, count_job, &c);
    assert_int_equal(atomic_load(&c.calls), 2000 * threads);
    assert_int_equal(atomic_load(&c.workers), 2000 * threads * (threads - 1) / 2);
    il_team_free(team);
  }
  il_team *unused = il_team_new(NULL, 0);
  assert_true(il_team_threads(unused) >= 1);
  il_team_free(unused);
  il_team_free(NULL);
  il_context *context = il_context_new();
  assert_null(il_team_new(context, -1));
  assert_int_equal(il_context_status(context), IL_ERROR_ARGUMENT);
  il_context_free(context);
}

/* Half a job in a child that hangs would hang the test: the parent waits ten seconds. */
static void team_works_on_after_a_fork(void **state) {
  (void)state;
  for (int threads = 1; threads <= 3; threads++) {
    il_team *team = il_team_new(NULL, threads);
    count c = {0};
    il_team_run(team, count_job, &c);
    const pid_t child = fork();
    if (child == 0) {
      alarm(10);
      count mine = {0};
      for (int i = 0; i < 100; i++) il_team_run(team, count_job, &mine);
      const pid_t grandchild = fork();
      if (grandchild == 0) {
        il_team_free(team); /* one that has not run since: nobody to join */
        _exit(0);
      }
      int ended = 1;
      waitpid(grandchild, &ended, 0);
      il_team_free(team);
      _exit(ended || atomic_load(&mine.calls) != 100 * threads ||
            atomic_load(&mine.workers) != 100 * threads * (threads - 1) / 2);
    }
    int ended = 1;
    assert_true(child > 0 && waitpid(child, &ended, 0) == child);
    assert_int_equal(ended, 0);
    il_team_run(team, count_job, &c); /* and here nothing has changed */
    assert_int_equal(atomic_load(&c.calls), 2 * threads);
    il_team_free(team);
  }
}

static void many_draws_are_single_ones(void **state) {
  (void)state;
  double many[70];
  for (int before = 0; before < 4; before++)
    for (int draws = 0; draws <= 70; draws++) {
      il_random one = il_random_start(5, 6), all = il_random_start(5, 6);
      for (int i = 0; i < before; i++) assert_int_equal(il_random_u32(&one), il_random_u32(&all));
      il_random_uniforms01(&all, draws, many);
      for (int i = 0; i < draws; i++) assert_true(many[i] == il_random_uniform01(&one));
      assert_int_equal(il_random_u32(&one), il_random_u32(&all));
    }
}

/* ---- rooms and sorting ---- */

static void test_rooms(void **state) {
  (void)state;
  enum { SIZE = 1 << 16, KEPT = 40 };
  static char memory[SIZE + 1];
  il_room room;
  il_context in = {0}; /* a context in a room */
  il_room_init(&room, memory + 1, SIZE);
  in.room = &room;
  unsigned char *kept[KEPT] = {0};
  size_t bytes[KEPT] = {0};
  unsigned drawn = 7;
  for (int turn = 0; turn < 5000; turn++) {
    drawn = drawn * 1664525u + 1013904223u;
    const int i = (int)(drawn >> 16) % KEPT;
    for (size_t k = 0; k < bytes[i]; k++) assert_int_equal(kept[i][k], i); /* nobody wrote there */
    const size_t size = (drawn >> 8) % 1500;
    if (kept[i] && turn % 3 == 0) {
      kept[i] = il_grow(&in, kept[i], size);
      assert_non_null(kept[i]);
      for (size_t k = 0; k < size && k < bytes[i]; k++) assert_int_equal(kept[i][k], i);
    } else {
      il_release(kept[i]);
      kept[i] = turn % 2 ? il_new(&in, 1, size) : il_new_aligned(&in, size);
      assert_non_null(kept[i]);
      if (turn % 2 == 0) assert_int_equal((uintptr_t)kept[i] % IL_ROOM_ALIGNMENT, 0);
      for (size_t k = 0; turn % 2 && k < size; k++) assert_int_equal(kept[i][k], 0);
    }
    bytes[i] = size;
    memset(kept[i], i, size);
  }
  for (int i = 0; i < KEPT; i++) il_release(kept[i]);
  const size_t most = il_room_used(&room);
  assert_true(most > 10000 && most < SIZE);
  /* All holes are one again, and a room ends. */
  void *all = il_new(&in, 1, SIZE - 256);
  assert_non_null(all);
  assert_null(il_new(&in, 1, 256));
  assert_null(il_new(&in, SIZE_MAX / 2, 3));
  assert_null(il_grow(&in, all, SIZE));
  il_release(all);
  assert_int_equal(memory[0], 0);
  il_release(NULL);
  /* Without a room it is malloc's. */
  char *outside = il_grow(NULL, il_new(NULL, 3, 5), 100);
  assert_true(outside && (outside < memory || outside > memory + SIZE));
  il_release(outside);
}

static int by_number(const void *a, const void *b) {
  const int x = *(const int *)a, y = *(const int *)b;
  return (x > y) - (x < y);
}

static void test_sort(void **state) {
  (void)state;
  int found[100], expected[100];
  for (int many = 0; many <= 100; many++) {
    for (int i = 0; i < many; i++) found[i] = expected[i] = (i * 7919 + many) % 37;
    il_sort(found, (size_t)many, sizeof *found, by_number);
    qsort(expected, (size_t)many, sizeof *expected, by_number);
    assert_memory_equal(found, expected, (size_t)many * sizeof *found);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rooms),
      cmocka_unit_test(test_sort),
      cmocka_unit_test(many_draws_are_single_ones),
      cmocka_unit_test(first_error_wins),
      cmocka_unit_test(arena_is_aligned_and_zero),
      cmocka_unit_test(philox_known_answers),
      cmocka_unit_test(draws_have_their_distribution),
      cmocka_unit_test(team_runs_every_worker),
      cmocka_unit_test(team_works_on_after_a_fork),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
