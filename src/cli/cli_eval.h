/* What innerloop eval was asked for; its greedy table has a file of its own. */
#ifndef IL_CLI_EVAL_H
#define IL_CLI_EVAL_H

#include "cli/cli_greedy.h"

typedef struct eval_input {
  settings common; /* config: the run */
  int tasks;
  const char *episodes;
  bool json;
  bool greedy;             /* --adapt greedy */
  const char *only_greedy; /* the first option given that needs it */
  il_greedy_rule rule;
  int fractions, steps;
  double fraction[IL_GREEDY_FRACTIONS];
  int step[IL_GREEDY_STEPS];
} eval_input;

void eval_greedy(il_context *context, const eval_input *in, const char *data, il_team *team);

#endif
