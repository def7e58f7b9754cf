/* Drawing episodes: index i of a split is a pure function of the seed, so episodes need no state, no order
 * and no lock. Copying them out, rotated. */
#include "data/episode.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "data/samples.h"
#include "data/split.h"

static int per_class(const il_episode_options *o) { return o->shots + o->queries; }

static int fused_of(const il_episode_options *o) { return o->fused > 1 ? o->fused : 1; }

/* Examples of a class of the dataset that an episode needs. */
static int per_part(const il_episode_options *o) {
  const int fused = fused_of(o);
  return o->shots / fused + o->queries / fused + (o->shots % fused > 0) + (o->queries % fused > 0);
}

/* Which of the fused classes example i of a way is of. */
static int part_of(const il_episode *e, int i) {
  return (i < e->shots ? i : i - e->shots) % e->fused;
}

static il_rotations rotations_of(const il_sampler *sampler, il_split split) {
  const il_episode_options *o = &sampler->options;
  return split == IL_TRAIN || o->rotate_test ? o->rotations : IL_ROTATIONS_NONE;
}

static int pool_size(const il_sampler *sampler, il_split split) {
  int classes = il_splits_count(sampler->splits, split);
  return rotations_of(sampler, split) == IL_ROTATIONS_CLASSES ? 4 * classes : classes;
}

const char *il_within_name(il_within within) {
  return within == IL_WITHIN_ALPHABET ? "alphabet"
         : within == IL_WITHIN_ORIGIN ? "origin"
                                      : "split";
}

static il_status check_options(const il_sampler *sampler) {
  const il_episode_options *o = &sampler->options;
  il_context *context = sampler->context;
  const il_shape *example = &sampler->dataset->example;
  if (o->ways < 1 || o->shots < 1 || o->queries < 0 || o->queries > INT32_MAX / 2 ||
      o->shots > INT32_MAX / 2)
    return il_fail(context, IL_ERROR_ARGUMENT,
                   "episodes of %d ways, %d shots and %d queries: expected at least 1, 1 and 0",
                   o->ways, o->shots, o->queries);
  if (o->fused < 0 || o->fused > o->shots || (int64_t)o->fused * o->ways > INT32_MAX / 8)
    return il_fail(context, IL_ERROR_ARGUMENT,
                   "task.fused: found %d, expected at most the %d shot%s of an episode", o->fused,
                   o->shots, o->shots == 1 ? "" : "s");
  if (o->rotations < IL_ROTATIONS_NONE || o->rotations > IL_ROTATIONS_CLASSES)
    return il_fail(context, IL_ERROR_ARGUMENT, "%d is no kind of rotations", (int)o->rotations);
  if (o->within < IL_WITHIN_ANY || o->within > IL_WITHIN_ORIGIN)
    return il_fail(context, IL_ERROR_ARGUMENT, "%d is nothing to draw episodes within",
                   (int)o->within);
  if (o->rotations != IL_ROTATIONS_NONE && example->rank != 3)
    return il_fail(
        context, IL_ERROR_DATA,
        "task.rotations need images, but an example of the dataset has %d dimension%s; expected "
        "task.rotations=none",
        example->rank, example->rank == 1 ? "" : "s");
  if (o->rotations != IL_ROTATIONS_NONE && example->dim[0] != example->dim[1])
    return il_fail(context, IL_ERROR_DATA,
                   "rotations need square images, but those of the dataset have %lld × %lld pixels",
                   (long long)example->dim[0], (long long)example->dim[1]);
  return IL_OK;
}

/* A split without classes is allowed: who has no validation set draws no episode from it. */
static il_status check_split(const il_sampler *sampler, il_split split) {
  const il_episode_options *o = &sampler->options;
  int pool = pool_size(sampler, split), classes = il_splits_count(sampler->splits, split);
  const il_groups *groups = &sampler->group[split];
  const int needed = o->ways * fused_of(o);
  if (groups->count > 0 && needed > il_groups_size(groups, 0))
    return il_fail(sampler->context, IL_ERROR_DATA,
                   "episodes of %d ways cannot be drawn within an %s of the %s split: the largest "
                   "has %d classes",
                   needed, il_within_name(o->within), il_split_name(split),
                   il_groups_size(groups, 0));
  if (classes > 0 && needed > pool)
    return il_fail(sampler->context, IL_ERROR_DATA,
                   "episodes of %d ways cannot be drawn from the %s split: it has %d classes",
                   needed, il_split_name(split), pool);
  for (int i = 0; i < classes; i++) {
    int cls = il_splits_class(sampler->splits, split, i);
    int examples = il_dataset_examples(sampler->dataset, cls);
    if (per_part(o) > examples)
      return il_fail(sampler->context, IL_ERROR_DATA,
                     "%d shots and %d queries cannot be drawn from class '%s' of the %s split: it "
                     "has %d examples",
                     o->shots, o->queries, il_dataset_class_name(sampler->dataset, cls),
                     il_split_name(split), examples);
  }
  return IL_OK;
}

il_sampler *il_sampler_new(il_context *context, const il_dataset *dataset, const il_splits *splits,
                           const il_episode_options *options) {
  return il_sampler_for(context, dataset, splits, options, IL_TRAIN, IL_TEST);
}

il_sampler *il_sampler_for(il_context *context, const il_dataset *dataset, const il_splits *splits,
                           const il_episode_options *options, il_split first, il_split last) {
  il_sampler *sampler = calloc(1, sizeof *sampler);
  if (!sampler) {
    il_fail_memory(context, "a sampler");
    return NULL;
  }
  sampler->context = context;
  sampler->dataset = dataset;
  sampler->splits = splits;
  sampler->options = *options;
  il_status status = check_options(sampler);
  for (int s = (int)first; s <= (int)last && !status; s++) {
    if (options->within != IL_WITHIN_ANY)
      status = il_groups_make(context, dataset, splits, (il_split)s, options->within,
                              &sampler->group[s]);
    if (!status) status = check_split(sampler, (il_split)s);
  }
  if (!status) return sampler;
  il_sampler_free(sampler);
  return NULL;
}

void il_sampler_free(il_sampler *sampler) {
  if (!sampler) return;
  for (int s = 0; s < 3; s++) {
    free(sampler->list[s]);
    il_groups_free(&sampler->group[s]);
  }
  free(sampler);
}

size_t il_sampler_episode_size(const il_sampler *sampler) {
  const il_episode_options *o = &sampler->options;
  return (size_t)o->ways * (2 * (size_t)fused_of(o) + (size_t)per_class(o)) * sizeof(int);
}

void il_episode_place(const il_sampler *sampler, int *memory, il_episode *episode) {
  const il_episode_options *o = &sampler->options;
  *episode = (il_episode){.ways = o->ways,
                          .shots = o->shots,
                          .queries = o->queries,
                          .fused = fused_of(o),
                          .cls = memory};
  const size_t classes = (size_t)o->ways * (size_t)episode->fused;
  episode->rotation = memory + classes;
  episode->example = memory + 2 * classes;
}

/* A number below bound that is not among the `count` drawn ones: by rejection, which is uniform over the
 * rest and needs no memory. */
static int draw_other(il_random *random, int bound, const int *drawn, int count) {
  for (;;) {
    int v = (int)il_random_below(random, (uint32_t)bound);
    int i = 0;
    while (i < count && drawn[i] != v) i++;
    if (i == count) return v;
  }
}

/* What the classes of an episode are drawn from: places in the split, each once or for each of four turns. */
typedef struct pool {
  const il_sampler *sampler;
  il_split split;
  int size, turns;
  const int *member; /* places in the split; NULL: all in turn */
} pool;

static int place_of(const pool *p, int at) { return p->member ? p->member[at] : at / p->turns; }

static double weight_of(const pool *p, const double *weight, int at) {
  return weight[il_splits_class(p->sampler->splits, p->split, place_of(p, at))];
}

static bool among(int v, const int *drawn, int count) {
  for (int i = 0; i < count; i++)
    if (drawn[i] == v) return true;
  return false;
}

/* As draw_other, with a probability that is proportional to the weight among those that are left. */
static int draw_weighed(il_random *random, const pool *p, const double *weight, const int *drawn,
                        int count) {
  double left = 0;
  for (int v = 0; v < p->size; v++)
    if (!among(v, drawn, count)) left += weight_of(p, weight, v);
  double at = il_random_uniform01(random) * left;
  int last = 0;
  for (int v = 0; v < p->size && at >= 0; v++) {
    if (among(v, drawn, count)) continue;
    last = v;
    at -= weight_of(p, weight, v);
  }
  return last;
}

/* One of the groups that have classes enough: any, or by the mean weight of their classes. */
static int draw_group(il_random *random, pool *p, const il_groups *groups, int ways,
                      const double *weight) {
  const int large = il_groups_large(groups, ways);
  if (!weight) return (int)il_random_below(random, (uint32_t)large);
  double all = 0, at = 0;
  int group = 0;
  for (int pass = 0; pass < 2; pass++) {
    if (pass) at = il_random_uniform01(random) * all;
    for (int g = 0; g < large && (!pass || at >= 0); g++) {
      const int size = il_groups_size(groups, g);
      double sum = 0;
      p->member = groups->member + groups->first[g];
      for (int i = 0; i < size; i++) sum += weight_of(p, weight, i);
      if (!pass) all += sum / size;
      if (pass) at -= sum / size;
      group = g;
    }
  }
  return group;
}

/* Classes of an episode: cls receives places in the split, rotation quarter turns that are classes of their own. */
static void draw_classes(const il_sampler *sampler, il_split split, il_random *random,
                         il_episode *e) {
  const bool turned = rotations_of(sampler, split) == IL_ROTATIONS_CLASSES;
  const il_groups *groups = &sampler->group[split];
  const double *weight = il_splits_weights(sampler->splits);
  pool p = {sampler, split, pool_size(sampler, split), turned ? 4 : 1, NULL};
  const int classes = e->ways * e->fused;
  int turn = 0;
  if (groups->count > 0) {
    const int group = draw_group(random, &p, groups, classes, weight);
    p.member = groups->member + groups->first[group];
    p.size = il_groups_size(groups, group);
    if (turned) turn = (int)il_random_below(random, 4);
  }
  for (int c = 0; c < classes; c++)
    e->cls[c] = weight ? draw_weighed(random, &p, weight, e->cls, c)
                       : draw_other(random, p.size, e->cls, c);
  for (int c = 0; c < classes; c++) {
    e->rotation[c] = groups->count > 0 ? turn : e->cls[c] % p.turns;
    e->cls[c] = place_of(&p, e->cls[c]);
  }
}

/* The examples of a way: none twice. */
static void draw_examples(const il_sampler *sampler, il_random *random, const il_episode *e,
                          int w) {
  const int n = per_class(&sampler->options), *cls = e->cls + (size_t)w * (size_t)e->fused;
  int *example = e->example + (size_t)w * (size_t)n;
  for (int i = 0; i < n; i++) {
    const int part = part_of(e, i), examples = il_dataset_examples(sampler->dataset, cls[part]);
    int before;
    do {
      example[i] = (int)il_random_below(random, (uint32_t)examples);
      before = 0;
      while (before < i && (example[before] != example[i] || part_of(e, before) != part)) before++;
    } while (before < i);
  }
}

void il_sampler_draw(const il_sampler *sampler, il_split split, uint64_t index, void *memory,
                     il_episode *episode) {
  const il_episode_options *o = &sampler->options;
  il_episode_place(sampler, memory, episode);
  if (sampler->list[split]) {
    size_t size = il_sampler_episode_size(sampler);
    uint64_t at = index % sampler->list_count[split];
    memcpy(memory, (const char *)sampler->list[split] + at * size, size);
    return;
  }
  if (pool_size(sampler, split) == 0) {
    episode->ways = 0;
    return;
  }
  il_rotations rotations = rotations_of(sampler, split);
  il_random random = il_random_start(il_random_mix(o->seed, (uint64_t)split), index);
  draw_classes(sampler, split, &random, episode);
  for (int w = 0; w < o->ways; w++) {
    for (int c = w * episode->fused; c < (w + 1) * episode->fused; c++) {
      if (rotations == IL_ROTATIONS_RANDOM) episode->rotation[c] = (int)il_random_below(&random, 4);
      episode->cls[c] = il_splits_class(sampler->splits, split, episode->cls[c]);
    }
    draw_examples(sampler, &random, episode, w);
  }
}

void il_sampler_fill(const il_sampler *sampler, const il_episode *episode, void *support_x,
                     int32_t *support_y, void *query_x, int32_t *query_y) {
  const il_dataset *d = sampler->dataset;
  const size_t bytes = il_dataset_stride(d);
  const int *example = episode->example;
  char *to[2] = {support_x, query_x};
  int32_t *label[2] = {support_y, query_y};
  for (int w = 0; w < episode->ways; w++)
    for (int i = 0; i < episode->shots + episode->queries; i++) {
      const int cls = w * episode->fused + part_of(episode, i);
      const void *from = il_dataset_example(d, episode->cls[cls], *example++);
      const int set = i >= episode->shots;
      if (episode->rotation[cls] == 0)
        memcpy(to[set], from, bytes);
      else
        il_image_turn(from, (int)d->example.dim[0],
                      (size_t)d->example.dim[2] * il_type_size(d->type), episode->rotation[cls],
                      to[set]);
      to[set] += bytes;
      *label[set]++ = w;
    }
}
