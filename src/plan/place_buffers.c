/* Places buffers in one arena by liveness: the largest first, each at the lowest offset where it overlaps
 * nothing that lives at the same time. */

#include "plan/builder.h"
#include "plan/occupancy.h"
#include "base/room.h"
#include "base/sort.h"

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

static int ascending(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* The times at which a buffer begins to live, in order: whatever two that live together have in common holds one. */
static int64_t instants_of(int64_t count, const il_buffer *buffer, int64_t *instant) {
  int64_t apart = 0;
  for (int64_t i = 0; i < count; i++) instant[i] = buffer[i].first;
  il_sort(instant, (size_t)count, sizeof *instant, ascending);
  for (int64_t i = 0; i < count; i++)
    if (apart == 0 || instant[i] != instant[apart - 1]) instant[apart++] = instant[i];
  return apart;
}

/* The last instant at `time` or before it. */
static int64_t index_of(const int64_t *instant, int64_t count, int64_t time) {
  int64_t low = 0, high = count;
  while (high - low > 1) {
    const int64_t middle = (low + high) / 2;
    if (instant[middle] <= time)
      low = middle;
    else
      high = middle;
  }
  return low;
}

bool il_place_buffers(il_context *context, int64_t count, il_buffer *buffer, size_t *total,
                      int64_t *looks) {
  int64_t *order = il_new(context, (size_t)count + 1, sizeof *order);
  int64_t *instant = il_new(context, (size_t)count + 1, sizeof *instant);
  const int64_t instants = order && instant ? instants_of(count, buffer, instant) : 0;
  il_occupancy taken;
  bool ok = il_occupancy_start(&taken, context, instants) && order && instant;
  *total = 0;
  for (int64_t i = 0; i < count; i++) buffer[i].bytes = il_aligned(buffer[i].bytes);
  if (ok) sort_by_size(order, count, buffer);
  for (int64_t i = 0; i < count && ok; i++) {
    il_buffer *one = &buffer[order[i]];
    const int64_t first = index_of(instant, instants, one->first),
                  last = index_of(instant, instants, one->last);
    one->offset = il_occupancy_lowest(&taken, first, last, one->bytes);
    const il_span span = {one->offset, one->offset + one->bytes};
    if (span.end > *total) *total = span.end;
    ok = span.end < IL_MOST_BYTES && il_occupancy_take(&taken, first, last, span);
  }
  *looks += taken.looks;
  il_occupancy_end(&taken);
  il_release(order);
  il_release(instant);
  return ok;
}
