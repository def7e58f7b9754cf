/* Where a number that is not finite arises: tasks run again through the interpreter, every value looked at. */
#ifndef IL_RUN_TRACE_H
#define IL_RUN_TRACE_H

#include "graph/graph.h"

typedef struct il_traced {
  uint32_t
      node; /* the first value of which a bad result is made, itself made of finite numbers; 0: all is finite */
  int task;        /* of the bindings; −1: it belongs to none */
  int64_t at, bad; /* its first number that is not finite; how many are not */
  double number;
  char text[600]; /* "log [5,5] (loss · inner step 1), number 3: log of 0 is -inf" */
} il_traced;

/* The first task by which an output becomes NaN or infinite, else what does it after the tasks. Outputs are written. */
il_status il_trace(const il_graph *g, const il_bindings *bindings, il_traced *traced);
/* Whether these values of an input hold a number that is not finite. */
bool il_trace_input(const il_graph *g, uint32_t input, const void *data, il_traced *traced);

#endif
