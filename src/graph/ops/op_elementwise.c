/* Records of all elementwise operations, made from the rows of op/elementwise.def, and the table of all
 * operations. */
#include "graph/fold.h"
#include "graph/ops/ops.h"
#include "op/math.h"

bool il_expect_real(const il_infer *m, int i) {
  if (il_operand(m, i)->type == m->graph->real) return true;
  il_fail(m->graph->context, IL_ERROR_TYPE, "%s: operand %d has type %s, expected %s", m->function,
          i + 1, il_type_name(il_operand(m, i)->type), il_type_name(m->graph->real));
  return false;
}

bool il_expect_index(const il_infer *m, int i) {
  if (il_operand(m, i)->type == IL_INT32) return true;
  il_fail(m->graph->context, IL_ERROR_TYPE, "%s: operand %d has type %s, expected i32", m->function,
          i + 1, il_type_name(il_operand(m, i)->type));
  return false;
}

il_value il_rule_zero(il_graph *g, il_value node, int index, il_value cotangent) {
  (void)g, (void)node, (void)index, (void)cotangent;
  return (il_value){0};
}

static bool infer(il_infer *m) {
  m->shape = il_operand(m, 0)->shape;
  for (int i = 0; i < m->inputs; i++) {
    if (!il_expect_real(m, i)) return false;
    if (il_shape_equal(m->shape, il_operand(m, i)->shape)) continue;
    char a[96], b[96];
    il_fail(m->graph->context, IL_ERROR_SHAPE,
            "%s: operand 1 has shape %s, operand %d %s; expected equal shapes", m->function,
            il_shape_text(m->shape, a), i + 1, il_shape_text(il_operand(m, i)->shape, b));
    return false;
  }
  return true;
}

/* ---- derivatives: the row's expression, with constants 0, 1 and −1 recognised ---- */
typedef struct il_scope_of_rule {
  il_graph *g;
  il_shape shape;
  il_value a, b, c, v;
} il_scope_of_rule;

#define A (r->a)
#define B (r->b)
#define C (r->c)
#define V (r->v)
#define NUMBER(x) il_constant(r->g, x, r->shape)
#define ONE NUMBER(1)
#define ZERO NUMBER(0)
#define SUB(x, y) il_sub(r->g, x, y)
#define MUL(x, y) il_mul(r->g, x, y)
#define DIV(x, y) il_div(r->g, x, y)
#define NEG(x) il_neg(r->g, x)
#define LESS(x, y) il_less(r->g, x, y)
#define EQUAL(x, y) il_equal(r->g, x, y)
#define STEP(x) il_step(r->g, x)
#define COS(x) il_cos(r->g, x)
#define SIN(x) il_sin(r->g, x)
#define POW(x, y) il_pow(r->g, x, y)
#define LOG(x) il_log(r->g, x)
#define IL_ELEMENTWISE(id, name, arity, formula, value, d0, d1, d2, low, high, flops)              \
  static il_value partial_##id(const il_scope_of_rule *r, int index) {                             \
    return index == 0 ? d0 : index == 1 ? d1 : d2;                                                 \
  }
#include "op/elementwise.def"
#undef IL_ELEMENTWISE
#undef A
#undef B
#undef C
#undef V

typedef il_value (*il_partial_rule)(const il_scope_of_rule *r, int index);
static const il_partial_rule partials[] = {
#define IL_ELEMENTWISE(id, name, arity, formula, value, d0, d1, d2, low, high, flops) partial_##id,
#include "op/elementwise.def"
#undef IL_ELEMENTWISE
};

/* t·∂y/∂operand: the same for cotangents and tangents, since the Jacobian is diagonal. */
static il_value rule(il_graph *g, il_value id, int index, il_value t) {
  const il_node *node = il_node_of(g, id);
  il_scope_of_rule r = {.g = g, .shape = node->shape, .v = id, .a = node->input[0]};
  if (node->inputs > 1) r.b = node->input[1];
  if (node->inputs > 2) r.c = node->input[2];
  const il_value partial = partials[(int)node->op - IL_ELEMENTWISE_FIRST](&r, index);
  double number;
  if (il_is_constant(g, partial, &number)) {
    if (number == 0) return (il_value){0};
    if (number == 1) return t;
    if (number == -1) return il_neg(g, t);
  }
  return il_mul(g, t, partial);
}

static double count_flops(const il_graph *g, const il_node *node);

/* ---- values ---- */
#include "op/as_float.h"
#include "graph/ops/elementwise_loop.inc"
#include "op/as_double.h"
#include "graph/ops/elementwise_loop.inc"

double il_elementwise_number(il_op op, il_type type, double a, double b, double c) {
  if (type == IL_FLOAT32) return (double)number_float(op, (float)a, (float)b, (float)c);
  return number_double(op, a, b, c);
}

static void reference(const il_graph *g, const il_node *node, const void *const *in, void *out) {
  (void)g;
  if (node->type == IL_FLOAT32)
    loop_float(node, in, out);
  else
    loop_double(node, in, out);
}

/* ---- samples: distinct values inside the row's domain ---- */
static il_value sample(il_graph *g, il_op op, int arity, double low, double high, int i) {
  static const int64_t dims[3][3] = {{3, 2, 1}, {1, 5, 2}, {7, 1, 1}};
  if (i >= 3) return (il_value){0};
  il_value x[3];
  for (int k = 0; k < arity; k++) {
    x[k] = il_op_sample_input(g, il_shape_of(3, dims[i]), low, high, 0.02);
    /* Distinct values alone would never be 0 or equal: these two need both outcomes. */
    if ((op == IL_OP_SELECT && k == 0) || op == IL_OP_EQUAL) x[k] = il_step(g, x[k]);
  }
  return il_node_make(g, "sample", op, arity, x, NULL, il_value_shape(g, x[0]));
}
#define IL_ELEMENTWISE(id, name, arity, formula, value, d0, d1, d2, low, high, flops)              \
  static il_value sample_##id(il_graph *g, int i) {                                                \
    return sample(g, IL_OP_##id, arity, low, high, i);                                             \
  }
#include "op/elementwise.def"
#undef IL_ELEMENTWISE

#define IL_ELEMENTWISE(id, label, operands, text, value, d0, d1, d2, low, high, work)                \
  static const il_op_info info_##id = {                                                              \
      .name = #label,                                                                                \
      .formula = text,                                                                               \
      .arity = operands,                                                                             \
      .flags = IL_OP_##id == IL_OP_ADD     ? IL_FLAG_COMMUTATIVE                                     \
               : IL_OP_##id == IL_OP_MUL   ? IL_FLAG_COMMUTATIVE | IL_FLAG_LINEAR0 | IL_FLAG_LINEAR1 \
               : IL_OP_##id == IL_OP_NEG   ? IL_FLAG_LINEAR0                                         \
               : IL_OP_##id == IL_OP_DIV   ? IL_FLAG_LINEAR0                                         \
               : IL_OP_##id == IL_OP_EQUAL ? IL_FLAG_COMMUTATIVE | IL_FLAG_CONSTANT_DERIVATIVE       \
               : IL_OP_##id == IL_OP_LESS || IL_OP_##id == IL_OP_STEP                                \
                   ? IL_FLAG_CONSTANT_DERIVATIVE                                                     \
                   : 0,                                                                              \
      .infer = infer,                                                                                \
      .vjp = rule,                                                                                   \
      .jvp = rule,                                                                                   \
      .fold = il_fold_elementwise,                                                                   \
      .flops = count_flops,                                                                          \
      .reference = reference,                                                                        \
      .sample = sample_##id,                                                                         \
  };
#include "op/elementwise.def"
#undef IL_ELEMENTWISE

static double count_flops(const il_graph *g, const il_node *node) {
  (void)g;
  static const double work[] = {
#define IL_ELEMENTWISE(id, name, arity, formula, value, d0, d1, d2, low, high, flops) flops,
#include "op/elementwise.def"
#undef IL_ELEMENTWISE
  };
  return work[(int)node->op - IL_ELEMENTWISE_FIRST] * (double)il_shape_count(node->shape);
}

/* ---- the table of all operations ---- */
#define IL_STRUCTURED(id, record) extern const il_op_info record;
#include "op/structured.def"
#undef IL_STRUCTURED

const il_op_info *const il_op_table[IL_OP_COUNT] = {
    NULL,
#define IL_ELEMENTWISE(id, name, arity, formula, value, d0, d1, d2, low, high, flops) &info_##id,
#include "op/elementwise.def"
#undef IL_ELEMENTWISE
#define IL_STRUCTURED(id, record) &record,
#include "op/structured.def"
#undef IL_STRUCTURED
};

const char *il_op_name(il_op op) {
  return op > IL_OP_NONE && op < IL_OP_COUNT ? il_op_table[op]->name : "none";
}

il_op il_op_by_name(const char *name, size_t length) {
  for (int op = 1; op < IL_OP_COUNT; op++)
    if (strlen(il_op_table[op]->name) == length && memcmp(il_op_table[op]->name, name, length) == 0)
      return (il_op)op;
  return IL_OP_NONE;
}
