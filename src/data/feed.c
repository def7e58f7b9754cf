/* Draws batches ahead (see feed.h). */
#include "data/feed.h"

#include <stdlib.h>

#include "base/error.h"

/* Batches of more bytes would cost more memory than waiting for them costs time. */
enum { AHEAD = 1 << 20 };

static il_status make_side(il_feed *f, int side, il_type real, const il_task_needs *needs,
                           int threads) {
  f->batch[side] = calloc((size_t)f->variants, sizeof *f->batch[side]);
  il_status status =
      f->batch[side] ? IL_OK : il_fail_memory(f->from->context, "the batches of a training");
  for (int v = 0; v < f->variants && status == IL_OK; v++)
    status =
        il_batch_init(&f->batch[side][v], f->from, IL_TRAIN, v, real, needs[v], f->tasks, threads);
  return status;
}

il_status il_feed_init(il_feed *f, const il_tasks *from, il_type real, const il_task_needs *needs,
                       int tasks, int threads) {
  *f = (il_feed){
      .from = from, .tasks = tasks, .end = tasks, .variants = il_tasks_variants(from, IL_TRAIN)};
  il_status status = make_side(f, 0, real, needs, threads);
  size_t largest = 0;
  for (int v = 0; v < f->variants && status == IL_OK; v++)
    if (il_batch_bytes(&f->batch[0][v]) > largest) largest = il_batch_bytes(&f->batch[0][v]);
  if (status == IL_OK && largest <= AHEAD) status = make_side(f, 1, real, needs, threads);
  return status;
}

void il_feed_free(il_feed *f) {
  for (int side = 0; side < 2; side++) {
    for (int v = 0; f->batch[side] && v < f->variants; v++) il_batch_free(&f->batch[side][v]);
    free(f->batch[side]);
  }
  *f = (il_feed){0};
}

void il_feed_part(il_feed *f, int begin, int end) {
  f->begin = begin;
  f->end = end;
  f->ahead = NULL; /* what was drawn ahead were other places */
}

size_t il_feed_bytes(const il_feed *f) {
  size_t bytes = 0;
  for (int side = 0; side < 2; side++)
    for (int v = 0; f->batch[side] && v < f->variants; v++)
      bytes += il_batch_bytes(&f->batch[side][v]);
  return bytes;
}

const il_batch *il_feed_batch(il_feed *f, il_team *team, int64_t step) {
  const uint64_t first = (uint64_t)step * (uint64_t)f->tasks;
  const bool drawn = f->ahead && f->first == first && atomic_load(&f->next) >= f->end;
  if (f->batch[1]) f->side = 1 - f->side;
  il_batch *batch = &f->batch[f->side][il_tasks_variant_of(f->from, (uint64_t)step)];
  const il_status status = drawn
                               ? il_batch_check(batch, IL_TRAIN, first)
                               : il_batch_draw_part(batch, team, IL_TRAIN, first, f->begin, f->end);
  f->first = first + (uint64_t)f->tasks;
  if (f->batch[1]) {
    f->ahead = &f->batch[1 - f->side][il_tasks_variant_of(f->from, (uint64_t)step + 1)];
    atomic_store(&f->ahead->failed, 0);
  }
  atomic_store(&f->next, f->begin);
  return status == IL_OK ? batch : NULL;
}

const il_batch *il_feed_first(il_feed *f, il_team *team, int variant) {
  il_batch *batch = &f->batch[f->side][variant];
  return il_batch_draw(batch, team, IL_TRAIN, 0, f->tasks) == IL_OK ? batch : NULL;
}

static void draw(void *argument, int worker) {
  il_feed *f = argument;
  for (;;) {
    const int task = atomic_fetch_add_explicit(&f->next, 1, memory_order_relaxed);
    if (task >= f->end) return;
    il_batch_draw_task(f->ahead, worker, IL_TRAIN, f->first, task);
  }
}

il_meanwhile il_feed_ahead(il_feed *f) {
  return f->batch[1] ? (il_meanwhile){draw, f} : (il_meanwhile){0};
}
