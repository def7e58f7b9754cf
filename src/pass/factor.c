/* Graph to graph: factored updates. With r support rows the gradient of a linear layer's weights is xᵀ·dy, of rank r at most, so
 * adapted weights are w − s·xᵀ·dy. This pass keeps such sums as what they are made of,
 *     F = base + Σ s·P·Q,   P [m,r], Q [r,n], r·(m + n) below m·n,
 * and rewrites by algebra, wherever the graph has them:
 *     P·Q                 is a sum of one term;  P·Q + P·R = P·(Q + R)
 *     F ± G, −F, c·F      add up bases and terms
 *     X·F                 X·base + Σ s·(X·P)·Q, and F·X likewise
 *     task_mean(F)        task_mean(base) + task_product(Pᵀ, s·Q, …)
 *     anything else       reads F as the graph had made it
 * Shared weights that tasks read transposed are transposed once, before them: x·wᵀ, w wide, x of few rows.
 * So no task forms weights of its own, and the meta-gradient is one product over the rows of all tasks. Nodes are
 * added to the graph and its outputs moved; if the estimated time of a task is not less, they stay. */
#include <innerloop/plan.h>
#include <string.h>

#include "graph/build.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "base/room.h"

static const char function[] = "il_graph_factor";

enum {
  GAIN = 2,       /* a product counts as one of low rank if its factors are so many times smaller */
  TURN = 2048,    /* shared weights are transposed before the tasks from so many elements… */
  TURN_ROWS = 64, /* …if fewer rows than so many are multiplied by them */
  PRODUCT =
      4096, /* means of so many elements are one product over all tasks; smaller ones stay in lanes */
  GAIN_SUM = 2, /* and a sum of such as long as they are still so many times smaller */
  BYTE = 2,     /* operations in the time that a byte takes to be read or written */
  CALL = 4000,  /* operations in the time that a call takes */
};

typedef struct il_term { /* scale·op(a)·op(b); op transposes where the flag says so */
  il_value a, b;
  bool ta, tb;
  double scale;
} il_term;

typedef struct il_low_rank { /* base + Σ term; base {0}: none */
  il_value base;
  int terms;
  il_term *term;
} il_low_rank;

typedef struct il_factor {
  il_graph *g;
  uint32_t size;     /* of the graph as it was */
  bool *needed;      /* [size + 1] */
  il_value *dense;   /* [size + 1] what a node has become; {0}: not made */
  il_low_rank **sum; /* [size + 1] NULL: not of low rank */
  il_arena arena;
  bool failed;
} il_factor;

/* ---- making nodes ---- */
static il_value times(il_graph *g, il_value a, double scale) {
  return scale == 1 ? a : scale == -1 ? il_neg(g, a) : il_scale(g, a, scale);
}

/* sum + scale·part; sum may be {0}. */
static il_value plus(il_graph *g, il_value sum, il_value part, double scale) {
  if (!sum.id) return times(g, part, scale);
  return scale < 0 ? il_sub(g, sum, times(g, part, -scale)) : il_add(g, sum, times(g, part, scale));
}

static bool exists(const il_graph *g, const il_node *like, il_value a, il_value b, bool ta,
                   bool tb) {
  const il_attr_matmul attr = {ta, tb};
  const il_value input[2] = {a, b};
  il_node node = *like;
  node.input = input;
  node.attr = &attr;
  return il_node_find(g, &node) != 0;
}

/* op(a)·op(b), or, where that is there already, its transpose: *transposed says which. */
static il_value product(il_graph *g, il_value a, bool ta, il_value b, bool tb, bool *transposed) {
  const il_shape x = il_value_shape(g, a), y = il_value_shape(g, b);
  il_node like = {.op = IL_OP_MATMUL, .type = g->real, .inputs = 2};
  like.shape = IL_SHAPE(y.dim[tb ? 0 : 1], x.dim[ta ? 1 : 0]);
  *transposed = exists(g, &like, b, a, !tb, !ta);
  return *transposed ? il_matmul(g, b, a, !tb, !ta) : il_matmul(g, a, b, ta, tb);
}

/* op(a)·op(b), where shared weights b are turned before the tasks if that saves the tasks from it. */
static il_value by_weights(il_graph *g, il_value a, il_value b, bool ta, bool tb) {
  const il_shape x = il_value_shape(g, a);
  const bool shared = il_node_of(g, a)->when == IL_PER_TASK && il_node_of(g, b)->when == IL_BEFORE;
  if (!tb || !shared || x.dim[ta ? 1 : 0] >= TURN_ROWS ||
      il_shape_count(il_value_shape(g, b)) < TURN)
    return il_matmul(g, a, b, ta, tb);
  return il_matmul(g, a, il_transpose(g, b, (const int[]){1, 0}), ta, false);
}

/* Nodes that are made now carry the scope and origin of `node`, which they replace. */
static void stand_for(il_graph *g, const il_node *node) {
  g->scope = node->scope;
  g->origin = node->origin;
  g->direction = node->direction;
}

/* The node over what its operands have become. */
static il_value dense(il_factor *f, uint32_t id) {
  if (f->dense[id].id) return f->dense[id];
  il_graph *g = f->g;
  const il_node *node = g->nodes[id];
  il_value *input = il_arena_alloc(&f->arena, ((size_t)node->inputs + 1) * sizeof *input);
  if (!input) {
    f->failed = true;
    return (il_value){0};
  }
  bool same = true;
  for (int i = 0; i < node->inputs; i++) {
    input[i] = dense(f, node->input[i].id);
    same = same && input[i].id == node->input[i].id;
  }
  const il_node before = {.scope = g->scope, .origin = g->origin, .direction = g->direction};
  stand_for(g, node);
  f->dense[id] =
      same ? (il_value){id}
           : il_node_make(g, function, node->op, node->inputs, input, node->attr, node->shape);
  stand_for(g, &before);
  return f->dense[id];
}

/* ---- sums of low rank ---- */
static int64_t rank_of(const il_graph *g, const il_term *t) {
  return il_value_shape(g, t->a).dim[t->ta ? 0 : 1];
}

static il_low_rank *new_sum(il_factor *f, il_value base, int capacity) {
  il_low_rank *sum = il_arena_alloc(&f->arena, sizeof *sum);
  il_term *term = il_arena_alloc(&f->arena, ((size_t)capacity + 1) * sizeof *term);
  if (!sum || !term) {
    f->failed = true;
    return NULL;
  }
  *sum = (il_low_rank){.base = base, .term = term};
  return sum;
}

static void add_term(il_graph *g, il_low_rank *sum, il_term term) {
  for (int i = 0; i < sum->terms; i++) {
    il_term *t = &sum->term[i];
    if (t->a.id != term.a.id || t->ta != term.ta || t->tb != term.tb) continue;
    t->b = plus(g, times(g, t->b, t->scale), term.b, term.scale);
    t->scale = 1;
    return;
  }
  sum->term[sum->terms++] = term;
}

/* P·Q of two values of the task that are there in full. */
static bool outer(il_factor *f, uint32_t id) {
  const il_node *node = f->g->nodes[id];
  const il_attr_matmul *attr = node->attr;
  il_term term = {.ta = attr->transpose_a, .tb = attr->transpose_b, .scale = 1};
  term.a = node->input[0];
  const int64_t m = node->shape.dim[0], n = node->shape.dim[1];
  for (int i = 0; i < 2; i++)
    if (il_node_of(f->g, node->input[i])->when != IL_PER_TASK) return false;
  if (rank_of(f->g, &term) * (m + n) * GAIN > m * n) return false;
  term.a = dense(f, node->input[0].id);
  term.b = dense(f, node->input[1].id);
  il_low_rank *sum = new_sum(f, (il_value){0}, 1);
  if (!sum) return false;
  add_term(f->g, sum, term);
  f->sum[id] = sum;
  return true;
}

/* X·F (left) or F·X. */
static void multiply(il_factor *f, uint32_t id, bool left) {
  il_graph *g = f->g;
  const il_node *node = g->nodes[id];
  const bool flag[2] = {((const il_attr_matmul *)node->attr)->transpose_a,
                        ((const il_attr_matmul *)node->attr)->transpose_b};
  const il_low_rank *sum = f->sum[node->input[left].id];
  const il_value x = dense(f, node->input[!left].id);
  const bool tx = flag[!left], tf = flag[left];
  il_value result = {0};
  if (sum->base.id)
    result = left ? by_weights(g, x, sum->base, tx, tf) : il_matmul(g, sum->base, x, tf, tx);
  for (int i = 0; i < sum->terms; i++) {
    const il_term *t = &sum->term[i];
    /* (P·Q)ᵀ = Qᵀ·Pᵀ */
    const il_value p = tf ? t->b : t->a, q = tf ? t->a : t->b;
    const bool tp = tf ? !t->tb : t->ta, tq = tf ? !t->ta : t->tb;
    bool turned;
    const il_value inner =
        left ? product(g, x, tx, p, tp, &turned) : product(g, q, tq, x, tx, &turned);
    const il_value part =
        left ? il_matmul(g, inner, q, turned, tq) : il_matmul(g, p, inner, tp, turned);
    result = plus(g, result, part, t->scale);
  }
  f->dense[id] = result;
}

static bool matmul(il_factor *f, uint32_t id) {
  const il_node *node = f->g->nodes[id];
  if (node->shape.rank != 2) return false;
  const bool a = f->sum[node->input[0].id], b = f->sum[node->input[1].id];
  if (a || b) {
    multiply(f, id, b);
  } else if (!outer(f, id)) {
    const il_attr_matmul *attr = node->attr;
    const il_value x = dense(f, node->input[0].id), y = dense(f, node->input[1].id);
    f->dense[id] = by_weights(f->g, x, y, attr->transpose_a, attr->transpose_b);
  }
  return true;
}

/* Σ scale[i]·input which[i], of which one at least is of low rank. */
static bool combine(il_factor *f, uint32_t id, int count, const int *which, const double *scale) {
  il_graph *g = f->g;
  const il_node *node = g->nodes[id];
  const il_low_rank *from[2] = {NULL, NULL};
  int terms = 0;
  for (int i = 0; i < count; i++) {
    from[i] = f->sum[node->input[which[i]].id];
    if (from[i]) terms += from[i]->terms;
  }
  il_low_rank *sum = terms ? new_sum(f, (il_value){0}, terms) : NULL;
  if (!sum) return false;
  for (int i = 0; i < count; i++)
    for (int k = 0; from[i] && k < from[i]->terms; k++) {
      il_term term = from[i]->term[k];
      term.scale *= scale[i];
      add_term(g, sum, term);
    }
  int64_t rank = 0;
  for (int i = 0; i < sum->terms; i++) rank += rank_of(g, &sum->term[i]);
  const int64_t m = node->shape.dim[0], n = node->shape.dim[1];
  if (rank * (m + n) * GAIN_SUM > m * n) return false;
  for (int i = 0; i < count; i++) {
    const il_value base = from[i] ? from[i]->base : dense(f, node->input[which[i]].id);
    if (base.id) sum->base = plus(g, sum->base, base, scale[i]);
  }
  f->sum[id] = sum;
  return true;
}

/* One operand of low rank by a number. */
static bool scaled(il_factor *f, uint32_t id, int which, double scale) {
  return combine(f, id, 1, &which, &scale);
}

static bool stopped(il_factor *f, uint32_t id) {
  il_graph *g = f->g;
  const il_low_rank *from = f->sum[g->nodes[id]->input[0].id];
  il_low_rank *sum = from ? new_sum(f, from->base, from->terms) : NULL;
  if (!sum) return false;
  if (sum->base.id) sum->base = il_stop_gradient(g, sum->base);
  for (int i = 0; i < from->terms; i++) {
    il_term term = from->term[i];
    term.a = il_stop_gradient(g, term.a);
    term.b = il_stop_gradient(g, term.b);
    add_term(g, sum, term);
  }
  f->sum[id] = sum;
  return true;
}

static bool linear(il_factor *f, uint32_t id) {
  const il_graph *g = f->g;
  const il_node *node = g->nodes[id];
  double number;
  switch (node->op) {
  case IL_OP_ADD: return combine(f, id, 2, (int[]){0, 1}, (double[]){1, 1});
  case IL_OP_SUB: return combine(f, id, 2, (int[]){0, 1}, (double[]){1, -1});
  case IL_OP_NEG: return scaled(f, id, 0, -1);
  case IL_OP_MUL:
    for (int i = 0; i < 2; i++)
      if (il_is_constant(g, node->input[!i], &number)) return scaled(f, id, i, number);
    return false;
  case IL_OP_DIV: return il_is_constant(g, node->input[1], &number) && scaled(f, id, 0, 1 / number);
  case IL_OP_STOP_GRADIENT: return stopped(f, id);
  default: return false;
  }
}

/* The mean over tasks of a sum of low rank. */
static bool mean(il_factor *f, uint32_t id) {
  il_graph *g = f->g;
  const il_low_rank *sum = f->sum[g->nodes[id]->input[0].id];
  if (!sum || sum->terms > IL_TASK_PRODUCT_PAIRS || il_shape_count(g->nodes[id]->shape) < PRODUCT)
    return false;
  il_value a[IL_TASK_PRODUCT_PAIRS], b[IL_TASK_PRODUCT_PAIRS];
  for (int i = 0; i < sum->terms; i++) {
    const il_term *t = &sum->term[i];
    if (g->nodes[t->a.id]->when != IL_PER_TASK || g->nodes[t->b.id]->when != IL_PER_TASK)
      return false;
    a[i] = t->ta ? t->a : il_transpose(g, t->a, (const int[]){1, 0});
    b[i] = t->tb ? il_transpose(g, t->b, (const int[]){1, 0}) : t->b;
    b[i] = times(g, b[i], t->scale);
  }
  const il_value all = il_task_product(g, sum->terms, a, b);
  f->dense[id] = sum->base.id ? il_add(g, il_task_mean(g, sum->base), all) : all;
  return true;
}

/* ---- the walk ---- */
static void rewrite(il_factor *f, uint32_t id) {
  il_graph *g = f->g;
  const il_node *node = g->nodes[id];
  const il_node before = {.scope = g->scope, .origin = g->origin, .direction = g->direction};
  stand_for(g, node);
  const bool done = node->op == IL_OP_MATMUL      ? matmul(f, id)
                    : node->op == IL_OP_TASK_MEAN ? mean(f, id)
                    : node->shape.rank == 2       ? linear(f, id)
                                                  : false;
  stand_for(g, &before);
  if (!done) dense(f, id);
}

static void mark_needed(const il_graph *g, bool *needed) {
  for (int i = 0; i < g->output_count; i++) needed[g->outputs[i].value.id] = true;
  for (uint32_t id = g->size; id > 0; id--)
    for (int i = 0; needed[id] && i < g->nodes[id]->inputs; i++)
      needed[g->nodes[id]->input[i].id] = true;
}

/* What one task costs, in operations: multiply-adds, bytes, calls. Of fused groups only results count. */
static double cost(const il_graph *g) {
  bool *needed = il_new(g->context, (size_t)g->size + 1, sizeof *needed);
  if (!needed) return -1;
  mark_needed(g, needed);
  double sum = 0;
  for (uint32_t id = 1; id <= g->size; id++) {
    const il_node *node = g->nodes[id];
    if (!needed[id] || node->inputs == 0) continue;
    if (node->when != IL_PER_TASK && !il_op_averages(node->op)) continue;
    double bytes = node->op == IL_OP_TASK_PRODUCT ? 0 : (double)il_node_bytes(node);
    for (int i = 0; i < node->inputs && !il_op_elementwise(node->op); i++)
      bytes += (double)il_node_bytes(g->nodes[node->input[i].id]);
    if (node->op == IL_OP_MATMUL && ((const il_attr_matmul *)node->attr)->transpose_b)
      bytes += 2 * (double)il_node_bytes(g->nodes[node->input[1].id]); /* a kernel turns it */
    sum += bytes * BYTE + (il_op_elementwise(node->op) ? 0 : CALL);
    if (g->ops[node->op]->flops) sum += g->ops[node->op]->flops(g, node);
  }
  il_release(needed);
  return sum;
}

il_status il_graph_factor(il_graph *g) {
  if (il_context_status(g->context) != IL_OK) return il_context_status(g->context);
  const size_t n = (size_t)g->size + 1;
  il_factor f = {.g = g, .size = g->size, .arena = {.context = g->context}};
  f.needed = il_new(g->context, n, sizeof *f.needed);
  f.dense = il_new(g->context, n, sizeof *f.dense);
  f.sum = il_new(g->context, n, sizeof *f.sum);
  il_value *output = il_new(g->context, (size_t)g->output_count + 1, sizeof *output);
  f.failed = !f.needed || !f.dense || !f.sum || !output;
  const double before = cost(g);
  if (!f.failed) mark_needed(g, f.needed);
  for (uint32_t id = 1; id <= f.size && !f.failed; id++)
    if (f.needed[id]) rewrite(&f, id);
  for (int i = 0; i < g->output_count && !f.failed; i++) {
    output[i] = g->outputs[i].value;
    g->outputs[i].value = dense(&f, output[i].id);
  }
  const double after = f.failed ? 0 : cost(g);
  if (before < 0 || after < 0) f.failed = true;
  for (int i = 0; i < g->output_count && !f.failed && after >= before; i++)
    g->outputs[i].value = output[i];
  il_release(f.needed);
  il_release(f.dense);
  il_release(f.sum);
  il_release(output);
  il_arena_free(&f.arena);
  return f.failed ? il_fail_memory(g->context, "factored updates") : il_context_status(g->context);
}
