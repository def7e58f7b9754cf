/* Options of a greedy rule, shared by the subcommands that take one. */
#ifndef IL_CLI_GREEDY_H
#define IL_CLI_GREEDY_H

#include <innerloop/greedy.h>

#include "cli/cli.h"

enum {
  OPTION_FRACTION = 0x400,
  OPTION_COUNT,
  OPTION_GRANULARITY,
  OPTION_SCORE,
  OPTION_PER,
  OPTION_BUDGET,
  OPTION_BUDGET_OPERATIONS,
  OPTION_DAMPING,
};
/* Group 2 of an option table. */
#define GREEDY_OPTIONS                                                                               \
  {"granularity",                                                                                    \
   OPTION_GRANULARITY,                                                                               \
   "scalar|channel|tensor|layer",                                                                    \
   0,                                                                                                \
   "what is chosen or left out as one",                                                              \
   2},                                                                                               \
      {"score",                                                                                      \
       OPTION_SCORE,                                                                                 \
       "gradient|fisher|newton|random",                                                              \
       0,                                                                                            \
       "what is best: newton is gradient over curvature, random for comparison",                     \
       2},                                                                                           \
      {"per", OPTION_PER, "byte|operation", 0, "divide the score by what the update costs", 2},      \
      {"count", OPTION_COUNT, "K", 0, "at most so many units", 2},                                   \
      {"budget", OPTION_BUDGET, "BYTES", 0, "at most so much memory for the update: 65536, 64k, 1m", \
       2},                                                                                           \
      {"budget-operations",                                                                          \
       OPTION_BUDGET_OPERATIONS,                                                                     \
       "N",                                                                                          \
       0,                                                                                            \
       "at most so many operations: 500k, 20m, 1g",                                                  \
       2},                                                                                           \
  {                                                                                                  \
    "damping", OPTION_DAMPING, "X", 0, "added to the curvature of score newton (0.001)", 2           \
  }

/* The options above but --fraction, whose meaning differs; ARGP_ERR_UNKNOWN for others. */
error_t parse_greedy(il_greedy_rule *rule, int key, char *arg, struct argp_state *state);
/* The numbers of a comma-separated list, at most `most`; gives how many. */
int parse_list(struct argp_state *state, const char *option, char *arg, int most, double *number,
               double low, double high);
/* "budget", for sentences about an option; NULL: none has this key. */
const char *option_name(const struct argp_option *options, int key);

#endif
