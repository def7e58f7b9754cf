/* innerloop fit --algorithm greedy: its options and its run. */
#ifndef IL_CLI_FIT_GREEDY_H
#define IL_CLI_FIT_GREEDY_H

#include "cli/cli_greedy.h"

typedef struct greedy_input {
  bool asked;        /* --algorithm greedy */
  const char *given; /* the first option given that needs it */
  bool trained;      /* the model is a trained one, whatever failed later */
  const char *plain; /* an option given that only plain training has */
  il_fit_greedy_options fit;
  const char *plot;
  int fractions;
  double fraction[IL_GREEDY_FRACTIONS];
} greedy_input;

greedy_input fit_greedy_defaults(void);
/* A child parser; its input is a greedy_input. */
extern const struct argp fit_greedy_argp;
/* Runs each fraction from the same start, prints, and puts in the place of the model the result with the lowest held-out loss. */
il_status fit_greedy(il_context *context, greedy_input *input, il_model **model,
                     const il_samples *train, const il_samples *test);

#endif
