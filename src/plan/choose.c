/* What problem a node poses to the kernels: its geometry, with axes that belong together collapsed. */
#include "plan/plan.h"

static void matmul_problem(const il_node *node, const il_node *a, il_matmul_geometry *m) {
  const il_attr_matmul *attr = node->attr;
  const int rank = node->shape.rank;
  m->batch = 1;
  for (int i = 0; i < rank - 2; i++) m->batch *= node->shape.dim[i];
  m->m = node->shape.dim[rank - 2];
  m->n = node->shape.dim[rank - 1];
  m->k = a->shape.dim[attr->transpose_a ? rank - 2 : rank - 1];
  m->transpose_a = attr->transpose_a;
  m->transpose_b = attr->transpose_b;
}

/* Drops axes of size 1 and joins neighbours that are both kept or both reduced. */
static void reduce_problem(const il_node *node, const il_node *from, il_reduce_geometry *r) {
  const int64_t axes = ((const il_attr_axes *)node->attr)->axes;
  *r = (il_reduce_geometry){0};
  for (int i = 0; i < from->shape.rank; i++) {
    if (from->shape.dim[i] == 1) continue;
    const uint32_t reduced = axes >> i & 1;
    if (r->rank > 0 && (r->reduced >> (r->rank - 1) & 1) == reduced) {
      r->dim[r->rank - 1] *= from->shape.dim[i];
    } else {
      r->dim[r->rank] = from->shape.dim[i];
      r->reduced |= reduced << r->rank;
      r->rank++;
    }
  }
}

static void move_problem(const il_node *node, const il_node *from, il_move_geometry *m) {
  int64_t stride[IL_MAX_RANK], step = 1;
  for (int i = from->shape.rank - 1; i >= 0; i--) {
    stride[i] = step;
    step *= from->shape.dim[i];
  }
  *m = (il_move_geometry){.rank = node->shape.rank};
  for (int i = 0; i < m->rank; i++) {
    m->dim[i] = node->shape.dim[i];
    if (node->op == IL_OP_BROADCAST) {
      m->stride[i] = from->shape.dim[i] == 1 ? 0 : stride[i];
    } else if (node->op == IL_OP_TRANSPOSE) {
      m->stride[i] = stride[((const il_attr_permutation *)node->attr)->axis[i]];
    } else {
      m->stride[i] = stride[i];
      m->offset += ((const il_attr_begin *)node->attr)->begin[i] * stride[i];
    }
  }
}

static void gather_problem(const il_graph *g, const il_node *node, il_gather_geometry *m) {
  const bool gather = node->op == IL_OP_GATHER;
  const il_node *table = gather ? il_node_of(g, node->input[0]) : node;
  const il_node *index = il_node_of(g, node->input[gather ? 1 : 0]);
  *m = (il_gather_geometry){.rows = table->shape.dim[0], .width = 1};
  for (int i = 1; i < table->shape.rank; i++) m->width *= table->shape.dim[i];
  m->count = il_shape_count(index->shape);
}

static void product_problem(const il_graph *g, const il_node *node, il_product_geometry *p) {
  *p = (il_product_geometry){node->shape.dim[0], node->shape.dim[1], node->inputs / 2, {0}};
  for (int i = 0; i < p->pairs; i++)
    p->rows[i] = (int32_t)il_node_of(g, node->input[2 * i])->shape.dim[0];
}

bool il_problem_of(const il_graph *g, const il_node *node, il_problem *problem) {
  const il_node *from = node->inputs ? il_node_of(g, node->input[0]) : NULL;
  *problem = (il_problem){.op = node->op, .type = node->type};
  switch (node->op) { /* families of geometry, not behaviour */
  case IL_OP_MATMUL: matmul_problem(node, from, &problem->matmul); return true;
  case IL_OP_TASK_PRODUCT: product_problem(g, node, &problem->product); return true;
  case IL_OP_CONV2D:
  case IL_OP_CONV2D_TRANSPOSE:
  case IL_OP_CONV2D_WEIGHT: problem->conv = il_conv_geometry_of(g, node); return true;
  case IL_OP_SUM:
  case IL_OP_MAX: reduce_problem(node, from, &problem->reduce); return true;
  case IL_OP_BROADCAST:
  case IL_OP_TRANSPOSE:
  case IL_OP_SLICE: move_problem(node, from, &problem->move); return true;
  case IL_OP_GATHER:
  case IL_OP_SCATTER_ADD: gather_problem(g, node, &problem->gather); return true;
  case IL_OP_POOL_ARGMAX:
  case IL_OP_POOL_GATHER:
  case IL_OP_POOL_SCATTER:
  case IL_OP_AVERAGE_POOL:
  case IL_OP_AVERAGE_POOL_TRANSPOSE:
    if (node->op == IL_OP_POOL_ARGMAX) problem->type = from->type; /* its own are taps */
    problem->pool = il_pool_geometry_of(g, node);
    return true;
  default: return false;
  }
}
