/* Functions: a graph with its plan, called by the names of its inputs and outputs.
 *
 *   il_function   graph, plan, names; immutable, shared by any number of threads
 *   il_run        one caller's: room to run in, bound memory, errors; one thread at a time
 *   il_buffers    the memory of a list of entries, lying twice, for values that a run replaces (il_next) */
#ifndef INNERLOOP_FUNCTION_H
#define INNERLOOP_FUNCTION_H

#include "plan.h"
#include "values.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Says that `next` is what the input will be after a run: an output named "next.NAME". */
IL_API void il_next(il_graph *g, il_value input, il_value next);

/* How a graph is compiled. */
typedef struct il_function_options {
  il_plan_options plan; /* how it is planned */
  bool factored;        /* il_graph_factor before planning */
} il_function_options;
/* A graph and its plan, with inputs and outputs that are found by name. */
typedef struct il_function il_function;
/* Compiles what the graph's outputs need, without its leaves (il_leaf). Takes over the graph, also on errors. options may be NULL. NULL after an error,
 * also one that building the graph left in its context. */
IL_API il_function *il_function_new(il_graph *graph, const il_function_options *options);
IL_API void il_function_free(il_function *f); /* accepts NULL */
/* Its graph, without leaves; it belongs to the function. */
IL_API const il_graph *il_function_graph(const il_function *f);
/* Its plan; it belongs to the function. */
IL_API const il_plan *il_function_plan(const il_function *f);
/* The places of an input and of an output; −1: there is none of this name. */
IL_API int il_function_input(const il_function *f, const char *name);
/* The place of an output; −1: there is none of this name. */
IL_API int il_function_output(const il_function *f, const char *name);

/* ---- memory for entries ---- */
/* Memory for entries, lying once or twice: present values and next ones. */
typedef struct il_buffers {
  int count;             /* entries */
  int now;               /* the side that holds the present values */
  il_type type;          /* of the numbers */
  const il_entry *entry; /* the caller's */
  void **side[2]; /* [count] each, 64-byte aligned, zero at first; side[1] NULL: lying once */
} il_buffers;
/* entries must outlive the buffers. */
IL_API il_status il_buffers_init(il_context *context, il_buffers *b, int count,
                                 const il_entry *entry, il_type type, bool twice);
/* The first values of all entries, by il_entry_initialize. */
IL_API void il_buffers_initialize(il_buffers *b, uint64_t seed);
IL_API void il_buffers_free(il_buffers *b);          /* accepts a zeroed one */
IL_API size_t il_buffers_bytes(const il_buffers *b); /* of one side */
/* The present values of entry `index`. */
IL_API void *il_buffers_at(const il_buffers *b, int index);
IL_API int il_buffers_find(const il_buffers *b, const char *name); /* −1: none */

/* ---- calling ---- */
/* What one user of a function needs to run it: workspace, bindings, cells. */
typedef struct il_run il_run;
/* Room for up to so many tasks on the team's threads; errors of this run go to `context`. The function and the team must
 * outlive it. NULL after an error, also one that left no function or no team. */
IL_API il_run *il_run_new(il_context *context, const il_function *f, il_team *team, int tasks);
IL_API void il_run_free(il_run *r); /* accepts NULL */
/* Bytes that it holds. */
IL_API size_t il_run_bytes(const il_run *r);
/* Memory of an input or output by its place (−1: nothing happens); a task value holds all tasks, one after the other.
 * Inputs and outputs of one real number need none: the run has a cell for each (below). */
IL_API void il_run_input(il_run *r, int place, const void *memory);
/* As il_run_input, of an output. */
IL_API void il_run_output(il_run *r, int place, void *memory);
/* Sets the cell of an input of one real number. */
IL_API void il_run_set(il_run *r, int place, double number);
/* The number in an output's cell. */
IL_API double il_run_number(const il_run *r, int place);
/* Binds the buffers to the inputs "PREFIXname" for good; entries that the function does not take are left alone. Where it
 * has next values for them (then for all), each run writes these to the other side and turns the buffers over. */
IL_API il_status il_run_buffers(il_run *r, il_buffers *b, const char *prefix);
/* Allocates nothing. An input or output without memory is an error that names it. */
IL_API il_status il_run_go(il_run *r, int tasks);
/* The same beside the reference interpreter (il_plan_check); buffers are not turned over. */
IL_API il_status il_run_check(il_run *r, int tasks, il_plan_checked *checked);

#ifdef __cplusplus
}
#endif
#endif
