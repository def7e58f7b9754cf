/* Accuracy (or squared error) per task after some numbers of inner steps, under some protocols: one function that
 * adapts once and scores on the way. A protocol is whose norm statistics queries are scored with. */
#ifndef IL_TRAIN_EVALUATE_H
#define IL_TRAIN_EVALUATE_H

#include <innerloop/train.h>

#include "config/config.h"
#include "data/batch.h"
#include "learner/learned.h"

enum { IL_EVALUATOR_COLUMNS = IL_EVALUATION_ROWS };
/* What the queries of one task were answered. Scores and targets are reals of type `real`. */
typedef struct il_answers {
  int task; /* of the evaluation, from 0 */
  il_task_id id;
  const il_task_shape *shape;
  il_type real;
  int outputs;           /* scores of a query */
  const void *query_y;   /* int32 [query], or reals [query, outputs] where the shape says targets */
  const void *scores[2]; /* [query, outputs] after each number of steps that the listener names */
} il_answers;
/* Somebody who wants to know each answer and not only how many are right: told task after task, under one protocol,
 * of scores that the figures come from. */
typedef struct il_listener {
  il_query_statistics protocol;
  int step[2]; /* before and after: both among the evaluator's steps; may be the same */
  il_status (*hear)(void *user, const il_answers *answers);
  void *user;
} il_listener;
/* Compiled for tasks of one shape. */
typedef struct il_evaluator_form {
  il_function *function;
  il_run *run;
  il_batch batch;
  void *figures; /* [columns][chunk] reals */
  int outputs;
  void *scores
      [2]; /* [chunk, query, outputs] reals for the listener; NULL: nobody listens, or as the first */
} il_evaluator_form;

typedef struct il_evaluator {
  il_context *context;
  il_team *team;
  bool squared_error; /* what is measured; else accuracy */
  bool norms;         /* protocols differ */
  const il_tasks *tasks;
  const il_listener *listener; /* NULL: nobody */
  const il_ranks *
      ranks; /* that divide the tasks, each without a listener; NULL: one. Set after il_evaluator_init */
  int forms;
  il_evaluator_form *form; /* [forms] by variant of the split's tasks */
  int columns;
  int steps[IL_EVALUATOR_COLUMNS];
  il_query_statistics protocol[IL_EVALUATOR_COLUMNS];
} il_evaluator;

/* "transductive", "support", "each", "running": what figures under these statistics are called; "query" is their name where
 * the net does not tell them apart. And the same as a heading says it. */
const char *il_protocol_name(il_query_statistics statistics);
const char *il_protocol_heading(const char *name);

/* Of an ensemble (il_learned.next) the members' scores are averaged.
 *
 * Columns: for each protocol, each number of steps (ascending). A protocol that the net does not tell apart and a step
 * that the algorithm does not make give no column. most: tasks that will be asked for. Method, learner and listener (NULL:
 * nobody listens) must outlive it. */
il_status il_evaluator_init(il_context *context, il_evaluator *e, const il_method *method,
                            il_learned *learner, const il_tasks *tasks, il_split split,
                            int protocols, const il_query_statistics *protocol, int steps,
                            const int *step, int most, il_team *team, const il_listener *listener);
void il_evaluator_free(il_evaluator *e); /* accepts a zeroed one */
/* The tasks that an evaluation asking for so many has: fewer where the split has fewer different ones. */
int il_evaluator_tasks(const il_tasks *tasks, il_split split, int asked);
/* value: [tasks][columns], of the learner's present values. Tasks of several shapes are divided by share, and those of
 * one shape follow those of the one before. */
il_status il_evaluator_run(il_evaluator *e, il_split split, int tasks, double *value);
/* Mean of a column and 1.96 standard errors. */
void il_evaluator_summary(const il_evaluator *e, int tasks, const double *value, int column,
                          double *mean, double *interval);

#endif
