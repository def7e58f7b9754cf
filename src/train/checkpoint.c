/* Checkpoints (see learner/learned.h for names and layout). */
#include "train/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/locale.h"
#include "base/room.h"
#include "data/dataset.h"
#include "learner/spec.h"
#include "saved/learned_file.h"
#include "train/average.h"

char *il_run_path(il_context *context, const char *folder, const char *name) {
  char *path = NULL;
  if (asprintf(&path, "%s/%s", folder, name) >= 0) return path;
  il_fail_memory(context, "a path");
  return NULL;
}

/* "u8 28 28 1": one example. */
static void print_example(const il_task_shape *shape, char *text, size_t size) {
  int length = snprintf(text, size, "%s", shape->x == IL_UINT8 ? "u8" : "f32");
  for (int i = 0; i < shape->example.rank && length < (int)size; i++)
    length +=
        snprintf(text + length, size - (size_t)length, " %lld", (long long)shape->example.dim[i]);
}

static bool read_example(const char *text, il_checkpoint_tasks *t) {
  const bool bytes = !strncmp(text, "u8", 2), floats = !strncmp(text, "f32", 3);
  const char *at = text + (bytes ? 2 : 3);
  t->type = bytes ? IL_UINT8 : IL_FLOAT32;
  t->example.rank = 0;
  while ((bytes || floats) && *at == ' ' && t->example.rank < IL_MAX_RANK) {
    char *end;
    const long long dim = strtoll(at, &end, 10);
    if (end == at || dim < 1) return false;
    t->example.dim[t->example.rank++] = dim;
    at = end;
  }
  return t->example.rank > 0 && !*at;
}

static il_status save(il_meta_step *s, const il_tasks *tasks, int64_t made,
                      const il_patience *patience, const char *config, const char *path) {
  const il_task_shape *shape = il_tasks_shape(tasks, IL_TRAIN, 0);
  const uint64_t data = il_tasks_content(tasks), divided = il_tasks_division(tasks);
  const il_learned *l = s->learner;
  il_arena arena = {0};
  const int most = l->meta.count + l->carry.count + s->outer.count + s->average.count;
  il_tensor *tensor = il_arena_alloc(&arena, ((size_t)most + 1) * sizeof *tensor);
  il_status status = tensor ? IL_OK : il_fail_memory(s->context, "a checkpoint");
  int count = 0;
  if (status == IL_OK)
    status = il_buffers_tensors(s->context, &arena, &l->meta, IL_ROLE_META, tensor, &count);
  if (status == IL_OK)
    status = il_buffers_tensors(s->context, &arena, &l->carry, IL_ROLE_CARRY, tensor, &count);
  if (status == IL_OK)
    status = il_buffers_tensors(s->context, &arena, &s->outer, IL_ROLE_OUTER, tensor, &count);
  if (status == IL_OK)
    status = il_buffers_tensors(s->context, &arena, &s->average, IL_ROLE_OUTER, tensor, &count);
  char step[32], seed[32], skipped[32], algorithm[64], example[128], scale[32], outputs[16],
      content[32] = "", division[32], ema[32], validations[96], best[64 * IL_KEPT_MOST];
  print_example(shape, example, sizeof example);
  il_real_print(shape->scale, scale, sizeof scale);
  snprintf(outputs, sizeof outputs, "%d", shape->outputs);
  char mean[32] = "0", deviation[32] = "0";
  const il_dataset *dataset = il_tasks_dataset(tasks);
  if (dataset) {
    double moments[2];
    il_dataset_moments(dataset, &moments[0], &moments[1]);
    il_real_print(moments[0], mean, sizeof mean);
    il_real_print(moments[1], deviation, sizeof deviation);
  }
  if (data) snprintf(content, sizeof content, "%016llx", (unsigned long long)data);
  snprintf(step, sizeof step, "%lld", (long long)made);
  snprintf(skipped, sizeof skipped, "%lld", (long long)s->skipped);
  snprintf(seed, sizeof seed, "%llu", (unsigned long long)s->method->seed);
  snprintf(algorithm, sizeof algorithm, "%s %d", s->method->algorithm->name,
           s->method->algorithm->revision);
  char *spec = il_spec_print(s->context, s->method, l->net, shape, false);
  il_real_print(s->method->ema, ema, sizeof ema);
  if (patience) il_patience_print(patience, validations, sizeof validations);
  if (patience) il_patience_print_best(patience, best, sizeof best);
  il_pair pair[] = {{"algorithm", algorithm},
                    {"answers", shape->targets ? "numbers" : "classes"},
                    {"config", config},
                    {"dataset", content},
                    {"deviation", deviation},
                    {"example", example},
                    {"format", "innerloop learner 1"},
                    {"inputs", s->pixels ? "pixels" : "reals"},
                    {"learner", spec},
                    {"mean", mean},
                    {"norm_statistics", il_query_statistics_name(s->method->statistics)},
                    {"outputs", outputs},
                    {"scale", scale},
                    {"seed", seed},
                    {"step", step},
                    {0},
                    {0},
                    {0},
                    {0}}; /* said where there is one: */
  int pairs = (int)(sizeof pair / sizeof *pair) - 4;
  snprintf(division, sizeof division, "%016llx", (unsigned long long)divided);
  if (divided) pair[pairs++] = (il_pair){"division", division};
  if (s->skipped) pair[pairs++] = (il_pair){"skipped", skipped};
  if (s->average.count) pair[pairs++] = (il_pair){"ema", ema};
  if (patience) pair[pairs++] = (il_pair){"validations", validations};
  if (patience && patience->kept) pair[pairs++] = (il_pair){"best", best};
  if (!spec) status = il_context_status(s->context);
  if (status == IL_OK) status = il_safetensors_write(s->context, path, count, tensor, pairs, pair);
  il_release(spec);
  il_arena_free(&arena);
  return status;
}

il_status il_checkpoint_save(il_meta_step *s, const il_tasks *tasks, int64_t made,
                             const il_patience *patience, const char *config, const char *path) {
  il_average_exchange(s);
  const il_status status = save(s, tasks, made, patience, config, path);
  il_average_exchange(s);
  return status;
}

il_status il_checkpoint_check_algorithm(il_context *context, const char *path,
                                        const il_safetensors *file) {
  const char *by = il_safetensors_metadata(file, "algorithm");
  char name[64] = "";
  int revision = 0;
  if (!by) return IL_OK; /* written before there was more than one */
  const il_algorithm *algorithm =
      sscanf(by, "%63s %d", name, &revision) == 2 ? il_algorithm_find(name) : NULL;
  if (algorithm && revision == algorithm->revision) return IL_OK;
  return il_fail(context, IL_ERROR_FORMAT,
                 "%s: metadata \"algorithm\" is \"%s\", which this version does not have; another "
                 "version of innerloop wrote it",
                 path, by);
}

/* What the file says that it is: made by an algorithm as it is today, after so many meta-steps. */
static il_status read_head(il_context *context, const char *path, const il_safetensors *file,
                           int64_t *made) {
  const char *text = il_safetensors_metadata(file, "step");
  char *end = NULL;
  *made = text ? strtoll(text, &end, 10) : -1;
  if (!text || *end || *made < 0)
    return il_fail(context, IL_ERROR_FORMAT,
                   "%s: metadata \"step\" is %s, expected a meta-step; not a "
                   "checkpoint of innerloop",
                   path, text ? text : "missing");
  return il_checkpoint_check_algorithm(context, path, file);
}

il_status il_checkpoint_read_tasks(il_context *context, const char *path, il_checkpoint_tasks *t) {
  *t = (il_checkpoint_tasks){0};
  il_safetensors *file = il_safetensors_open(context, path);
  if (!file) return il_context_status(context);
  const char *example = il_safetensors_metadata(file, "example"),
             *scale = il_safetensors_metadata(file, "scale"),
             *outputs = il_safetensors_metadata(file, "outputs"),
             *dataset = il_safetensors_metadata(file, "dataset"),
             *division = il_safetensors_metadata(file, "division");
  if (example) {
    t->known = read_example(example, t) && scale && il_real_read(scale, &t->scale) && outputs &&
               (t->outputs = atoi(outputs)) > 0;
    const char *answers = il_safetensors_metadata(file, "answers");
    t->targets = answers && !strcmp(answers, "numbers");
    t->content = dataset ? strtoull(dataset, NULL, 16) : 0;
    t->division = division ? strtoull(division, NULL, 16) : 0;
    const char *mean = il_safetensors_metadata(file, "mean"),
               *deviation = il_safetensors_metadata(file, "deviation");
    if (mean && deviation &&
        (!il_real_read(mean, &t->mean) || !il_real_read(deviation, &t->deviation)))
      t->known = false;
    if (!t->known)
      il_fail(context, IL_ERROR_FORMAT,
              "%s: metadata \"example\", \"scale\" and \"outputs\" are \"%s\", \"%s\" and "
              "\"%s\", expected such as \"u8 28 28 1\", \"0.5\" and \"5\"",
              path, example, scale ? scale : "", outputs ? outputs : "");
  }
  il_safetensors_close(file);
  return il_context_status(context);
}

static il_status same_config(il_context *context, const il_config *config, const char *path,
                             const il_safetensors *file) {
  const char *text = il_safetensors_metadata(file, "config");
  if (!text) return il_fail(context, IL_ERROR_FORMAT, "%s: metadata \"config\" is missing", path);
  il_config *saved = il_config_parse(context, path, text);
  if (!saved) return il_context_status(context);
  int key = il_config_difference(saved, config);
  if (key >= 0) {
    const bool net = key == IL_KEY_MODEL, both = saved->layers && config->layers;
    const char *name = il_config_key_name(key), *was = il_config_get(saved, name),
               *now = il_config_get(config, name);
    if (net && saved->layers) was = "layers of its own";
    if (net && config->layers) now = both ? "other layers" : "layers of its own";
    il_fail(context, IL_ERROR_CONFIG,
            "%s: the run was started with %s %s, now it is %s; resume with the same value", path,
            net && both ? "model.layers" : name, was, now);
  }
  il_config_free(saved);
  return il_context_status(context);
}

static il_status read_learner(il_learned *l, const char *path, const il_safetensors *file) {
  const il_status status = il_buffers_read(l->context, path, file, &l->meta, IL_ROLE_META);
  return status == IL_OK ? il_buffers_read(l->context, path, file, &l->carry, IL_ROLE_CARRY)
                         : status;
}

/* The rest of the meta-steps would be another run's. */
static il_status same_data(il_context *context, const il_tasks *tasks, const il_config *config,
                           const char *path, const il_safetensors *file) {
  const char *saved = il_safetensors_metadata(file, "dataset");
  const uint64_t data = il_tasks_content(tasks);
  if (!saved || !*saved || !data || strtoull(saved, NULL, 16) == data) return IL_OK;
  return il_fail(context, IL_ERROR_CONFIG,
                 "%s: %s has changed since the run was started; resume with the same data, or "
                 "start another run",
                 path, il_config_get(config, "task.data"));
}

il_status il_checkpoint_same_division(il_context *context, const char *path, uint64_t saved,
                                      const il_tasks *tasks, const il_config *config) {
  const uint64_t now = il_tasks_division(tasks);
  if (!saved || !now || saved == now) return IL_OK;
  const il_key by[] = {IL_KEY_SPLIT_FILE, IL_KEY_CLASS_WEIGHTS};
  char files[512] = "";
  for (int i = 0, length = 0; i < 2; i++)
    if (*il_config_text(config, by[i]) && (i || il_config_is(config, IL_KEY_SPLIT, "file")) &&
        length < (int)sizeof files)
      length +=
          snprintf(files + length, sizeof files - (size_t)length, "%s%s %s", *files ? " or " : "",
                   il_config_key_name(by[i]), il_config_text(config, by[i]));
  return il_fail(context, IL_ERROR_CONFIG,
                 "%s: classes are divided or weighed otherwise than when the run was "
                 "started: %s has changed; expected the same",
                 path, *files ? files : "what divides them");
}

static il_status match(il_context *context, const il_tasks *tasks, const il_config *config,
                       const char *path, const il_safetensors *file, int64_t *made) {
  il_status status = read_head(context, path, file, made);
  if (status == IL_OK) status = same_config(context, config, path, file);
  if (status == IL_OK) status = same_data(context, tasks, config, path, file);
  const char *division = il_safetensors_metadata(file, "division");
  if (status == IL_OK && division)
    status =
        il_checkpoint_same_division(context, path, strtoull(division, NULL, 16), tasks, config);
  return status;
}

il_status il_checkpoint_match(il_context *context, const il_tasks *tasks, const il_config *config,
                              const char *path, int64_t *made) {
  il_safetensors *file = il_safetensors_open(context, path);
  if (!file) return il_context_status(context);
  const il_status status = match(context, tasks, config, path, file, made);
  il_safetensors_close(file);
  return status;
}

il_status il_checkpoint_resume(il_meta_step *s, const il_tasks *tasks, const il_config *config,
                               const char *path, int64_t *made, il_patience *patience) {
  il_safetensors *file = il_safetensors_open(s->context, path);
  if (!file) return il_context_status(s->context);
  il_status status = match(s->context, tasks, config, path, file, made);
  if (status == IL_OK) status = read_learner(s->learner, path, file);
  if (status == IL_OK) status = il_buffers_read(s->context, path, file, &s->outer, IL_ROLE_OUTER);
  if (status == IL_OK) status = il_buffers_read(s->context, path, file, &s->average, IL_ROLE_OUTER);
  if (status == IL_OK) il_average_exchange(s); /* the file's learner is the average */
  const char *validations = il_safetensors_metadata(file, "validations");
  if (status == IL_OK && validations && !il_patience_read(patience, validations))
    status =
        il_fail(s->context, IL_ERROR_FORMAT,
                "%s: metadata \"validations\" is \"%.60s\", expected such as \"12 0.94 4000 3\"",
                path, validations);
  const char *best = il_safetensors_metadata(file, "best");
  if (status == IL_OK && best && !il_patience_read_best(patience, best))
    status = il_fail(s->context, IL_ERROR_FORMAT,
                     "%s: metadata \"best\" is \"%.60s\", expected such as \"4000 0.94,3500 0.93\"",
                     path, best);
  const char *skipped = il_safetensors_metadata(file, "skipped");
  s->skipped = skipped ? strtoll(skipped, NULL, 10) : 0;
  il_safetensors_close(file);
  return status;
}

il_status il_checkpoint_open(il_learned *l, const char *path, int64_t *made) {
  il_safetensors *file = il_safetensors_open(l->context, path);
  if (!file) return il_context_status(l->context);
  il_status status = read_head(l->context, path, file, made);
  if (status == IL_OK) status = read_learner(l, path, file);
  il_safetensors_close(file);
  return status;
}
