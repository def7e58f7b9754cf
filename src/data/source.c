/* The table of sources, and opening one. */
#include "data/source.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

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
static il_status describe(il_tasks *t, il_split split) {
  il_task_shape *s = &t->shape[split];
  t->source->describe(t->data, split, s);
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

il_tasks *il_tasks_open(il_context *context, const il_source *source, const void *settings,
                        const il_source_options *options) {
  il_tasks *t = calloc(1, sizeof *t);
  if (!t) {
    il_fail_memory(context, "a source of tasks");
    return NULL;
  }
  *t = (il_tasks){.context = context, .source = source, .seed = options->seed};
  t->data = source->open(context, settings, options);
  if (t->data && describe(t, IL_TRAIN) == IL_OK && describe(t, IL_VALIDATION) == IL_OK &&
      describe(t, IL_TEST) == IL_OK)
    return t;
  if (il_context_status(context) == IL_OK)
    il_fail(context, IL_ERROR_DATA, "source %s: could not be opened", source->name);
  il_tasks_free(t);
  return NULL;
}

void il_tasks_free(il_tasks *t) {
  if (!t) return;
  if (t->data && t->source->close) t->source->close(t->data);
  free(t);
}

const il_task_shape *il_tasks_shape(const il_tasks *t, il_split split) { return &t->shape[split]; }

int il_tasks_classes(const il_tasks *t, il_split split) {
  return t->source->classes ? t->source->classes(t->data, split) : -1;
}

il_status il_tasks_failed(const il_tasks *t, il_split split, uint64_t index) {
  return il_fail(t->context, IL_ERROR_DATA,
                 "source %s: task %llu of the %s split could not be drawn", t->source->name,
                 (unsigned long long)index, il_split_name(split));
}

il_status il_tasks_draw(const il_tasks *t, il_split split, uint64_t first, int count,
                        const il_task_memory *memory) {
  const il_task_shape *s = &t->shape[split];
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
    if (t->source->draw(t->data, split, first + (uint64_t)i, scratch, &task) != IL_OK)
      status = il_tasks_failed(t, split, first + (uint64_t)i);
  }
  free(scratch);
  return status;
}
