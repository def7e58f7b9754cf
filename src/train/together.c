/* What ranks check and hand out (see together.h). */
#include "train/together.h"

#include <stdlib.h>
#include <string.h>

#include <innerloop/version.h>

#include "base/random.h"
#include "kernels/kernel.h"

typedef struct identity { /* the same layout everywhere */
  char version[32], bits[32];
  uint64_t content, division;
} identity;

static il_status differ(il_context *context, const il_ranks *ranks, const identity *all) {
  for (int r = 1; r < ranks->size; r++) {
    const identity *a = &all[0], *b = &all[r];
    if (strncmp(a->version, b->version, sizeof a->version))
      return il_fail(context, IL_ERROR_RANKS,
                     "rank %d runs innerloop %.32s; expected %.32s, which rank 0 runs", r,
                     b->version, a->version);
    if (strncmp(a->bits, b->bits, sizeof a->bits))
      return il_fail(context, IL_ERROR_RANKS,
                     "rank %d computes with the bit class %.32s; expected %.32s, with which rank 0 "
                     "computes (INNERLOOP_ISA=portable gives one to all)",
                     r, b->bits, a->bits);
    if (a->content != b->content)
      return il_fail(context, IL_ERROR_RANKS,
                     "rank %d has data of the hash %016llx; expected %016llx, which rank 0 has", r,
                     (unsigned long long)b->content, (unsigned long long)a->content);
    if (a->division != b->division)
      return il_fail(context, IL_ERROR_RANKS,
                     "rank %d divides or weighs its classes otherwise; expected the files of "
                     "task.split_file and task.class_weights that rank 0 has",
                     r);
  }
  return IL_OK;
}

/* The first key that differs, also of those that decide nothing but how long and where; −1: none. */
static int difference(const il_config *a, const il_config *b) {
  const int key = il_config_difference(a, b);
  for (int i = 0; key < 0 && i < il_config_keys(); i++) {
    const char *x = il_config_get(a, il_config_key_name(i)),
               *y = il_config_get(b, il_config_key_name(i));
    if (!il_config_names_file(i) && strcmp(x ? x : "", y ? y : "") != 0) return i;
  }
  return key;
}

static il_status same_config(il_context *context, const il_ranks *ranks, const il_config *config,
                             char *own) {
  uint64_t size = strlen(own) + 1;
  il_status status = il_ranks_spread(context, ranks, &size, sizeof size);
  char *first = ranks->rank ? malloc(size) : own;
  if (!first) il_fail(context, IL_ERROR_MEMORY, "out of memory for a configuration");
  if (status == IL_OK) status = il_ranks_agree(context, ranks);
  if (status == IL_OK) status = il_ranks_spread(context, ranks, first, size);
  if (status == IL_OK && ranks->rank && strcmp(first, own) != 0) {
    il_config *other = il_config_parse(context, "rank 0's configuration", first);
    const int key = other ? difference(config, other) : -1;
    if (key >= 0) {
      const char *name = il_config_key_name(key);
      il_fail(context, IL_ERROR_RANKS, "%s: found %s; expected %s, which rank 0 has", name,
              il_config_get(config, name), il_config_get(other, name));
    }
    il_config_free(other);
  }
  if (ranks->rank) free(first);
  return status == IL_OK ? il_ranks_agree(context, ranks) : status;
}

il_status il_together_alike(il_context *context, const il_ranks *ranks, const il_config *config,
                            const il_tasks *tasks) {
  if (!ranks) return IL_OK;
  identity *all = calloc((size_t)ranks->size, sizeof *all);
  char *text = il_config_dump(config);
  const il_kernel_set *kernels = il_kernel_set_choose(context, NULL);
  if (!all || !text) il_fail(context, IL_ERROR_MEMORY, "out of memory for what ranks compare");
  il_status status = il_ranks_agree(context, ranks);
  if (status == IL_OK) {
    identity *own = &all[ranks->rank];
    strncpy(own->version, INNERLOOP_VERSION, sizeof own->version - 1);
    strncpy(own->bits, kernels->bit_class, sizeof own->bits - 1);
    own->content = il_tasks_content(tasks);
    own->division = il_tasks_division(tasks);
    status = il_ranks_gather_each(context, ranks, all, sizeof *all);
  }
  if (status == IL_OK) status = differ(context, ranks, all);
  if (status == IL_OK) status = same_config(context, ranks, config, text);
  free(all);
  free(text);
  return status;
}

static il_status spread(il_context *context, const il_ranks *ranks, const il_buffers *b) {
  il_status status = IL_OK;
  for (int i = 0; i < b->count && status == IL_OK; i++)
    status = il_ranks_spread(context, ranks, b->side[b->now][i],
                             (size_t)il_shape_count(b->entry[i].shape) * il_type_size(b->type));
  return status;
}

il_status il_together_begin(il_meta_step *s, const il_ranks *ranks, int64_t *step,
                            il_patience *patience) {
  il_status status = il_ranks_spread(s->context, ranks, step, sizeof *step);
  if (status == IL_OK) status = il_ranks_spread(s->context, ranks, patience, sizeof *patience);
  if (status == IL_OK) status = spread(s->context, ranks, &s->average);
  if (status == IL_OK) status = spread(s->context, ranks, &s->learner->meta);
  if (status == IL_OK) status = spread(s->context, ranks, &s->learner->carry);
  return status == IL_OK ? spread(s->context, ranks, &s->outer) : status;
}

static uint64_t hash(uint64_t h, const il_buffers *b) {
  for (int i = 0; i < b->count; i++) {
    const char *bytes = b->side[b->now][i];
    const size_t size = (size_t)il_shape_count(b->entry[i].shape) * il_type_size(b->type);
    for (size_t at = 0; at < size; at += sizeof(uint32_t)) {
      uint32_t word;
      memcpy(&word, bytes + at, sizeof word);
      h = il_random_mix(h, word);
    }
  }
  return h;
}

il_status il_together_same(il_context *context, const il_ranks *ranks, const il_learned *learner,
                           int64_t step) {
  if (!ranks) return IL_OK;
  uint64_t *all = calloc((size_t)ranks->size, sizeof *all);
  if (!all) il_fail(context, IL_ERROR_MEMORY, "out of memory for what ranks compare");
  il_status status = il_ranks_agree(context, ranks);
  if (status == IL_OK) {
    all[ranks->rank] = hash(hash(0, &learner->meta), &learner->carry);
    status = il_ranks_gather_each(context, ranks, all, sizeof *all);
  }
  for (int r = 1; r < ranks->size && status == IL_OK; r++)
    if (all[r] != all[0])
      status = il_fail(context, IL_ERROR_RANKS,
                       "rank %d has other weights after meta-step %lld; expected those of rank 0: "
                       "its machine computes otherwise",
                       r, (long long)step);
  free(all);
  return status;
}
