/* What is learned: a net, its values and an algorithm's beside them, in memory. */
#ifndef IL_LEARNER_LEARNER_H
#define IL_LEARNER_LEARNER_H

#include "meta/method.h"

typedef struct il_learner {
  il_context *context;
  il_net *net;
  il_entries meta_entries;
  il_entries carry_entries; /* none unless running statistics are carried along */
  il_buffers meta, carry;   /* without memory when it was made without */
} il_learner;

/* Takes over the net, also on errors. memory false: entries alone, for looking at plans; twice: for training. */
il_learner *il_learner_new(il_context *context, const il_method *method, il_net *net, bool memory,
                           bool twice);
void il_learner_free(il_learner *l); /* accepts NULL */
void il_learner_initialize(il_learner *l, uint64_t seed);
/* The build of a task in g with inputs for the learner's values. */
il_build il_learner_build(const il_learner *l, const il_method *method, il_graph *g,
                          const il_task_shape *shape);
/* Binds the learner's memory to these inputs. */
il_status il_learner_bind(il_learner *l, il_run *run);

#endif
