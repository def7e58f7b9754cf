/* Samples from the inside: memory that belongs to them, and what is asked of them in one sentence. */
#ifndef IL_DATA_SAMPLES_H
#define IL_DATA_SAMPLES_H

#include "base/error.h"
#include "data/dataset.h"

/* What nets see of inputs: pixels (u8) times IL_PIXEL_SCALE, reals as they are. */
il_value il_inputs_seen(il_graph *g, il_value x);
/* Bytes of one input. */
size_t il_samples_stride(const il_samples *samples);
/* Samples with room of their own for `count` examples shaped as those of `like` (whose memory is not looked at);
 * inputs, and label or target as `like` has them, are zero and may be written through il_samples_room. */
il_samples *il_samples_new(il_context *context, const il_samples *like, int64_t count);
typedef struct il_samples_memory {
  char *inputs;
  int32_t *label; /* NULL: targets */
  float *target;  /* NULL: labels */
} il_samples_memory;
il_samples_memory il_samples_room(il_samples *samples);
/* Shapes, labels in range, targets in [0, 1], everything finite. name: of the file or argument. */
il_status il_samples_check(il_context *context, const char *name, const il_samples *samples);
/* Copies example `index` into example `at` of samples with room. */
void il_samples_copy(const il_samples *from, int64_t index, il_samples *to, int64_t at);

/* out = a square image turned by 0 to 3 quarter turns counter-clockwise, as numpy.rot90 does; in data/augment.c. */
void il_image_turn(const void *in, int side, size_t pixel_bytes, int turns, void *out);

#endif
