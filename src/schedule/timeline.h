/* The items of the tasks in the order in which they run, with the lives of the values that they make: how many bytes
 * live at the peak, while items are put in. For schedule/ alone.
 *
 * A value lives from an item that makes it to the last that reads it before it is made again. Where a group may write
 * a result over an operand that it is the last to read, that operand's life ends before the result's begins, once
 * for each item. */
#ifndef IL_SCHEDULE_TIMELINE_H
#define IL_SCHEDULE_TIMELINE_H

#include "base/arena.h"
#include "schedule/schedule.h"

typedef struct il_turn il_turn;

/* One item makes or reads one value; a value's are linked in the order of their turns. */
typedef struct il_access {
  uint32_t id;
  bool makes;
  bool over; /* a result may lie where this operand lies */
  il_turn *turn;
  struct il_access *before, *after;
} il_access;

struct il_turn {
  il_item *item;
  int before;           /* the schedule's item that it is, or that it is put before */
  int rank;             /* among those of equal `before` */
  il_turn *next;        /* of equal `before`; the last one is the schedule's */
  int64_t begins, ends; /* bytes that begin to live with it, and that end to live after it */
  int accesses;
  il_access access[]; /* of values that tasks make */
};

typedef struct il_peak { /* of a run of turns */
  int64_t sum, most;     /* bytes that live after it, and at most during it, more than before it */
  il_turn *at;           /* the first turn with the most */
} il_peak;

typedef struct il_timeline {
  il_schedule *s;
  il_arena arena;
  il_turn **first;  /* [items] the first turn of equal `before`; NULL: the item is no task's */
  il_access **last; /* [size + 1] of a value; NULL: no task makes it */
  il_peak *peak; /* [2·width] a tree: node n has the halves 2n and 2n + 1, items are the leaves */
  int width;
  int count; /* of turns */
} il_timeline;

/* False: out of memory. */
bool il_timeline_start(il_timeline *line, il_schedule *s);
void il_timeline_end(il_timeline *line);
static inline il_peak il_timeline_peak(const il_timeline *line) { return line->peak[1]; }
/* A turn of the item, not yet in its place. NULL: out of memory. */
il_turn *il_turn_make(il_timeline *line, il_item *item);
/* Puts a turn before another, and takes the one that was put in last out again. */
void il_timeline_insert(il_timeline *line, il_turn *turn, const il_turn *before);
void il_timeline_take_out(il_timeline *line, il_turn *turn);
bool il_turn_precedes(const il_turn *a, const il_turn *b);

#endif
