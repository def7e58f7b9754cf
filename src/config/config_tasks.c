/* The source that a configuration names, with the settings of its keys; the net for its tasks. */
#include "config/config_tasks.h"

#include <innerloop/meta.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/vain.h"
#include "data/class_tasks.h"
#include "nn/net.h"

static const char *text_of(const il_config *c, il_key key) {
  const char *text = il_config_text(c, key);
  return *text ? text : NULL;
}

static il_source_options options_of(const il_config *c) {
  const int queries = il_config_int(c, IL_KEY_QUERIES),
            tested = il_config_int(c, IL_KEY_EVAL_QUERIES),
            trained = il_config_int(c, IL_KEY_TRAIN_QUERIES);
  const int within = il_config_int(c, IL_KEY_WITHIN),
            train_within = il_config_int(c, IL_KEY_TRAIN_WITHIN);
  const bool counted = !il_config_is(c, IL_KEY_SPLIT, "official"); /* its counts are the data's */
  return (il_source_options){
      .ways = il_config_int(c, IL_KEY_WAYS),
      .shots = il_config_int(c, IL_KEY_SHOTS),
      .queries = tested ? tested : queries,
      .train_ways = il_config_int(c, IL_KEY_TRAIN_WAYS),
      .train_shots = il_config_int(c, IL_KEY_TRAIN_SHOTS),
      .train_queries = trained ? trained : queries,
      .train_ways_most = (int)il_config_real(c, IL_KEY_TRAIN_WAYS),
      .pool = il_config_long(c, IL_KEY_POOL),
      .class_labels = il_algorithm_at(il_config_int(c, IL_KEY_ALGORITHM))->all_classes,
      .train_shots_most = (int)il_config_real(c, IL_KEY_TRAIN_SHOTS),
      .rotations = (il_rotations)il_config_int(c, IL_KEY_ROTATIONS),
      .rotate_test = il_config_int(c, IL_KEY_ROTATE_TEST),
      .within = (il_within)within,
      .train_within = (il_within)(train_within ? train_within - 1 : within),
      .fused = il_config_int(c, IL_KEY_FUSED),
      .augment_set = {!il_config_is(c, IL_KEY_AUGMENT, "query"),
                      !il_config_is(c, IL_KEY_AUGMENT, "support")},
      .split = {.kind = il_config_text(c, IL_KEY_SPLIT),
                .path = text_of(c, IL_KEY_SPLIT_FILE),
                .train = counted ? il_config_real(c, IL_KEY_TRAIN_CLASSES) : 0,
                .validation = il_config_real(c, IL_KEY_VALIDATION_CLASSES),
                .test = counted ? il_config_real(c, IL_KEY_TEST_CLASSES) : 0,
                .seed = (uint64_t)il_config_long(c, IL_KEY_SPLIT_SEED),
                .only = text_of(c, IL_KEY_ONLY),
                .weights = text_of(c, IL_KEY_CLASS_WEIGHTS)},
      .data = text_of(c, IL_KEY_DATA),
      .seed = (uint64_t)il_config_long(c, IL_KEY_SEED)};
}

/* A key that chooses among classes and does; -1: none. */
static int choosing(const il_config *c) {
  if (il_config_int(c, IL_KEY_WITHIN)) return IL_KEY_WITHIN;
  if (il_config_int(c, IL_KEY_TRAIN_WITHIN)) return IL_KEY_TRAIN_WITHIN;
  if (il_config_int(c, IL_KEY_FUSED) > 1) return IL_KEY_FUSED;
  if (*il_config_text(c, IL_KEY_ONLY)) return IL_KEY_ONLY;
  return *il_config_text(c, IL_KEY_CLASS_WEIGHTS) ? IL_KEY_CLASS_WEIGHTS : -1;
}

static bool prepare(il_context *context, const il_config *c, const il_source *source,
                    il_source_options *options) {
  if (il_config_validate(c) != IL_OK ||
      il_config_settings(c, "augment", il_augment_fields, &options->augment) != IL_OK)
    return false;
  if (il_augment_any(&options->augment) && !source->classes) {
    il_fail(context, IL_ERROR_CONFIG,
            "augment: source %s takes its tasks as they are; expected no augmentation, or a source "
            "of classes",
            source->name);
    return false;
  }
  const int of_classes = source->classes ? -1 : choosing(c);
  if (of_classes >= 0) {
    il_fail(context, IL_ERROR_CONFIG,
            "%s: found %s, but source %s takes its tasks as they are; expected a source of classes",
            il_config_key_name(of_classes), il_config_text(c, (il_key)of_classes), source->name);
    return false;
  }
  if (options->class_labels && options->fused > 1) {
    il_fail(
        context, IL_ERROR_CONFIG,
        "task.fused: found %d, but %s learns to tell all training classes apart; expected 1, or "
        "an algorithm that learns from episodes",
        options->fused, il_config_text(c, IL_KEY_ALGORITHM));
    return false;
  }
  if (options->class_labels && !source->sampler) {
    il_fail(context, IL_ERROR_CONFIG,
            "meta.algorithm: found %s, which learns to tell all training classes apart, but source "
            "%s takes its tasks as they are; expected a source of classes",
            il_config_text(c, IL_KEY_ALGORITHM), source->name);
    return false;
  }
  return true;
}

static il_tasks *open_tasks(il_context *context, const il_config *c,
                            const il_source_options *asked) {
  const char *name = il_config_text(c, IL_KEY_SOURCE);
  const il_source *source = il_source_find(name);
  il_source_options options = *asked;
  if (!prepare(context, c, source, &options)) return NULL;
  void *settings = calloc(1, source->size + 1);
  il_tasks *tasks = NULL;
  if (!settings)
    il_fail_memory(context, "the settings of a source");
  else if (il_config_settings(c, name, source->fields, settings) == IL_OK)
    tasks = il_tasks_open(context, source, settings, &options);
  free(settings);
  return tasks;
}

il_tasks *il_config_tasks(il_context *context, const il_config *config) {
  const il_source_options options = options_of(config);
  if (il_config_check_asked(context, config) != IL_OK) return NULL;
  return open_tasks(context, config, &options);
}

il_tasks *il_config_tasks_of(il_context *context, const il_config *config, const il_source *source,
                             const void *settings) {
  il_source_options options = options_of(config);
  return prepare(context, config, source, &options)
             ? il_tasks_open(context, source, settings, &options)
             : NULL;
}

il_tasks *il_config_shapes(il_context *context, const il_config *config) {
  il_source_options options = options_of(config);
  options.shapes_only = true;
  if (il_config_check_asked(context, config) != IL_OK) return NULL;
  return open_tasks(context, config, &options);
}

il_tasks *il_config_test_tasks(il_context *context, const il_config *config,
                               const il_config *divided, bool replayed) {
  const il_source_options by = options_of(divided);
  il_source_options options = options_of(config);
  options.replayed = replayed;
  options.split.tests_only = true;
  if (il_source_find(il_config_text(config, IL_KEY_SOURCE))->classes) /* others have no ways */
    il_class_tasks_least(&by, &options.split.least_train, &options.split.least_test);
  return open_tasks(context, config, &options);
}

/* Whether the algorithm puts its own head on the net's features. */
static bool own_head(const il_config *c) {
  return il_algorithm_at(il_config_int(c, IL_KEY_ALGORITHM))->own_head;
}

/* What the net says of its layers is said of the key that lists them. */
static il_net *listed_net(il_context *context, const il_config *c, il_shape example, int outputs) {
  static const char speaker[] = "il_net_new: ";
  if (il_context_status(context) != IL_OK) return NULL;
  il_net *net = il_net_new(context, c->layers, c->layer, example, outputs);
  const il_status status = il_context_status(context);
  if (net || (status != IL_ERROR_SHAPE && status != IL_ERROR_ARGUMENT)) return net;
  char said[512];
  snprintf(said, sizeof said, "%s", il_context_message(context));
  const size_t skip = strncmp(said, speaker, strlen(speaker)) ? 0 : strlen(speaker);
  il_context_clear(context);
  il_fail(context, IL_ERROR_CONFIG, "model.layers: %s", said + skip);
  return NULL;
}

il_net *il_config_net(il_context *context, const il_config *c, const il_task_shape *shape) {
  const int outputs = own_head(c) ? 0 : shape->outputs, ways = il_config_int(c, IL_KEY_WAYS),
            train_ways = il_config_int(c, IL_KEY_TRAIN_WAYS),
            most = (int)il_config_real(c, IL_KEY_TRAIN_WAYS);
  if (outputs && train_ways && (train_ways != ways || most != ways) && !shape->targets) {
    il_fail(context, IL_ERROR_CONFIG,
            "task.train_ways: found %s and task.ways %d, but %s trains a head for one number of "
            "classes; expected the same, or an algorithm with its own head, such as protonet",
            il_config_get(c, "task.train_ways"), ways, il_config_text(c, IL_KEY_ALGORITHM));
    return NULL;
  }
  if (c->layers) return listed_net(context, c, shape->example, outputs);
  return il_net_preset_at(context, "model.preset", il_config_text(c, IL_KEY_MODEL), shape->example,
                          outputs, il_config_int(c, IL_KEY_FILTERS));
}
