/* A graph that poses just one problem: the inverse of choose.c, so that a problem can be run by the reference
 * loops. Nothing is folded: every code of a tile program is a node. */
#include <stdio.h>
#include <string.h>

#include "plan/plan.h"

static il_value input(il_graph *g, il_type type, il_shape shape) {
  char name[16];
  snprintf(name, sizeof name, "x%d", il_graph_inputs(g));
  return il_input(g, name, IL_TASK, type, shape);
}

static void output(il_graph *g, il_value value) {
  char name[16];
  snprintf(name, sizeof name, "y%d", il_graph_outputs(g));
  il_output(g, name, value);
}

/* The padding after the image that lets the last window end there. */
static int32_t pad_high(int64_t size, int64_t out, int64_t kernel, int64_t stride, int64_t pad,
                        int64_t dilation) {
  const int64_t more = (out - 1) * stride + dilation * (kernel - 1) + 1 - size - pad;
  return more < 0 ? 0 : more > INT32_MAX ? INT32_MAX : (int32_t)more;
}

static il_value pose_conv(il_graph *g, const il_problem *p) {
  const il_conv_geometry *q = &p->conv;
  const il_window window = {{q->kh, q->kw},
                            {q->sh, q->sw},
                            {q->ph, q->pw},
                            {pad_high(q->h, q->oh, q->kh, q->sh, q->ph, q->dh),
                             pad_high(q->w, q->ow, q->kw, q->sw, q->pw, q->dw)},
                            {q->dh, q->dw},
                            q->groups};
  const il_shape x = IL_SHAPE(q->n, q->h, q->w, q->c), y = IL_SHAPE(q->n, q->oh, q->ow, q->k);
  /* Rounded up, so that channels that the groups do not divide reach the rule that says so. */
  const int32_t c = (q->c + q->groups - 1) / q->groups, k = (q->k + q->groups - 1) / q->groups;
  if (p->op == IL_OP_CONV2D) {
    const il_value from = input(g, p->type, x);
    return il_conv2d(g, from, input(g, p->type, IL_SHAPE(q->kh, q->kw, c, q->k)), window);
  }
  if (p->op == IL_OP_CONV2D_TRANSPOSE) {
    const il_value from = input(g, p->type, y);
    return il_conv2d_transpose(g, from, input(g, p->type, IL_SHAPE(q->kh, q->kw, k, q->c)), window,
                               q->h, q->w);
  }
  const il_value from = input(g, p->type, x);
  return il_conv2d_weight(g, from, input(g, p->type, y), window);
}

static il_value taps(il_graph *g, const il_pool_geometry *q) {
  const il_type type = il_narrow_taps(q->kh, q->kw) ? IL_UINT8 : IL_INT32;
  return input(g, type, IL_SHAPE(q->n, q->oh, q->ow, q->c));
}

static il_value pose_pool(il_graph *g, const il_problem *p) {
  const il_pool_geometry *q = &p->pool;
  const il_window window = {{q->kh, q->kw},
                            {q->sh, q->sw},
                            {q->ph, q->pw},
                            {pad_high(q->h, q->oh, q->kh, q->sh, q->ph, q->dh),
                             pad_high(q->w, q->ow, q->kw, q->sw, q->pw, q->dw)},
                            {q->dh, q->dw},
                            1};
  const il_shape y = IL_SHAPE(q->n, q->oh, q->ow, q->c);
  if (p->op == IL_OP_AVERAGE_POOL_TRANSPOSE)
    return il_average_pool_transpose(g, input(g, p->type, y), window, q->h, q->w);
  if (p->op == IL_OP_POOL_SCATTER) {
    const il_value tap = taps(g, q);
    return il_pool_scatter(g, tap, input(g, p->type, y), window, q->h, q->w);
  }
  const il_value x = input(g, p->type, IL_SHAPE(q->n, q->h, q->w, q->c));
  if (p->op == IL_OP_POOL_GATHER) return il_pool_gather(g, x, taps(g, q), window);
  return p->op == IL_OP_POOL_ARGMAX ? il_pool_argmax(g, x, window) : il_average_pool(g, x, window);
}

static il_value pose_matmul(il_graph *g, const il_problem *p) {
  const il_matmul_geometry *m = &p->matmul;
  il_shape a = IL_SHAPE(m->batch, m->transpose_a ? m->k : m->m, m->transpose_a ? m->m : m->k);
  il_shape b = IL_SHAPE(m->batch, m->transpose_b ? m->n : m->k, m->transpose_b ? m->k : m->n);
  const il_value left = input(g, p->type, a);
  return il_matmul(g, left, input(g, p->type, b), m->transpose_a, m->transpose_b);
}

/* The third operand plus the scaled product. */
static il_value pose_accumulated(il_graph *g, const il_problem *p, il_value product) {
  const il_shape shape = il_value_shape(g, product);
  const il_value to = input(g, p->type, shape);
  return il_add(g, to, il_mul(g, product, il_constant(g, p->matmul.scale, shape)));
}

static il_value pose_reduce(il_graph *g, const il_problem *p) {
  const il_value x = input(g, p->type, il_shape_of(p->reduce.rank, p->reduce.dim));
  return p->op == IL_OP_SUM ? il_sum(g, x, p->reduce.reduced) : il_max(g, x, p->reduce.reduced);
}

/* Axes of x from the outermost: by stride, and of equal strides the one that has a size first. */
static il_value pose_transpose(il_graph *g, const il_problem *p) {
  const il_move_geometry *m = &p->move;
  int order[IL_MAX_RANK], permutation[IL_MAX_RANK] = {0};
  il_shape from = {.rank = m->rank};
  for (int i = 0; i < m->rank; i++) {
    int at = i;
    for (; at > 0; at--) {
      const int before = order[at - 1];
      if (m->stride[before] > m->stride[i] ||
          (m->stride[before] == m->stride[i] && m->dim[before] >= m->dim[i]))
        break;
      order[at] = before;
    }
    order[at] = i;
  }
  for (int i = 0; i < m->rank; i++) {
    from.dim[i] = m->dim[order[i]];
    permutation[order[i]] = i;
  }
  return il_transpose(g, input(g, p->type, from), permutation);
}

static il_value pose_slice(il_graph *g, const il_problem *p) {
  const il_move_geometry *m = &p->move;
  int64_t begin[IL_MAX_RANK], rest = m->offset;
  il_shape from = {.rank = m->rank};
  for (int i = 0; i < m->rank; i++) {
    const int64_t stride = m->stride[i] ? m->stride[i] : 1;
    begin[i] = rest / stride;
    rest %= stride;
    from.dim[i] = i ? m->stride[i - 1] / stride : begin[i] + m->dim[i];
  }
  return il_slice(g, input(g, p->type, from), begin, il_shape_of(m->rank, m->dim));
}

static il_value pose_broadcast(il_graph *g, const il_problem *p) {
  const il_move_geometry *m = &p->move;
  il_shape from = {.rank = m->rank};
  for (int i = 0; i < m->rank; i++) from.dim[i] = m->stride[i] ? m->dim[i] : 1;
  return il_broadcast(g, input(g, p->type, from), il_shape_of(m->rank, m->dim));
}

static il_value pose_gather(il_graph *g, const il_problem *p) {
  const il_gather_geometry *q = &p->gather;
  if (p->op == IL_OP_GATHER) {
    const il_value x = input(g, p->type, IL_SHAPE(q->rows, q->width));
    return il_gather(g, x, input(g, IL_INT32, IL_SHAPE(q->count)));
  }
  const il_value index = input(g, IL_INT32, IL_SHAPE(q->count));
  return il_scatter_add(g, index, input(g, p->type, IL_SHAPE(q->count, q->width)), q->rows);
}

static il_value pose_spread(il_graph *g, il_type type, const il_pool_geometry *w) {
  const il_window window = {{w->kh, w->kw}, {w->sh, w->sw}, {0, 0}, {0, 0}, {1, 1}, 1};
  const il_value pooled = input(g, type, IL_SHAPE(w->n, w->oh, w->ow, w->c));
  const il_value image = il_pool_scatter(g, taps(g, w), pooled, window, w->h, w->w);
  return il_reshape(g, image, IL_SHAPE((int64_t)w->n * w->h * w->w, w->c));
}

static il_value pose_product(il_graph *g, const il_problem *p) {
  const il_product_geometry *q = &p->product;
  il_value a[IL_TASK_PRODUCT_PAIRS], b[IL_TASK_PRODUCT_PAIRS];
  for (int i = 0; i < q->pairs; i++) {
    a[i] = input(g, p->type, IL_SHAPE(q->rows[i], q->m));
    b[i] = input(g, p->type, IL_SHAPE(q->rows[i], q->n));
  }
  return il_task_product(g, q->pairs, a, b);
}

static void pose_tile(il_graph *g, const il_problem *problem) {
  const il_tile_program *p = problem->tile;
  const il_shape all = IL_SHAPE(p->rows, p->width);
  il_value reg[IL_TILE_MAX_OPERANDS + IL_TILE_MAX_CODE] = {{0}};
  for (int i = 0; i < p->operands; i++) {
    if (p->mode[i] == IL_TILE_SPREAD) {
      reg[i] = pose_spread(g, problem->type, &p->window);
      i++; /* with its taps */
      continue;
    }
    const int64_t rows = p->mode[i] == IL_TILE_FULL || p->mode[i] == IL_TILE_ROW ? p->rows : 1;
    const int64_t width =
        p->mode[i] == IL_TILE_FULL || p->mode[i] == IL_TILE_CHANNEL ? p->width : 1;
    reg[i] = p->is_constant[i]
                 ? il_constant(g, p->constant[i], all)
                 : il_broadcast(g, input(g, problem->type, IL_SHAPE(rows, width)), all);
  }
  for (int i = 0; i < p->codes; i++) {
    const il_tile_code *code = &p->code[i];
    const il_op_info *info = g->ops[code->op];
    const il_value in[3] = {reg[code->arg[0]], reg[code->arg[1]], reg[code->arg[2]]};
    reg[code->result] = il_node_make(g, info->name, (il_op)code->op, info->arity, in, NULL, all);
  }
  for (int i = 0; i < p->results; i++) {
    const il_value value = reg[p->result[i].reg];
    output(g, p->result[i].sum ? il_sum(g, value, 1) : value);
  }
}

static il_value pose_one(il_graph *g, const il_problem *p) {
  switch (p->op) { /* families of geometry, as in choose.c */
  case IL_OP_CONV2D:
  case IL_OP_CONV2D_TRANSPOSE:
  case IL_OP_CONV2D_WEIGHT: return pose_conv(g, p);
  case IL_OP_POOL_ARGMAX:
  case IL_OP_POOL_GATHER:
  case IL_OP_POOL_SCATTER:
  case IL_OP_AVERAGE_POOL:
  case IL_OP_AVERAGE_POOL_TRANSPOSE: return pose_pool(g, p);
  case IL_OP_MATMUL: return pose_matmul(g, p);
  case IL_OP_TASK_PRODUCT: return pose_product(g, p);
  case IL_OP_SUM:
  case IL_OP_MAX: return pose_reduce(g, p);
  case IL_OP_TRANSPOSE: return pose_transpose(g, p);
  case IL_OP_SLICE: return pose_slice(g, p);
  case IL_OP_BROADCAST: return pose_broadcast(g, p);
  case IL_OP_GATHER:
  case IL_OP_SCATTER_ADD: return pose_gather(g, p);
  default: return (il_value){0};
  }
}

/* The node must pose the problem that was asked for, word by word; with lanes, the problem of one task. */
static void compare(il_graph *g, il_value value, const il_problem *problem) {
  char asked[IL_PROBLEM_TEXT], posed[IL_PROBLEM_TEXT];
  il_problem actual;
  if (il_context_status(g->context) != IL_OK) return;
  il_problem_of(g, il_node_of(g, value), &actual);
  il_problem_text(problem, asked, sizeof asked);
  if (problem->op == IL_OP_MATMUL) actual.matmul.scale = problem->matmul.scale;
  actual.direct = problem->direct;
  actual.lanes = problem->lanes;
  actual.shared = problem->shared;
  il_problem_text(&actual, posed, sizeof posed);
  if (strcmp(asked, posed) != 0)
    il_fail(g->context, IL_ERROR_CONFIG,
            "problem \"%.80s\": no operation poses it; the nearest is \"%.80s\"", asked, posed);
}

il_graph *il_problem_pose(il_context *context, const il_problem *problem) {
  il_graph *g = il_graph_new(context, problem->type == IL_FLOAT64 ? IL_FLOAT64 : IL_FLOAT32);
  if (!g) return NULL;
  g->no_fold = true;
  if (problem->op == IL_OP_NONE) {
    pose_tile(g, problem);
  } else {
    const il_value value = pose_one(g, problem);
    compare(g, value, problem);
    const bool accumulated = problem->op == IL_OP_MATMUL && problem->matmul.scale != 0;
    output(g, accumulated ? pose_accumulated(g, problem, value) : value);
  }
  if (il_context_status(context) == IL_OK) return g;
  il_graph_free(g);
  return NULL;
}
