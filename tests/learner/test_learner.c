/* A learner placed in memory answers as `innerloop predict` does, to the bit, out of a room whose size was said before, without
 * an allocation or a system call; files that are damaged or lie, and calls that make no sense, are errors. */
#include <innerloop/adapt.h>
#include <innerloop/learner.h>
#include <innerloop/train.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapt/adapted.h"
#include "config/config_method.h"
#include "config/config_tasks.h"
#include "data/dataset.h"
#include "train/checkpoint.h"

enum { PIXELS = 28 * 28, WAYS = 5, SHOTS = 2, SUPPORT = WAYS * SHOTS, ASKED = 7, MOST = 16 };

/* Every allocation of this program passes here (tests/CMakeLists.txt). */
static atomic_bool armed;
static atomic_long allocations;
void *__real_malloc(size_t size);
void *__real_calloc(size_t number, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t number, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size) {
  if (atomic_load(&armed)) atomic_fetch_add(&allocations, 1);
  return __real_malloc(size);
}
void *__wrap_calloc(size_t number, size_t size) {
  if (atomic_load(&armed)) atomic_fetch_add(&allocations, 1);
  return __real_calloc(number, size);
}
void *__wrap_realloc(void *memory, size_t size) {
  if (atomic_load(&armed)) atomic_fetch_add(&allocations, 1);
  return __real_realloc(memory, size);
}
void *__wrap_aligned_alloc(size_t alignment, size_t size) {
  if (atomic_load(&armed)) atomic_fetch_add(&allocations, 1);
  return __real_aligned_alloc(alignment, size);
}

static il_context *context;
static il_team *team;
static char folder[64];

static const char *in_folder(const char *name) {
  static char path[4][128];
  static int turn;
  char *p = path[turn++ % 4];
  snprintf(p, sizeof path[0], "%s/%s", folder, name);
  return p;
}

static int set_up(void **state) {
  (void)state;
  context = il_context_new();
  team = il_team_new(context, 2);
  strcpy(folder, "/tmp/innerloop-learner-XXXXXX");
  return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  char command[128];
  il_team_free(team);
  il_context_free(context);
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command); /* NOLINT(cert-env33-c) */
}

static void train(const char *preset, const char *run, const char *const *settings) {
  static const char *const small[] = {"outer.steps=3", "eval.every=0", "eval.tasks=2",
                                      "outer.meta_batch=2", "task.shots=2"};
  il_config *c = il_config_load(context, preset);
  for (size_t i = 0; i < sizeof small / sizeof *small; i++) il_config_set(c, small[i]);
  if (!strncmp(preset, "glyphs", 6)) {
    il_config_set(c, "glyphs.alphabets=10");
    il_config_set(c, "task.train_classes=100");
    il_config_set(c, "model.filters=8");
  }
  for (; settings && *settings; settings++) il_config_set(c, *settings);
  if (il_train(context, c, &(il_train_options){.out = in_folder(run), .team = team}) != IL_OK)
    fail_msg("%s: %s", run, il_context_message(context));
  il_config_free(c);
}

static char *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "re");
  assert_non_null(file);
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  char *bytes = malloc(*size + 1);
  assert_int_equal(fread(bytes, 1, *size, file), *size);
  fclose(file);
  return bytes;
}

static char *exported(const char *run, size_t *size) {
  char to[160];
  snprintf(to, sizeof to, "%s.safetensors", in_folder(run));
  if (il_learner_export(context, in_folder(run), to) != IL_OK)
    fail_msg("%s", il_context_message(context));
  return read_file(to, size);
}

/* Blots that differ from class to class, and a little from example to example. */
static void draw(int cls, int example, uint8_t *x) {
  for (int i = 0; i < PIXELS; i++) {
    const int h = i / 28, w = i % 28;
    const int at = cls * 5 + 3;
    x[i] = abs(w - at) < 3 + example % 2 || (cls & 1 && abs(h - at) < 3)
               ? 255
               : (uint8_t)((unsigned)(i * 31 + example * 17) % 20);
  }
}

static uint8_t support_x[SUPPORT * PIXELS * 2], asked_x[ASKED * PIXELS];
static int32_t support_y[SUPPORT * 2];

static void draw_all(int ways) {
  for (int i = 0; i < ways * SHOTS; i++) {
    support_y[i] = i / SHOTS;
    draw(support_y[i], i % SHOTS, support_x + (size_t)i * PIXELS);
  }
  for (int i = 0; i < ASKED; i++) draw(i % ways, 5 + i, asked_x + (size_t)i * PIXELS);
}

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

/* Places in a room of exactly the size that was said, with a fence on either side, off every alignment. */
typedef struct placed {
  char *room;
  size_t size;
  il_learner *l;
} placed;

static placed place(const char *bytes, size_t size, const il_learner_options *options) {
  placed p = {.size = il_learner_room(bytes, size, options)};
  if (!p.size) p.size = 1 << 22; /* for the sentence */
  p.room = malloc(p.size + 32);
  memset(p.room, 0x5a, p.size + 32);
  atomic_store(&allocations, 0);
  atomic_store(&armed, true);
  p.l = il_learner_place_for(bytes, size, options, p.room + 13, p.size);
  atomic_store(&armed, false);
  assert_non_null(p.l);
  assert_int_equal(atomic_load(&allocations), 0);
  return p;
}

static void leave(placed *p) {
  for (int i = 0; i < 13; i++) assert_int_equal(p->room[i], 0x5a);
  for (size_t i = 13 + p->size; i < p->size + 32; i++) assert_int_equal(p->room[i], 0x5a);
  free(p->room);
}

static void must(const il_learner *l, il_status status) {
  if (status != IL_OK || il_learner_status(l) != IL_OK) fail_msg("%s", il_learner_message(l));
}

static void adapt_and_ask(il_learner *l, int examples, float *scores) {
  atomic_store(&allocations, 0);
  atomic_store(&armed, true);
  const il_status adapted = il_learner_adapt(l, examples, support_x, support_y),
                  asked = il_learner_predict(l, ASKED, asked_x, scores);
  atomic_store(&armed, false);
  must(l, adapted);
  must(l, asked);
  assert_int_equal(atomic_load(&allocations), 0);
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

/* ---- what is refused ---- */

static void refused(const il_learner *l, il_status status, const char *word) {
  if (il_learner_status(l) != status || !strstr(il_learner_message(l), word))
    fail_msg("found %s \"%s\", expected \"%s\" in it", il_status_name(il_learner_status(l)),
             il_learner_message(l), word);
}

static void test_calls(void **state) {
  (void)state;
  size_t size;
  float scores[ASKED * MOST];
  draw_all(WAYS);
  char *bytes = exported("maml", &size);
  placed p = place(bytes, size, NULL);
  assert_int_equal(il_learner_predict(p.l, 1, asked_x, scores), IL_ERROR_ARGUMENT);
  refused(p.l, IL_ERROR_ARGUMENT, "adapted to nothing");
  il_learner_adapt(p.l, SUPPORT - 1, support_x, support_y);
  refused(p.l, IL_ERROR_ARGUMENT, "placed for 10");
  int32_t y[SUPPORT];
  memcpy(y, support_y, sizeof y);
  y[3] = WAYS;
  il_learner_adapt(p.l, SUPPORT, support_x, y);
  refused(p.l, IL_ERROR_ARGUMENT, "example 3 is of class 5, expected 0 to 4");
  y[3] = -1;
  il_learner_adapt(p.l, SUPPORT, support_x, y);
  refused(p.l, IL_ERROR_ARGUMENT, "class -1");
  for (int i = 0; i < SUPPORT; i++) y[i] = i % 4;
  il_learner_adapt(p.l, SUPPORT, support_x, y);
  refused(p.l, IL_ERROR_ARGUMENT, "class 4 has no example");
  assert_int_equal(il_learner_predict(p.l, 1, asked_x, scores), IL_ERROR_ARGUMENT);
  adapt_and_ask(p.l, SUPPORT, scores); /* none of these is for good */
  assert_int_equal(il_learner_predict(p.l, 0, NULL, NULL), IL_OK);
  leave(&p);
  /* For other tasks than it was trained on. */
  p = place(bytes, size, &(il_learner_options){.examples = 5});
  for (int i = 0; i < WAYS; i++) y[i] = WAYS - 1 - i;
  must(p.l, il_learner_adapt(p.l, WAYS, support_x, y));
  must(p.l, il_learner_predict(p.l, 1, asked_x, scores));
  leave(&p);
  p = place(bytes, size, &(il_learner_options){.ways = 7, .examples = 14});
  refused(p.l, IL_ERROR_ARGUMENT, "has a head for 5");
  assert_int_equal(il_learner_adapt(p.l, 14, support_x, support_y), IL_ERROR_ARGUMENT);
  refused(p.l, IL_ERROR_ARGUMENT, "has a head for 5"); /* that is for good */
  leave(&p);
  p = place(bytes, size, &(il_learner_options){.answers_only = true});
  refused(p.l, IL_ERROR_ARGUMENT, "answers_only");
  leave(&p);
  assert_int_equal(il_learner_room(bytes, size, &(il_learner_options){.examples = 3}), 0);
  /* No learner at all. */
  assert_null(il_learner_place(bytes, size, scores, 64));
  assert_int_equal(il_learner_adapt(NULL, 1, asked_x, support_y), IL_ERROR_MEMORY);
  assert_int_equal(il_learner_predict(NULL, 1, asked_x, scores), IL_ERROR_MEMORY);
  assert_true(strstr(il_learner_message(NULL), "too small") != NULL);
  il_learner_info info;
  assert_false(il_learner_describe(NULL, &info));
  free(bytes);
}

static void test_rooms(void **state) {
  (void)state;
  size_t size;
  char *bytes = exported("maml", &size);
  const size_t room = il_learner_room(bytes, size, NULL);
  assert_true(room > size);
  assert_int_equal(il_learner_room(bytes, size, NULL), room);
  char *memory = malloc(room);
  for (size_t less = 0; less < room - 4096; less += room / 60 + 1) {
    const il_learner *l = il_learner_place(bytes, size, memory, less);
    assert_int_equal(il_learner_status(l), IL_ERROR_MEMORY);
    assert_true(strstr(il_learner_message(l), "too small") != NULL);
  }
  const il_learner *l = il_learner_place(bytes, size, memory, room);
  assert_int_equal(il_learner_status(l), IL_OK);
  assert_true(il_learner_used(l) <= room);
  free(memory);
  free(bytes);
}

/* The same file with `from` made `to`, of equal length. */
static void changed(const char *bytes, size_t size, const char *from, const char *to,
                    il_status status, const char *word) {
  assert_int_equal(strlen(from), strlen(to));
  char *copy = malloc(size);
  memcpy(copy, bytes, size);
  char *at = memmem(copy, size, from, strlen(from));
  if (!at) fail_msg("the file has no \"%s\"", from);
  memcpy(at, to, strlen(to));
  placed p = place(copy, size, NULL);
  if (il_learner_status(p.l) != status || !strstr(il_learner_message(p.l), word))
    fail_msg("%s: found %s \"%s\", expected \"%s\" in it", to,
             il_status_name(il_learner_status(p.l)), il_learner_message(p.l), word);
  leave(&p);
  free(copy);
}

static void test_damaged(void **state) {
  (void)state;
  size_t size;
  char *bytes = exported("maml", &size), *memory = malloc(1 << 22);
  for (size_t cut = 0; cut < size; cut += 1 + cut / 40) {
    char *part = malloc(cut + 1); /* the sanitizer sees reads beyond its end */
    memcpy(part, bytes, cut);
    const il_learner *l = il_learner_place(part, cut, memory, 1 << 22);
    assert_int_equal(il_learner_status(l), IL_ERROR_FORMAT);
    free(part);
  }
  changed(bytes, size, "inner.steps 2", "inner.stepz 2", IL_ERROR_FORMAT, "\"inner.stepz\"");
  changed(bytes, size, "meta.revision 1", "meta.revision 7", IL_ERROR_FORMAT, "revision 7");
  changed(bytes, size, "meta.algorithm maml", "meta.algorithm nope", IL_ERROR_FORMAT, "\"nope\"");
  changed(bytes, size, "units=8", "units=9", IL_ERROR_DATA, "conv1.weight");
  changed(bytes, size, "example u8 28 28 1", "example u8 28 28 0", IL_ERROR_FORMAT,
          "\"u8 28 28 0\"");
  changed(bytes, size, "example u8 28 28 1", "example u8 99999 1", IL_ERROR_SHAPE, "image");
  changed(bytes, size, "ways 5", "ways 0", IL_ERROR_CONFIG, "ways");
  changed(bytes, size, "layer relu", "layer rely", IL_ERROR_CONFIG, "rely");
  changed(bytes, size, "\"learner\"", "\"leerner\"", IL_ERROR_FORMAT, "\"learner\"");
  changed(bytes, size, "conv1.weight\"", "conv9.weight\"", IL_ERROR_DATA, "conv1.weight");
  changed(bytes, size, "\"F32\"", "\"I32\"", IL_ERROR_DATA, "expected F32");
  changed(bytes, size, "\"F32\"", "\"F99\"", IL_ERROR_FORMAT, "dtype");
  changed(bytes, size, "data_offsets\":[0,", "data_offsets\":[9,", IL_ERROR_FORMAT, "data_offsets");
  /* Whatever else stands there: an answer or a sentence. */
  uint64_t header = 0;
  memcpy(&header, bytes, sizeof header);
  unsigned drawn = 1;
  for (int turn = 0; turn < 400; turn++) {
    char *copy = malloc(size);
    memcpy(copy, bytes, size);
    for (int i = 0; i <= turn % 3; i++) {
      drawn = drawn * 1664525u + 1013904223u;
      static const char with[] = "0189-{}[]\",:\\nu x";
      copy[8 + (drawn >> 8) % header] =
          turn % 5 ? with[(drawn >> 3) % (sizeof with - 1)] : (char)(drawn >> 4);
    }
    il_learner *l = il_learner_place(copy, size, memory, 1 << 22);
    assert_non_null(l);
    assert_true((il_learner_status(l) == IL_OK) == (*il_learner_message(l) == 0));
    free(copy);
  }
  free(memory);
  free(bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_as_predicted),   cmocka_unit_test(test_numbers),
#ifndef __SANITIZE_ADDRESS__
      cmocka_unit_test(test_no_system_call),
#endif
      cmocka_unit_test(test_threads),        cmocka_unit_test(test_calls),
      cmocka_unit_test(test_rooms),          cmocka_unit_test(test_damaged),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
