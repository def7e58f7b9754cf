/* Graph to calls in groups: turns a graph into an ordered list of items, each one node or one fused group
 * of elementwise nodes over the same index space. The graph itself is not changed. */
#ifndef IL_SCHEDULE_SCHEDULE_H
#define IL_SCHEDULE_SCHEDULE_H

#include "graph/graph.h"
#include "kernels/kernel.h"

enum { IL_ITEM_MAX_READS = 64 }; /* a concatenation of more is refused when a plan is built */

/* One thing to run. A group's members are elementwise nodes, in an order that can run; a node may be a member
 * of several groups, of which one at most stores it. Its sums are sum nodes over the leading axes
 * of a member, taken while the member's tile is still in cache. */
typedef struct il_item {
  il_when when;
  int at;         /* for il_items_replace */
  uint32_t node;  /* the single node; 0: a group */
  uint32_t again; /* the only value it makes, one that an earlier item made too; 0: none */
  il_shape shape;
  int64_t width; /* group: collapsed trailing dimension that broadcasts and sums agree on; 0: any */
  int members, sums, operands;
  uint32_t member[IL_TILE_MAX_CODE];
  uint32_t sum[IL_TILE_MAX_SUMS];
  uint32_t operand[IL_TILE_MAX_OPERANDS]; /* node ids as the members name them */
  bool stored[IL_TILE_MAX_OPERANDS]; /* it had memory of its own when the group came to read it */
  uint32_t
      product; /* group: makes this matmul, its only member is its operand + scale·product; 0: none */
  double scale;
} il_item;

typedef struct il_schedule {
  const il_graph *graph;
  il_item **items;
  int count, capacity;
  bool fuse;    /* groups of several nodes */
  bool *needed; /* [size + 1] an output depends on it */
  uint32_t *
      root; /* [size + 1] the node whose memory it shares (reshape, stop_gradient, leaf); else itself */
  int32_t *item_of; /* [size + 1] index of the item that computes it for others; -1: none */
  bool *leaves;     /* [size + 1] its value is read from memory */
  int64_t looks;    /* what was compared, for il_plan */
} il_schedule;

/* fuse: false puts every elementwise node into a group of its own. tiles: false makes no groups at all. */
il_status il_schedule_build(const il_graph *graph, bool fuse, bool tiles, il_schedule *schedule);
void il_schedule_free(il_schedule *schedule);
/* Lets groups make the products that they alone read and add to a value (schedule/accumulate.c). */
il_status il_schedule_accumulate(il_schedule *schedule);
/* Adds items that make large cheap values again late (schedule/remake.c). */
il_status il_schedule_remake(il_schedule *schedule);

/* How a group reads its operand k: the node whose memory it reads. A broadcast along rows or columns is read
 * without being made, and so is a scatter by the indexes of a pool: its updates are read, and the indexes are
 * the operand that follows. */
uint32_t il_operand_base(const il_schedule *schedule, const il_item *item, int k,
                         il_tile_mode *mode);

/* The id under which a group knows an operand: a stop_gradient or leaf is its operand. */
uint32_t il_direct(const il_schedule *schedule, uint32_t id);
/* Windows of the scatter that operand k of mode IL_TILE_SPREAD stands for. */
il_pool_geometry il_spread_window(const il_schedule *schedule, const il_item *item, int k);

/* ---- an item (schedule/item.c) ---- */
/* The nodes whose memory an item reads, an operand each; at most IL_ITEM_MAX_READS. */
int il_item_reads(const il_schedule *schedule, const il_item *item, uint32_t *root);
/* The nodes whose memory it writes, in the order of its call's results; at most IL_TILE_MAX_RESULTS. */
int il_item_makes(const il_schedule *schedule, const il_item *item, uint32_t *made);
/* Whether a group may write that member where the operand lies: it is read in full, by no later member. */
bool il_item_overwrites(const il_schedule *schedule, const il_item *item, int operand, int member);
/* Takes over a list that holds all items of the schedule, and perhaps more. */
void il_items_replace(il_schedule *schedule, il_item **items, int count);
/* Puts items in the order in which they run: a stage after the other. False: out of memory. */
bool il_items_by_stage(il_schedule *schedule);
/* Does this group store its member `id`? False where the value stays inside, or another group stores it. */
bool il_leaves(const il_schedule *schedule, const il_item *item, uint32_t id);
/* Position of id in list[0..count), -1: not there. */
int il_find(const uint32_t *list, int count, uint32_t id);

#endif
