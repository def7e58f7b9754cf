/* Inside of a graph: nodes, operation records. For graph/ and the folders below it in the layering
 * (grad, pass, plan, run). */
#ifndef IL_GRAPH_GRAPH_H
#define IL_GRAPH_GRAPH_H

#include <innerloop/field.h>
#include <innerloop/graph.h>

#include "base/arena.h"
#include "base/error.h"
#include "op/op.h"

/* What a value depends on decides when it is computed. The order matters: max() of the inputs' stages,
 * but TASK and AFTER may not meet. */
typedef enum il_when {
  IL_BEFORE = 0, /* shared inputs and constants alone */
  IL_PER_TASK = 1,
  IL_AFTER = 2, /* depends on a mean over tasks (a task_mean node itself is AFTER) */
} il_when;

typedef enum il_direction { IL_FORWARD = 0, IL_REVERSE = 1, IL_TANGENT = 2 } il_direction;

/* Immutable once interned. Inputs have smaller ids than the node itself. */
typedef struct il_node {
  il_op op;
  il_type type;
  il_when when;
  int inputs;
  const il_value *input;
  il_shape shape;
  const void *attr;  /* op's attribute struct; NULL where it has none */
  const char *scope; /* path of scopes, "" at the top; origin does not take part in interning */
  uint32_t origin;   /* the value whose derivative this node helps to compute; 0: the user's own */
  il_direction direction;
  bool hides; /* stands first in a pair of il_hidden */
} il_node;

/* A row of the table that describes an attribute struct, so that hashing, printing and parsing are written once; count:
 * array length; IL_MAX_RANK arrays print only `rank` entries of the node's (or input's) rank. */
#define IL_ATTR_FIELD(name, kind, offset, count)                                                   \
  { name, kind, offset, count, NULL, 0, 0, NULL, NULL }

typedef struct il_op_info il_op_info;

/* Context of a shape rule. The rule checks operands, and either sets shape and type, or checks the shape
 * that the builder asked for (broadcast, reshape, slice, pad, one_hot, scatter_add, random, conv2d_transpose…).
 * On error it calls il_fail with a sentence starting "il_conv2d: …" and returns false. */
typedef struct il_infer {
  il_graph *graph;
  const il_op_info *info;
  const char *function; /* what the user called, for the error sentence */
  int inputs;
  const il_value *input;
  const void *attr;
  il_shape shape; /* in: as asked by the builder; out: the result's */
  il_type type;   /* in: the graph's real type; out: the result's */
} il_infer;

enum il_op_flag {
  IL_FLAG_COMMUTATIVE = 1 << 0,
  IL_FLAG_LINEAR0 = 1 << 1, /* linear in input 0 (others fixed) */
  IL_FLAG_LINEAR1 = 1 << 2,
  IL_FLAG_MOVES = 1 << 3, /* only moves data: every result element is an input element or 0 */
  IL_FLAG_RANDOM = 1 << 4,
  IL_FLAG_CONSTANT_DERIVATIVE = 1 << 5, /* derivative is zero everywhere it exists, by definition */
};

/* Everything about one operation; one constant record each, fields in this order. */
struct il_op_info {
  const char *name;    /* "conv2d": builder is il_conv2d, dump text uses it */
  const char *formula; /* "y[n,oh,ow,o] = Σ_{kh,kw,i} …" */
  int arity;           /* -1: any number >= 1 */
  unsigned flags;
  size_t attr_size;
  const il_field *fields; /* ends with name NULL; NULL where attr_size is 0 */
  bool (*infer)(il_infer *infer);
  /* Cotangent of input `index` given the cotangent of the result; {0} where it is zero. */
  il_value (*vjp)(il_graph *g, il_value node, int index, il_value cotangent);
  /* Contribution of the tangent of input `index` to the result's tangent; {0} where it is zero. */
  il_value (*jvp)(il_graph *g, il_value node, int index, il_value tangent);
  /* Simplification at construction: an existing or simpler value equal to the node, or {0}: none.
   * Sees the operands before the node is made. May be NULL. */
  il_value (*fold)(il_graph *g, const il_infer *made);
  /* Floating-point operations of the node (a multiply-add counts 2). NULL: 0. */
  double (*flops)(const il_graph *g, const il_node *node);
  /* The plain loop: defines the value. in/out dense, in the node's types. */
  void (*reference)(const il_graph *g, const il_node *node, const void *const *in, void *out);
  /* Sample graphs for the derivative tests: builds the op's i-th sample on real inputs made with
   * il_op_sample_input and returns its value; {0} when there is no i-th sample. See graph/sample.h. */
  il_value (*sample)(il_graph *g, int i);
};

/* Built-in records, indexed by il_op. A graph uses graph->ops, which tests may replace by a patched copy. */
extern const il_op_info *const il_op_table[IL_OP_COUNT];
const char *il_op_name(il_op op);
il_op il_op_by_name(const char *name, size_t length); /* IL_OP_NONE: unknown */

typedef struct il_named {
  const char *name;
  il_value value;
} il_named;

/* Which results of folding hide which values (graph/hidden.c). */
typedef struct il_hides {
  il_value result, v;
} il_hides;
typedef struct il_hidden {
  il_hides *pairs;
  il_value *opened; /* by the folds that are going on */
  uint32_t count, capacity, opens, open_capacity;
  int depth; /* of folds within folds */
} il_hidden;

struct il_graph {
  il_context *context;
  il_type real;
  const il_op_info *const *ops; /* il_op_table */
  il_arena arena;               /* nodes, names, attributes */
  il_node **nodes;              /* [size + 1], entry 0 unused */
  uint32_t size, capacity;
  uint32_t *table, table_size; /* open addressing, interned ids */
  il_named *inputs, *outputs;
  int input_count, output_count, input_capacity, output_capacity;
  const char *scope;   /* current path */
  const char **scopes; /* stack of outer paths */
  int scope_depth, scope_capacity;
  uint32_t origin; /* given to new nodes; set by grad/ while it applies a rule */
  il_direction direction;
  il_hidden hidden;
  int64_t leaves;               /* serial number of the next leaf */
  struct il_loop_body **bodies; /* of its loops (graph/loop_body.h) */
  int body_count, body_capacity;
  bool no_fold; /* tests: keep every node as written */
};

/* NULL for the invalid value. */
static inline const il_node *il_node_of(const il_graph *g, il_value v) {
  return v.id ? g->nodes[v.id] : NULL;
}
/* Bytes of one value of the node. */
static inline size_t il_node_bytes(const il_node *node) {
  return (size_t)il_shape_count(node->shape) * il_type_size(node->type);
}
/* The one way to make a node: checks that the operands are valid values of this graph (else returns {0}),
 * runs the shape rule, folds, interns. `shape` is what the builder asks for (ignored by rules that compute it).
 * function: the public builder's name, for errors. attr: op's struct or NULL, copied. */
il_value il_node_make(il_graph *g, const char *function, il_op op, int inputs,
                      const il_value *input, const void *attr, il_shape shape);
/* hidden [size + 1]: set where some result hides the value. hiding [size + 1], zeroed: set where a value may not be
 * right as a function of v, since what it is made of hides v. */
void il_hidden_mark(const il_graph *g, bool *hidden);
void il_hiding_mark(const il_graph *g, il_value v, bool *hiding);
void il_hidden_free(il_hidden *hidden);
/* True when v is a constant node; number receives its fill. */
bool il_is_constant(const il_graph *g, il_value v, double *number);
/* "[5,14,14,64]" into text; returns text. */
char *il_shape_text(il_shape shape, char text[static 96]);
/* Checks the list of invariants (graph/invariants.c); IL_OK or the first violation in the context. */
il_status il_graph_check(const il_graph *g);
/* Geometry of the conv-family node (conv2d, conv2d_transpose, conv2d_weight). */
il_conv_geometry il_conv_geometry_of(const il_graph *g, const il_node *node);
/* Geometry of the pool-family node: arg-max, what it picks, mean, and their transposes. */
il_pool_geometry il_pool_geometry_of(const il_graph *g, const il_node *node);

/* ---- reference interpreter, step by step (graph/reference.c); il_plan_check runs beside it ---- */
typedef struct il_reference il_reference;
il_reference *il_reference_new(const il_graph *g, const il_bindings *bindings);
il_status il_reference_before(il_reference *r); /* computes all IL_BEFORE values */
il_status il_reference_task(il_reference *r,
                            int task);         /* tasks in order 0, 1, …; adds to the means */
il_status il_reference_after(il_reference *r); /* means, then all IL_AFTER values */
/* The value as last computed; only those that outputs need exist (else NULL). */
const void *il_reference_value(const il_reference *r, il_value v);
void il_reference_free(il_reference *r);

#endif
