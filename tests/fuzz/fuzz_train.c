/* Random configurations: refused by a sentence, or trained for a meta-step that equals the interpreter's; what was trained
 * is evaluated, goes on, and is a learner. */
#include <innerloop/adapt.h>
#include <innerloop/learner.h>
#include <innerloop/train.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/input.h"

/* Small enough for thousands a minute. */
static const char *const base[] = {
    "task.split=auto",         "task.ways=2",        "task.shots=1",
    "task.queries=1",          "glyphs.alphabets=3", "glyphs.classes=4",
    "glyphs.writers=6",        "glyphs.side=8",      "model.preset=mlp",
    "model.filters=3",         "outer.meta_batch=2", "outer.steps=1",
    "eval.validation_tasks=2", "eval.tasks=2",       "eval.every=0",
    "eval.steps=0,1",          "log.every=1",        "inner.steps=1"};
/* What only makes it larger or slower, or names files. */
static const char *const fixed[] = {"task.data",       "task.split_file", "outer.steps",
                                    "eval.tasks",      "glyphs.writers",  "glyphs.alphabets",
                                    "glyphs.classes",  "glyphs.side",     "eval.validation_tasks",
                                    "outer.meta_batch"};

static bool is_fixed(const char *key) {
  for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
    if (!strcmp(key, fixed[i])) return true;
  return false;
}

/* One of the words that it accepts, a number around its ends, or a text. */
static void value_for(fuzz_choices *c, const il_config_key *key, char *text, size_t size) {
  static const char *const numbers[] = {"0",    "1",   "2",    "3",   "4",   "5",
                                        "7",    "1-3", "0.5",  "0.1", "0.9", "0.001",
                                        "1e-8", "10",  "0.25", "2-2", "-1",  "1e30"};
  static const char *const texts[] = {"",      "head", "!head",     "*.bias", "linear1.*",
                                      "0,1,2", "1",    "linear*,!", "nothing"};
  int words = 0;
  const char *at = strstr(key->accepts, " | ") || strchr(key->accepts, '|') ? key->accepts : NULL;
  for (const char *p = at; p; p = strchr(p, '|'), p = p ? p + 1 : NULL) words++;
  if (words > 1) {
    for (int skip = fuzz_below(c, words); skip > 0; skip--) at = strchr(at, '|') + 1;
    at += strspn(at, " ");
    if (!strncmp(at, "one of ", 7)) at += 7;
    snprintf(text, size, "%.*s", (int)strcspn(at, " |"), at);
  } else if (strstr(key->accepts, "text") || !*key->accepts) {
    snprintf(text, size, "%s", texts[fuzz_below(c, sizeof texts / sizeof *texts)]);
  } else if (strstr(key->accepts, "true")) {
    snprintf(text, size, "%s", fuzz_below(c, 2) ? "true" : "false");
  } else {
    snprintf(text, size, "%s", numbers[fuzz_below(c, sizeof numbers / sizeof *numbers)]);
  }
}

static il_config *config_of(il_context *context, fuzz_choices *c) {
  static const char *const source[] = {"task.source=glyphs", "task.source=sinusoid"};
  /* The defaults, since curves have no ways and are not divided. */
  static const char *const no_classes[] = {"task.split=random", "task.ways=5"};
  static const char *const net[] = {"model.preset=mlp", "model.preset=conv4",
                                    "model.preset=omniglot_conv", "model.preset=omniglot_fc"};
  il_config *config = il_config_new(context);
  for (size_t i = 0; i < sizeof base / sizeof *base; i++) {
    il_config_set(config, base[i]);
    il_context_clear(context); /* a key that another version calls otherwise */
  }
  const int from = fuzz_below(c, 2);
  il_config_set(config, source[from]);
  for (size_t i = 0; i < sizeof no_classes / sizeof *no_classes && from; i++)
    il_config_set(config, no_classes[i]);
  il_config_set(config, net[fuzz_below(c, 4)]);
  for (int i = fuzz_below(c, 12); i > 0 && fuzz_more(c); i--) {
    char accepts[IL_FIELD_TEXT_SIZE], value[64], assignment[160];
    const il_config_key key =
        il_config_key_at(fuzz_below(c, il_config_keys()), accepts, sizeof accepts);
    value_for(c, &key, value, sizeof value);
    if (is_fixed(key.key)) continue;
    snprintf(assignment, sizeof assignment, "%s=%s", key.key, value);
    if (il_config_set(config, assignment) != IL_OK)
      FUZZ_EXPECT(*il_context_message(context), "a sentence");
    il_context_clear(context);
  }
  return config;
}

/* A learner in memory, out of the run's checkpoint. */
static void place(const char *folder) {
  char path[4096];
  snprintf(path, sizeof path, "%s/checkpoint.safetensors", folder);
  FILE *file = fopen(path, "rb");
  if (!file) return;
  static uint8_t bytes[1 << 20];
  const size_t size = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  const size_t room_size = 4 << 20;
  void *room = malloc(room_size);
  il_learner *l = room ? il_learner_place(bytes, size, room, room_size) : NULL;
  FUZZ_EXPECT(!l || il_learner_status(l) == IL_OK || *il_learner_message(l), "a sentence");
  free(room);
}

static void train(il_context *context, const il_config *config, bool check, il_team *team) {
  const char *folder = fuzz_folder();
  const il_train_options options = {.out = folder, .check = check, .team = team};
  il_status status = il_train(context, config, &options);
  FUZZ_EXPECT(status != IL_ERROR_MISMATCH, "%s", il_context_message(context));
  FUZZ_EXPECT(!status || *il_context_message(context), "a sentence");
  if (status) return;
  il_evaluation result;
  status = il_evaluate(context, folder, &(il_evaluate_options){.tasks = 2, .team = team}, &result);
  FUZZ_EXPECT(!status || *il_context_message(context), "a sentence");
  il_context_clear(context);
  const il_train_options again = {.out = folder, .resume = true, .team = team};
  FUZZ_EXPECT(il_train(context, config, &again) == IL_OK, "%s", il_context_message(context));
  place(folder);
}

static void forget_run(void) {
  static const char *const names[] = {"checkpoint.safetensors", "config.yaml", "metrics.jsonl",
                                      "eval.csv", "lock"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), names[i]);
    remove(path);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_choices choices = {data, data + size};
  const bool check = fuzz_below(&choices, 3) == 1;
  il_context *context = il_context_new();
  il_config *config = config_of(context, &choices);
  FUZZ_EXPECT(config && il_context_status(context) == IL_OK, "%s", il_context_message(context));
  if (il_config_validate(config) == IL_OK) {
    il_plan_summary summary;
    char *plan = il_training_plan(context, config, &summary);
    FUZZ_EXPECT(plan || *il_context_message(context), "a sentence");
    if (plan && summary.flops_task < 2e6 && summary.nodes < 4000) {
      il_team *team = il_team_new(context, 1);
      train(context, config, check, team);
      il_team_free(team);
    }
    free(plan);
    forget_run();
  } else {
    FUZZ_EXPECT(*il_context_message(context), "a sentence");
  }
  il_config_free(config);
  il_context_free(context);
  return 0;
}
