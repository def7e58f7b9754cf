/* Places buffers in one arena by liveness: the largest first, each at the lowest offset where it overlaps
 * nothing that lives at the same time. */
#include <stdlib.h>

#include "plan/plan.h"

static bool larger(const il_buffer *a, const il_buffer *b) {
  if (a->bytes != b->bytes) return a->bytes > b->bytes;
  return a->first < b->first;
}

/* Heap sort on indexes: qsort has no argument for the buffers and qsort_r is not portable. */
static void sink(int64_t *order, int64_t root, int64_t count, const il_buffer *buffer) {
  for (;;) {
    int64_t child = 2 * root + 1;
    if (child >= count) return;
    if (child + 1 < count && larger(&buffer[order[child]], &buffer[order[child + 1]])) child++;
    if (!larger(&buffer[order[root]], &buffer[order[child]])) return;
    const int64_t swap = order[root];
    order[root] = order[child];
    order[child] = swap;
    root = child;
  }
}

static void sort_by_size(int64_t *order, int64_t count, const il_buffer *buffer) {
  for (int64_t i = 0; i < count; i++) order[i] = i;
  for (int64_t i = count / 2; i-- > 0;) sink(order, i, count, buffer);
  for (int64_t end = count - 1; end > 0; end--) {
    const int64_t swap = order[0];
    order[0] = order[end];
    order[end] = swap;
    sink(order, 0, end, buffer);
  }
}

/* Lowest offset for `one` among the buffers already placed (order[0..placed), sorted by offset in `by`). */
static size_t lowest(const il_buffer *one, const il_buffer *buffer, const int64_t *by,
                     int64_t placed) {
  size_t offset = 0;
  for (int64_t i = 0; i < placed; i++) {
    const il_buffer *other = &buffer[by[i]];
    if (other->last < one->first || one->last < other->first) continue;
    if (offset + one->bytes <= other->offset) break;
    if (other->offset + other->bytes > offset) offset = other->offset + other->bytes;
  }
  return offset;
}

size_t il_footprint_place(int64_t count, il_buffer *buffer, int64_t *order) {
  size_t total = 0;
  for (int64_t i = 0; i < count; i++) buffer[i].bytes = il_aligned(buffer[i].bytes);
  sort_by_size(order, count, buffer);
  /* order[0..i) becomes the list of placed buffers by offset as we go; the rest is still by size */
  for (int64_t i = 0; i < count; i++) {
    const int64_t index = order[i];
    il_buffer *one = &buffer[index];
    one->offset = lowest(one, buffer, order, i);
    if (one->offset + one->bytes > total) total = one->offset + one->bytes;
    int64_t at = i;
    for (; at > 0 && buffer[order[at - 1]].offset > one->offset; at--) order[at] = order[at - 1];
    order[at] = index;
  }
  return total;
}
