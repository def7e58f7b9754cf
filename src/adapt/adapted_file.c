/* Adapted learners out of a run, and from and to files: what was trained under PyTorch's names, "support/x" and
 * "support/y", and everything else in the metadata. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "adapt/adapted.h"
#include "base/error.h"
#include "base/locale.h"
#include "base/room.h"
#include "config/config_method.h"
#include "data/dataset.h"
#include "io/json_texts.h"
#include "learner/spec.h"
#include "saved/learned_file.h"
#include "train/checkpoint.h"

static const char FORMAT[] = "innerloop adapted learner 1";

/* ---- out of a run ---- */

static bool own_head(const il_config *config) {
  return il_algorithm_find(il_config_get(config, "meta.algorithm"))->own_head;
}

/* The configuration as the checkpoint has it. */
static il_config *config_of(il_context *context, const char *path) {
  il_safetensors *file = il_safetensors_open(context, path);
  const char *text = file ? il_safetensors_metadata(file, "config") : NULL,
             *format = file ? il_safetensors_metadata(file, "format") : NULL;
  if (format && !strcmp(format, FORMAT)) {
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
                                         "inner.adapts=", "inner.batch=0"};
  il_status status = IL_OK;
  for (int i = 0; i < 3 && status == IL_OK; i++) status = il_config_set(config, settings[i]);
  return status;
}

static il_status set(il_config *config, const char *const *settings) {
  for (; settings && *settings; settings++) {
    if (strncmp(*settings, "inner.", 6) && strncmp(*settings, "meta.query_statistics=", 22))
      return il_fail(config->context, IL_ERROR_CONFIG,
                     "%s: adapting obeys the keys inner.* and meta.query_statistics alone",
                     *settings);
    if (il_config_set(config, *settings) != IL_OK) return il_context_status(config->context);
  }
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

static il_task_shape shape_of(int ways, int support, il_shape example, il_type type, double scale) {
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
    const il_task_shape shape = shape_of(support->classes, support->start[support->classes],
                                         input.example, input.type, input.scale);
    a = il_adapted_begin(context, config, &shape, options->team);
  } else {
    il_config_free(config);
  }
  int64_t made;
  if (a) {
    a->inverted = options->inverted;
    take_support(a, support);
  }
  il_status status = a ? il_checkpoint_open(a->learner, path, &made) : IL_ERROR_DATA;
  free(path);
  if (status == IL_OK && il_context_status(context) == IL_OK && il_adapted_calibrate(a) == IL_OK &&
      il_adapted_prepare(a) == IL_OK && il_adapted_adapt(a) == IL_OK &&
      il_adapted_finish(a) == IL_OK && try_once(a) == IL_OK)
    return a;
  il_adapted_free(a);
  return NULL;
}

/* ---- to targets ---- */

enum { SUPPORT_MAX = 1 << 20 };

static il_status check_targets(il_context *context, const char *run, const il_learner_input *input,
                               const il_adapt_targets *s) {
  if (!input->targets)
    return il_fail(context, IL_ERROR_UNSUPPORTED,
                   "%s: the run learned classes; only one that learned to predict numbers can be "
                   "shown targets",
                   run);
  if (s->count < 1 || s->count > SUPPORT_MAX)
    return il_fail(context, IL_ERROR_DATA, "the support set: found %lld examples, expected 1 to %d",
                   (long long)s->count, (int)SUPPORT_MAX);
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

static il_task_shape shape_of_targets(int outputs, int support, il_shape example, il_type type,
                                      double scale) {
  il_task_shape shape = shape_of(1, support, example, type, scale);
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
  int64_t made;
  if (config && check_targets(context, run, &input, support) == IL_OK &&
      set(config, options->settings) == IL_OK) {
    const il_task_shape shape = shape_of_targets(support->outputs, (int)support->count,
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
  const bool good = a && il_checkpoint_open(a->learner, path, &made) == IL_OK &&
                    il_adapted_prepare(a) == IL_OK && il_adapted_adapt(a) == IL_OK &&
                    il_adapted_finish(a) == IL_OK;
  free(path);
  if (good) return a;
  il_adapted_free(a);
  return NULL;
}

/* ---- files ---- */

il_status il_adapted_save(const il_adapted *a, const char *path) {
  const il_learned *l = a->learner;
  il_arena arena = {0};
  il_tensor *tensor = il_arena_alloc(
      &arena, ((size_t)l->meta.count + (size_t)l->carry.count + (size_t)a->state.count + 2) *
                  sizeof *tensor);
  char *config = il_config_dump(a->config), *names = il_json_of_texts(a->shape.ways, a->name),
       *spec = il_spec_print(a->context, &a->method, l->net, &a->shape, true);
  il_status status = tensor && config && names && spec
                         ? IL_OK
                         : il_fail_memory(a->context, "an adapted learner's file");
  int count = 0;
  if (status == IL_OK)
    status = il_buffers_tensors(a->context, &arena, &l->meta, IL_ROLE_META, tensor, &count);
  if (status == IL_OK)
    status = il_buffers_tensors(a->context, &arena, &l->carry, IL_ROLE_CARRY, tensor, &count);
  if (status == IL_OK)
    status = il_buffers_tensors(a->context, &arena, &a->state, IL_ROLE_ADAPTED, tensor, &count);
  if (status == IL_OK) {
    il_shape x = {.rank = a->shape.example.rank + 1, .dim = {a->shape.support}};
    memcpy(x.dim + 1, a->shape.example.dim, (size_t)a->shape.example.rank * sizeof *x.dim);
    tensor[count++] = (il_tensor){"support/x", a->shape.x, x, a->support_x};
    tensor[count++] =
        a->target ? (il_tensor){"support/y", IL_FLOAT32,
                                IL_SHAPE(a->shape.support, a->shape.outputs), a->target}
                  : (il_tensor){"support/y", IL_INT32, IL_SHAPE(a->shape.support), a->support_y};
    char scale[32], temperature[32], reject[32], left_out[48], algorithm[64];
    snprintf(algorithm, sizeof algorithm, "%s %d", a->method.algorithm->name,
             a->method.algorithm->revision);
    il_real_print(a->shape.scale, scale, sizeof scale);
    il_real_print(a->temperature, temperature, sizeof temperature);
    il_real_print(a->reject, reject, sizeof reject);
    snprintf(left_out, sizeof left_out, "%d of %d", a->right, a->left_out);
    const il_pair pair[] = {{"algorithm", algorithm},
                            {"class_names", names},
                            {"config", config},
                            {"format", FORMAT},
                            {"inverted", a->inverted ? "true" : "false"},
                            {"learner", spec},
                            {"left_out", left_out},
                            {"reject", reject},
                            {"scale", scale},
                            {"temperature", temperature}};
    status = il_safetensors_write(a->context, path, count, tensor,
                                  (int)(sizeof pair / sizeof *pair), pair);
  }
  free(config);
  free(names);
  il_release(spec);
  il_arena_free(&arena);
  return status;
}

static const char *text_of(const il_safetensors *file, const char *key) {
  const char *text = il_safetensors_metadata(file, key);
  return text ? text : "";
}

/* What the metadata says besides the configuration. */
static il_status read_rest(il_adapted *a, const char *path, const il_safetensors *file) {
  a->inverted = !strcmp(text_of(file, "inverted"), "true");
  if (sscanf(text_of(file, "left_out"), "%d of %d", &a->right, &a->left_out) != 2 ||
      !il_real_read(text_of(file, "temperature"), &a->temperature) || !(a->temperature > 0) ||
      !isfinite(a->temperature) || !il_real_read(text_of(file, "reject"), &a->reject))
    return il_fail(a->context, IL_ERROR_FORMAT,
                   "%s: metadata \"left_out\", \"temperature\" and \"reject\" are \"%s\", \"%s\" "
                   "and \"%s\", expected such as \"9 of 10\", \"1.5\" and \"0.4\"",
                   path, text_of(file, "left_out"), text_of(file, "temperature"),
                   text_of(file, "reject"));
  il_texts names = {0};
  if (il_texts_of_json(a->context, path, "class_names", text_of(file, "class_names"), &a->arena,
                       &names) != IL_OK)
    return il_context_status(a->context);
  if (names.count != a->shape.ways)
    return il_fail(a->context, IL_ERROR_FORMAT,
                   "%s: metadata \"class_names\" has %lld names, expected %d", path,
                   (long long)names.count, a->shape.ways);
  memcpy(a->name, names.text, (size_t)a->shape.ways * sizeof *a->name);
  return IL_OK;
}

static il_status read_support(il_adapted *a, const char *path, const il_tensor *x,
                              const il_tensor *y) {
  memcpy(a->support_x, x->data,
         (size_t)il_shape_count(x->shape) * (a->shape.x == IL_UINT8 ? 1 : sizeof(float)));
  const size_t support = (size_t)a->shape.support;
  if (a->target)
    memcpy(a->target, y->data, support * (size_t)a->shape.outputs * sizeof *a->target);
  else
    memcpy(a->support_y, y->data, support * sizeof *a->support_y);
  for (size_t i = 0; a->target && i < support * (size_t)a->shape.outputs; i++)
    if (!isfinite(a->target[i]))
      return il_fail(a->context, IL_ERROR_FORMAT, "%s: 'support/y' has %g at %lld", path,
                     (double)a->target[i], (long long)i);
  for (int i = 0; i < a->shape.support; i++)
    if (a->support_y[i] < 0 || a->support_y[i] >= a->shape.ways)
      return il_fail(a->context, IL_ERROR_FORMAT,
                     "%s: 'support/y' has the label %d at %d, expected 0 to %d", path,
                     (int)a->support_y[i], i, a->shape.ways - 1);
  const float *real = a->shape.x == IL_UINT8 ? NULL : x->data;
  for (int64_t i = 0; real && i < il_shape_count(x->shape); i++)
    if (!isfinite(real[i]))
      return il_fail(a->context, IL_ERROR_FORMAT, "%s: 'support/x' has %g at %lld", path,
                     (double)real[i], (long long)i);
  return IL_OK;
}

/* Labels, or targets. */
static bool good_answers(const il_shape *shape, il_type type) {
  return type == IL_INT32 ? shape->rank == 1
                          : type == IL_FLOAT32 && shape->rank == 2 && shape->dim[1] >= 1 &&
                                shape->dim[1] <= SUPPORT_MAX;
}

/* What came of adapting; files of before it was kept adapt again. */
static il_status read_state(il_adapted *a, const char *path, const il_safetensors *file) {
  if (il_adapted_prepare(a) != IL_OK) return il_context_status(a->context);
  return il_safetensors_metadata(file, "learner")
             ? il_buffers_read(a->context, path, file, &a->state, IL_ROLE_ADAPTED)
             : il_adapted_adapt(a);
}

static il_status check_values(il_context *context, const char *path, const il_buffers *b) {
  int64_t k;
  const int i = il_buffers_not_finite(b, &k);
  if (i < 0) return IL_OK;
  const void *at = il_buffers_at(b, i);
  return il_fail(context, IL_ERROR_FORMAT, "%s: '%s' has %g, expected finite numbers", path,
                 b->entry[i].name,
                 b->type == IL_FLOAT32 ? (double)((const float *)at)[k] : ((const double *)at)[k]);
}

static il_adapted *read_all(il_context *context, const char *path, const il_safetensors *file,
                            il_team *team) {
  const il_tensor *x = il_safetensors_find(file, "support/x"),
                  *y = il_safetensors_find(file, "support/y");
  double scale = 0;
  if (strcmp(text_of(file, "format"), FORMAT)) {
    const bool other = !strncmp(text_of(file, "format"), FORMAT, sizeof FORMAT - 2);
    il_fail(context, IL_ERROR_FORMAT,
            "%s: metadata \"format\" is \"%s\", expected \"%s\", which `innerloop adapt` writes%s",
            path, text_of(file, "format"), FORMAT,
            other ? "; another version of innerloop wrote it" : "");
    return NULL;
  }
  if (il_checkpoint_check_algorithm(context, path, file) != IL_OK) return NULL;
  if (!x || !y || (x->type != IL_UINT8 && x->type != IL_FLOAT32) || x->shape.rank < 2 ||
      x->shape.rank > 4 || il_shape_count(x->shape) < 1 || !good_answers(&y->shape, y->type) ||
      y->shape.dim[0] != x->shape.dim[0] || y->shape.dim[0] > SUPPORT_MAX ||
      !il_real_read(text_of(file, "scale"), &scale) || !isfinite(scale) || scale == 0) {
    il_fail(context, IL_ERROR_FORMAT,
            "%s: expected tensors 'support/x' U8 or F32 [n,…] and 'support/y' I32 [n] or F32 "
            "[n,targets], and a number as metadata \"scale\"",
            path);
    return NULL;
  }
  il_config *config = il_config_parse(context, path, text_of(file, "config"));
  if (!config) return NULL;
  il_shape example = x->shape;
  memmove(example.dim, example.dim + 1, sizeof *example.dim * (size_t)--example.rank);
  const int support = (int)x->shape.dim[0];
  const il_task_shape shape =
      y->type == IL_INT32
          ? shape_of(atoi(il_config_get(config, "task.ways")), support, example, x->type, scale)
          : shape_of_targets((int)y->shape.dim[1], support, example, x->type, scale);
  il_adapted *a = il_adapted_begin(context, config, &shape, team);
  if (a && read_support(a, path, x, y) == IL_OK && read_rest(a, path, file) == IL_OK &&
      il_buffers_read(context, path, file, &a->learner->meta, IL_ROLE_META) == IL_OK &&
      il_buffers_read(context, path, file, &a->learner->carry, IL_ROLE_CARRY) == IL_OK &&
      check_values(context, path, &a->learner->meta) == IL_OK &&
      check_values(context, path, &a->learner->carry) == IL_OK &&
      read_state(a, path, file) == IL_OK && check_values(context, path, &a->state) == IL_OK &&
      il_adapted_finish(a) == IL_OK)
    return a;
  il_adapted_free(a);
  return NULL;
}

il_adapted *il_adapted_open(il_context *context, const char *path, il_team *team) {
  struct stat info;
  if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
    il_fail(context, IL_ERROR_ARGUMENT,
            "%s: found a folder, expected a file that `innerloop adapt RUN --support FOLDER --out "
            "FILE` wrote",
            path);
    return NULL;
  }
  il_safetensors *file = il_safetensors_open(context, path);
  il_adapted *a = file ? read_all(context, path, file, team) : NULL;
  il_safetensors_close(file);
  return a;
}
