/* One context for each test of a program, made before it and freed after it; include after cmocka.h. */
#ifndef TEST_SUPPORT_CONTEXT_H
#define TEST_SUPPORT_CONTEXT_H

#include <innerloop/base.h>

static il_context *context;
static int set_up(void **state) {
  (void)state;
  context = il_context_new();
  return context ? 0 : -1;
}
static int tear_down(void **state) {
  (void)state;
  il_context_free(context);
  return 0;
}
static void fine(void) {
  if (il_context_status(context) != IL_OK) fail_msg("%s", il_context_message(context));
}

#endif
