/* The table of sources, and opening one. */
#include "data/source.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "data/episode.h"
#include "base/random.h"

static const il_source *const sources[] = {
#define IL_SOURCE(name) &il_source_##name,
#include "data/sources.def"
#undef IL_SOURCE
};

int il_source_shots(const il_source_options *o, int *low) {
  *low = o->train_shots ? o->train_shots : o->shots;
  return o->train_shots && o->train_shots_most > *low ? o->train_shots_most - *low + 1 : 1;
}

int il_source_ways(const il_source_options *o, int *low) {
  *low = o->train_ways ? o->train_ways : o->ways;
  return o->train_ways && o->train_ways_most > *low ? o->train_ways_most - *low + 1 : 1;
}

int il_sources(void) { return (int)(sizeof sources / sizeof *sources); }
const il_source *il_source_at(int index) { return sources[index]; }

const il_source *il_source_find(const char *name) {
  for (int i = 0; i < il_sources(); i++)
    if (!strcmp(sources[i]->name, name)) return sources[i];
  return NULL;
}

/* What a source tells must be what a graph can have as inputs, and a draw as memory. */
static il_status describe(il_tasks *t, il_split split, int variant) {
  il_task_shape *s = &t->shape[split][variant];
  t->source->describe(t->data, split, variant, s);
  if (s->support == 0) s->support = s->ways * s->shots;
  if (s->query == 0) s->query = s->ways * s->queries;
  if (s->scale == 0) s->scale = 1;
  if (s->support >= 1 && s->query >= 1 && s->outputs >= 1 && il_shape_count(s->example) >= 1 &&
      s->loss)
    return IL_OK;
  return il_fail(t->context, IL_ERROR_ARGUMENT,
                 "source %s, %s split: found tasks of %d + %d examples, %d outputs, loss %d; "
                 "expected at least 1 of each, and a loss",
                 t->source->name, il_split_name(split), s->support, s->query, s->outputs,
                 (int)s->loss);
}

/* One net and one compiled loss serve all of them. */
static il_status check_alike(const il_tasks *t, il_split split, int variant) {
  /* The first of all: in front of the one block. */
  const il_task_shape *a = t->shape[0], *b = &t->shape[split][variant];
  if (il_shape_equal(a->example, b->example) && a->x == b->x && a->targets == b->targets &&
      a->loss == b->loss && a->scale == b->scale && (!a->targets || a->outputs == b->outputs))
    return IL_OK;
  return il_fail(t->context, IL_ERROR_DATA,
                 "source %s: tasks of shape %d of the %s split have other examples, targets or "
                 "losses than the first ones; expected the same",
                 t->source->name, variant, il_split_name(split));
}

static il_status share_out(il_tasks *t, il_split split) {
  const int variants = t->variants[split];
  double sum = 0;
  bool fine = true;
  for (int v = 0; v < variants; v++) {
    const double share = t->source->share ? t->source->share(t->data, split, v) : 1;
    fine = fine && share >= 0 && isfinite(share);
    sum += t->share[split][v] = share;
  }
  if (variants && (!fine || !(sum > 0)))
    return il_fail(t->context, IL_ERROR_DATA,
                   "source %s: the shares of the shapes of the %s split add up to %g, expected "
                   "numbers from 0, some larger",
                   t->source->name, il_split_name(split), sum);
  for (int v = 0; v < variants; v++) t->share[split][v] /= sum;
  return IL_OK;
}

static il_status describe_all(il_tasks *t) {
  const int most = IL_TASK_VARIANTS;
  for (int s = IL_TRAIN; s <= IL_TEST; s++) {
    const int variants = t->source->variants ? t->source->variants(t->data, (il_split)s) : 1;
    if (variants < 0 || variants > most)
      return il_fail(t->context, IL_ERROR_DATA,
                     "source %s: the %s split has tasks of %d shapes, expected at most %d",
                     t->source->name, il_split_name((il_split)s), variants, most);
    t->variants[s] = variants;
  }
  /* A split without tasks has a zeroed shape. */
  const int all = t->variants[0] + t->variants[1] + t->variants[2] + 1;
  t->shape[0] = calloc((size_t)all, sizeof *t->shape[0]);
  t->share[0] = calloc((size_t)all, sizeof *t->share[0]);
  if (!t->shape[0] || !t->share[0]) return il_fail_memory(t->context, "a source of tasks");
  il_status status = IL_OK;
  for (int s = IL_TRAIN; s <= IL_TEST && status == IL_OK; s++) {
    if (s > IL_TRAIN) t->shape[s] = t->shape[s - 1] + t->variants[s - 1];
    if (s > IL_TRAIN) t->share[s] = t->share[s - 1] + t->variants[s - 1];
    for (int v = 0; v < t->variants[s] && status == IL_OK; v++) {
      status = describe(t, (il_split)s, v);
      if (status == IL_OK) status = check_alike(t, (il_split)s, v);
    }
    if (status == IL_OK) status = share_out(t, (il_split)s);
  }
  return status;
}

il_tasks *il_tasks_open(il_context *context, const il_source *source, const void *settings,
                        const il_source_options *options) {
  il_tasks *t = calloc(1, sizeof *t);
  if (!t) {
    il_fail_memory(context, "a source of tasks");
    return NULL;
  }
  *t = (il_tasks){
      .context = context, .source = source, .seed = options->seed, .pool = (uint64_t)options->pool};
  t->data = source->open(context, settings, options);
  if (t->data && describe_all(t) == IL_OK) return t;
  if (il_context_status(context) == IL_OK)
    il_fail(context, IL_ERROR_DATA, "source %s: could not be opened", source->name);
  il_tasks_free(t);
  return NULL;
}

void il_tasks_free(il_tasks *t) {
  if (!t) return;
  if (t->data && t->source->close) t->source->close(t->data);
  free(t->shape[0]);
  free(t->share[0]);
  free(t);
}

int il_tasks_variants(const il_tasks *t, il_split split) { return t->variants[split]; }

const il_task_shape *il_tasks_shape(const il_tasks *t, il_split split, int variant) {
  return &t->shape[split][variant];
}

double il_tasks_share(const il_tasks *t, il_split split, int variant) {
  return t->share[split][variant];
}

int64_t il_tasks_count(const il_tasks *t, il_split split) {
  if (t->variants[split] == 0) return 0;
  return t->source->count ? t->source->count(t->data, split) : -1;
}

int il_tasks_variant_of(const il_tasks *t, uint64_t step) {
  const int variants = t->variants[IL_TRAIN];
  if (variants == 1) return 0;
  il_random random = il_random_start(il_random_mix(t->seed, 0x7368617065u /* "shape" */), step);
  const double u = il_random_uniform01(&random);
  double below = 0;
  int chosen = 0;
  for (int v = 0; v < variants && u >= below; v++) {
    if (t->share[IL_TRAIN][v] > 0) chosen = v;
    below += t->share[IL_TRAIN][v];
  }
  return chosen;
}

void il_tasks_divide(const il_tasks *t, il_split split, int all, int *count) {
  const int variants = t->variants[split];
  const double *share = t->share[split];
  bool more[IL_TASK_VARIANTS] = {false};
  int left = all;
  for (int v = 0; v < variants; v++) {
    count[v] = (int)(all * share[v]);
    left -= count[v];
  }
  for (; left > 0; left--) {
    int best = -1;
    double rest = -1;
    for (int v = 0; v < variants; v++)
      if (!more[v] && all * share[v] - count[v] > rest) {
        best = v;
        rest = all * share[v] - count[v];
      }
    if (best < 0) return;
    more[best] = true;
    count[best]++;
  }
}

void il_tasks_text(const il_tasks *t, il_split split, char *text, size_t size) {
  const il_task_shape *s = t->shape[split];
  const int last = t->variants[split] - 1;
  bool range = true; /* of ways and shots alone */
  for (int v = 1; v <= last; v++)
    range = range && s[v].shots >= s[0].shots && s[v].shots <= s[last].shots &&
            s[v].ways >= s[0].ways && s[v].ways <= s[last].ways && s[v].queries == s[0].queries;
  if (il_tasks_count(t, split) >= 0)
    snprintf(text, size, "%lld/%lld/%lld tasks of %d shape%s",
             (long long)il_tasks_count(t, IL_TRAIN), (long long)il_tasks_count(t, IL_VALIDATION),
             (long long)il_tasks_count(t, IL_TEST), last + 1, last ? "s" : "");
  else if (last < 1 || (range && s[0].shots == s[last].shots))
    snprintf(text, size, "%d shots", s[0].shots);
  else if (range)
    snprintf(text, size, "%d to %d shots", s[0].shots, s[last].shots);
  else
    snprintf(text, size, "tasks of %d shapes", last + 1);
}

void il_tasks_within_text(const il_tasks *t, il_split split, char *text, size_t size) {
  const il_sampler *sampler = t->source->sampler ? t->source->sampler(t->data, split) : NULL;
  const il_groups *groups = sampler ? &sampler->group[split] : NULL;
  *text = 0;
  if (!groups || !groups->count || sampler->list[split]) return;
  const il_episode_options *o = &sampler->options;
  const int ways = o->fused > 1 ? o->ways * o->fused : o->ways,
            large = il_groups_large(groups, ways);
  const char *name = il_within_name(o->within);
  if (large == groups->count)
    snprintf(text, size, "within one of %d %s%s", large, name, large == 1 ? "" : "s");
  else
    snprintf(text, size, "within one of %d of %d %ss (the other%s fewer than %d classes)", large,
             groups->count, name, groups->count - large == 1 ? " has" : "s have", ways);
}

int il_tasks_classes(const il_tasks *t, il_split split) {
  return t->source->classes ? t->source->classes(t->data, split) : -1;
}

const il_dataset *il_tasks_dataset(const il_tasks *t) {
  const il_sampler *sampler = t->source->sampler ? t->source->sampler(t->data, IL_TEST) : NULL;
  return sampler ? sampler->dataset : NULL;
}

uint64_t il_tasks_content(const il_tasks *t) {
  if (t->source->content) return t->source->content(t->data);
  const il_dataset *dataset = il_tasks_dataset(t);
  return dataset ? il_dataset_fingerprint(dataset) : 0;
}

uint64_t il_tasks_division(const il_tasks *t) {
  return t->source->division ? t->source->division(t->data) : 0;
}

il_task_id il_tasks_pooled(const il_tasks *t, il_task_id id) {
  if (id.split == IL_TRAIN && t->pool) id.index %= t->pool;
  return id;
}

il_status il_tasks_failed(const il_tasks *t, il_task_id id) {
  return il_fail(t->context, IL_ERROR_DATA,
                 "source %s: task %llu of the %s split could not be drawn", t->source->name,
                 (unsigned long long)id.index, il_split_name(id.split));
}

il_status il_tasks_draw(const il_tasks *t, il_task_id first, int count,
                        const il_task_memory *memory) {
  const il_task_shape *s = &t->shape[first.split][first.variant];
  const size_t number = s->targets ? sizeof(float) * (size_t)s->outputs : sizeof(int32_t);
  const size_t example =
      (size_t)il_shape_count(s->example) * (s->x == IL_UINT8 ? 1 : sizeof(float));
  const size_t n[2] = {(size_t)s->support, (size_t)s->query};
  void *scratch = t->source->scratch ? malloc(t->source->scratch(t->data) + 1) : NULL;
  if (t->source->scratch && !scratch) return il_fail_memory(t->context, "drawing a task");
  il_status status = IL_OK;
  for (int i = 0; i < count && status == IL_OK; i++) {
    il_task_memory task;
    for (int set = 0; set < 2; set++) {
      task.x[set] = (char *)memory->x[set] + (size_t)i * n[set] * example;
      task.y[set] = (char *)memory->y[set] + (size_t)i * n[set] * number;
    }
    const il_task_id id = {first.split, first.variant, first.index + (uint64_t)i};
    if (t->source->draw(t->data, il_tasks_pooled(t, id), scratch, &task) != IL_OK)
      status = il_tasks_failed(t, id);
  }
  free(scratch);
  return status;
}
