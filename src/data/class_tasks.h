/* What sources of classes share: a dataset, its split, and episodes drawn from it. */
#ifndef IL_DATA_CLASS_TASKS_H
#define IL_DATA_CLASS_TASKS_H

#include "data/episode.h"

/* Takes the dataset over, also after an error; NULL: only shapes are known, images of that shape. */
void *il_class_tasks_open(il_context *context, il_dataset *dataset, il_shape image,
                          const il_source_options *options);
/* Classes that training and test tasks need at least. */
void il_class_tasks_least(const il_source_options *options, int *train, int *test);
void il_class_tasks_describe(void *data, il_split split, int variant, il_task_shape *shape);
size_t il_class_tasks_scratch(void *data);
il_status il_class_tasks_draw(void *data, il_task_id id, void *scratch, const il_task_memory *task);
void il_class_tasks_close(void *data);
int il_class_tasks_variants(void *data, il_split split);
int il_class_tasks_count(void *data, il_split split);
size_t il_class_tasks_bytes(void *data);
il_sampler *il_class_tasks_sampler(void *data, il_split split);
uint64_t il_class_tasks_division(void *data);

/* Their part of an il_source. */
#define IL_CLASS_TASKS                                                                             \
  .describe = il_class_tasks_describe, .scratch = il_class_tasks_scratch,                          \
  .draw = il_class_tasks_draw, .close = il_class_tasks_close, .classes = il_class_tasks_count,     \
  .bytes = il_class_tasks_bytes, .sampler = il_class_tasks_sampler,                                \
  .variants = il_class_tasks_variants, .division = il_class_tasks_division

#endif
