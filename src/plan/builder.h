/* A plan while it is built: what is known of its values, and the parts of the work. For plan/ alone.
 *
 * In this order: lifetimes (from when to when), places (where), calls (by whom). */
#ifndef IL_PLAN_BUILDER_H
#define IL_PLAN_BUILDER_H

#include "plan/plan.h"

/* From when a value is made until it is last read. One that is made again has several lives, each in a place of its
 * own. */
typedef struct il_life {
  uint32_t root;
  bool placed;
  il_place place;
  int64_t first, last; /* within its arena's time */
  int64_t onto;        /* the life that it takes the place of; 0: none */
  bool taken;          /* its place goes on to another */
} il_life;

typedef struct il_builder {
  il_plan *plan;
  const il_graph *g;
  il_schedule s;
  il_life *
      life; /* none (of constants in programs), those of inputs, then in the order in which items make them */
  int64_t lives;
  int64_t *now;  /* [size + 1] the life of a root at the item in hand */
  int64_t *time; /* [items] */
  int64_t
      before_count; /* items before the tasks: the tasks are one instant of the shared arena's time */
  bool reference, direct; /* of the options */
  const il_plan_options *options;
} il_builder;

static inline const il_node *il_builder_node(const il_builder *b, uint32_t id) {
  return b->g->nodes[id];
}

/* A task input is copied into lanes at the start of the tasks' calls: it lies like what they compute. */
static inline bool il_is_lane_input(const il_builder *b, uint32_t id) {
  const il_node *node = il_builder_node(b, id);
  return b->plan->lanes > 1 && node->op == IL_OP_INPUT && node->when == IL_PER_TASK;
}

static inline bool il_is_task_mean(const il_builder *b, const il_item *item) {
  return item->node && il_builder_node(b, item->node)->op == IL_OP_TASK_MEAN;
}

static inline bool il_is_product(const il_builder *b, const il_item *item) {
  return item->node && il_builder_node(b, item->node)->op == IL_OP_TASK_PRODUCT;
}

static inline il_life *il_life_of(const il_builder *b, uint32_t root) {
  return &b->life[b->now[root]];
}

static inline il_place il_place_of(const il_builder *b, uint32_t root) {
  return il_life_of(b, root)->place;
}

static inline int il_output_slot(const il_builder *b, int i) {
  return IL_SLOT_INPUTS + b->g->input_count + i;
}

/* ---- lifetimes (plan/lifetimes.c) ---- */
/* Times of items, and the lives of all values by them. False: out of memory. */
bool il_lives_set(il_builder *b);
/* Lets groups write over operands that they are the last to read; after fixed places are known. */
void il_lives_take_over(il_builder *b);
/* To walk through the items in order once more: values are those of before the first item… */
void il_lives_rewind(il_builder *b);
/* …and from here on those that item i makes. */
void il_lives_make(il_builder *b, int i);

/* ---- places (plan/place.c) ---- */
/* Inputs, outputs written directly, contributions to the means, rows of products. */
bool il_place_fixed(il_builder *b);
/* All others, in the arenas. False: out of memory. */
bool il_place_arenas(il_builder *b);

/* ---- buffers in an arena (plan/place_buffers.c) ---- */
typedef struct il_buffer {
  int64_t life; /* whose place it is; for the caller */
  size_t bytes;
  int64_t first, last; /* steps between which it is alive, inclusive */
  size_t offset;       /* result */
} il_buffer;
/* Gives every buffer an offset such that no two that are alive together overlap, largest first; total: the size of the
 * arena. Adds to looks what was compared. Order of `buffer` is kept. False: out of memory. */
bool il_place_buffers(il_context *context, int64_t count, il_buffer *buffer, size_t *total,
                      int64_t *looks);

/* ---- loops (plan/loops.c) ---- */
bool il_has_loops(const il_graph *graph);
/* Plans the step of a loop's call. False: an error stands in the context. */
bool il_loop_call(il_builder *b, il_call *call);
/* A plan for one task at a time (plan/plan.c). */
il_plan *il_plan_build_single(const il_graph *graph, const il_plan_options *options);

/* ---- calls (plan/calls.c) ---- */
/* A call with its kernel for each item, and copies. False: out of memory. */
bool il_calls_make(il_builder *b);

#endif
