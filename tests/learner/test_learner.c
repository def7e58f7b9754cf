/* A learner placed in memory answers as `innerloop predict` does, to the bit, out of a room whose size was said before, without
 * an allocation or a system call, on any number of threads over one file. */
#include <linux/seccomp.h>
#include <math.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/learners.h"

#include "adapt/adapted.h"
#include "config/config_method.h"
#include "config/config_tasks.h"
#include "data/dataset.h"
#include "train/checkpoint.h"

static il_dataset *dataset(int ways) {
  static const char *const names[] = {"a", "b \"quoted\"", "中文 / d", "é\\", "e", "f", "g"};
  static const char *const none[] = {"", "", "", "", "", "", ""};
  const size_t bytes = (size_t)ways * SHOTS * PIXELS;
  uint8_t *copy = malloc(bytes);
  int32_t *start = malloc(((size_t)ways + 1) * sizeof *start);
  memcpy(copy, support_x, bytes);
  for (int c = 0; c <= ways; c++) start[c] = c * SHOTS;
  return il_dataset_take(context, &(il_dataset_parts){.examples = copy,
                                                      .start = start,
                                                      .classes = ways,
                                                      .type = IL_UINT8,
                                                      .example = IL_SHAPE(28, 28, 1),
                                                      .name = names,
                                                      .origin = none});
}

/* What il_adapted, on which the command line stands, scores the same queries with. */
static void expect(const char *run, int ways, const char *model, float *scores) {
  il_dataset *d = dataset(ways);
  il_adapted *a =
      d ? il_adapted_new(context, in_folder(run), d, &(il_adapt_options){.team = team}) : NULL;
  float probability[ASKED * MOST];
  if (!a || il_adapted_save(a, model) != IL_OK ||
      il_adapted_predict(a, ASKED, asked_x, probability) != IL_OK)
    fail_msg("%s: %s", run, il_context_message(context));
  for (int i = 0; i < ASKED * ways; i++)
    scores[i] = (float)il_adapted_score(a, a->scores, (size_t)i);
  il_adapted_free(a);
  il_dataset_free(d);
}

static void as_predicted(const char *run, const char *const *settings, int ways) {
  float expected[ASKED * MOST], found[ASKED * MOST];
  size_t size, adapted_size;
  char model[160];
  snprintf(model, sizeof model, "%s.model", in_folder(run));
  draw_all(ways);
  train("glyphs-5w1s-maml", run, settings);
  expect(run, ways, model, expected);
  char *bytes = exported(run, &size), *adapted = read_file(model, &adapted_size);
  const il_learner_options options = {.ways = ways, .examples = ways * SHOTS};
  placed p = place(bytes, size, &options);
  must(p.l, il_learner_status(p.l));
  for (int again = 0; again < 2; again++) { /* adapting twice is adapting once */
    adapt_and_ask(p.l, ways * SHOTS, found);
    if (memcmp(found, expected, (size_t)ASKED * (size_t)ways * sizeof *found))
      fail_msg("%s: scores %g %g …, expected %g %g …", run, (double)found[0], (double)found[1],
               (double)expected[0], (double)expected[1]);
  }
  leave(&p);
  const size_t whole = p.size;
  /* The adapted file answers at once, and in less room where it need do nothing else. */
  for (int answers_only = 0; answers_only < 2; answers_only++) {
    p = place(adapted, adapted_size, &(il_learner_options){.answers_only = answers_only});
    must(p.l, il_learner_predict(p.l, ASKED, asked_x, found));
    assert_memory_equal(found, expected, (size_t)ASKED * (size_t)ways * sizeof *found);
    assert_string_equal(il_learner_class_name(p.l, 1), "b \"quoted\"");
    assert_string_equal(il_learner_class_name(p.l, 2), "中文 / d");
    assert_null(il_learner_class_name(p.l, ways));
    if (answers_only) assert_true(p.size < whole);
    assert_int_equal(il_learner_adapt(p.l, ways * SHOTS, support_x, support_y),
                     answers_only ? IL_ERROR_ARGUMENT : IL_OK);
    leave(&p);
  }
  free(bytes);
  free(adapted);
}

static void test_as_predicted(void **state) {
  (void)state;
#define CASE(name, ways, ...) as_predicted(name, (const char *const[]){__VA_ARGS__, NULL}, ways)
  CASE("maml", WAYS, "meta.algorithm=maml", "inner.steps=2");
  CASE("anil", WAYS, "meta.algorithm=anil", "inner.steps=2");
  CASE("boil", WAYS, "meta.algorithm=boil");
  CASE("meta_sgd", WAYS, "meta.algorithm=meta_sgd", "meta.query_statistics=support");
  CASE("reptile", WAYS, "meta.algorithm=reptile", "inner.steps=3", "inner.batch=4",
       "inner.optimizer=adam", "inner.lr=0.001");
  CASE("protonet", 7, "meta.algorithm=protonet");
  CASE("protomaml", 7, "meta.algorithm=protomaml", "inner.steps=2", "inner.lr=0.05");
  CASE("cavia", WAYS, "meta.algorithm=cavia", "inner.lr=1", "cavia.layer=norm2");
  CASE("mamlpp", WAYS, "meta.algorithm=mamlpp", "inner.steps=2", "inner.l2=0.5", "inner.clip=0.2");
  CASE("meta_curvature", WAYS, "meta.algorithm=meta_curvature");
  CASE("imaml", WAYS, "meta.algorithm=imaml", "inner.steps=2");
  CASE("loop", WAYS, "inner.loop=remake", "inner.steps=7", "inner.lr=0.05", "inner.batch=3");
  CASE("matching", 7, "meta.algorithm=matching");
  CASE("r2d2", 7, "meta.algorithm=r2d2");
  CASE("metaoptnet", 7, "meta.algorithm=metaoptnet");
  CASE("relation", 7, "meta.algorithm=relation");
  CASE("baseline", 7, "meta.algorithm=baseline", "inner.steps=3");
  CASE("baselinepp", 7, "meta.algorithm=baselinepp", "inner.steps=3", "inner.batch=4");
  CASE("simpleshot", 7, "meta.algorithm=simpleshot", "meta.query_statistics=running");
  CASE("each", WAYS, "meta.query_statistics=each", "inner.optimizer=momentum");
  CASE("running", WAYS, "meta.query_statistics=running");
  CASE("linear", WAYS, "model.preset=omniglot_fc", "inner.steps=2");
  CASE("none", WAYS, "inner.adapts=norm1.*,head", "inner.steps=1");
  CASE("exact", WAYS, "precision=float64");
#undef CASE
}

/* ---- numbers ---- */

/* Task and queries as ONE graph, the way evaluations have it. */
static void in_one(const char *run, const float *x, const float *y, const float *query,
                   float *scores) {
  il_config *c = il_config_load(context, in_folder(run));
  char *path = il_run_path(context, in_folder(run), "config.yaml");
  il_config_free(c);
  il_context_clear(context);
  c = il_config_load(context, path);
  free(path);
  il_tasks *tasks = il_config_tasks(context, c);
  il_method m;
  assert_int_equal(il_config_method(c, &m), IL_OK);
  il_task_shape shape = *il_tasks_shape(tasks, IL_TRAIN, 0);
  shape.query = 1;
  il_learned *l = il_learned_new(context, &m, il_config_net(context, c, &shape), true, false);
  int64_t made;
  path = il_run_path(context, in_folder(run), "checkpoint.safetensors");
  assert_int_equal(il_checkpoint_open(l, path, &made), IL_OK);
  free(path);
  il_graph *g = il_graph_new(context, m.real);
  il_build b = il_learned_build(l, &m, g, &shape);
  b.training = false;
  il_task_inputs(g, &shape, (il_task_needs){.unlabelled = true}, &b.task);
  il_values state = {0};
  assert_true(il_build_check(&b));
  il_build_begin(&b, &state);
  il_build_adapt(&b, &state, 0, m.inner.steps);
  il_output(g, "scores", il_build_query(&b, &state, m.inner.steps));
  il_function *f = il_function_new(g, &m.function);
  il_run *r = il_run_new(context, f, team, 1);
  if (!r) fail_msg("%s", il_context_message(context));
  assert_int_equal(il_learned_bind(l, r), IL_OK);
  il_run_input(r, il_function_input(f, "support_x"), x);
  il_run_input(r, il_function_input(f, "support_y"), y);
  for (int i = 0; i < ASKED; i++) {
    il_run_input(r, il_function_input(f, "query_x"), query + i);
    il_run_output(r, il_function_output(f, "scores"), scores + i);
    assert_int_equal(il_run_go(r, 1), IL_OK);
  }
  il_run_free(r);
  il_function_free(f);
  il_learned_free(l);
  il_tasks_free(tasks);
  il_config_free(c);
}

static void test_numbers(void **state) {
  (void)state;
  float x[5], y[5], query[ASKED], found[ASKED], expected[ASKED];
  size_t size;
  for (int i = 0; i < 5; i++) {
    x[i] = (float)(i - 2) * 1.7f;
    y[i] = 2 * sinf(x[i]);
  }
  for (int i = 0; i < ASKED; i++) query[i] = (float)(i - 3) * 1.3f;
  train("sinusoid-5shot-maml", "sinusoid", (const char *const[]){"task.shots=5", NULL});
  in_one("sinusoid", x, y, query, expected);
  char *bytes = exported("sinusoid", &size);
  placed p = place(bytes, size, NULL);
  il_learner_info info;
  assert_true(il_learner_describe(p.l, &info));
  assert_true(info.numbers);
  assert_false(info.adapted);
  assert_int_equal(info.type, IL_FLOAT32);
  assert_int_equal(info.examples, 5);
  assert_int_equal(info.outputs, 1);
  must(p.l, il_learner_adapt(p.l, 5, x, y));
  must(p.l, il_learner_predict(p.l, ASKED, query, found));
  for (int i = 0; i < ASKED; i++)
    if (fabsf(found[i] - expected[i]) > 1e-4f * (1 + fabsf(expected[i])))
      fail_msg("query %d: found %g, expected %g", i, (double)found[i], (double)expected[i]);
  leave(&p);
  free(bytes);
}

/* ---- nothing but memory ---- */

#ifndef __SANITIZE_ADDRESS__ /* which asks the system for things of its own */
static void test_no_system_call(void **state) {
  (void)state;
  size_t size;
  float expected[ASKED * WAYS], found[ASKED * WAYS];
  draw_all(WAYS);
  char *bytes = exported("maml", &size);
  placed p = place(bytes, size, NULL);
  adapt_and_ask(p.l, SUPPORT, expected);
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    /* From here on anything but read, write and exit is the end. */
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) _exit(77);
    il_learner *l = il_learner_place(bytes, size, p.room, p.size);
    il_learner_adapt(l, SUPPORT, support_x, support_y);
    il_learner_predict(l, ASKED, asked_x, found);
    const ssize_t written = write(ends[1], found, sizeof found);
    syscall(SYS_exit, written == sizeof found && il_learner_status(l) == IL_OK ? 0 : 1);
  }
  close(ends[1]);
  const ssize_t got = read(ends[0], found, sizeof found);
  int status;
  waitpid(child, &status, 0);
  close(ends[0]);
  free(p.room);
  free(bytes);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
    print_message("this system has no seccomp\n");
    skip();
  }
  if (!WIFEXITED(status)) fail_msg("ended by signal %d: a system call was made", WTERMSIG(status));
  assert_int_equal(WEXITSTATUS(status), 0);
  assert_int_equal(got, sizeof found);
  assert_memory_equal(found, expected, sizeof found);
}
#endif

typedef struct worker {
  const char *bytes;
  size_t size;
  float scores[ASKED * WAYS];
} worker;

static void *work(void *argument) {
  worker *w = argument;
  char *room = malloc(1 << 22);
  for (int i = 0; i < 3; i++) {
    il_learner *l = il_learner_place(w->bytes, w->size, room, 1 << 22);
    il_learner_adapt(l, SUPPORT, support_x, support_y);
    il_learner_predict(l, ASKED, asked_x, w->scores);
  }
  free(room);
  return NULL;
}

static void test_threads(void **state) {
  (void)state;
  enum { THREADS = 3 };
  static worker w[THREADS];
  pthread_t thread[THREADS];
  size_t size;
  draw_all(WAYS);
  char *bytes = exported("maml", &size);
  placed p = place(bytes, size, NULL);
  float expected[ASKED * WAYS];
  adapt_and_ask(p.l, SUPPORT, expected);
  for (int i = 0; i < THREADS; i++) {
    w[i] = (worker){.bytes = bytes, .size = size};
    assert_int_equal(pthread_create(&thread[i], NULL, work, &w[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(thread[i], NULL);
    assert_memory_equal(w[i].scores, expected, sizeof expected);
  }
  leave(&p);
  free(bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_as_predicted),
      cmocka_unit_test(test_numbers),
#ifndef __SANITIZE_ADDRESS__
      cmocka_unit_test(test_no_system_call),
#endif
      cmocka_unit_test(test_threads),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
