/* Counting confusions: against a plain matrix, through every growth of the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "report/confusion.h"

enum { CLASSES = 70, WAYS = 5, TASKS = 4000 };

static void test_against_matrix(void **state) {
  (void)state;
  static int64_t met[CLASSES][CLASSES], taken[CLASSES][CLASSES];
  int64_t right = 0, asked = 0;
  il_context *context = il_context_new();
  il_confusion c;
  assert_int_equal(il_confusion_init(context, &c, CLASSES), IL_OK);
  uint32_t seed = 1;
  for (int t = 0; t < TASKS; t++) {
    int cls[WAYS];
    for (int w = 0; w < WAYS; w++) { /* neighbours, so that some pairs never meet */
      seed = seed * 1664525u + 1013904223u;
      cls[w] = (int)(seed >> 8) % (CLASSES / WAYS) * WAYS + w;
    }
    seed = seed * 1664525u + 1013904223u;
    const int label = (int)(seed >> 8) % WAYS, answer = (int)(seed >> 16) % WAYS;
    assert_int_equal(il_confusion_add(&c, WAYS, cls, label, answer), IL_OK);
    for (int w = 0; w < WAYS; w++) met[cls[label]][cls[w]]++;
    taken[cls[label]][cls[answer]]++;
    right += label == answer;
  }
  int pairs = 0, wrong = 0;
  for (int of = 0; of < CLASSES; of++)
    for (int as = 0; as < CLASSES; as++) {
      const il_confused *p = il_confusion_find(&c, of, as);
      assert_int_equal(p ? p->met : 0, met[of][as]);
      assert_int_equal(p ? p->taken : 0, taken[of][as]);
      pairs += p != NULL;
      wrong += of != as && taken[of][as];
    }
  assert_true(pairs > 1024 && pairs < CLASSES * CLASSES); /* the table has grown */
  int count;
  il_confused *worst = il_confusion_worst(&c, &count);
  assert_int_equal(count, wrong);
  for (int i = 0; i < count; i++) {
    assert_true(worst[i].of != worst[i].as && worst[i].taken > 0);
    if (i) assert_true(worst[i].taken <= worst[i - 1].taken);
  }
  for (int i = 0; i < CLASSES; i++) {
    asked += c.asked[i];
    right -= c.right[i];
  }
  assert_int_equal(asked, TASKS);
  assert_int_equal(right, 0);
  free(worst);
  il_confusion_free(&c);
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_matrix)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
