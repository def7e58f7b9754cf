/* Tasks of classes: every source of classes is a dataset and this. */
#include "data/class_tasks.h"

#include <stdlib.h>
#include <string.h>

#include "data/samples.h"
#include "data/source.h"

typedef struct class_tasks {
  il_dataset *dataset; /* these three NULL where only shapes are known */
  il_splits *splits;
  il_sampler *sampler[2]; /* of training, and of validation and test */
  il_shape example;
  il_type type;
  double scale;
  il_episode_options episode[2]; /* of a range of shots the most */
  int ranges;                    /* numbers of shots that training tasks have */
  il_augment augment;            /* of training examples */
  bool augmented[2];             /* support sets, query sets */
} class_tasks;

static int side_of(il_split split) { return split != IL_TRAIN; }

/* The sampler's own refusals name no setting that a user can change; these do. */
static il_status check_room(il_context *context, const class_tasks *s, const il_source_options *o) {
  int turns = o->rotations == IL_ROTATIONS_CLASSES ? 4 : 1;
  for (int split = IL_TRAIN; split <= IL_TEST; split++) {
    int factor = split == IL_TRAIN || o->rotate_test ? turns : 1;
    int classes = factor * il_splits_count(s->splits, (il_split)split);
    if (classes == 0 && split == IL_VALIDATION) continue; /* validation is then left out */
    const il_episode_options *e = &s->episode[side_of((il_split)split)];
    if (e->ways > classes)
      return il_fail(context, IL_ERROR_CONFIG,
                     "task.%sways: found %d, but the %s split has %d classes",
                     split == IL_TRAIN && o->train_ways ? "train_" : "", e->ways,
                     il_split_name((il_split)split), classes);
  }
  int examples = il_dataset_examples(s->dataset, 0);
  for (int i = 1; i < il_dataset_classes(s->dataset); i++)
    if (il_dataset_examples(s->dataset, i) < examples)
      examples = il_dataset_examples(s->dataset, i);
  for (int side = 0; side < 2; side++) {
    const il_episode_options *e = &s->episode[side];
    if (e->shots + e->queries > examples)
      return il_fail(context, IL_ERROR_CONFIG,
                     "task.shots and queries%s: found %d + %d, but a class has only %d examples",
                     side ? "" : " in training", e->shots, e->queries, examples);
  }
  return IL_OK;
}

static il_status open_sampler(il_context *context, class_tasks *s, const il_source_options *o) {
  s->splits = il_splits_new(context, s->dataset, &o->split);
  if (!s->splits || check_room(context, s, o) != IL_OK) return il_context_status(context);
  for (int side = 0; side < 2 && il_context_status(context) == IL_OK; side++)
    s->sampler[side] = il_sampler_for(context, s->dataset, s->splits, &s->episode[side],
                                      side ? IL_VALIDATION : IL_TRAIN, side ? IL_TEST : IL_TRAIN);
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
  int low;
  s->ranges = il_source_shots(o, &low);
  for (int side = 0; side < 2; side++)
    s->episode[side] =
        (il_episode_options){.ways = !side && o->train_ways ? o->train_ways : o->ways,
                             .shots = side ? o->shots : low + s->ranges - 1,
                             .queries = !side && o->train_queries ? o->train_queries : o->queries,
                             .rotations = o->rotations,
                             .rotate_test = o->rotate_test,
                             .seed = o->seed};
  s->augment = o->augment;
  for (int set = 0; set < 2; set++)
    s->augmented[set] = o->augment_set[set] && il_augment_any(&o->augment);
  s->example = dataset ? dataset->example : image;
  s->type = dataset ? dataset->type : IL_UINT8;
  s->scale = dataset ? dataset->scale : IL_PIXEL_SCALE;
  if (!dataset) return s;
  if (il_augment_check(context, &s->augment, s->example) == IL_OK &&
      open_sampler(context, s, o) == IL_OK)
    return s;
  il_class_tasks_close(s);
  return NULL;
}

void il_class_tasks_close(void *data) {
  class_tasks *s = data;
  for (int side = 0; side < 2; side++) il_sampler_free(s->sampler[side]);
  il_splits_free(s->splits);
  il_dataset_free(s->dataset);
  free(s);
}

int il_class_tasks_variants(void *data, il_split split) {
  return split == IL_TRAIN ? ((class_tasks *)data)->ranges : 1;
}

static int shots_of(const class_tasks *s, il_split split, int variant) {
  const int most = s->episode[side_of(split)].shots;
  return split == IL_TRAIN ? most - s->ranges + 1 + variant : most;
}

void il_class_tasks_describe(void *data, il_split split, int variant, il_task_shape *shape) {
  const class_tasks *s = data;
  const il_episode_options *e = &s->episode[side_of(split)];
  *shape = (il_task_shape){.ways = e->ways,
                           .shots = shots_of(s, split, variant),
                           .queries = e->queries,
                           .outputs = e->ways,
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

il_status il_class_tasks_draw(void *data, il_task_id id, void *scratch,
                              const il_task_memory *task) {
  const class_tasks *s = data;
  il_episode episode;
  /* One that draws fewer shots gives the episodes of a source of that many. */
  il_sampler sampler = *s->sampler[side_of(id.split)];
  sampler.options.shots = shots_of(s, id.split, id.variant);
  il_sampler_draw(&sampler, id.split, id.index, scratch, &episode);
  il_sampler_fill(&sampler, &episode, task->x[0], task->y[0], task->x[1], task->y[1]);
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

il_sampler *il_class_tasks_sampler(void *data, il_split split) {
  return ((class_tasks *)data)->sampler[side_of(split)];
}
