/* What innerloop eval was asked for; its greedy table has a file of its own. */
#ifndef IL_CLI_EVAL_H
#define IL_CLI_EVAL_H

#include "cli/cli_greedy.h"

enum { EVAL_SETTINGS = 80 };
typedef struct eval_input {
  settings common; /* config: the run; set: with what --ways and the like say */
  int tasks;
  const char *episodes;
  bool json;
  bool greedy;             /* --adapt greedy */
  const char *only_greedy; /* the first option given that needs it */
  il_greedy_rule rule;
  int fractions;
  double fraction[IL_GREEDY_FRACTIONS];
  const char *inner_steps;  /* NULL: as the run, or the greedy evaluation, has them */
  int ensemble;             /* learners that are averaged; 0: the last alone */
  int ways, shots, queries; /* 0: the run's */
  const char *split_file;
  const char *setting[EVAL_SETTINGS + 1]; /* all of these as settings, ends with NULL */
  char *text[8];                          /* those of them that are ours; malloc'ed */
  int texts;
} eval_input;

void eval_greedy(il_context *context, const eval_input *in, const char *data, il_team *team);
/* "accuracy in % after 400 meta-steps, 1000 test tasks, ± 95 % interval over tasks" */
void print_heading(bool squared_error, int64_t trained, int tasks);
/* " ± 1.23", or nothing of one task, which has no interval. */
void print_interval(char *text, size_t size, int places, double interval);

#endif
