/* Files of learners, in memory and as the files of runs. A learner that can be placed adapts and answers. */
#include <innerloop/adapt.h>
#include <innerloop/learner.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/input.h"

enum { ROOM = 8 << 20, MOST = 1 << 16 };

static void use(il_learner *l, const il_learner_info *info) {
  const size_t n = (size_t)info->examples, each = (size_t)il_shape_count(info->example);
  if (n * each > MOST || n * (size_t)info->outputs > MOST) return;
  uint8_t *x = calloc(n + 1, each * il_type_size(info->type));
  int32_t *y = calloc(n + 1, sizeof *y);
  float *target = calloc((n + 1) * (size_t)info->outputs, sizeof *target),
        *scores = calloc((n + 1) * (size_t)info->outputs, sizeof *scores);
  if (info->type == IL_UINT8)
    for (size_t i = 0; x && i < n * each; i++) x[i] = (uint8_t)(i * 37);
  for (size_t i = 0; y && info->ways && i < n; i++) y[i] = (int32_t)(i % (size_t)info->ways);
  if (x && y && target && scores) {
    il_learner_predict(l, (int)n, x, scores);
    il_learner_adapt(l, info->examples, x, info->numbers ? (const void *)target : (const void *)y);
    il_learner_predict(l, 1, x, scores);
  }
  free(x);
  free(y);
  free(target);
  free(scores);
}

static bool place(const uint8_t *data, size_t size) {
  static void *room;
  if (!room) room = malloc(ROOM);
  il_learner *l = il_learner_place(data, size, room, ROOM);
  FUZZ_EXPECT(l, "a learner that says what is wrong");
  il_learner_info info;
  const bool placed = il_learner_describe(l, &info);
  FUZZ_EXPECT(placed == (il_learner_status(l) == IL_OK), "%s", il_learner_message(l));
  FUZZ_EXPECT(placed || *il_learner_message(l), "a sentence");
  FUZZ_EXPECT(il_learner_used(l) <= ROOM, "%zu bytes", il_learner_used(l));
  if (placed) use(l, &info);
  for (int i = 0; placed && i < info.ways && i < 8; i++) {
    const char *name = il_learner_class_name(l, i);
    if (name) (void)strlen(name);
  }
  return placed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint8_t *mended = malloc(size + 1);
  if (!mended) abort();
  if (size) memcpy(mended, data, size);
  const bool changed = !place(data, size) && fuzz_mend_safetensors(mended, size);
  if (changed) place(mended, size);
  const char *path = fuzz_file(changed ? mended : data, size);
  il_context *context = il_context_new();
  il_learner_input input;
  FUZZ_EXPECT(il_run_input_of(context, path, &input) == IL_OK || *il_context_message(context),
              "a sentence");
  free(mended);
  il_context_free(context);
  return 0;
}
