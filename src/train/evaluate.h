/* Accuracy (or squared error) per task after some numbers of inner steps, under some protocols: one
 * plan that adapts once and scores on the way. */
#ifndef IL_TRAIN_EVALUATE_H
#define IL_TRAIN_EVALUATE_H

#include "train/learner.h"

enum { IL_EVALUATOR_COLUMNS = IL_EVALUATION_ROWS };
typedef struct il_evaluator {
  const il_source *source;
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

/* steps ascending. Columns: for each protocol, each number of steps. tasks: the most that will be asked. */
il_status il_evaluator_init(il_evaluator *e, const il_source *source, const il_net *net,
                            int protocols, const il_query_statistics *protocol, int steps,
                            const int *step, int tasks, il_team *team);
void il_evaluator_free(il_evaluator *e); /* accepts a zeroed one */
/* value: [tasks][columns]. */
il_status il_evaluator_run(il_evaluator *e, il_team *team, void *const *weights, il_split split,
                           int tasks, double *value);
/* Mean of a column and 1.96 standard errors. */
void il_evaluator_summary(const il_evaluator *e, int tasks, const double *value, int column,
                          double *mean, double *interval);

/* A run with what it is evaluated on and its trained weights. */
typedef struct il_opened_run {
  il_config *config;
  il_source *source;
  il_net *net;
  void **weights;  /* [parameter]: of the configuration's type */
  int64_t trained; /* meta-steps */
} il_opened_run;
/* data: instead of the run's own, or NULL. Closed by the caller, also after an error. */
il_status il_evaluation_open(il_context *context, const char *run, const char *data,
                             il_opened_run *opened);
void il_evaluation_close(il_opened_run *opened);
/* Plans a graph over tasks as the run's configuration says (plan.*). NULL after an error. */
il_plan *il_evaluation_plan(const il_source *source, il_graph *graph);
/* How many test tasks: `asked`, or the whole episode list where there is one, or eval.tasks. */
il_status il_evaluation_tasks(const il_source *source, const char *episodes, int asked, int *tasks);

#endif
