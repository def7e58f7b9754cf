/* What is known of a graph's values before they are placed in a schedule, and once all are; for schedule/ alone. */
#ifndef IL_SCHEDULE_MARK_H
#define IL_SCHEDULE_MARK_H

#include "schedule/schedule.h"

/* The result is the operand's memory. */
static inline bool il_op_aliases(il_op op) { return op == IL_OP_RESHAPE || il_op_repeats(op); }
/* Fills needed and root; nothing is computed by an item yet. */
void il_mark_needed(il_schedule *schedule);
/* later [size + 1] receives which values of shared inputs are made after the mean, because only what follows it
 * reads them. Not single numbers: a group that reads them in all its elements could not wait for them. */
void il_mark_later(const il_schedule *schedule, bool tiles, bool *later);
/* Fills leaves, once every value has its item. */
void il_mark_leaving(il_schedule *schedule);

#endif
