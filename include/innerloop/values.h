/* Values with names: what a learner is made of, as values of one graph.
 *
 * Four roles, each a list of its own:
 *   meta    learned by the outer loop: the net's parameters, and what an algorithm declares beside them
 *   carry   moved by each meta-step without being learned: running statistics
 *   state   one task's: adapted parameters, moments of the inner optimizer, class means
 *   outer   the outer optimizer's moments */
#ifndef INNERLOOP_VALUES_H
#define INNERLOOP_VALUES_H

#include "graph.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A net: layers, and shapes of parameters (nn.h). */
typedef struct il_net il_net;

/* How a parameter's first values are drawn. */
typedef enum il_init {
  IL_INIT_DEFAULT = 0, /* PyTorch's nn.Linear / nn.Conv2d default: U(±1/√fan_in), bias the same */
  IL_INIT_XAVIER_UNIFORM = 1,  /* U(±√(6/(fan_in+fan_out))), bias 0 */
  IL_INIT_XAVIER_NORMAL = 2,   /* N(0, 2/(fan_in+fan_out)), bias 0 */
  IL_INIT_KAIMING_UNIFORM = 3, /* U(±√(6/fan_in)), bias 0 */
  IL_INIT_KAIMING_NORMAL = 4,  /* N(0, 2/fan_in), bias 0 */
  IL_INIT_NORMAL = 5,          /* N(0, init_scale²), bias 0 */
  IL_INIT_TRUNCATED_NORMAL = 6, /* N(0, init_scale²) redrawn outside ±2 sd, bias 0: cbfinn/maml's */
  IL_INIT_ZERO = 7,             /* 0 */
  IL_INIT_UNIFORM = 8,          /* U[0, init_scale]; learn2learn's norm weight with scale 1 */
  IL_INIT_ONE = 9,              /* 1 */
} il_init;

enum {
  IL_ADAPTS = 1,    /* the inner loop moves it */
  IL_HEAD = 2,      /* a parameter of the net's last linear layer */
  IL_SLOT = 4,      /* belongs to an optimizer, such as a moment */
  IL_EACH_STEP = 8, /* has a row for each inner step; steps beyond them take the last */
  IL_REPLACED =
      16, /* carried (meta.h): next is the mean of what the tasks saw, not a tenth of it and nine of itself */
  IL_NO_DECAY = 32, /* a logit or logarithm of a number: no decay of weights draws it to 0 */
};

enum { IL_ENTRY_NAME = 64 }; /* bytes of a name, with its end */
/* What a value is, apart from any graph. */
typedef struct il_entry {
  char name[IL_ENTRY_NAME]; /* as in files */
  il_shape shape;           /* of the value */
  unsigned flags;           /* IL_ADAPTS, IL_HEAD, IL_SLOT */
  const il_net
      *net; /* whose layout files have (il_net_to_torch), by parameter; NULL: row-major as it is */
  int parameter; /* of the net */
  /* Its first value: drawn evenly from [low, high) by seed and name, low where they are equal; or, not drawn, the
   * net's own initialisation of the parameter. */
  bool drawn;
  double low, high; /* see drawn */
} il_entry;

/* A list, in the order in which entries were put. Its arrays live in the graph that the values are of and
 * die with it; {0} is an empty list. Assignment shares the arrays: take il_values_copy to change one of two. */
typedef struct il_values {
  int count, room; /* that hold, and that there is room for */
  il_entry *entry; /* [count] */
  il_value *at;    /* [count] the values */
} il_values;

/* A list of its own, of the same values. */
IL_API il_values il_values_copy(il_graph *g, const il_values *values);
/* Appends, or replaces the entry of this name. The entry's shape becomes the value's. */
IL_API void il_values_put(il_graph *g, il_values *values, il_entry entry, il_value value);
/* Its place; −1: there is none of this name. */
IL_API int il_values_find(const il_values *values, const char *name);
/* The value of this name; a missing one is an error that stays in the context. */
IL_API il_value il_values_get(il_graph *g, const il_values *values, const char *name);
/* Inputs of the graph for all entries, in order; their names are prefix and name. */
IL_API il_values il_values_input(il_graph *g, int count, const il_entry *entry, const char *prefix,
                                 il_stage stage);
/* ∂y/∂each, by the same names and in the same order (grad.h). */
IL_API il_values il_values_grad(il_graph *g, il_value y, const il_values *x);
/* The mean of each over the tasks (il_task_mean); one that no task changes is its own mean. */
IL_API il_values il_values_task_mean(il_graph *g, const il_values *values);
/* The initial value of an entry: reals of `type`, a pure function of seed and entry, drawn in double. */
IL_API void il_entry_initialize(const il_entry *entry, uint64_t seed, il_type type, void *data);

/* Entries apart from any graph, malloc'ed; {0} is none. */
typedef struct il_entries {
  int count, room; /* that hold, and that there is room for */
  il_entry *entry; /* [count] */
} il_entries;
/* false: no memory; the context says so. */
IL_API bool il_entries_add(il_context *context, il_entries *entries, il_entry entry);
/* Frees them; {0} again. */
IL_API void il_entries_free(il_entries *entries);
/* Writes "PREFIX" and name into the entry; false when it does not fit. */
IL_API bool il_entry_rename(il_context *context, il_entry *entry, const char *prefix,
                            const char *name);

#ifdef __cplusplus
}
#endif
#endif
