/* Making a classifier better: what the data must have is asked before any work, and the work says how far it is. */
#include <innerloop/study.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef struct seen {
  int stages, ended; /* stages that began; those of several pieces that came to their end */
  char names[512];
  il_improve_progress last;
} seen;

static void look(void *user, const il_improve_progress *p) {
  seen *s = user;
  if (p->done == 0) {
    s->stages++;
    size_t at = strlen(s->names);
    snprintf(s->names + at, sizeof s->names - at, "%s; ", p->stage);
  } else {
    assert_string_equal(p->stage, s->last.stage);
    assert_true(p->done > s->last.done && p->done <= p->of);
    s->ended += p->done == p->of;
  }
  s->last = *p;
}

static il_status improve(il_context *context, const il_glyphs *glyphs, int ways, seen *s) {
  il_improve_options o = il_improve_defaults();
  il_improve_result result;
  il_dataset *d = il_dataset_glyphs(context, glyphs);
  assert_non_null(d);
  o.model = (il_model_options){.kind = "mlp", .hidden = 8, .seed = 1};
  o.fit.epochs = 3;
  o.meta.steps = 2;
  o.meta.meta_batch = 2;
  o.meta.episodes.ways = ways;
  o.tasks = 2;
  o.progress = look;
  o.user = s;
  o.fit.team = o.meta.team = il_team_new(context, 1);
  il_status status = il_improve(context, d, &o, &result, NULL);
  if (status == IL_OK) {
    assert_int_equal(result.unseen_validation, ways);
    assert_true(result.unseen_test >= ways);
  }
  il_team_free(o.fit.team);
  il_dataset_free(d);
  return status;
}

static void data_are_asked_before_work(void **state) {
  (void)state;
  static const struct {
    il_glyphs glyphs;
    const char *message;
  } cases[] = {
      /* others: one alphabet of 4 */
      {{3, 4, 20, 14, 1, 1},
       "improve: the data have 8 background classes (20 or more examples each) and 4 others (20 or "
       "more each); 5-way tasks need 5 background classes of 5 examples and 10 others, 5 to "
       "validate and 5 to test, of 10"},
      /* examples: 5 writers */
      {{6, 10, 5, 14, 1, 1},
       "improve: the data have 40 background classes (5 or more examples each) and 20 others (5 or "
       "more each); 5-way tasks need 5 background classes of 5 examples and 10 others, 5 to "
       "validate and 5 to test, of 10"},
      /* both */
      {{1, 3, 20, 14, 1, 1},
       "improve: the data have 3 background classes (20 or more examples each) and 0 others (0 or "
       "more each); 5-way tasks need 5 background classes of 5 examples and 10 others, 5 to "
       "validate and 5 to test, of 10"}};
  for (int c = 0; c < (int)(sizeof cases / sizeof *cases); c++) {
    il_context *context = il_context_new();
    seen s = {0};
    assert_int_equal(improve(context, &cases[c].glyphs, 5, &s), IL_ERROR_DATA);
    assert_string_equal(il_context_message(context), cases[c].message);
    assert_int_equal(s.stages, 0);
    il_context_free(context);
  }
}

/* Two tasks' unseen classes are enough, and every stage tells its end. */
static void work_says_how_far_it_is(void **state) {
  (void)state;
  il_context *context = il_context_new();
  seen s = {0};
  assert_int_equal(improve(context, &(il_glyphs){6, 5, 12, 14, 1, 1}, 5, &s), IL_OK);
  assert_string_equal(s.names,
                      "training the classifier; testing the classifier; meta-training from "
                      "its weights; adapting to unseen classes; training a new last layer "
                      "for the original classes; ");
  assert_int_equal(s.ended, 4);
  il_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(data_are_asked_before_work),
                                     cmocka_unit_test(work_says_how_far_it_is)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
