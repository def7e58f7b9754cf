/* Draws batches ahead (see feed.h). */
#include "data/feed.h"

/* Batches of more bytes would cost more memory than waiting for them costs time. */
enum { AHEAD = 1 << 20 };

il_status il_feed_init(il_feed *f, const il_tasks *from, il_type real, il_task_needs needs,
                       int tasks, int threads) {
  *f = (il_feed){0};
  il_status status = il_batch_init(&f->batch[0], from, IL_TRAIN, 0, real, needs, tasks, threads);
  if (status == IL_OK && il_batch_bytes(&f->batch[0]) <= AHEAD)
    status = il_batch_init(&f->batch[1], from, IL_TRAIN, 0, real, needs, tasks, threads);
  return status;
}

void il_feed_free(il_feed *f) {
  for (int side = 0; side < 2; side++) il_batch_free(&f->batch[side]);
}

size_t il_feed_bytes(const il_feed *f) {
  return il_batch_bytes(&f->batch[0]) + il_batch_bytes(&f->batch[1]);
}

const il_batch *il_feed_batch(il_feed *f, il_team *team, int64_t step) {
  const int tasks = f->batch[0].tasks;
  const uint64_t first = (uint64_t)step * (uint64_t)tasks;
  const bool drawn = f->first == first && atomic_load(&f->next) >= tasks;
  if (f->batch[1].tasks) f->side = 1 - f->side;
  il_batch *batch = &f->batch[f->side];
  const il_status status = drawn ? il_batch_check(batch, IL_TRAIN, first)
                                 : il_batch_draw(batch, team, IL_TRAIN, first, tasks);
  f->first = first + (uint64_t)tasks;
  atomic_store(&f->batch[1 - f->side].failed, 0);
  atomic_store(&f->next, 0);
  return status == IL_OK ? batch : NULL;
}

static void draw(void *argument, int worker) {
  il_feed *f = argument;
  il_batch *batch = &f->batch[1 - f->side];
  for (;;) {
    const int task = atomic_fetch_add_explicit(&f->next, 1, memory_order_relaxed);
    if (task >= batch->tasks) return;
    il_batch_draw_task(batch, worker, IL_TRAIN, f->first, task);
  }
}

il_meanwhile il_feed_ahead(il_feed *f) {
  return f->batch[1].tasks ? (il_meanwhile){draw, f} : (il_meanwhile){0};
}
