/* What is learned: a net, its values and an algorithm's beside them, in memory. */
#ifndef IL_LEARNER_LEARNED_H
#define IL_LEARNER_LEARNED_H

#include "meta/method.h"

typedef struct il_learned {
  il_context *context;
  il_net *net;
  il_entries meta_entries;
  il_entries carry_entries; /* none unless running statistics are carried along */
  il_buffers meta, carry;   /* without memory when it was made without */
  struct il_learned *next;  /* of an ensemble, whose scores are averaged; NULL: none */
} il_learned;

/* Takes over the net, also on errors. memory false: entries alone, for looking at plans; twice: for training. */
il_learned *il_learned_new(il_context *context, const il_method *method, il_net *net, bool memory,
                           bool twice);
void il_learned_free(il_learned *l); /* accepts NULL */
void il_learned_initialize(il_learned *l, uint64_t seed);
/* The build of a task in g with inputs for the learner's values. */
il_build il_learned_build(const il_learned *l, const il_method *method, il_graph *g,
                          const il_task_shape *shape);
/* The same for a member of an ensemble, from 0: l is it. */
il_build il_learned_build_member(const il_learned *l, int member, const il_method *method,
                                 il_graph *g, const il_task_shape *shape);
/* Binds the learner's memory, and that of those after it, to these inputs. */
il_status il_learned_bind(il_learned *l, il_run *run);

/* ---- in files ---- */
typedef enum il_role { IL_ROLE_META = 1, IL_ROLE_CARRY, IL_ROLE_OUTER, IL_ROLE_ADAPTED } il_role;
/* Values of a net have PyTorch's names and layout; all others stand under "meta/" (learned beside the net), "carry/" (moved with it), "outer/" (the
 * outer optimizer's) or "adapted/" (what came of a support set), and are skipped by who does not want them. */
enum { IL_FILE_NAME = 96 };
void il_entry_file_name(const il_entry *e, il_role role, char text[IL_FILE_NAME]);
il_shape il_entry_file_shape(const il_entry *e);

#endif
