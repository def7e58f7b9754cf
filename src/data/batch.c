/* Batches of tasks (see batch.h). */
#include "data/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/random.h"
#include "base/room.h"
#include "meta/method.h"
#include "nn/net.h"

const char *const il_batch_input_name[IL_BATCH_INPUTS] = {"support_x", "support_y",   "query_x",
                                                          "query_y",   "dropout_key", "order"};

/* Numbers of one task's input: x or y of the support or query set. */
static size_t count_of(const il_task_shape *s, int input) {
  size_t rows = (size_t)(input < 2 ? s->support : s->query);
  if (input % 2) return rows * (s->targets ? (size_t)s->outputs : 1);
  return rows * (size_t)il_shape_count(s->example);
}

/* Whether it is real; else bytes or labels. */
static bool real_input(const il_task_shape *s, int input) {
  return input % 2 ? s->targets : s->x != IL_UINT8;
}

static size_t align(size_t bytes) { return (bytes + 63) / 64 * 64; }

il_status il_batch_init(il_batch *b, const il_tasks *from, il_split split, int variant,
                        il_type real, il_task_needs needs, int tasks, int threads) {
  const il_task_shape *shape = il_tasks_shape(from, split, variant);
  *b = (il_batch){.from = from,
                  .shape = *shape,
                  .variant = variant,
                  .real = real,
                  .needs = needs,
                  .tasks = tasks,
                  .threads = threads};
  b->staging = align(from->source->scratch ? from->source->scratch(from->data) : 0);
  b->scratch_size = b->staging;
  for (int i = 0; i < 4; i++) {
    const size_t count = count_of(shape, i);
    const bool reals = real_input(shape, i);
    b->size[i] = count * (reals        ? il_type_size(real)
                          : i % 2 == 0 ? sizeof(uint8_t)
                                       : sizeof(int32_t));
    if (reals && real == IL_FLOAT64) b->scratch_size += align(count * sizeof(float));
  }
  if (needs.batch) b->scratch_size += align(sizeof(int32_t) * (size_t)shape->support);
  if (needs.key) b->size[4] = 2 * sizeof(int32_t);
  b->size[5] = sizeof(int32_t) * (size_t)needs.steps * (size_t)needs.batch;
  /* Workers keep off each other's cache lines. */
  b->scratch = il_new_aligned(from->context, b->scratch_size * (size_t)threads + 64);
  bool made = b->scratch != NULL;
  for (int i = 0; i < IL_BATCH_INPUTS; i++) {
    if (!b->size[i]) continue;
    b->input[i] = il_new_aligned(from->context, b->size[i] * (size_t)tasks);
    made = made && b->input[i];
  }
  if (made) return IL_OK;
  il_batch_free(b);
  return il_fail_memory(from->context, "a batch of tasks");
}

size_t il_batch_bytes(const il_batch *b) {
  size_t bytes = b->scratch_size * (size_t)b->threads;
  for (int i = 0; i < IL_BATCH_INPUTS; i++) bytes += b->size[i] * (size_t)b->tasks;
  return bytes;
}

void il_batch_free(il_batch *b) {
  for (int i = 0; i < IL_BATCH_INPUTS; i++) il_release(b->input[i]);
  il_release(b->scratch);
  *b = (il_batch){0};
}

/* Of the set's x, the first number that the net cannot take; −1: there is none. */
static int64_t unfit(const il_batch *b, int task, int set) {
  return il_net_unfit(b->needs.vocabulary, real_input(&b->shape, 2 * set) ? b->real : IL_UINT8,
                      (int64_t)count_of(&b->shape, 2 * set),
                      (const char *)b->input[2 * set] + (size_t)task * b->size[2 * set]);
}

void il_batch_draw_task(il_batch *b, int worker, il_split split, uint64_t first, int task) {
  char *scratch = b->scratch + (size_t)worker * b->scratch_size, *staged = scratch + b->staging;
  void *at[IL_BATCH_INPUTS], *drawn[4];
  for (int i = 0; i < IL_BATCH_INPUTS; i++)
    at[i] = b->size[i] ? (char *)b->input[i] + (size_t)task * b->size[i] : NULL;
  for (int i = 0; i < 4; i++) {
    drawn[i] = at[i];
    if (b->real != IL_FLOAT64 || !real_input(&b->shape, i)) continue;
    drawn[i] = staged;
    staged += align(count_of(&b->shape, i) * sizeof(float));
  }
  const il_task_id id = {split, b->variant, first + (uint64_t)task};
  const il_task_memory memory = {.x = {drawn[0], drawn[2]}, .y = {drawn[1], drawn[3]}};
  if (b->from->source->draw(b->from->data, il_tasks_pooled(b->from, id), scratch, &memory) != IL_OK)
    atomic_store(&b->failed, task + 1);
  for (int i = 0; i < 4; i++) {
    const size_t count = drawn[i] == at[i] ? 0 : count_of(&b->shape, i);
    for (size_t j = 0; j < count; j++) ((double *)at[i])[j] = (double)((const float *)drawn[i])[j];
  }
  if (unfit(b, task, 0) >= 0 || unfit(b, task, 1) >= 0) atomic_store(&b->failed, task + 1);
  if (b->size[5])
    il_method_order(b->shape.support, b->needs,
                    il_random_mix(il_random_mix(b->from->seed, (uint64_t)split + 8), id.index),
                    (int32_t *)(void *)staged, at[5]);
  if (b->size[4]) {
    uint64_t key = il_random_mix(il_random_mix(b->from->seed, (uint64_t)split), id.index);
    memcpy(at[4], &key, sizeof key);
  }
}

typedef struct draw {
  il_batch *batch;
  il_split split;
  uint64_t first;
  int begin, end, threads;
} draw;

static void draw_worker(void *argument, int worker) {
  const draw *d = argument;
  for (int t = d->begin + worker; t < d->end; t += d->threads)
    il_batch_draw_task(d->batch, worker, d->split, d->first, t);
}

il_status il_batch_draw(il_batch *batch, il_team *team, il_split split, uint64_t first, int tasks) {
  return il_batch_draw_part(batch, team, split, first, 0, tasks);
}

il_status il_batch_draw_part(il_batch *batch, il_team *team, il_split split, uint64_t first,
                             int begin, int end) {
  draw d = {batch, split, first, begin, end, il_team_threads(team)};
  atomic_store(&batch->failed, 0);
  il_team_run(team, draw_worker, &d);
  return il_batch_check(batch, split, first);
}

il_status il_batch_check(const il_batch *b, il_split split, uint64_t first) {
  const int failed = atomic_load(&b->failed);
  if (!failed) return IL_OK;
  const il_task_id id = {split, b->variant, first + (uint64_t)failed - 1};
  for (int set = 0; set < 2; set++) {
    const int64_t at = unfit(b, failed - 1, set);
    if (at < 0) continue;
    const int64_t numbers = il_shape_count(b->shape.example);
    const il_type type = real_input(&b->shape, 2 * set) ? b->real : IL_UINT8;
    return il_fail(
        b->from->context, IL_ERROR_DATA,
        "source %s: task %llu of the %s split: example %lld of its %s set has " IL_NO_TOKEN,
        b->from->source->name, (unsigned long long)id.index, il_split_name(split),
        (long long)(at / numbers), set ? "query" : "support",
        il_number_at(type,
                     (const char *)b->input[2 * set] + (size_t)(failed - 1) * b->size[2 * set], at),
        b->needs.vocabulary - 1);
  }
  return il_tasks_failed(b->from, id);
}
