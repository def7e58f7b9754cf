/* Tasks of classes: every source of classes is a dataset and this. */
#include "data/class_tasks.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/samples.h"
#include "data/source.h"
#include "data/split.h"

typedef struct class_tasks {
  il_dataset *dataset; /* these three NULL where only shapes are known */
  il_splits *splits;
  il_sampler *sampler[2]; /* of training, and of validation and test */
  il_shape example;
  il_type type;
  double scale;
  il_episode_options episode[2]; /* of a range of shots the most */
  int ranges, ways;              /* numbers of shots, and of classes, that training tasks have */
  il_augment augment;            /* of training examples */
  bool augmented[2];             /* support sets, query sets */
  int trained;                   /* classes that training labels tell apart; 0: those of a task */
  int *place;                    /* [classes] of the data set: among those that train */
} class_tasks;

static int side_of(il_split split) { return split != IL_TRAIN; }

static il_within within_of(const il_source_options *o, int split) {
  return split == IL_TRAIN ? o->train_within : o->within;
}

/* How many classes a class counts for. */
static int turns_of(const il_source_options *o, int split) {
  const bool turned = split == IL_TRAIN || o->rotate_test;
  return turned && o->rotations == IL_ROTATIONS_CLASSES ? 4 : 1;
}

/* The same in one episode: within an alphabet all are turned alike. */
static int episode_turns(const il_source_options *o, int split) {
  return within_of(o, split) == IL_WITHIN_ANY ? turns_of(o, split) : 1;
}

static int ways_of(const il_source_options *o, int split) {
  int low;
  return split == IL_TRAIN ? il_source_ways(o, &low) - 1 + low : o->ways;
}

static int fused_of(const il_source_options *o) { return o->fused > 1 ? o->fused : 1; }

/* Classes of the dataset that episodes of so many ways need; a class may count once for each quarter turn. */
static int classes_for(const il_source_options *o, int split, int ways) {
  const int turns = episode_turns(o, split);
  return (ways * fused_of(o) + turns - 1) / turns;
}

void il_class_tasks_least(const il_source_options *o, int *train, int *test) {
  *train = classes_for(o, IL_TRAIN, ways_of(o, IL_TRAIN));
  *test = classes_for(o, IL_TEST, o->ways);
}

/* The sampler's own refusals name no setting that a user can change; these do, and say what would fit. */

static il_status check_auto(il_context *context, int classes, const il_source_options *o,
                            const il_split_options *split) {
  const int test = split->least_test, train = split->least_train;
  if (train + test <= classes) return IL_OK;
  int least_train, least_test;
  il_class_tasks_least(o, &least_train, &least_test);
  char fits[96] = "there must be more classes";
  int ways =
      o->train_ways ? (classes - test) * episode_turns(o, IL_TRAIN) / fused_of(o) : o->ways - 1;
  while (!o->train_ways && ways >= 2 &&
         classes_for(o, IL_TRAIN, ways) + classes_for(o, IL_TEST, ways) > classes)
    ways--;
  if (ways >= 2 && least_train == train && least_test == test)
    snprintf(fits, sizeof fits, "task.%sways=%d would fit", o->train_ways ? "train_" : "", ways);
  if (o->train_ways)
    return il_fail(context, IL_ERROR_CONFIG,
                   "task.train_ways: found %d and task.ways %d, but %d classes cannot give %d to "
                   "train and %d to test; %s",
                   o->train_ways, o->ways, classes, train, test, fits);
  return il_fail(context, IL_ERROR_CONFIG,
                 "task.ways: found %d, but %d classes cannot give %d to train and %d to test; %s",
                 o->ways, classes, train, test, fits);
}

static const char *of_fused(const il_source_options *o) {
  return fused_of(o) > 1 ? ", each fused of task.fused others" : "";
}

/* Without any origin, all classes would be of one. */
static il_status check_origins(il_context *context, const class_tasks *s,
                               const il_source_options *o, int split) {
  if (within_of(o, split) != IL_WITHIN_ORIGIN) return IL_OK;
  for (int i = 0; i < s->dataset->classes; i++)
    if (*s->dataset->origin[i]) return IL_OK;
  const bool apart = split == IL_TRAIN && o->within != IL_WITHIN_ORIGIN;
  return il_fail(context, IL_ERROR_CONFIG,
                 "task.%swithin: found origin, but %s has no class_origins; expected data that say "
                 "them, or task.%swithin=alphabet for names such as Greek/character01",
                 apart ? "train_" : "", o->data ? o->data : "the data", apart ? "train_" : "");
}

/* Whether some alphabet, or origin, has classes enough; the others are not drawn. */
static il_status check_within(il_context *context, const class_tasks *s, const il_source_options *o,
                              int split) {
  const il_within within = within_of(o, split);
  const int ways = ways_of(o, split);
  il_groups groups = {0};
  if (within == IL_WITHIN_ANY ||
      il_groups_make(context, s->dataset, s->splits, (il_split)split, within, &groups) != IL_OK)
    return il_context_status(context);
  const int most = il_groups_size(&groups, 0) / fused_of(o);
  const bool apart = split == IL_TRAIN && o->train_ways;
  char fits[64] = "";
  if (most >= 2)
    snprintf(fits, sizeof fits, "; task.%sways=%d would fit", apart ? "train_" : "", most);
  if (ways > most)
    il_fail(context, IL_ERROR_CONFIG,
            "task.%sways: found %d within one %s, but the largest of the %d of the %s split has %d "
            "class%s%s%s",
            apart ? "train_" : "", ways, il_within_name(within), groups.count,
            il_split_name((il_split)split), most, most == 1 ? "" : "es", of_fused(o), fits);
  il_groups_free(&groups);
  return il_context_status(context);
}

static il_status check_ways(il_context *context, const class_tasks *s, const il_source_options *o) {
  for (int split = o->split.tests_only ? IL_TEST : IL_TRAIN; split <= IL_TEST; split++) {
    const int has = il_splits_count(s->splits, (il_split)split),
              classes = episode_turns(o, split) * has / fused_of(o), ways = ways_of(o, split);
    const char *name = il_split_name((il_split)split), *kind = o->split.kind ? o->split.kind : "";
    if (has == 0 && split == IL_VALIDATION) continue; /* validation is then left out */
    if (has == 0)
      return il_fail(context, IL_ERROR_CONFIG,
                     "task.split: found %s, which leaves none of the %d classes to %s; expected "
                     "another split, such as auto",
                     kind, s->dataset->classes, name);
    if (check_origins(context, s, o, split) != IL_OK || check_within(context, s, o, split) != IL_OK)
      return il_context_status(context);
    if (ways <= classes) continue;
    char fits[96] = "";
    if (classes >= 2)
      snprintf(fits, sizeof fits, "; task.%sways=%d would fit",
               split == IL_TRAIN && o->train_ways ? "train_" : "", classes);
    return il_fail(context, IL_ERROR_CONFIG,
                   "task.%sways: found %d, but the %s split has %d class%s%s%s",
                   split == IL_TRAIN && o->train_ways ? "train_" : "", ways, name, classes,
                   classes == 1 ? "" : "es", of_fused(o), fits);
  }
  return IL_OK;
}

/* The splits that a side draws episodes of. */
static void splits_of(const il_source_options *o, int side, int *first, int *last) {
  *first = side == 0 ? IL_TRAIN : o->split.tests_only ? IL_TEST : IL_VALIDATION;
  *last = side == 0 ? IL_TRAIN : IL_TEST;
}

/* Whether the smallest of the classes that one side draws from has enough examples. */
static il_status check_examples(il_context *context, const class_tasks *s,
                                const il_source_options *o, int side) {
  const il_episode_options *e = &s->episode[side];
  const int fused = fused_of(o), shots_needed = (e->shots + fused - 1) / fused,
            queries_needed = (e->queries + fused - 1) / fused;
  int fewest = INT_MAX, smallest = 0, small = 0, all = 0, first, last;
  splits_of(o, side, &first, &last);
  for (int split = first; split <= last; split++)
    for (int i = 0; i < il_splits_count(s->splits, (il_split)split); i++, all++) {
      const int cls = il_splits_class(s->splits, (il_split)split, i),
                examples = il_dataset_examples(s->dataset, cls);
      small += examples < shots_needed + queries_needed;
      if (examples >= fewest) continue;
      fewest = examples;
      smallest = cls;
    }
  if (small == 0) return IL_OK;
  char others[64] = "", fits[64] = "", leave[64] = "";
  const int shots = shots_needed < fewest - 1 ? shots_needed : fewest - 1;
  if (small > 1)
    snprintf(others, sizeof others, ", and %d more class%s too few", small - 1,
             small == 2 ? " has" : "es have");
  if (fewest > 1) snprintf(fits, sizeof fits, "; %d + %d would fit", shots, fewest - shots);
  if (small < all)
    snprintf(leave, sizeof leave,
             fewest > 1 ? ", or a split without such a class"
                        : "; a split without such a class would fit");
  return il_fail(
      context, IL_ERROR_CONFIG,
      "task.shots and queries%s: found %d + %d%s, but class '%s' has only %d example%s%s%s%s",
      side ? "" : " in training", shots_needed, queries_needed,
      fused > 1 ? " of each fused class" : "", il_dataset_class_name(s->dataset, smallest), fewest,
      fewest == 1 ? "" : "s", others, fits, leave);
}

/* Each of the fused classes is in every support set, also of the fewest shots. */
static il_status check_fused(il_context *context, const il_source_options *o, int fewest) {
  if (o->split.tests_only || fused_of(o) <= fewest) return IL_OK;
  return il_fail(
      context, IL_ERROR_CONFIG,
      "task.fused: found %d, but training episodes may have %d shot%s; expected at least "
      "as many shots",
      o->fused, fewest, fewest == 1 ? "" : "s");
}

static il_status open_splits(il_context *context, class_tasks *s, const il_source_options *o) {
  il_split_options split = o->split;
  if (o->replayed) split = (il_split_options){.kind = "test"};
  int train, test;
  il_class_tasks_least(o, &train, &test);
  if (split.least_train == 0) split.least_train = train;
  if (split.least_test == 0) split.least_test = test;
  if (split.kind && !strcmp(split.kind, "auto") &&
      check_auto(context, s->dataset->classes, o, &split) != IL_OK)
    return il_context_status(context);
  s->splits = il_splits_new(context, s->dataset, &split);
  if (!s->splits || o->replayed) return il_context_status(context);
  il_status status = check_ways(context, s, o);
  for (int side = split.tests_only; side < 2 && status == IL_OK; side++)
    status = check_examples(context, s, o, side);
  return status;
}

/* A quarter turn that is a class of its own stands beside the class that it turns. */
static il_status number_classes(il_context *context, class_tasks *s, const il_source_options *o) {
  const int count = il_splits_count(s->splits, IL_TRAIN);
  if (!s->trained || o->split.tests_only || o->replayed) return IL_OK;
  s->trained = count * turns_of(o, IL_TRAIN);
  s->place = calloc((size_t)s->dataset->classes + 1, sizeof *s->place);
  if (!s->place) return il_fail_memory(context, "the numbers of classes");
  for (int i = 0; i < count; i++) s->place[il_splits_class(s->splits, IL_TRAIN, i)] = i;
  return IL_OK;
}

/* Classes that would train of data that stays closed: Omniglot's. */
static int usual_classes(const il_source_options *o) {
  const double asked = o->split.train;
  const int classes = asked >= 1 ? (int)asked : asked > 0 ? (int)(asked * 1623) : 964;
  return classes * turns_of(o, IL_TRAIN);
}

static il_status open_samplers(il_context *context, class_tasks *s, const il_source_options *o) {
  for (int side = o->split.tests_only; side < 2 && il_context_status(context) == IL_OK; side++) {
    int first, last;
    splits_of(o, side, &first, &last);
    if (o->replayed) first = last + 1; /* none of the split's own episodes will be asked for */
    s->sampler[side] = il_sampler_for(context, s->dataset, s->splits, &s->episode[side],
                                      (il_split)first, (il_split)last);
  }
  return il_context_status(context);
}

void *il_class_tasks_open(il_context *context, il_dataset *dataset, il_shape image,
                          const il_source_options *o) {
  class_tasks *s = calloc(1, sizeof *s);
  if (!s) {
    il_dataset_free(dataset);
    il_fail_memory(context, "a source of tasks");
    return NULL;
  }
  s->dataset = dataset;
  int low, fewest;
  s->ranges = il_source_shots(o, &low);
  s->ways = il_source_ways(o, &fewest);
  for (int side = 0; side < 2; side++)
    s->episode[side] =
        (il_episode_options){.ways = ways_of(o, side ? IL_TEST : IL_TRAIN),
                             .shots = side ? o->shots : low + s->ranges - 1,
                             .queries = !side && o->train_queries ? o->train_queries : o->queries,
                             .rotations = o->rotations,
                             .rotate_test = o->rotate_test,
                             .seed = o->seed,
                             .within = within_of(o, side ? IL_TEST : IL_TRAIN),
                             .fused = o->fused};
  s->augment = o->augment;
  for (int set = 0; set < 2; set++)
    s->augmented[set] = o->augment_set[set] && il_augment_any(&o->augment);
  s->example = dataset ? dataset->example : image;
  s->type = dataset ? dataset->type : IL_UINT8;
  s->scale = dataset ? dataset->scale : IL_PIXEL_SCALE;
  if (o->class_labels) s->trained = usual_classes(o);
  if (!dataset) return s;
  if (il_augment_check(context, &s->augment, s->example) == IL_OK &&
      check_fused(context, o, low) == IL_OK && open_splits(context, s, o) == IL_OK &&
      number_classes(context, s, o) == IL_OK && open_samplers(context, s, o) == IL_OK)
    return s;
  il_class_tasks_close(s);
  return NULL;
}

void il_class_tasks_close(void *data) {
  class_tasks *s = data;
  for (int side = 0; side < 2; side++) il_sampler_free(s->sampler[side]);
  il_splits_free(s->splits);
  il_dataset_free(s->dataset);
  free(s->place);
  free(s);
}

int il_class_tasks_variants(void *data, il_split split) {
  const class_tasks *s = data;
  return split == IL_TRAIN ? s->ways * s->ranges : 1;
}

static int shots_of(const class_tasks *s, il_split split, int variant) {
  const int most = s->episode[side_of(split)].shots;
  return split == IL_TRAIN ? most - s->ranges + 1 + variant % s->ranges : most;
}

static int classes_of(const class_tasks *s, il_split split, int variant) {
  const int most = s->episode[side_of(split)].ways;
  return split == IL_TRAIN ? most - s->ways + 1 + variant / s->ranges : most;
}

void il_class_tasks_describe(void *data, il_split split, int variant, il_task_shape *shape) {
  const class_tasks *s = data;
  const il_episode_options *e = &s->episode[side_of(split)];
  const int ways = classes_of(s, split, variant);
  *shape = (il_task_shape){.ways = ways,
                           .shots = shots_of(s, split, variant),
                           .queries = e->queries,
                           .outputs = split == IL_TRAIN && s->trained ? s->trained : ways,
                           .example = s->example,
                           .x = s->type,
                           .loss = IL_LOSS_CROSS_ENTROPY,
                           .scale = s->scale};
}

static size_t example_bytes(const class_tasks *s) {
  return (size_t)il_shape_count(s->example) * il_type_size(s->type);
}

/* The episode, then room for one example. */
static size_t episode_bytes(const class_tasks *s) {
  size_t bytes = 0;
  for (int side = 0; side < 2; side++)
    if (s->sampler[side] && il_sampler_episode_size(s->sampler[side]) > bytes)
      bytes = il_sampler_episode_size(s->sampler[side]);
  return bytes;
}

size_t il_class_tasks_scratch(void *data) {
  const class_tasks *s = data;
  return episode_bytes(s) + (s->augmented[0] || s->augmented[1] ? example_bytes(s) : 0);
}

static void augment(const class_tasks *s, il_task_id id, int set, int count, void *spare, char *x) {
  const size_t bytes = example_bytes(s);
  for (int i = 0; i < count; i++, x += bytes) {
    memcpy(spare, x, bytes);
    il_augment_apply(&s->augment, s->episode[0].seed, 2 * id.index + (uint64_t)set, (uint64_t)i,
                     s->type, s->example, spare, x);
  }
}

/* Labels of all classes in the place of those of the episode. */
static void relabel(const class_tasks *s, const il_episode *e, bool turned, int32_t *const y[2]) {
  for (int set = 0; set < 2; set++) {
    const int examples = set ? e->queries : e->shots;
    for (int w = 0, at = 0; w < e->ways; w++) {
      const int place = s->place[e->cls[w]];
      for (int i = 0; i < examples; i++) y[set][at++] = turned ? 4 * place + e->rotation[w] : place;
    }
  }
}

il_status il_class_tasks_draw(void *data, il_task_id id, void *scratch,
                              const il_task_memory *task) {
  const class_tasks *s = data;
  il_episode episode;
  if (!s->sampler[side_of(id.split)]) return IL_ERROR_DATA; /* opened for tests only */
  /* One that draws fewer shots, or of fewer classes, gives the episodes of a source of that many. */
  il_sampler sampler = *s->sampler[side_of(id.split)];
  sampler.options.shots = shots_of(s, id.split, id.variant);
  sampler.options.ways = classes_of(s, id.split, id.variant);
  il_sampler_draw(&sampler, id.split, id.index, scratch, &episode);
  il_sampler_fill(&sampler, &episode, task->x[0], task->y[0], task->x[1], task->y[1]);
  if (id.split == IL_TRAIN && s->place)
    relabel(s, &episode, sampler.options.rotations == IL_ROTATIONS_CLASSES,
            (int32_t *const[]){task->y[0], task->y[1]});
  for (int set = 0; set < 2 && id.split == IL_TRAIN; set++)
    if (s->augmented[set])
      augment(s, id, set, episode.ways * (set ? episode.queries : episode.shots),
              (char *)scratch + episode_bytes(s), task->x[set]);
  return IL_OK;
}

int il_class_tasks_count(void *data, il_split split) {
  const class_tasks *s = data;
  return s->splits ? il_splits_count(s->splits, split) : 0;
}

size_t il_class_tasks_bytes(void *data) {
  const il_dataset *d = ((class_tasks *)data)->dataset;
  if (!d) return 0;
  return (size_t)d->start[d->classes] * il_dataset_stride(d) + il_arena_bytes(&d->arena);
}

uint64_t il_class_tasks_division(void *data) {
  const class_tasks *s = data;
  return s->splits ? il_splits_fingerprint(s->splits) : 0;
}

il_sampler *il_class_tasks_sampler(void *data, il_split split) {
  return ((class_tasks *)data)->sampler[side_of(split)];
}
