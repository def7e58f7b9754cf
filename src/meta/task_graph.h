/* Whose turn it is while a task's graph is made (il_build.pass), and what is done to gradients before a step. */
#ifndef IL_META_TASK_GRAPH_H
#define IL_META_TASK_GRAPH_H

#include <innerloop/meta.h>

enum {
  IL_PASS_BEGINNING = 0, /* the algorithm looks at the support set as at queries */
  IL_PASS_ADAPTING,      /* an inner step: batch statistics of what it learns from */
  IL_PASS_RECORDING,     /* the support set's moments under the adapted state, for scoring */
  IL_PASS_SCORING,
};

/* il_build_query in two: whether scoring takes moments of the support set; these, into b->moments; the scores under them. */
bool il_build_records(const il_build *b);
void il_build_record(il_build *b, const il_values *state, int k);
il_value il_build_score(il_build *b, const il_values *state, int k);

/* What an objective says of the query set's scores beside the loss. */
void il_outcome_scores(il_build *b, il_value scores, il_outcome *out);

/* The support examples of step k, int32 [batch], of a task that has an order. */
il_value il_step_order(il_build *b, int k);

/* Losses that are added up along inner steps, also within a loop: from il_losses_begin on their sum is a part of the
 * state, as the algorithm's step may ask and add. */
void il_losses_begin(il_build *b, il_values *state);
bool il_adds_losses(const il_values *state);
void il_losses_add(il_build *b, il_values *state, il_value loss);
il_value il_losses(il_build *b, const il_values *state);

/* All entries together become no longer than `most`. */
void il_values_clip(il_graph *g, il_values *gradient, il_rate most);
/* Adds l2·w for each weight of a gradient's name. */
void il_values_decay(il_graph *g, il_values *gradient, il_rate l2, const il_values *weights);

#endif
