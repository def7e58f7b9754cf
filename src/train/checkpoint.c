/* Checkpoints: weights by their names, Adam's moments as adam.first.NAME and adam.second.NAME. */
#include "train/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/weights.h"

char *il_run_path(il_context *context, const char *folder, const char *name) {
  char *path = NULL;
  if (asprintf(&path, "%s/%s", folder, name) >= 0) return path;
  il_fail_memory(context, "a path");
  return NULL;
}

static const char *const prefix[] = {"", "adam.first.", "adam.second."};

il_status il_checkpoint_save(const il_learner *l, int64_t step, const char *config,
                             const char *path) {
  il_arena arena = {0};
  int n = l->parameters;
  il_tensor *tensor = il_arena_alloc(&arena, (size_t)(3 * n + 1) * sizeof *tensor);
  il_status status = tensor ? IL_OK : il_fail_memory(l->context, "a checkpoint");
  for (int k = 0; k < l->kinds && status == IL_OK; k++)
    status = il_weights_tensors(l->context, &arena, l->net, prefix[k], l->real,
                                (const void *const *)l->state[l->side][k], tensor + k * n);
  char number[32], seed[32];
  snprintf(number, sizeof number, "%lld", (long long)step);
  snprintf(seed, sizeof seed, "%llu", (unsigned long long)l->tasks->seed);
  il_pair pair[] = {
      {"config", config}, {"format", "innerloop checkpoint 1"}, {"seed", seed}, {"step", number}};
  if (status == IL_OK)
    status = il_safetensors_write(l->context, path, l->kinds * n, tensor, 4, pair);
  il_arena_free(&arena);
  return status;
}

static il_status read_step(il_context *context, const char *path, const il_safetensors *file,
                           int64_t *step) {
  const char *text = il_safetensors_metadata(file, "step");
  char *end = NULL;
  *step = text ? strtoll(text, &end, 10) : -1;
  if (!text || *end || *step < 0)
    return il_fail(context, IL_ERROR_FORMAT,
                   "%s: metadata \"step\" is %s, expected a meta-step; not a "
                   "checkpoint of innerloop",
                   path, text ? text : "missing");
  return IL_OK;
}

static il_status same_config(const il_learner *l, const char *path, const il_safetensors *file) {
  const char *text = il_safetensors_metadata(file, "config");
  if (!text)
    return il_fail(l->context, IL_ERROR_FORMAT, "%s: metadata \"config\" is missing", path);
  il_config *saved = il_config_parse(l->context, path, text);
  if (!saved) return il_context_status(l->context);
  int key = il_config_difference(saved, l->config);
  if (key >= 0) {
    const char *name = il_config_key_name(key);
    il_fail(l->context, IL_ERROR_CONFIG,
            "%s: the run was started with %s %s, now it is %s; resume with the same value", path,
            name, il_config_get(saved, name), il_config_get(l->config, name));
  }
  il_config_free(saved);
  return il_context_status(l->context);
}

il_status il_checkpoint_load(il_learner *l, const char *path, int64_t *step) {
  il_safetensors *file = il_safetensors_open(l->context, path);
  if (!file) return il_context_status(l->context);
  il_status status = read_step(l->context, path, file, step);
  if (status == IL_OK) status = same_config(l, path, file);
  for (int k = 0; k < l->kinds && status == IL_OK; k++)
    status =
        il_weights_read(l->context, path, file, l->net, prefix[k], l->real, l->state[l->side][k]);
  il_safetensors_close(file);
  return status;
}

il_status il_checkpoint_weights(il_context *context, const char *path, const il_net *net,
                                il_type type, void *const *weights, int64_t *step) {
  il_safetensors *file = il_safetensors_open(context, path);
  if (!file) return il_context_status(context);
  il_status status = read_step(context, path, file, step);
  if (status == IL_OK) status = il_weights_read(context, path, file, net, "", type, weights);
  il_safetensors_close(file);
  return status;
}
