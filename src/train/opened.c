/* Opening a run again (see opened.h).
 *
 * Its split is kept for the data that it was trained on: the file at the same path, or a dataset of the same content
 * wherever it lies. Any other data set has no class that was trained on, and all of them are tested, unless settings
 * divide it. Episodes that come from a list need no split. */
#include "train/evaluate.h"
#include "train/opened.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config_method.h"
#include "config/config_tasks.h"
#include "config/vain.h"
#include "data/dataset.h"
#include "data/episode.h"
#include "meta/learned_numbers.h"
#include "train/checkpoint.h"
#include "train/kept.h"

static bool begins(const char *key, const char *prefix) {
  return !strncmp(key, prefix, strlen(prefix));
}

/* Whether a setting is of that key, or of one that begins so where `key` ends with a point or an underscore. */
static bool sets(const il_evaluate_options *options, const char *key) {
  const size_t width = strlen(key);
  for (const char *const *s = options->settings; s && *s; s++)
    if (begins(*s, key) && (key[width - 1] == '.' || key[width - 1] == '_' || (*s)[width] == '='))
      return true;
  return false;
}

static const il_source *source_of(const il_config *c) {
  return il_source_find(il_config_text(c, IL_KEY_SOURCE));
}

/* ---- which settings an evaluation obeys ---- */

static const char *const of_training[] = {
    "task.train_ways",   "task.pool",    "task.train_shots",      "task.train_queries",
    "task.train_within", "eval.every",   "eval.validation_tasks", "inner.first_order",
    "task.augment",      "eval.patience"};
#define BEGINS(list, setting) begins_one(sizeof(list) / sizeof *(list), list, setting)
static bool begins_one(size_t count, const char *const *list, const char *setting) {
  for (size_t i = 0; i < count; i++)
    if (begins(setting, list[i])) return true;
  return false;
}

/* Why a setting would have no effect; NULL: it has one. */
static const char *vain(const il_opened *o, const char *setting) {
  const il_source *source = source_of(o->config);
  const bool own = begins(setting, source->name) && setting[strlen(source->name)] == '.';
  if (BEGINS(of_training, setting)) return "it is of training alone";
  if (begins(setting, "inner.steps=")) return "eval.steps says after which inner steps it measures";
  if (!own && !begins(setting, "task.") && !begins(setting, "eval.") && !begins(setting, "inner."))
    return "an evaluation takes keys of task, eval, inner and the source of tasks";
  char key[64];
  snprintf(key, sizeof key, "%.*s", (int)strcspn(setting, "="), setting);
  const char *tasks = il_config_vain(source, il_config_find(key));
  if (tasks) return tasks;
  if (begins(setting, "task.data=") && !source->needs_data)
    return "the source of tasks reads no file; task.source=dataset does";
  const il_algorithm *algorithm = il_algorithm_at(il_config_int(o->config, IL_KEY_ALGORITHM));
  if (!algorithm->step && (begins(setting, "inner.") || begins(setting, "eval.steps=")))
    return "the run's algorithm makes no inner steps";
  return NULL;
}

/* What a list of episodes says itself. */
static bool in_list(const char *setting) {
  return begins(setting, "task.within=") || begins(setting, "task.only=") ||
         begins(setting, "task.class_weights=");
}

static il_status change(il_context *context, il_opened *o, const il_evaluate_options *options) {
  il_status status = IL_OK;
  for (const char *const *s = options->settings; s && *s && status == IL_OK; s++)
    status = il_config_set(o->config, *s);
  for (const char *const *s = options->settings; s && *s && status == IL_OK; s++) {
    const char *why =
        options->episodes && in_list(*s) ? "a list says which classes episodes have" : vain(o, *s);
    if (why)
      status = il_fail(context, IL_ERROR_CONFIG, "%.*s cannot be changed for an evaluation: %s",
                       (int)strcspn(*s, "="), *s, why);
    if (status == IL_OK) status = il_config_check_change(context, o->config, *s, "an evaluation");
  }
  return status;
}

/* ---- which data ---- */

static bool same_file(const char *a, const char *b) {
  char *real[2] = {realpath(a, NULL), realpath(b, NULL)};
  const bool same = real[0] && real[1] ? !strcmp(real[0], real[1]) : !strcmp(a, b);
  free(real[0]);
  free(real[1]);
  return same;
}

/* Of a file whose tasks come from no classes, which is opened for this alone. */
static uint64_t content_of(il_context *context, const il_source *source, const char *data) {
  void *settings = source->content ? calloc(1, source->size + 1) : NULL;
  if (!settings) return 0;
  const il_source_options options = {.ways = 2,
                                     .shots = 1,
                                     .queries = 1,
                                     .split = {.kind = "test", .tests_only = true},
                                     .data = data};
  void *opened = source->open(context, settings, &options);
  const uint64_t content = opened ? source->content(opened) : 0;
  if (opened && source->close) source->close(opened);
  free(settings);
  return content;
}

/* Whether the tasks of o->config come from the data that the run was trained on. */
static bool own_data(il_context *context, const il_opened *o, const il_evaluate_options *options,
                     const il_checkpoint_tasks *learned) {
  const il_source *source = source_of(o->config), *trained = source_of(o->run);
  const char *data = il_config_text(o->config, IL_KEY_DATA);
  char settings[64];
  snprintf(settings, sizeof settings, "%s.", source->name);
  if (!source->needs_data) return source == trained && !sets(options, settings);
  if (trained->needs_data && same_file(data, il_config_text(o->run, IL_KEY_DATA))) return true;
  if (!learned->content) return false;
  if (!source->dataset) return content_of(context, source, data) == learned->content;
  il_dataset *d = il_dataset_open(context, data);
  const bool same = d && il_dataset_fingerprint(d) == learned->content;
  il_dataset_free(d);
  return same;
}

/* Other data come from a file, whatever the run's tasks came from. */
static il_status choose_data(il_context *context, il_opened *o,
                             const il_evaluate_options *options) {
  const il_source *source = source_of(o->config);
  if (!options->data) {
    const char *own = il_config_text(o->config, IL_KEY_DATA);
    if (source->needs_data && !*own)
      return il_fail(
          context, IL_ERROR_ARGUMENT,
          "the run's tasks were made by the program that trained it, and lie in no file; "
          "expected data (--data) with those that test it");
    if (source->needs_data && access(own, F_OK) != 0)
      return il_fail(context, IL_ERROR_FILE,
                     "%s, the run's data: %s; --data says where they lie now", own,
                     strerror(errno));
    return IL_OK;
  }
  if (!source->needs_data && !source->classes && !sets(options, "task.source"))
    return il_fail(
        context, IL_ERROR_CONFIG,
        "--data: found %s, but %s tasks come from no data set; expected a run on classes",
        options->data, source->name);
  il_status status =
      il_config_assign(o->config, "--data: ", il_config_key_name(IL_KEY_DATA), options->data);
  if (status == IL_OK && !source->needs_data)
    status = il_config_assign(o->config, "", il_config_key_name(IL_KEY_SOURCE), "dataset");
  return status;
}

/* Which split its test classes come from. */
typedef struct choice {
  bool told;     /* settings divide the data */
  bool own;      /* else: it is the run's data, and the run's split */
  bool replayed; /* else: there is none, episodes come from a list */
} choice;

static il_status choose_split(il_context *context, il_opened *o, const il_evaluate_options *options,
                              const il_checkpoint_tasks *learned, choice *c) {
  static const char *const dividing[] = {"task.split", "task.split_", "task.train_classes",
                                         "task.validation_classes", "task.test_classes"};
  *c = (choice){0};
  for (size_t i = 0; i < sizeof dividing / sizeof *dividing; i++)
    c->told |= sets(options, dividing[i]);
  c->own = own_data(context, o, options, learned);
  c->replayed = options->episodes && !c->told;
  if (il_context_status(context) != IL_OK || c->own || c->told) return il_context_status(context);
  const il_source *source = source_of(o->config);
  if (!source->classes && !source->needs_data) return IL_OK;
  /* What the run chose among its own classes says nothing of these. */
  const il_key choosing[] = {IL_KEY_ONLY, IL_KEY_CLASS_WEIGHTS};
  for (size_t i = 0; i < 2; i++) {
    const char *key = il_config_key_name(choosing[i]);
    if (!sets(options, key)) il_config_assign(o->config, "", key, "");
  }
  return il_config_assign(o->config, "", il_config_key_name(IL_KEY_SPLIT), "test");
}

/* ---- whether it fits the learner ---- */

/* "28x28x1 bytes" */
static void print_example(il_shape shape, il_type type, char *text, size_t size) {
  int length = 0;
  for (int i = 0; i < shape.rank; i++)
    length += snprintf(text + length, size - (size_t)length, "%s%lld", i ? "x" : "",
                       (long long)shape.dim[i]);
  snprintf(text + length, size - (size_t)length, " %s", type == IL_UINT8 ? "bytes" : "floats");
}

/* How a picture comes to have the size and channels that the learner takes. */
static void print_remedy(const il_checkpoint_tasks *learned, const il_task_shape *shape, char *text,
                         size_t size) {
  const il_shape to = learned->example, from = shape->example;
  *text = 0;
  if (to.rank != 3 || from.rank != 3 || learned->type != shape->x) return;
  const bool square = to.dim[0] == to.dim[1],
             sized = to.dim[0] != from.dim[0] || to.dim[1] != from.dim[1];
  char side[64] = "";
  if (sized && square) snprintf(side, sizeof side, " --size %lld", (long long)to.dim[0]);
  const char *grey = to.dim[2] == 1 && from.dim[2] > 1 ? " --grey" : "";
  if (*side || *grey)
    snprintf(text, size, "; `innerloop data import%s%s` makes it fit", side, grey);
}

static il_status check_input(il_context *context, const il_opened *o,
                             const il_checkpoint_tasks *learned) {
  const il_task_shape *shape = il_tasks_shape(o->tasks, IL_TEST, 0);
  const char *data = il_config_text(o->config, IL_KEY_DATA);
  if (!source_of(o->config)->needs_data) data = il_config_text(o->config, IL_KEY_SOURCE);
  char found[128], expected[128], remedy[128];
  print_example(shape->example, shape->x, found, sizeof found);
  print_example(learned->example, learned->type, expected, sizeof expected);
  if (strcmp(found, expected) != 0) {
    print_remedy(learned, shape, remedy, sizeof remedy);
    return il_fail(context, IL_ERROR_DATA,
                   "%s: an example is %s, but the run learned on %s; expected the same%s", data,
                   found, expected, remedy);
  }
  /* The scale of floats is their data set's own way to what nets see; bytes are pixels or they are not. */
  if (shape->x == IL_UINT8 && shape->scale != learned->scale)
    return il_fail(context, IL_ERROR_DATA,
                   "%s: its bytes are scaled by %g, but the run learned on bytes scaled by %g; "
                   "expected the same metadata 'scale'",
                   data, shape->scale, learned->scale);
  return IL_OK;
}

static il_status check_head(il_context *context, const il_opened *o,
                            const il_checkpoint_tasks *learned) {
  const il_task_shape *shape = il_tasks_shape(o->tasks, IL_TEST, 0);
  const il_algorithm *algorithm = o->method.algorithm;
  if (algorithm->own_head || shape->outputs == learned->outputs) return IL_OK;
  if (shape->targets)
    return il_fail(context, IL_ERROR_CONFIG,
                   "the tasks have %d targets, but the run learned %d; expected as many",
                   shape->outputs, learned->outputs);
  return il_fail(
      context, IL_ERROR_CONFIG,
      "task.ways: found %d, but the run's %s has a head for %d classes; expected %d, or a "
      "run of an algorithm without a head of its own for each class, such as protonet",
      shape->outputs, algorithm->name, learned->outputs, learned->outputs);
}

/* Numbers that were learned stand in the checkpoint. */
static il_status check_learned(il_context *context, const il_opened *o,
                               const il_evaluate_options *options) {
  const il_entries *entries = &o->learner->meta_entries;
  const char *vain = il_learned_setting(entries, options->settings);
  if (vain)
    return il_fail(context, IL_ERROR_CONFIG,
                   "%.*s cannot be changed for an evaluation: %s has learned it",
                   (int)strcspn(vain, "="), vain, o->method.algorithm->name);
  return IL_OK;
}

/* ---- together ---- */

static il_status count_tasks(il_context *context, il_opened *o,
                             const il_evaluate_options *options) {
  const int asked = options->tasks;
  o->count = asked ? asked : il_config_int(o->config, IL_KEY_EVAL_TASKS);
  if (!options->episodes) {
    o->count = il_evaluator_tasks(o->tasks, IL_TEST, o->count);
    if (o->count == 0)
      return il_fail(context, IL_ERROR_DATA, "the split of the run has no test tasks");
    if (o->count < asked)
      return il_fail(context, IL_ERROR_DATA, "the test split has %d tasks, but --tasks asks for %d",
                     o->count, asked);
    return IL_OK;
  }
  const il_source *source = o->tasks->source;
  uint64_t listed = 0;
  if (!source->sampler)
    return il_fail(context, IL_ERROR_ARGUMENT, "--episodes: %s tasks have no episode lists",
                   source->name);
  if (il_sampler_read_list(source->sampler(o->tasks->data, IL_TEST), IL_TEST, options->episodes,
                           &listed) != IL_OK)
    return il_context_status(context);
  if (asked && (uint64_t)asked > listed)
    return il_fail(context, IL_ERROR_DATA, "%s: has %llu episodes, but --tasks asks for %d",
                   options->episodes, (unsigned long long)listed, asked);
  if (listed > INT_MAX)
    return il_fail(context, IL_ERROR_DATA, "%s: has %llu episodes, expected at most %d",
                   options->episodes, (unsigned long long)listed, INT_MAX);
  if (!asked) o->count = (int)listed;
  return IL_OK;
}

/* The end of a text, which in a path says most. */
static const char *tail(const char *text, size_t room) {
  const size_t length = strlen(text);
  if (length > room) text += length - room;
  while (length > room && (*text & 0xc0) == 0x80) text++; /* not from within a letter */
  return text;
}

/* "; inner.lr=0.1": what was asked for and the rest of the text does not say. */
static void describe_changes(il_opened *o, const il_evaluate_options *options) {
  static const char *const said[] = {
      "eval.",       "task.data=",    "task.source=", "task.ways=",
      "task.shots=", "task.queries=", "task.split",   "task.within=",
      "task.fused=", "task.train_",   "task.test_",   "task.validation_"};
  for (const char *const *s = options->settings; s && *s; s++) {
    const size_t length = strlen(o->tested);
    bool is_said = false;
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) is_said |= begins(*s, said[i]);
    if (!is_said) snprintf(o->tested + length, sizeof o->tested - length, "; %s", *s);
  }
}

/* "fashion.safetensors: all 10 classes, 5-way 1-shot, 15 queries a class" */
static void describe(il_opened *o, const il_evaluate_options *options,
                     const il_checkpoint_tasks *learned, choice c) {
  const il_source *source = source_of(o->config);
  const char *name = source->needs_data ? il_config_text(o->config, IL_KEY_DATA) : source->name;
  const int classes = il_tasks_classes(o->tasks, IL_TEST);
  const il_dataset *d = il_tasks_dataset(o->tasks);
  const bool seen = c.own && (c.told || c.replayed); /* what is tested may have been trained on */
  const bool changed = c.own && learned->content && il_tasks_content(o->tasks) != learned->content;
  char what[160] = "", shape[240] = "", within[128] = "", fused[40] = "";
  if (options->episodes)
    snprintf(what, sizeof what, ": the episodes of %s", tail(options->episodes, 120));
  else if (d && classes == il_dataset_classes(d))
    snprintf(what, sizeof what, ": all %d classes", classes);
  else if (classes >= 0)
    snprintf(what, sizeof what, ": %d test classes of the %s", classes,
             c.told ? "split asked for" : "run's split");
  if (classes >= 0 && il_config_int(o->config, IL_KEY_FUSED) > 1)
    snprintf(fused, sizeof fused, " of %d fused classes each",
             il_config_int(o->config, IL_KEY_FUSED));
  if (il_tasks_variants(o->tasks, IL_TEST) == 1) {
    const il_task_shape *s = il_tasks_shape(o->tasks, IL_TEST, 0);
    il_tasks_within_text(o->tasks, IL_TEST, within, sizeof within);
    if (classes >= 0)
      snprintf(shape, sizeof shape, ", %d-way %d-shot%s%s%s, %d quer%s a class", s->ways, s->shots,
               fused, *within ? " " : "", within, s->queries, s->queries == 1 ? "y" : "ies");
    else
      snprintf(shape, sizeof shape, ", %d support and %d query examples", s->support, s->query);
  }
  snprintf(o->tested, sizeof o->tested, "%s%s%s%s", tail(name, 100),
           changed ? ", changed since the run was trained"
           : seen  ? ", which the run was trained on"
                   : "",
           what, shape);
  describe_changes(o, options);
}

/* The learner becomes the run's best ones together, which `tested` says. */
static il_status open_ensemble(il_context *context, il_opened *o, const char *run,
                               const char *checkpoint, int count) {
  int64_t step[IL_KEPT_MOST];
  if (count < 2 || count > IL_KEPT_MOST)
    return il_fail(context, IL_ERROR_ARGUMENT, "an ensemble of %d learners; expected 2 to %d",
                   count, (int)IL_KEPT_MOST);
  il_status status = il_kept_steps(context, checkpoint, count, step);
  il_learned **at = &o->learner;
  size_t length = strlen(o->tested);
  if (status == IL_OK)
    length += (size_t)snprintf(o->tested + length, sizeof o->tested - length,
                               "; ensemble of the %d best learners, after meta-steps", count);
  for (int i = 0; i < count && status == IL_OK; i++, at = &(*at)->next) {
    char *path = il_kept_path(context, run, step[i]);
    int64_t made;
    if (i)
      *at = il_learned_new(context, &o->method,
                           il_config_net(context, o->config, il_tasks_shape(o->tasks, IL_TEST, 0)),
                           true, false);
    status = path && *at ? il_checkpoint_open(*at, path, &made) : il_context_status(context);
    free(path);
    if (length < sizeof o->tested)
      length += (size_t)snprintf(o->tested + length, sizeof o->tested - length, "%s %lld",
                                 i == 0           ? ""
                                 : i == count - 1 ? " and"
                                                  : ",",
                                 (long long)step[i]);
  }
  return status;
}

/* A class that was trained on must not test because a file says otherwise now. */
static il_status check_division(il_context *context, const il_opened *o, const char *run,
                                const il_evaluate_options *options,
                                const il_checkpoint_tasks *learned, choice c) {
  const bool asked = sets(options, "task.only") || sets(options, "task.class_weights");
  if (!c.own || c.told || c.replayed || asked || il_tasks_content(o->tasks) != learned->content)
    return IL_OK;
  return il_checkpoint_same_division(context, run, learned->division, o->tasks, o->run);
}

static il_status open_tasks(il_context *context, il_opened *o, const char *run,
                            const il_evaluate_options *options,
                            const il_checkpoint_tasks *learned) {
  choice c;
  il_status status = choose_data(context, o, options);
  if (status == IL_OK) status = change(context, o, options);
  if (status == IL_OK) status = choose_split(context, o, options, learned, &c);
  if (status != IL_OK) return status;
  /* The run's own split of kind auto stays what it was for the run's ways. */
  const il_config *divided = c.own && !c.told ? o->run : o->config;
  o->tasks = il_config_test_tasks(context, o->config, divided, c.replayed);
  if (!o->tasks) return il_context_status(context);
  status = check_division(context, o, run, options, learned, c);
  if (status == IL_OK) status = il_config_method(o->config, &o->method);
  if (status == IL_OK) status = il_method_classes(context, &o->method, learned->outputs);
  if (status == IL_OK && learned->known) status = check_input(context, o, learned);
  if (status == IL_OK && learned->known) status = check_head(context, o, learned);
  if (status == IL_OK) status = count_tasks(context, o, options);
  if (status == IL_OK) describe(o, options, learned, c);
  return status;
}

il_status il_opened_init(il_context *context, il_opened *o, const char *run,
                         const il_evaluate_options *options) {
  *o = (il_opened){0};
  il_checkpoint_tasks learned;
  char *config = il_run_path(context, run, "config.yaml"),
       *checkpoint = il_run_path(context, run, "checkpoint.safetensors");
  char *table = il_run_path(context, run, "sweep.json");
  if (config && access(config, F_OK) != 0)
    il_fail(context, IL_ERROR_FILE,
            "%s: there is no run; expected a folder that `innerloop train --out` has made%s", run,
            table && access(table, F_OK) == 0 ? ": those of this sweep lie in it" : "");
  else if (config && checkpoint && (o->run = il_config_load(context, config)))
    o->config = il_config_load(context, config);
  free(table);
  il_status status = il_context_status(context);
  if (status == IL_OK) status = il_checkpoint_read_tasks(context, checkpoint, &learned);
  if (status == IL_OK) status = open_tasks(context, o, run, options, &learned);
  if (status == IL_OK) {
    il_net *net = il_config_net(context, o->config, il_tasks_shape(o->tasks, IL_TEST, 0));
    o->learner = il_learned_new(context, &o->method, net, true, false);
    status = o->learner ? check_learned(context, o, options) : il_context_status(context);
  }
  if (status == IL_OK) status = il_checkpoint_open(o->learner, checkpoint, &o->trained);
  if (status == IL_OK && options->ensemble)
    status = open_ensemble(context, o, run, checkpoint, options->ensemble);
  free(config);
  free(checkpoint);
  return status;
}

void il_opened_free(il_opened *o) {
  il_learned_free(o->learner);
  il_tasks_free(o->tasks);
  il_config_free(o->config);
  il_config_free(o->run);
  *o = (il_opened){0};
}
