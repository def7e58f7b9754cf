/* A host program whose locale writes numbers with a comma, from the start or from the middle on: configurations, records
 * and printed forms are those of the C locale. The locale is made here, by localedef of the C library. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <innerloop/graph.h>
#include <innerloop/train.h>

static char folder[] = "/tmp/innerloop-locale-XXXXXX";
static il_context *context;

static const char layers[] = "preset: sinusoid-5shot-maml\n"
                             "model:\n"
                             "  layers:\n"
                             "    - {kind: linear, units: 8, init_scale: 0.125}\n"
                             "    - {kind: norm, eps: 0.25}\n"
                             "    - {kind: relu}\n"
                             "    - {kind: dropout, rate: 0.5}\n"
                             "    - {kind: linear}\n"
                             "outer: {steps: 4, meta_batch: 2, lr: 0.0625}\n"
                             "eval: {every: 2, validation_tasks: 4}\n"
                             "log: {every: 1}\n";

static int set_up(void **state) {
  (void)state;
  if (!mkdtemp(folder) || chdir(folder) != 0 || !(context = il_context_new())) return 1;
  FILE *f = fopen("comma", "w");
  if (!f) return 1;
  fputs("LC_NUMERIC\ndecimal_point \",\"\nthousands_sep \".\"\ngrouping 3;3\nEND LC_NUMERIC\n", f);
  if (fclose(f) != 0) return 1;
  setenv("LOCPATH", folder, 1);
  if (system("localedef -c -i ./comma ./xx_XX >/dev/null 2>&1") == -1) return 1;
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  il_context_free(context);
  char remove[64];
  snprintf(remove, sizeof remove, "rm -rf %s", folder);
  return chdir("/") != 0 || system(remove) != 0;
}

/* As the host program would. */
static void comma(void) {
  if (!setlocale(LC_NUMERIC, "xx_XX")) {
    print_message("localedef made no locale with a comma here\n");
    skip();
  }
  char text[8];
  snprintf(text, sizeof text, "%.1f", 0.5);
  assert_string_equal(text, "0,5");
}

static char *slurp(const char *path) {
  static char text[1 << 16];
  FILE *f = fopen(path, "r");
  assert_non_null(f);
  text[fread(text, 1, sizeof text - 1, f)] = 0;
  fclose(f);
  return text;
}

static void change(void *user, const il_progress *progress) {
  if (user && progress->kind == IL_PROGRESS_STEP && progress->step == 2) comma();
}

static char *train(const char *out, bool later) {
  il_config *config = il_config_parse(context, "layers.yaml", layers);
  assert_string_equal(il_context_message(context), "");
  assert_int_equal(il_config_set(config, "inner.lr=0.0078125"), IL_OK);
  il_team *team = il_team_new(context, 1);
  const il_train_options o = {
      .out = out, .team = team, .progress = change, .user = later ? &later : NULL};
  assert_int_equal(il_train(context, config, &o), IL_OK);
  il_team_free(team);
  char *dump = il_config_dump(config);
  il_config_free(config);
  return dump;
}

static void same_file(const char *name) {
  char path[64];
  snprintf(path, sizeof path, "point/%s", name);
  char *point = strdup(slurp(path));
  assert_true(strlen(point) > 50);
  for (int i = 0; i < 2; i++) {
    snprintf(path, sizeof path, "%s/%s", i ? "later" : "comma_run", name);
    assert_string_equal(slurp(path), point);
  }
  free(point);
}

static void test_training(void **state) {
  (void)state;
  comma();
  setlocale(LC_NUMERIC, "C");
  char *point = train("point", false), *later = train("later", true);
  comma();
  char *with_comma = train("comma_run", false);
  assert_string_equal(point, with_comma);
  assert_string_equal(point, later);
  assert_non_null(strstr(point, "rate: 0.5"));
  same_file("config.yaml");
  same_file("metrics.jsonl");
  /* What was written is read again. */
  il_config *config = il_config_load(context, "comma_run/config.yaml");
  assert_string_equal(il_context_message(context), "");
  il_config_free(config);
  free(point);
  free(later);
  free(with_comma);
  setlocale(LC_NUMERIC, "C");
}

static void test_sentence(void **state) {
  (void)state;
  comma();
  il_config *config = il_config_parse(context, "bad.yaml", "preset: sinusoid-5shot-maml\n");
  assert_int_not_equal(il_config_set(config, "inner.lr=0,5"), IL_OK);
  assert_non_null(strstr(il_context_message(context), "found \"0,5\""));
  il_context_clear(context);
  il_graph *g = il_graph_new(context, IL_FLOAT32);
  il_output(g, "y", il_constant(g, 0.375, IL_SHAPE(2)));
  char *text = il_graph_dump(g);
  assert_non_null(strstr(text, "0.375"));
  free(text);
  il_graph_free(g);
  il_config_free(config);
  setlocale(LC_NUMERIC, "C");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_training),
                                     cmocka_unit_test(test_sentence)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
