/* Keys that somebody set and nobody would read (see vain.h). */
#include "config/vain.h"

#include <innerloop/meta.h>
#include <innerloop/optim.h>
#include <stdio.h>
#include <string.h>

const char *il_config_vain(const il_source *source, int key) {
  const bool divided = source->classes || source->needs_data; /* tasks of a file are, too */
  switch (key) {
  case IL_KEY_WAYS:
  case IL_KEY_TRAIN_WAYS:
  case IL_KEY_ROTATIONS:
  case IL_KEY_ROTATE_TEST:
  case IL_KEY_AUGMENT:
  case IL_KEY_WITHIN:
  case IL_KEY_FUSED:
  case IL_KEY_ONLY:
  case IL_KEY_CLASS_WEIGHTS: return source->classes ? NULL : "the tasks have no classes";
  case IL_KEY_SPLIT:
  case IL_KEY_SPLIT_FILE:
  case IL_KEY_SPLIT_SEED:
  case IL_KEY_TRAIN_CLASSES:
  case IL_KEY_VALIDATION_CLASSES:
  case IL_KEY_TEST_CLASSES: return divided ? NULL : "the tasks are not divided";
  case IL_KEY_SHOTS:
  case IL_KEY_QUERIES:
  case IL_KEY_TRAIN_SHOTS:
  case IL_KEY_TRAIN_QUERIES:
  case IL_KEY_EVAL_QUERIES:
    return source->one_task || source->count ? "the tasks have sizes of their own" : NULL;
  case IL_KEY_POOL: return source->one_task ? "each split is one task" : NULL;
  default: return NULL;
  }
}

/* Why the algorithm would ignore a key of the inner loop; NULL: it obeys it, or the key is inner.steps, with which one
 * command tries all algorithms. */
static const char *vain_inner(const il_algorithm *algorithm, int key) {
  switch (key) {
  case IL_KEY_FIRST_ORDER:
    if (algorithm->step && algorithm->gradient != IL_GRADIENT_EXACT)
      return "takes no derivative through its inner steps";
    return algorithm->step ? NULL : "makes no inner steps";
  case IL_KEY_INNER_ORDER:
  case IL_KEY_LEARNED:
  case IL_KEY_INNER_LR:
  case IL_KEY_INNER_L2:
  case IL_KEY_INNER_CLIP:
  case IL_KEY_INNER_OPTIMIZER: return algorithm->step ? NULL : "makes no inner steps";
  default: return NULL;
  }
}

/* Keys that only some choice of another one reads. words NULL: any but 0. */
static const struct {
  const char *key, *by, *words;
} only_with[] = {
    {"outer.lr_end", "outer.schedule", "|linear|cosine|"},
    {"outer.decay", "outer.schedule", "|step|"},
    {"outer.decay_every", "outer.schedule", "|step|"},
    {"inner.order", "inner.batch", NULL},
    {"hyper.lr", "hyper.rates", "|one|tensor|step|"},
    {"hyper.steps", "hyper.rates", "|step|"},
    {"reptile.square", "reptile.carried", NULL},
    {"mamlpp.epoch", "mamlpp.multi_step", NULL},
};

static int decided(const il_config *c, const char *key) {
  for (size_t i = 0; i < sizeof only_with / sizeof *only_with; i++) {
    if (strcmp(only_with[i].key, key) != 0) continue;
    const int by = il_config_find(only_with[i].by);
    char word[IL_CONFIG_KEY_SIZE];
    snprintf(word, sizeof word, "|%s|", il_config_text(c, (il_key)by));
    const bool read = only_with[i].words ? strstr(only_with[i].words, word) != NULL
                                         : il_config_int(c, (il_key)by);
    return read ? -1 : by;
  }
  return -1;
}

/* Keys of a division that task.split does not make. */
static bool divides(const il_config *c, int key) {
  const char *split = il_config_text(c, IL_KEY_SPLIT);
  const bool dealt = !strcmp(split, "random") || !strcmp(split, "alphabets"),
             official = !strcmp(split, "official");
  switch (key) {
  case IL_KEY_SPLIT_FILE: return !strcmp(split, "file");
  case IL_KEY_SPLIT_SEED: return dealt || official || !strcmp(split, "auto");
  case IL_KEY_VALIDATION_CLASSES: return dealt || official;
  case IL_KEY_TRAIN_CLASSES:
  case IL_KEY_TEST_CLASSES: return dealt;
  default: return true;
  }
}

/* The key whose value is why this one is not read: that which chose another algorithm, source, optimizer or way; -1: it is
 * read, or may be. */
static int vain_by(const il_config *c, int key) {
  if (!divides(c, key)) return IL_KEY_SPLIT;
  const il_config_row row = il_config_row_at(key);
  const bool inner = !strcmp(row.prefix, "inner");
  if (inner || !strcmp(row.prefix, "outer")) {
    const il_key by = inner ? IL_KEY_INNER_OPTIMIZER : IL_KEY_OPTIMIZER;
    const il_optimizer *chosen = il_optimizer_at(il_config_int(c, by));
    return chosen->fields && il_field_find(chosen->fields, row.field->name) ? -1 : (int)by;
  }
  const il_key by = il_algorithm_find(row.prefix) ? IL_KEY_ALGORITHM : IL_KEY_SOURCE;
  const bool named = by == IL_KEY_ALGORITHM || il_source_find(row.prefix);
  if (named && strcmp(il_config_text(c, by), row.prefix) != 0) return (int)by;
  return decided(c, il_config_key_name(key));
}

il_status il_config_check_change(il_context *context, const il_config *c, const char *setting,
                                 const char *what) {
  char name[IL_CONFIG_KEY_SIZE];
  snprintf(name, sizeof name, "%.*s", (int)strcspn(setting, "="), setting);
  const int key = il_config_find(name), by = key < 0 ? -1 : vain_by(c, key);
  if (by < 0) return IL_OK;
  return il_fail(context, IL_ERROR_CONFIG, "%s cannot be changed for %s: %s is %s", name, what,
                 il_config_key_name(by), il_config_text(c, (il_key)by));
}

bool il_config_unread(const il_config *c, int key) {
  return il_config_vain(il_source_find(il_config_text(c, IL_KEY_SOURCE)), key) ||
         vain_inner(il_algorithm_at(il_config_int(c, IL_KEY_ALGORITHM)), key) ||
         vain_by(c, key) >= 0;
}

/* What a preset says of its own source, or a run's file, is no wish. */
il_status il_config_check_asked(il_context *context, const il_config *c) {
  if (il_config_validate(c) != IL_OK) return il_context_status(context);
  const il_source *source = il_source_find(il_config_text(c, IL_KEY_SOURCE));
  if (*il_config_text(c, IL_KEY_DATA) && !source->needs_data)
    return il_fail(context, IL_ERROR_CONFIG,
                   "task.data: found %s, but source %s draws its own tasks; expected none, or a "
                   "preset for data of one's own, such as pictures-5w1s-maml (`innerloop presets` "
                   "lists them)",
                   il_config_text(c, IL_KEY_DATA), source->name);
  const il_algorithm *algorithm = il_algorithm_at(il_config_int(c, IL_KEY_ALGORITHM));
  for (int key = 0; key < il_config_keys(); key++) {
    const char *found = il_config_text(c, (il_key)key), *of_source = il_config_vain(source, key),
               *of_algorithm = vain_inner(algorithm, key);
    if (!c->value[key].asked || il_config_is_default(c, key)) continue;
    if (of_source || of_algorithm)
      return il_fail(
          context, IL_ERROR_CONFIG, "%s: found %s, but %s%s %s; expected this key to be left out",
          il_config_key_name(key), found, of_source ? "with source " : "",
          of_source ? source->name : algorithm->name, of_source ? of_source : of_algorithm);
    const int other = vain_by(c, key);
    if (other >= 0)
      return il_fail(context, IL_ERROR_CONFIG,
                     "%s: found %s, but %s is %s; expected this key to be left out",
                     il_config_key_name(key), found, il_config_key_name(other),
                     il_config_text(c, (il_key)other));
  }
  const il_key net[] = {IL_KEY_MODEL, IL_KEY_FILTERS};
  for (int i = 0; i < 2 && c->layers; i++)
    if (c->value[net[i]].asked)
      return il_fail(context, IL_ERROR_CONFIG,
                     "%s: found beside model.layers, which says the whole net; expected one of the "
                     "two",
                     il_config_key_name(net[i]));
  return IL_OK;
}
