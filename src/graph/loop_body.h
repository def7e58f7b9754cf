/* A step that is repeated so many times, as ONE value. The step is a graph of its own, the body:
 *
 *   inputs    the pieces of the state; pieces of the rows that the step reads of each source; the step's number (a real);
 *             constants, equal in all steps
 *   outputs   the next state, piece by piece; then the pieces of a row that the step makes
 *
 * A body's inputs are IL_TASK but for the constants, which are IL_SHARED: what depends on constants alone is computed
 * once for all steps. Operands of a loop: the first state, packed into one row of numbers; the sources, of which step k
 * reads row k, from the attribute's offset on; the constants. Its value, packed:
 *
 *   [last state] [the rows that were made, by k] [with `keeps`: the states before each step, by k]
 *
 * Backwards, k goes down. Derivatives are loops again (grad/loop_grad.c). */
#ifndef IL_GRAPH_LOOP_BODY_H
#define IL_GRAPH_LOOP_BODY_H

#include "graph/graph.h"

typedef struct il_loop_body {
  il_graph *graph;
  int owners;                                               /* graphs that have loops of it */
  int states, sources, constants, made;                     /* pieces; sources themselves */
  int pieces[IL_LOOP_SOURCES];                              /* of a source's row */
  int64_t state_size, made_size, row_size[IL_LOOP_SOURCES]; /* elements */
  double flops;                                             /* of one step */
} il_loop_body;

/* A body of the graph, whose inputs and outputs are as above; takes the graph over. Counts of pieces and of sources are
 * given, sizes are measured. NULL after an error. */
il_loop_body *il_loop_body_new(il_graph *graph, il_loop_body counts);
/* One owner less; accepts NULL. */
void il_loop_body_drop(il_loop_body *body);
il_loop_body *il_loop_body_of(const il_graph *g, const il_node *node);
/* Where the body's inputs of a source, and of constants, begin. */
int il_loop_source_inputs(const il_loop_body *body, int source);
int il_loop_step_input(const il_loop_body *body);
/* The graph is an owner of the body from now on, which is the last of its bodies; false: reported, and the body dropped. */
bool il_loop_body_add(il_graph *g, il_loop_body *body);
/* A loop of the body, which gets the graph as an owner. attr.body is filled in. */
il_value il_loop_make(il_graph *g, il_loop_body *body, il_attr_loop attr, const il_value *input);
/* now[id] receives what each node of `from` that is wanted has become in `to`; where it is there already it stays. */
bool il_loop_include(il_graph *to, const il_graph *from, const bool *wanted, il_value *now);

/* What has been computed for step k, at which the loop ends where it says true. */
typedef bool (*il_loop_look)(void *user, const il_reference *step, int64_t k);
/* The plain loop: out from the node's operands. look is shown each step; NULL: none is. */
void il_loop_plain(const il_graph *g, const il_node *node, const void *const *in, void *out,
                   il_loop_look look, void *user);

/* ---- packed values ---- */
/* All elements of the values, one behind the other: [n]. */
il_value il_loop_pack(il_graph *g, int count, const il_value *values);
/* `shape` elements of a packed value from `at` on. */
il_value il_loop_part(il_graph *g, il_value packed, int64_t at, il_shape shape);

/* ---- a loop whose step is made in the graph around it ---- */
enum { IL_LOOP_ROWS = 128 }; /* values whose rows a step reads, at most; reals become one source */
/* The state and the rows are leaves, of which the step is made once, by whatever builders; what it is made of beside them
 * are the loop's constants. */
struct il_loop {
  il_graph *g;
  int count, states, sources;
  il_value *first, *state; /* the graph's */
  il_value source[IL_LOOP_ROWS], row[IL_LOOP_ROWS], step;
  struct il_loop *outer; /* of whose step it is a part; the caller's */
};
/* state [states] receives the state before a step. */
void il_loop_begin(il_loop *l, il_graph *g, int count, int states, const il_value *first,
                   il_value *state);
/* Of a loop within an outer one, the steps of both together: how many, the number of the step, its row of the value. */
int il_loop_all(const il_loop *l);
il_value il_loop_number(const il_loop *l);
il_value il_loop_row_of_all(il_loop *l, il_value source);
/* next [states]: the state after the step; last receives the state after all. made: values [r…] of each step, of which
 * stacked receives [count, r…]. */
void il_loop_end(il_loop *l, const il_value *next, il_value *last, int made, const il_value *row,
                 il_value *stacked);

#endif
