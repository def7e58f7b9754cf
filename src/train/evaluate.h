/* Accuracy (or squared error) per task after some numbers of inner steps, under some protocols: one
 * plan that adapts once and scores on the way. */
#ifndef IL_TRAIN_EVALUATE_H
#define IL_TRAIN_EVALUATE_H

#include "train/learner.h"

enum { IL_EVALUATOR_COLUMNS = IL_EVALUATION_ROWS };
typedef struct il_evaluator {
  const il_config *config;
  const il_tasks *tasks;
  const il_net *net;
  il_type real;
  il_graph *graph;
  il_plan *plan;
  il_batch batch;
  void *workspace;
  int columns;
  int steps[IL_EVALUATOR_COLUMNS];
  il_query_statistics protocol[IL_EVALUATOR_COLUMNS];
  void *figures; /* [columns][chunk] reals */
} il_evaluator;

/* steps ascending. Columns: for each protocol, each number of steps. most: tasks that will be asked. */
il_status il_evaluator_init(il_evaluator *e, const il_config *config, const il_tasks *tasks,
                            const il_net *net, int protocols, const il_query_statistics *protocol,
                            int steps, const int *step, int most, il_team *team);
void il_evaluator_free(il_evaluator *e); /* accepts a zeroed one */
/* value: [tasks][columns]. */
il_status il_evaluator_run(il_evaluator *e, il_team *team, void *const *weights, il_split split,
                           int tasks, double *value);
/* Mean of a column and 1.96 standard errors. */
void il_evaluator_summary(const il_evaluator *e, int tasks, const double *value, int column,
                          double *mean, double *interval);

/* Opens a run's configuration and tasks; both are freed by the caller, also after an error. */
il_status il_evaluation_open(il_context *context, const char *run, const char *data,
                             il_config **config, il_tasks **tasks);
/* How many test tasks: `asked`, or the whole episode list where there is one, or eval.tasks. */
il_status il_evaluation_tasks(const il_config *config, il_tasks *tasks, const char *episodes,
                              int asked, int *count);

#endif
