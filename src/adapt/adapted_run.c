/* Adapting what a run has learned, to classes or to targets. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapt/adapted.h"
#include "base/error.h"
#include "config/config_method.h"
#include "config/vain.h"
#include "data/dataset.h"
#include "meta/learned_numbers.h"
#include "saved/learned_file.h"
#include "train/checkpoint.h"

static bool own_head(const il_config *config) {
  return il_algorithm_find(il_config_get(config, "meta.algorithm"))->own_head;
}

/* The configuration as the checkpoint has it. */
static il_config *config_of(il_context *context, const char *path) {
  il_safetensors *file = il_safetensors_open(context, path);
  const char *text = file ? il_safetensors_metadata(file, "config") : NULL,
             *format = file ? il_safetensors_metadata(file, "format") : NULL;
  if (format && !strcmp(format, IL_ADAPTED_FORMAT)) {
    il_fail(
        context, IL_ERROR_UNSUPPORTED,
        "%s: is adapted already; expected the run that it came from, or what `innerloop export` "
        "wrote of that",
        path);
    text = NULL;
  } else if (file && !text)
    il_fail(context, IL_ERROR_FORMAT, "%s: metadata \"config\" is missing", path);
  il_config *config = text ? il_config_parse(context, path, text) : NULL;
  il_safetensors_close(file);
  return config;
}

/* Of tasks that are cut from classes; of given ones a configuration does not know it. */
static void trained_on(const il_config *config, int outputs, il_learner_input *input) {
  const il_source *source = il_source_find(il_config_text(config, IL_KEY_SOURCE));
  const int shots = il_config_int(config, IL_KEY_TRAIN_SHOTS);
  if (!source->classes) return;
  input->ways = outputs;
  input->shots[0] = shots ? shots : il_config_int(config, IL_KEY_SHOTS);
  input->shots[1] = shots ? (int)il_config_real(config, IL_KEY_TRAIN_SHOTS) : input->shots[0];
}

/* A run's configuration, where its checkpoint lies, and what its learner takes. NULL after an error. */
static il_config *open_run(il_context *context, const char *run, char **path,
                           il_learner_input *input) {
  il_checkpoint_tasks t = {0};
  il_config *config = NULL;
  *input = (il_learner_input){0};
  *path = il_learner_path(context, run);
  if (*path) config = config_of(context, *path);
  if (config && il_checkpoint_read_tasks(context, *path, &t) == IL_OK && !t.known)
    il_fail(context, IL_ERROR_FORMAT,
            "%s: does not say what examples it takes; an earlier version of innerloop wrote it: "
            "train again, or resume it for a step",
            *path);
  if (config && il_context_status(context) == IL_OK) {
    *input = (il_learner_input){.example = t.example,
                                .type = t.type,
                                .scale = t.scale,
                                .outputs = own_head(config) ? 0 : t.outputs,
                                .targets = t.targets,
                                .mean = t.mean,
                                .deviation = t.deviation};
    trained_on(config, t.outputs, input);
    if (il_config_classes(config, t.outputs, &input->ways) == IL_OK) return config;
  }
  il_config_free(config);
  free(*path);
  *path = NULL;
  return NULL;
}

il_status il_run_input_of(il_context *context, const char *run, il_learner_input *input) {
  char *path;
  il_config_free(open_run(context, run, &path, input));
  free(path);
  return il_context_status(context);
}

/* The body of what was trained, under class means. */
static il_status take_class_means(il_config *config) {
  static const char *const settings[] = {"meta.algorithm=protonet",
                                         "inner.adapts=", "inner.learned=", "inner.batch=0"};
  il_status status = IL_OK;
  for (int i = 0; i < 4 && status == IL_OK; i++) status = il_config_set(config, settings[i]);
  return status;
}

static il_status set(il_config *config, const char *const *settings) {
  const bool running = il_config_is(config, IL_KEY_QUERY_STATISTICS, "running");
  for (const char *const *s = settings; s && *s; s++) {
    if (strncmp(*s, "inner.", 6) && strncmp(*s, "meta.query_statistics=", 22))
      return il_fail(config->context, IL_ERROR_CONFIG,
                     "%s: adapting obeys the keys inner.* and meta.query_statistics alone", *s);
    if (il_config_set(config, *s) != IL_OK) return il_context_status(config->context);
  }
  for (const char *const *s = settings; s && *s; s++)
    if (il_config_check_change(config->context, config, *s, "adapting") != IL_OK)
      return il_context_status(config->context);
  if (!running && il_config_is(config, IL_KEY_QUERY_STATISTICS, "running"))
    return il_fail(config->context, IL_ERROR_CONFIG,
                   "meta.query_statistics: found running, but the run kept no running statistics; "
                   "expected support, each or query, or a run that was trained with running");
  return IL_OK;
}

static void print_shape(il_shape shape, il_type type, char *text, size_t size) {
  int at = snprintf(text, size, "%s", type == IL_UINT8 ? "bytes " : "floats ");
  for (int i = 0; i < shape.rank; i++)
    at += snprintf(text + at, size - (size_t)at, "%s%lld", i ? "×" : "", (long long)shape.dim[i]);
}

static il_status check(il_context *context, const il_learner_input *input, const il_dataset *d) {
  const int ways = il_dataset_classes(d);
  il_shape found_shape = d->example;
  if (found_shape.rank == 3 && found_shape.dim[2] == 1 && input->example.rank == 3)
    found_shape.dim[2] = input->example.dim[2]; /* grey is every channel */
  if (!il_shape_equal(found_shape, input->example) || d->type != input->type ||
      (d->type != IL_UINT8 && !il_shape_equal(d->example, input->example))) {
    char found[96], expected[96];
    print_shape(d->example, d->type, found, sizeof found);
    print_shape(input->example, input->type, expected, sizeof expected);
    return il_fail(context, IL_ERROR_DATA,
                   "the support set: an example is %s, but the learner takes %s", found, expected);
  }
  if (fabs(d->scale - input->scale) > 1e-12 * fabs(input->scale))
    return il_fail(context, IL_ERROR_DATA,
                   "the support set: numbers are taken times %g, but the learner was trained on "
                   "numbers times %g",
                   d->scale, input->scale);
  if (ways < 2)
    return il_fail(context, IL_ERROR_DATA, "the support set: found %d class, expected at least 2",
                   ways);
  if (input->outputs && input->outputs != ways)
    return il_fail(context, IL_ERROR_DATA,
                   "the support set: found %d classes, but the learner's head tells %d apart; "
                   "compare with class means instead of the head (--head means), show it %d "
                   "classes, or train with task.ways=%d or an algorithm for any number of classes "
                   "(meta.algorithm=protonet)",
                   ways, input->outputs, input->outputs, ways);
  return IL_OK;
}

static void take_support(il_adapted *a, const il_dataset *d) {
  const size_t stride = il_dataset_stride(d), all = (size_t)a->shape.support * stride;
  const size_t channels =
      (size_t)(il_shape_count(a->shape.example) / il_shape_count(d->example)); /* of grey: 1 or 3 */
  if (channels == 1)
    memcpy(a->support_x, d->examples, all);
  else
    for (size_t i = 0; i < all * channels; i++)
      ((uint8_t *)a->support_x)[i] = ((const uint8_t *)d->examples)[i / channels];
  for (int c = 0; c < d->classes; c++) {
    for (int i = d->start[c]; i < d->start[c + 1]; i++) a->support_y[i] = c;
    a->name[c] = il_arena_string(&a->arena, d->name[c]);
    if (!a->name[c]) il_fail_memory(a->context, "the names of classes");
  }
}

il_task_shape il_adapted_shape(int ways, int support, il_shape example, il_type type,
                               double scale) {
  return (il_task_shape){.ways = ways,
                         .support = support,
                         .query = 1,
                         .outputs = ways,
                         .example = example,
                         .x = type,
                         .loss = IL_LOSS_CROSS_ENTROPY,
                         .scale = scale};
}

/* One question, so that what cannot answer is not saved. */
static il_status try_once(il_adapted *a) {
  float *probability = malloc((size_t)a->shape.ways * sizeof *probability);
  if (!probability) return il_fail_memory(a->context, "a probability");
  const il_status status = il_adapted_predict(a, 1, a->support_x, probability);
  free(probability);
  return status;
}

/* What the run has learned, which no setting takes the place of. */
static il_status open_learned(il_adapted *a, const char *path, const char *const *settings) {
  int64_t made;
  const char *vain = il_learned_setting(&a->learner->meta_entries, settings);
  if (vain)
    return il_fail(a->context, IL_ERROR_CONFIG,
                   "%.*s cannot be changed: %s has learned it, and %s has what it has learned",
                   (int)strcspn(vain, "="), vain, a->method.algorithm->name, path);
  return il_checkpoint_open(a->learner, path, &made);
}

il_adapted *il_adapted_new(il_context *context, const char *run, const il_dataset *support,
                           const il_adapt_options *options) {
  il_learner_input input;
  char *path, ways[32];
  il_config *config = open_run(context, run, &path, &input);
  if (!config) return NULL;
  snprintf(ways, sizeof ways, "task.ways=%d", support->classes);
  il_adapted *a = NULL;
  if (options->class_means) input.outputs = 0;
  if (input.targets) {
    il_fail(context, IL_ERROR_UNSUPPORTED,
            "%s: the run learned to predict numbers; only one that learned classes can be shown "
            "others",
            run);
    il_config_free(config);
  } else if (check(context, &input, support) == IL_OK && set(config, options->settings) == IL_OK &&
             il_config_set(config, ways) == IL_OK &&
             (!options->class_means || take_class_means(config) == IL_OK)) {
    const il_task_shape shape = il_adapted_shape(support->classes, support->start[support->classes],
                                                 input.example, input.type, input.scale);
    a = il_adapted_begin(context, config, &shape, options->team);
  } else {
    il_config_free(config);
  }
  if (a) {
    a->inverted = options->inverted;
    take_support(a, support);
  }
  const il_status status = a ? open_learned(a, path, options->settings) : IL_ERROR_DATA;
  free(path);
  if (status == IL_OK && il_context_status(context) == IL_OK && il_adapted_calibrate(a) == IL_OK &&
      il_adapted_prepare(a) == IL_OK && il_adapted_adapt(a) == IL_OK &&
      il_adapted_finish(a) == IL_OK && try_once(a) == IL_OK)
    return a;
  il_adapted_free(a);
  return NULL;
}

/* ---- to targets ---- */

static il_status check_targets(il_context *context, const char *run, const il_learner_input *input,
                               const il_adapt_targets *s) {
  if (!input->targets)
    return il_fail(context, IL_ERROR_UNSUPPORTED,
                   "%s: the run learned classes; only one that learned to predict numbers can be "
                   "shown targets",
                   run);
  if (s->count < 1 || s->count > IL_ADAPTED_SUPPORT)
    return il_fail(context, IL_ERROR_DATA, "the support set: found %lld examples, expected 1 to %d",
                   (long long)s->count, (int)IL_ADAPTED_SUPPORT);
  if (s->outputs != input->outputs)
    return il_fail(context, IL_ERROR_DATA,
                   "the support set: an example has %d targets, but the learner predicts %d",
                   s->outputs, input->outputs);
  const int64_t numbers = il_shape_count(input->example);
  const float *x = input->type == IL_FLOAT32 ? s->x : NULL;
  for (int64_t i = 0; x && i < s->count * numbers; i++)
    if (!isfinite(x[i]))
      return il_fail(context, IL_ERROR_DATA,
                     "the support set: example %lld has the number %g, expected finite ones",
                     (long long)(i / numbers), (double)x[i]);
  for (int64_t i = 0; i < s->count * s->outputs; i++)
    if (!isfinite(s->target[i]))
      return il_fail(context, IL_ERROR_DATA,
                     "the support set: example %lld has the target %g, expected finite ones",
                     (long long)(i / s->outputs), (double)s->target[i]);
  return IL_OK;
}

il_task_shape il_adapted_shape_of_targets(int outputs, int support, il_shape example, il_type type,
                                          double scale) {
  il_task_shape shape = il_adapted_shape(1, support, example, type, scale);
  shape.outputs = outputs;
  shape.targets = true;
  shape.loss = IL_LOSS_MEAN_SQUARED_ERROR;
  return shape;
}

il_adapted *il_adapted_new_targets(il_context *context, const char *run,
                                   const il_adapt_targets *support,
                                   const il_adapt_options *options) {
  il_learner_input input;
  char *path;
  il_config *config = open_run(context, run, &path, &input);
  il_adapted *a = NULL;
  if (config && check_targets(context, run, &input, support) == IL_OK &&
      set(config, options->settings) == IL_OK) {
    const il_task_shape shape = il_adapted_shape_of_targets(support->outputs, (int)support->count,
                                                            input.example, input.type, input.scale);
    a = il_adapted_begin(context, config, &shape, options->team);
  } else {
    il_config_free(config);
  }
  if (a) {
    const size_t count = (size_t)support->count;
    memcpy(a->support_x, support->x,
           count * (size_t)il_shape_count(input.example) * il_type_size(input.type));
    memcpy(a->target, support->target, count * (size_t)support->outputs * sizeof *a->target);
    a->name[0] = "";
  }
  const bool good = a && open_learned(a, path, options->settings) == IL_OK &&
                    il_adapted_prepare(a) == IL_OK && il_adapted_adapt(a) == IL_OK &&
                    il_adapted_finish(a) == IL_OK;
  free(path);
  if (good) return a;
  il_adapted_free(a);
  return NULL;
}
