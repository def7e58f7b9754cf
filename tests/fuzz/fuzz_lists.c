/* Lists of episodes and splits in files, of a small data set; what is written of them reads back. An input that begins
 * with '+' is a split, else a list. */
#include <innerloop/data.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/input.h"

static il_context *context;
static il_dataset *dataset;
static il_splits *all;

static void start(void) {
  context = il_context_new();
  dataset = il_dataset_glyphs(context, &(il_glyphs){2, 4, 5, 8, 1, 1});
  all = dataset ? il_splits_new(context, dataset, &(il_split_options){.kind = "test"}) : NULL;
  FUZZ_EXPECT(all, "%s", il_context_message(context));
}

static void read_split(const char *path) {
  il_splits *s = il_splits_new(context, dataset, &(il_split_options){.kind = "file", .path = path});
  FUZZ_EXPECT(s || *il_context_message(context), "a sentence");
  if (!s) return;
  int named = 0;
  for (int k = 0; k < 3; k++)
    for (int i = 0; i < il_splits_count(s, (il_split)k); i++, named++)
      FUZZ_EXPECT(il_splits_class(s, (il_split)k, i) < il_dataset_classes(dataset), "a class");
  FUZZ_EXPECT(named > 0 && named <= il_dataset_classes(dataset), "%d classes", named);
  il_splits_free(s);
}

static void read_list(const char *path) {
  const il_episode_options options = {.ways = 2,
                                      .shots = 1,
                                      .queries = 2,
                                      .rotations = IL_ROTATIONS_RANDOM,
                                      .rotate_test = true,
                                      .seed = 1};
  il_sampler *sampler = il_sampler_new(context, dataset, all, &options);
  if (!sampler) { /* all classes test: none trains */
    il_context_clear(context);
    return;
  }
  uint64_t count = 0;
  if (il_sampler_read_list(sampler, IL_TEST, path, &count) == IL_OK) {
    void *memory = malloc(il_sampler_episode_size(sampler));
    for (uint64_t i = 0; memory && i < count; i++) {
      il_episode e;
      il_sampler_draw(sampler, IL_TEST, i, memory, &e);
      uint8_t x[2][4 * 64];
      int32_t y[2][4];
      il_sampler_fill(sampler, &e, x[0], y[0], x[1], y[1]);
      FUZZ_EXPECT(y[0][1] == 1, "labels by class");
    }
    free(memory);
  } else {
    FUZZ_EXPECT(*il_context_message(context), "a sentence");
  }
  il_sampler_free(sampler);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!context) start();
  const bool split = size && *data == '+';
  const char *path = fuzz_file(data + split, size - split);
  if (split)
    read_split(path);
  else
    read_list(path);
  il_context_clear(context);
  return 0;
}
