/* Bytes as a graph of the public builders: any bytes give one. */
#ifndef TESTS_FUZZ_RANDOM_GRAPH_H
#define TESTS_FUZZ_RANDOM_GRAPH_H

#include <innerloop/grad.h>

#include "fuzz/input.h"

enum { FUZZ_VALUES = 96, FUZZ_LARGEST = 3000 };
typedef struct fuzz_graph {
  il_graph *g;
  fuzz_choices choices;
  int values, inputs;
  il_value value[FUZZ_VALUES]; /* reals */
} fuzz_graph;

/* A graph with outputs, derivatives among them; NULL: the bytes ask for none. */
il_graph *fuzz_graph_of(il_context *context, il_type real, fuzz_choices *choices);

#endif
