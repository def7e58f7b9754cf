/* Learners in files for the tests of learners in memory, rooms with fences around them, and counted allocations. */
#ifndef TEST_SUPPORT_LEARNERS_H
#define TEST_SUPPORT_LEARNERS_H

#include <innerloop/adapt.h>
#include <innerloop/learner.h>
#include <innerloop/train.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

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

static inline const char *in_folder(const char *name) {
  static char path[4][128];
  static int turn;
  char *p = path[turn++ % 4];
  snprintf(p, sizeof path[0], "%s/%s", folder, name);
  return p;
}

static inline int set_up(void **state) {
  (void)state;
  context = il_context_new();
  team = il_team_new(context, 2);
  strcpy(folder, "/tmp/innerloop-learner-XXXXXX");
  return mkdtemp(folder) ? 0 : -1;
}

static inline int tear_down(void **state) {
  (void)state;
  char command[128];
  il_team_free(team);
  il_context_free(context);
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command); /* NOLINT(cert-env33-c) */
}

static inline void train(const char *preset, const char *run, const char *const *settings) {
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

static inline char *read_file(const char *path, size_t *size) {
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

static inline char *exported(const char *run, size_t *size) {
  char to[160];
  snprintf(to, sizeof to, "%s.safetensors", in_folder(run));
  if (il_learner_export(context, in_folder(run), to) != IL_OK)
    fail_msg("%s", il_context_message(context));
  return read_file(to, size);
}

/* Blots that differ from class to class, and a little from example to example. */
static inline void draw(int cls, int example, uint8_t *x) {
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

static inline void draw_all(int ways) {
  for (int i = 0; i < ways * SHOTS; i++) {
    support_y[i] = i / SHOTS;
    draw(support_y[i], i % SHOTS, support_x + (size_t)i * PIXELS);
  }
  for (int i = 0; i < ASKED; i++) draw(i % ways, 5 + i, asked_x + (size_t)i * PIXELS);
}

/* Places in a room of exactly the size that was said, with a fence on either side, off every alignment. */
typedef struct placed {
  char *room;
  size_t size;
  il_learner *l;
} placed;

static inline placed place(const char *bytes, size_t size, const il_learner_options *options) {
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

static inline void leave(placed *p) {
  for (int i = 0; i < 13; i++) assert_int_equal(p->room[i], 0x5a);
  for (size_t i = 13 + p->size; i < p->size + 32; i++) assert_int_equal(p->room[i], 0x5a);
  free(p->room);
}

static inline void must(const il_learner *l, il_status status) {
  if (status != IL_OK || il_learner_status(l) != IL_OK) fail_msg("%s", il_learner_message(l));
}

static inline void adapt_and_ask(il_learner *l, int examples, float *scores) {
  atomic_store(&allocations, 0);
  atomic_store(&armed, true);
  const il_status adapted = il_learner_adapt(l, examples, support_x, support_y),
                  asked = il_learner_predict(l, ASKED, asked_x, scores);
  atomic_store(&armed, false);
  must(l, adapted);
  must(l, asked);
  assert_int_equal(atomic_load(&allocations), 0);
}

#endif
