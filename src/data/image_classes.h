/* What sources of image classes share: a dataset, its split, and episodes drawn from it. */
#ifndef IL_DATA_IMAGE_CLASSES_H
#define IL_DATA_IMAGE_CLASSES_H

#include "data/episode.h"

/* Takes the dataset over, also after an error; NULL: only shapes are known, images of that size (h, w, c). */
void *il_image_classes_open(il_context *context, il_dataset *dataset, const int size[3],
                            const il_source_options *options);
void il_image_classes_describe(void *data, il_split split, il_task_shape *shape);
size_t il_image_classes_scratch(void *data);
il_status il_image_classes_draw(void *data, il_split split, uint64_t index, void *scratch,
                                const il_task_memory *task);
void il_image_classes_close(void *data);
int il_image_classes_count(void *data, il_split split);
size_t il_image_classes_bytes(void *data);
il_sampler *il_image_classes_sampler(void *data, il_split split);

/* Their part of an il_source. */
#define IL_IMAGE_CLASSES                                                                           \
  .describe = il_image_classes_describe, .scratch = il_image_classes_scratch,                      \
  .draw = il_image_classes_draw, .close = il_image_classes_close,                                  \
  .classes = il_image_classes_count, .bytes = il_image_classes_bytes,                              \
  .sampler = il_image_classes_sampler

#endif
