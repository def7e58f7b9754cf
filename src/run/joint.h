/* A plan's runs over several ranks: each computes the tasks of its subtrees of the mean (ranks/subtrees.h), their sums are
 * added in the order of the one tree, and rows of products over all tasks (il_task_product) are gathered. What comes
 * before and after the tasks every rank computes itself, so all have the same bits and nothing is handed out.
 *
 * Sums of n bytes, of many ranks, pass twice in slices: each rank adds a slice of all, and the slices are gathered, 2·n
 * bytes in and out of a rank whatever their number. Small ones, and those of two ranks, are gathered whole and added by
 * each. */
#ifndef IL_RUN_JOINT_H
#define IL_RUN_JOINT_H

#include "plan/plan.h"
#include "ranks/subtrees.h"
#include "ranks/ranks.h"

/* What ranks tell each other with each run; the highest counts. */
typedef enum il_joint_note {
  IL_JOINT_NOTHING = 0,
  IL_JOINT_STOP = 1,   /* one was asked to stop */
  IL_JOINT_FAILED = 2, /* one cannot go on */
} il_joint_note;

typedef struct il_joint {
  const il_ranks *ranks;
  il_subtrees subtrees; /* of groups of `width` tasks */
  int tasks, width;
  bool whole;                                      /* sums are gathered whole */
  size_t *send, *receive, *staged, *rows;          /* [ranks + 1] where the parts begin */
  size_t *node;                                    /* [nodes] where they are added */
  size_t sent_bytes, received_bytes, staged_bytes; /* of the workspace */
  il_joint_note note, noted;                       /* own; of all, after a run */
} il_joint;

/* For runs of exactly so many tasks. width: tasks that stay together, a power of two that the plan's lanes divide. */
il_status il_joint_init(il_context *context, il_joint *joint, const il_ranks *ranks,
                        const il_plan *plan, int tasks, int width);
void il_joint_free(il_joint *joint); /* accepts a zeroed one */
/* The rank's tasks: from `begin` to `end`, which may be the same. */
void il_joint_tasks(const il_joint *joint, int *begin, int *end);
/* Workspace of a run on so many threads. */
size_t il_joint_workspace(const il_joint *joint, const il_plan *plan, int threads);

#endif
