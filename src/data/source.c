/* The table of sources, and opening one. */
#include "data/source.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "data/episode.h"

static const il_source *const sources[] = {
#define IL_SOURCE(name) &il_source_##name,
#include "data/sources.def"
#undef IL_SOURCE
};

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

static il_status describe_all(il_tasks *t) {
  const int most = IL_TASK_VARIANTS;
  for (int s = IL_TRAIN; s <= IL_TEST; s++) {
    const int variants = t->source->variants ? t->source->variants(t->data, (il_split)s) : 1;
    if (variants < 1 || variants > most)
      return il_fail(t->context, IL_ERROR_DATA,
                     "source %s: the %s split has tasks of %d shapes, expected 1 to %d",
                     t->source->name, il_split_name((il_split)s), variants, most);
    t->variants[s] = variants;
  }
  t->shape[0] =
      calloc((size_t)(t->variants[0] + t->variants[1] + t->variants[2]), sizeof *t->shape[0]);
  if (!t->shape[0]) return il_fail_memory(t->context, "a source of tasks");
  il_status status = IL_OK;
  for (int s = IL_TRAIN; s <= IL_TEST && status == IL_OK; s++) {
    if (s > IL_TRAIN) t->shape[s] = t->shape[s - 1] + t->variants[s - 1];
    for (int v = 0; v < t->variants[s] && status == IL_OK; v++)
      status = describe(t, (il_split)s, v);
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
  *t = (il_tasks){.context = context, .source = source, .seed = options->seed};
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
  free(t);
}

int il_tasks_variants(const il_tasks *t, il_split split) { return t->variants[split]; }

const il_task_shape *il_tasks_shape(const il_tasks *t, il_split split, int variant) {
  return &t->shape[split][variant];
}

int il_tasks_classes(const il_tasks *t, il_split split) {
  return t->source->classes ? t->source->classes(t->data, split) : -1;
}

const il_dataset *il_tasks_dataset(const il_tasks *t) {
  const il_sampler *sampler = t->source->sampler ? t->source->sampler(t->data, IL_TEST) : NULL;
  return sampler ? sampler->dataset : NULL;
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
    if (t->source->draw(t->data, id, scratch, &task) != IL_OK) status = il_tasks_failed(t, id);
  }
  free(scratch);
  return status;
}
