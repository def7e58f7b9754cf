/* Sweeps: every combination is looked at before any work. */
#include "base/room.h"
#include "sweep/sweep.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config_method.h"
#include "config/config_tasks.h"
#include "config/vain.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/meta_step.h"

/* ---- names of folders ---- */

/* A value as a part of a file's name. What cannot stand there is left out, and a hash tells such values apart. */
static void print_value(const char *value, char *text, size_t size) {
  enum { MOST = 40 };
  const char *slash = strrchr(value, '/'), *last = slash && slash[1] ? slash + 1 : value;
  size_t length = 0;
  bool whole = last == value;
  for (const char *p = last; *p; p++) {
    const bool fine = isalnum((unsigned char)*p) || strchr("._+-", *p);
    whole = whole && fine && length < MOST;
    if (fine && length < MOST && length + 1 < size) text[length++] = *p;
  }
  text[length] = 0;
  if (whole && length) return;
  uint32_t hash = 2166136261u;
  for (const char *p = value; *p; p++) hash = (hash ^ (unsigned char)*p) * 16777619u;
  snprintf(text + length, size - length, "%s%08x", length ? "-" : "", hash);
}

static const char *name_of(il_sweep *s, const il_sweep_point *point, int64_t seed) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  for (int a = 0; out && a < s->axes; a++) {
    char value[64];
    print_value(point->value[a], value, sizeof value);
    fprintf(out, "%s=%s,", s->axis[a].key, value);
  }
  if (out) fprintf(out, "seed=%lld", (long long)seed);
  const char *name =
      out && il_text_close(out, &text) == 0 ? il_arena_string(&s->arena, text) : NULL;
  free(text);
  return name;
}

static const char *joined(il_sweep *s, const char *folder, const char *name) {
  const size_t size = strlen(folder) + strlen(name) + 2;
  char *path = il_arena_alloc(&s->arena, size);
  if (path) snprintf(path, size, "%s/%s", folder, name);
  return path;
}

/* ---- what was asked for ---- */

static const char *key_of_axis(il_sweep *s, const il_config *config, const il_sweep_axis *axis) {
  if (il_config_find(axis->key) == IL_KEY_SEED) {
    il_fail(s->context, IL_ERROR_CONFIG, "--grid: found the key seed; expected --seeds for it");
    return NULL;
  }
  for (int a = 0; a < s->axes; a++)
    if (s->axis[a].key && !strcmp(s->axis[a].key, axis->key)) {
      il_fail(s->context, IL_ERROR_CONFIG, "--grid: the key %s is given twice", axis->key);
      return NULL;
    }
  if (!il_config_get(config, axis->key)) { /* refused, with the nearest key that there is */
    char *assignment = NULL;
    il_config *unused = il_config_new(s->context);
    if (unused && asprintf(&assignment, "%s=0", axis->key) >= 0) il_config_set(unused, assignment);
    free(assignment);
    il_config_free(unused);
    return NULL;
  }
  return il_arena_string(&s->arena, axis->key);
}

static il_status copy_axes(il_sweep *s, const il_config *config, const il_sweep_options *o) {
  il_sweep_axis *axes = il_arena_alloc(&s->arena, ((size_t)o->axes + 1) * sizeof *axes);
  if (!axes) return il_fail_memory(s->context, "a sweep");
  memset(axes, 0, ((size_t)o->axes + 1) * sizeof *axes);
  s->axis = axes;
  s->axes = o->axes;
  s->points = 1;
  for (int a = 0; a < o->axes; a++) {
    const il_sweep_axis *from = &o->axis[a];
    const char *key = key_of_axis(s, config, from);
    if (!key) return il_fail_memory(s->context, "a sweep");
    if (from->values < 1)
      return il_fail(s->context, IL_ERROR_CONFIG, "--grid %s: found no value, expected some", key);
    if (from->values > IL_SWEEP_MOST_POINTS / s->points)
      return il_fail(s->context, IL_ERROR_CONFIG,
                     "--grid: found more than %d combinations, expected at most that many",
                     IL_SWEEP_MOST_POINTS);
    const char **value = il_arena_alloc(&s->arena, (size_t)from->values * sizeof *value);
    for (int v = 0; value && v < from->values; v++)
      if (!(value[v] = il_arena_string(&s->arena, from->value[v]))) value = NULL;
    if (!value) return il_fail_memory(s->context, "a sweep");
    axes[a] = (il_sweep_axis){key, from->values, value};
    s->points *= from->values;
  }
  return IL_OK;
}

static il_status copy_seeds(il_sweep *s, const il_config *config, const il_sweep_options *o) {
  const int count = o->seed ? o->seeds : 1;
  if (count < 1 || count > IL_SWEEP_MOST_RUNS / s->points)
    return il_fail(s->context, IL_ERROR_CONFIG,
                   "found %d seeds for %d combinations, expected at least one and at most %d runs",
                   count, s->points, IL_SWEEP_MOST_RUNS);
  int64_t *seed = il_arena_alloc(&s->arena, (size_t)count * sizeof *seed);
  if (!seed) return il_fail_memory(s->context, "a sweep");
  for (int i = 0; i < count; i++) {
    seed[i] = o->seed ? o->seed[i] : il_config_long(config, IL_KEY_SEED);
    for (int k = 0; k < i; k++)
      if (seed[k] == seed[i])
        return il_fail(s->context, IL_ERROR_CONFIG, "--seeds: found %lld twice",
                       (long long)seed[i]);
  }
  s->seed = seed;
  s->seeds = count;
  s->runs = s->points * count;
  return IL_OK;
}

/* ---- configurations ---- */

/* The complete configuration of a run; NULL after an error. */
static il_config *config_of(il_sweep *s, const char *base, const il_sweep_point *point,
                            int64_t seed) {
  il_config *config = il_config_parse(s->context, "the sweep's configuration", base);
  for (int a = 0; config && a <= s->axes; a++) {
    char *assignment = NULL;
    const int length = a < s->axes ? asprintf(&assignment, "%s=%s", s->axis[a].key, point->value[a])
                                   : asprintf(&assignment, "seed=%lld", (long long)seed);
    const il_status status = length < 0 ? il_fail_memory(s->context, "a configuration")
                                        : il_config_set(config, assignment);
    if (length >= 0) free(assignment);
    if (status != IL_OK) {
      il_config_free(config);
      return NULL;
    }
  }
  if (config && il_config_validate(config) == IL_OK && il_config_settle(config) == IL_OK)
    return config;
  il_config_free(config);
  return NULL;
}

/* Nothing that a run computes tells these apart. Meta-steps and files are free to change when a run goes on, and so no
 * difference there. */
static bool same_run(const il_config *a, const il_config *b) {
  for (int i = 0; i < il_config_keys(); i++)
    if (il_config_names_file(i) &&
        strcmp(il_config_text(a, (il_key)i), il_config_text(b, (il_key)i)) != 0)
      return false;
  /* Validations may end a run. */
  const il_key validating[] = {IL_KEY_EVAL_PATIENCE, IL_KEY_EVAL_EVERY, IL_KEY_EVAL_QUERIES,
                               IL_KEY_EVAL_VALIDATION_TASKS};
  for (int i = 0; i < 4; i++)
    if ((i == 0 || il_config_long(a, IL_KEY_EVAL_PATIENCE)) &&
        il_config_long(a, validating[i]) != il_config_long(b, validating[i]))
      return false;
  return il_config_difference(a, b) < 0 &&
         il_config_long(a, IL_KEY_STEPS) == il_config_long(b, IL_KEY_STEPS);
}

/* A key that no combination reads is refused as in a single run; asked: what was set for all of them. */
static il_status check_read(il_sweep *s, const il_config *asked, il_config *const *config) {
  for (int key = 0; key < il_config_keys(); key++) {
    bool read = !asked->value[key].asked || il_config_is_default(asked, key);
    for (int p = 0; p < s->points && !read; p++) read = !il_config_unread(config[p], key);
    if (read) continue;
    config[0]->value[key].asked = true;
    return il_config_check_asked(s->context, config[0]);
  }
  return IL_OK;
}

static il_status check_distinct(il_sweep *s, il_config *const *config) {
  for (int b = 1; b < s->points; b++)
    for (int a = 0; a < b; a++) {
      if (!same_run(config[a], config[b])) continue;
      int axis = 0; /* the first whose values differ */
      while (axis + 1 < s->axes && !strcmp(s->point[a].value[axis], s->point[b].value[axis]))
        axis++;
      return il_fail(s->context, IL_ERROR_CONFIG,
                     "--grid %s: \"%s\" and \"%s\" would train the same run twice",
                     s->axis[axis].key, s->point[a].value[axis], s->point[b].value[axis]);
    }
  return IL_OK;
}

/* The plan and the tasks of a point, as training would make them. */
static il_status check_trains(il_sweep *s, const il_config *config, il_sweep_point *point,
                              il_tasks **tasks) {
  il_method method;
  il_status status = il_config_method(config, &method);
  if (status != IL_OK) return status;
  *tasks = il_config_tasks(s->context, config);
  if (!*tasks) return il_context_status(s->context);
  const il_task_shape *shape = il_tasks_shape(*tasks, IL_TRAIN, 0);
  status = il_method_classes(s->context, &method, shape->outputs);
  if (status != IL_OK) return status;
  il_net *net = il_config_net(s->context, config, shape);
  il_learned *learner = il_learned_new(s->context, &method, net, false, true);
  il_meta_step step = {0};
  status = learner ? il_meta_step_init(s->context, &step, &method, learner, *tasks, NULL)
                   : il_context_status(s->context);
  il_meta_step_free(&step);
  il_learned_free(learner);
  point->squared_error = shape->loss == IL_LOSS_MEAN_SQUARED_ERROR;
  point->inner_steps = method.inner.steps;
  snprintf(point->protocol, sizeof point->protocol, "%s", il_protocol_name(method.statistics));
  return status;
}

/* What is in the run's folder already. */
static il_status look_at(il_sweep *s, int r, const il_config *config, const il_tasks *tasks) {
  il_sweep_run *run = &s->run[r];
  char *path = il_run_path(s->context, run->folder, "checkpoint.safetensors");
  if (!path) return il_context_status(s->context);
  il_status status = IL_OK;
  run->state = IL_SWEEP_NEW;
  if (access(path, F_OK) == 0) {
    status = il_checkpoint_match(s->context, tasks, config, path, &run->made);
    run->state = run->made == run->steps ? IL_SWEEP_TRAINED : IL_SWEEP_BEGUN;
    if (status == IL_OK && run->made > run->steps)
      status = il_fail(s->context, IL_ERROR_CONFIG,
                       "%s: outer.steps: found %lld, but the checkpoint is at meta-step %lld", path,
                       (long long)run->steps, (long long)run->made);
  }
  il_evaluation evaluation;
  if (status == IL_OK && run->state == IL_SWEEP_TRAINED &&
      il_sweep_record_read(s, r, &evaluation)) {
    run->state = IL_SWEEP_DONE;
    il_sweep_take(s, r, &evaluation);
  }
  free(path);
  return status;
}

static il_status plan_runs(il_sweep *s, const char *base, int p, il_config *config) {
  il_sweep_point *point = &s->point[p];
  il_tasks *tasks = NULL;
  il_status status = check_trains(s, config, point, &tasks);
  for (int i = 0; i < s->seeds && status == IL_OK; i++) {
    const int r = p * s->seeds + i;
    il_sweep_run *run = &s->run[r];
    il_config *own = config_of(s, base, point, s->seed[i]);
    char *text = own ? il_config_dump(own) : NULL;
    run->point = p;
    run->seed = s->seed[i];
    run->steps = il_config_long(config, IL_KEY_STEPS);
    run->mean = run->interval = (double)NAN;
    run->name = name_of(s, point, run->seed);
    run->folder = run->name ? joined(s, s->out, run->name) : NULL;
    s->text[r] = text ? il_arena_string(&s->arena, text) : NULL;
    status = own && s->text[r] && run->folder ? look_at(s, r, own, tasks)
                                              : il_fail_memory(s->context, "a sweep's runs");
    free(text);
    il_config_free(own);
  }
  il_tasks_free(tasks);
  return status;
}

/* Values of the point's axes, the last the fastest. */
static il_status fill_point(il_sweep *s, int p) {
  const char **value = il_arena_alloc(&s->arena, ((size_t)s->axes + 1) * sizeof *value);
  if (!value) return il_fail_memory(s->context, "a sweep");
  for (int a = s->axes - 1, rest = p; a >= 0; rest /= s->axis[a].values, a--)
    value[a] = s->axis[a].value[rest % s->axis[a].values];
  s->point[p] = (il_sweep_point){.value = value};
  return IL_OK;
}

static il_status prepare(il_sweep *s, const il_config *config, const il_sweep_options *o) {
  s->out = il_arena_string(&s->arena, o->out);
  il_status status = s->out ? copy_axes(s, config, o) : il_fail_memory(s->context, "a sweep");
  if (status == IL_OK) status = copy_seeds(s, config, o);
  if (status != IL_OK) return status;
  char *base = il_config_dump(config);
  s->point = il_arena_alloc(&s->arena, (size_t)s->points * sizeof *s->point);
  s->run = il_arena_alloc(&s->arena, (size_t)s->runs * sizeof *s->run);
  s->text = il_arena_alloc(&s->arena, (size_t)s->runs * sizeof *s->text);
  il_config **made = calloc((size_t)s->points, sizeof *made);
  if (!base || !s->point || !s->run || !s->text || !made)
    status = il_fail_memory(s->context, "a sweep");
  if (s->run) memset(s->run, 0, (size_t)s->runs * sizeof *s->run);
  for (int p = 0; p < s->points && status == IL_OK; p++) {
    status = fill_point(s, p);
    if (status == IL_OK) made[p] = config_of(s, base, &s->point[p], s->seed[0]);
    if (status == IL_OK && !made[p]) status = il_context_status(s->context);
  }
  if (status == IL_OK) status = check_read(s, config, made);
  if (status == IL_OK) status = check_distinct(s, made);
  for (int p = 0; p < s->points && status == IL_OK; p++) status = plan_runs(s, base, p, made[p]);
  for (int p = 0; made && p < s->points; p++) il_config_free(made[p]);
  free(made);
  free(base);
  return status;
}

il_sweep *il_sweep_new(il_context *context, const il_config *config, const il_sweep_options *o) {
  il_sweep *s = calloc(1, sizeof *s);
  if (!s) {
    il_fail_memory(context, "a sweep");
    return NULL;
  }
  s->context = context;
  if (prepare(s, config, o) == IL_OK) {
    il_sweep_summarize(s);
    return s;
  }
  il_sweep_free(s);
  return NULL;
}

void il_sweep_free(il_sweep *s) {
  if (!s) return;
  il_arena_free(&s->arena);
  free(s);
}

int il_sweep_points(const il_sweep *s) { return s->points; }
const il_sweep_point *il_sweep_point_at(const il_sweep *s, int index) { return &s->point[index]; }
int il_sweep_runs(const il_sweep *s) { return s->runs; }
const il_sweep_run *il_sweep_run_at(const il_sweep *s, int index) { return &s->run[index]; }
