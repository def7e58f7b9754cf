/* Drawn batches for meta-steps that follow each other: a worker that finds no task left in one meta-step draws episodes
 * of the next. A meta-step has tasks of one shape. Which, and what an episode is, depends on its number alone, so no bit
 * depends on who draws it and when. */
#ifndef IL_DATA_FEED_H
#define IL_DATA_FEED_H

#include "data/batch.h"
#include "run/execute.h"

typedef struct il_feed {
  const il_tasks *from;
  int tasks, variants;
  int begin, end; /* places of a batch that are drawn: all, or a rank's */
  il_batch
      *batch[2]; /* [variants]; the second ones are NULL where batches are large: drawn on demand */
  int side;      /* of the batch that was asked for last */
  il_batch *ahead; /* what is drawn ahead, of the other side… */
  uint64_t first;  /* …from this task on */
  atomic_int next; /* of its tasks: the first that nobody has taken */
} il_feed;

/* Batches of so many tasks of the training split; needs: [variants]. Task k of meta-step s has index s·tasks + k,
 * whatever its shape. */
il_status il_feed_init(il_feed *feed, const il_tasks *from, il_type real,
                       const il_task_needs *needs, int tasks, int threads);
void il_feed_free(il_feed *feed); /* accepts a zeroed one */
/* From now on draws these places of each batch alone, but for il_feed_first. */
void il_feed_part(il_feed *feed, int begin, int end);
/* The batch of a meta-step, counted from 0; the one before is no longer valid. NULL after an error. */
const il_batch *il_feed_batch(il_feed *feed, il_team *team, int64_t step);
/* The first tasks of that shape, for looking at; the batch before is no longer valid. NULL after an error. */
const il_batch *il_feed_first(il_feed *feed, il_team *team, int variant);
/* What workers without a task are to do while that meta-step runs. */
il_meanwhile il_feed_ahead(il_feed *feed);
size_t il_feed_bytes(const il_feed *feed);

#endif
