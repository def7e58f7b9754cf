/* Training over ranks that are threads: the checkpoint of one process for every number of them, whether sums pass whole or in
 * slices; an error, a wish to stop and a loss of one rank reach all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <innerloop/innerloop.h>

#include "support/thread_ranks.h"

static char folder[] = "/tmp/innerloop-joint-XXXXXX";

typedef struct job {
  const char *preset;
  const char *setting[8]; /* ends with NULL */
  const char *out;
  int threads;
  const il_source *source;
  int stopped, leaving; /* a rank; −1: none */
  il_status status[16];
  char message[16][400];
} job;

/* Tasks that cannot be drawn by one of the ranks from a meta-step on. */
static _Thread_local int this_rank;
static int failing_rank = -1;
static atomic_int drawn;
static void *open_lines(il_context *context, const void *mine, const il_source_options *options) {
  (void)context, (void)mine, (void)options;
  return &failing_rank;
}
static void describe(void *mine, il_split split, int variant, il_task_shape *shape) {
  (void)mine, (void)split, (void)variant;
  *shape = (il_task_shape){.support = 4, .query = 4, .outputs = 1, .x = IL_FLOAT32};
  shape->example = IL_SHAPE(1);
  shape->targets = true;
  shape->loss = IL_LOSS_MEAN_SQUARED_ERROR;
}
static il_status draw(void *mine, il_task_id id, void *scratch, const il_task_memory *to) {
  (void)mine, (void)scratch;
  atomic_fetch_add(&drawn, 1);
  if (this_rank == failing_rank && id.index >= 100) return IL_ERROR_DATA;
  for (int i = 0; i < 8; i++) {
    ((float *)to->x[i / 4])[i % 4] = 0.1f * (float)i;
    ((float *)to->y[i / 4])[i % 4] = 0.01f * (float)(id.index % 50);
  }
  return IL_OK;
}
static const il_source lines = {
    .name = "lines", .open = open_lines, .describe = describe, .draw = draw};

static il_config *load(il_context *context, const job *j) {
  il_config *config = il_config_load(context, j->preset);
  for (int i = 0; config && j->setting[i]; i++)
    if (il_config_set(config, j->setting[i]) != IL_OK) break;
  return config;
}

static void train(thread_rank *rank, void *argument) {
  job *j = argument;
  const int me = rank ? rank->ranks.rank : 0;
  static const volatile sig_atomic_t now = 1;
  il_context *context = il_context_new();
  il_config *config = load(context, j);
  il_team *team = il_team_new(context, j->threads);
  this_rank = me;
  if (rank && j->leaving == me) {
    thread_ranks_lose(rank->all);
  } else {
    const il_train_options o = {.out = j->out,
                                .team = team,
                                .source = j->source,
                                .resume = true,
                                .stop = j->stopped == me ? &now : NULL,
                                .ranks = rank ? &rank->ranks : NULL};
    j->status[me] = il_train(context, config, &o);
  }
  snprintf(j->message[me], sizeof j->message[me], "%s", il_context_message(context));
  il_team_free(team);
  il_config_free(config);
  il_context_free(context);
}

static size_t read_all(const char *out, const char *name, char **bytes) {
  char path[300];
  snprintf(path, sizeof path, "%s/%s", out, name);
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  fseek(file, 0, SEEK_END);
  const size_t size = (size_t)ftell(file);
  rewind(file);
  *bytes = malloc(size + 1);
  assert_int_equal(fread(*bytes, 1, size, file), size);
  (*bytes)[size] = 0;
  fclose(file);
  return size;
}

static void assert_same_file(const char *a, const char *b, const char *name) {
  char *x, *y;
  const size_t size = read_all(a, name, &x);
  assert_int_equal(read_all(b, name, &y), size);
  assert_memory_equal(x, y, size);
  free(x);
  free(y);
}

static job job_of(const char *preset, const char *const *setting) {
  job j = {.preset = preset, .threads = 1, .stopped = -1, .leaving = -1};
  for (int i = 0; setting[i]; i++) j.setting[i] = setting[i];
  return j;
}

/* In folder/name, by so many ranks; 0: as one process. */
static void go(job *j, const char *name, int size) {
  static char out[300];
  snprintf(out, sizeof out, "%s/%s", folder, name);
  j->out = out;
  if (size == 0)
    train(NULL, j);
  else
    free(thread_ranks_run(size, 0, 0, train, j));
}

static void compare(const char *name, job *j, int sizes, const int *size) {
  char one[300], other[64];
  go(j, name, 0);
  if (j->status[0] != IL_OK) fail_msg("%s", j->message[0]);
  snprintf(one, sizeof one, "%s/%s", folder, name);
  for (int i = 0; i < sizes; i++) {
    snprintf(other, sizeof other, "%s-%d", name, size[i]);
    j->threads = 1 + i % 2;
    go(j, other, size[i]);
    for (int r = 0; r < size[i]; r++)
      if (j->status[r] != IL_OK) fail_msg("%s, rank %d: %s", other, r, j->message[r]);
    assert_same_file(one, j->out, "checkpoint.safetensors");
    assert_same_file(one, j->out, "metrics.jsonl");
  }
}

/* Groups of 8 tasks in lanes: 50 tasks are 7 leaves, so that 11 ranks have idle ones among them. */
static void test_lanes(void **state) {
  (void)state;
  static const char *const setting[] = {"outer.steps=6", "outer.meta_batch=50", "eval.every=3",
                                        "eval.validation_tasks=7", NULL};
  static const int size[] = {2, 3, 5, 11};
  job j = job_of("sinusoid-5shot-maml", setting);
  compare("lanes", &j, 4, size);
}

/* Sums of 200 KB and more pass in slices, and 13 tasks divide among nobody. */
static void test_slices(void **state) {
  (void)state;
  static const char *const setting[] = {
      "outer.steps=2",  "outer.meta_batch=13", "eval.every=0",     "inner.steps=1",
      "glyphs.side=14", "task.queries=1",      "model.filters=40", NULL};
  static const int size[] = {2, 3, 4, 7};
  job j = job_of("glyphs-5w1s-maml", setting);
  compare("slices", &j, 4, size);
}

/* Rows of products over all tasks, which each rank has those of its own tasks of. */
static void test_rows(void **state) {
  (void)state;
  static const char *const setting[] = {
      "outer.steps=2",  "outer.meta_batch=9",       "eval.every=0",    "glyphs.side=14",
      "task.queries=1", "model.preset=omniglot_fc", "model.filters=0", NULL};
  static const int size[] = {2, 3, 4};
  job j = job_of("glyphs-5w1s-maml", setting);
  compare("rows", &j, 3, size);
}

/* Averaged weights, and an end that all ranks see: with a rate of 0 no validation is better than the first. */
static void test_ended(void **state) {
  (void)state;
  static const char *const setting[] = {
      "outer.steps=30", "outer.meta_batch=8",      "outer.lr=0", "eval.every=2", "eval.patience=2",
      "outer.ema=0.9",  "eval.validation_tasks=5", NULL};
  static const int size[] = {2, 3};
  job j = job_of("sinusoid-5shot-maml", setting);
  compare("ended", &j, 2, size);
  char *metrics;
  read_all(j.out, "metrics.jsonl", &metrics);
  assert_non_null(strstr(metrics, "{\"step\": 6, \"ended\""));
  free(metrics);
}

static const char *const short_lines[] = {"outer.steps=20", "outer.meta_batch=24", "eval.every=0",
                                          "checkpoint.every=100", NULL};

/* One is asked to stop: all do, at the same meta-step, and the run goes on as if nothing had been. */
static void test_stop(void **state) {
  (void)state;
  job j = job_of("sinusoid-5shot-maml", short_lines);
  j.stopped = 2;
  go(&j, "stopped", 4);
  for (int r = 0; r < 4; r++) assert_int_equal(j.status[r], IL_ERROR_INTERRUPTED);
  assert_non_null(strstr(j.message[0], "stopped after 1 of 20 meta-steps"));
  j.stopped = -1;
  go(&j, "stopped", 3);
  for (int r = 0; r < 3; r++) assert_int_equal(j.status[r], IL_OK);
  char stopped[300];
  snprintf(stopped, sizeof stopped, "%s", j.out);
  go(&j, "straight", 0);
  assert_int_equal(j.status[0], IL_OK);
  assert_same_file(stopped, j.out, "checkpoint.safetensors");
}

/* One cannot draw its tasks: all end, and rank 0 can say why. */
static void test_failure(void **state) {
  (void)state;
  job j = job_of("sinusoid-5shot-maml", short_lines);
  j.source = &lines;
  failing_rank = 1;
  go(&j, "failing", 3);
  failing_rank = -1;
  for (int r = 0; r < 3; r++) assert_int_equal(j.status[r], IL_ERROR_DATA);
  assert_non_null(strstr(j.message[0], "rank 1: "));
}

/* Each rank draws its own tasks alone, and the next meta-step's ahead. */
static void test_own_tasks(void **state) {
  (void)state;
  job j = job_of("sinusoid-5shot-maml", short_lines);
  j.source = &lines;
  atomic_store(&drawn, 0);
  go(&j, "own", 3);
  assert_int_equal(j.status[0], IL_OK);
  assert_in_range(atomic_load(&drawn), 20 * 24, 21 * 24);
}

/* One is lost: the others end. */
static void test_loss(void **state) {
  (void)state;
  job j = job_of("sinusoid-5shot-maml", short_lines);
  j.leaving = 1;
  go(&j, "lost", 3);
  assert_int_equal(j.status[0], IL_ERROR_RANKS);
  assert_int_equal(j.status[2], IL_ERROR_RANKS);
  assert_non_null(strstr(j.message[0], "lost the connection"));
}

static int begin(void **state) {
  (void)state;
  return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state) {
  (void)state;
  char command[300];
  snprintf(command, sizeof command, "rm -rf %s", folder);
  return system(command);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_lanes), cmocka_unit_test(test_slices),
                                     cmocka_unit_test(test_rows),  cmocka_unit_test(test_own_tasks),
                                     cmocka_unit_test(test_stop),  cmocka_unit_test(test_failure),
                                     cmocka_unit_test(test_loss),  cmocka_unit_test(test_ended)};
  return cmocka_run_group_tests(tests, begin, end);
}
