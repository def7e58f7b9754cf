/* Adapted learners to and from files: what was trained under PyTorch's names, "support/x" and "support/y", and everything else
 * in the metadata. */
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
                            {"format", IL_ADAPTED_FORMAT},
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
                                shape->dim[1] <= IL_ADAPTED_SUPPORT;
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
  if (strcmp(text_of(file, "format"), IL_ADAPTED_FORMAT)) {
    const bool other =
        !strncmp(text_of(file, "format"), IL_ADAPTED_FORMAT, sizeof IL_ADAPTED_FORMAT - 2);
    il_fail(context, IL_ERROR_FORMAT,
            "%s: metadata \"format\" is \"%s\", expected \"%s\", which `innerloop adapt` writes%s",
            path, text_of(file, "format"), IL_ADAPTED_FORMAT,
            other ? "; another version of innerloop wrote it" : "");
    return NULL;
  }
  if (il_checkpoint_check_algorithm(context, path, file) != IL_OK) return NULL;
  if (!x || !y || (x->type != IL_UINT8 && x->type != IL_FLOAT32) || x->shape.rank < 2 ||
      x->shape.rank > 4 || il_shape_count(x->shape) < 1 || !good_answers(&y->shape, y->type) ||
      y->shape.dim[0] != x->shape.dim[0] || y->shape.dim[0] > IL_ADAPTED_SUPPORT ||
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
          ? il_adapted_shape(atoi(il_config_get(config, "task.ways")), support, example, x->type,
                             scale)
          : il_adapted_shape_of_targets((int)y->shape.dim[1], support, example, x->type, scale);
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
