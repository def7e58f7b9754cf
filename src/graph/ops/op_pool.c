/* Pooling over windows of images: arg-max and what it picks, mean, and their linear companions. */
#include "graph/fold.h"
#include "graph/ops/ops.h"

typedef struct il_pool {
  int64_t n, h, w, c, oh, ow;
  const il_window *win;
} il_pool;

/* Index into x of a tap, -1: outside the image. */
static int64_t pool_tap(const il_pool *p, int64_t n, int64_t oh, int64_t ow, int a, int b,
                        int64_t c) {
  const int64_t ih = oh * p->win->stride[0] + (int64_t)a * p->win->dilation[0] - p->win->pad_low[0];
  const int64_t iw = ow * p->win->stride[1] + (int64_t)b * p->win->dilation[1] - p->win->pad_low[1];
  if (ih < 0 || ih >= p->h || iw < 0 || iw >= p->w) return -1;
  return ((n * p->h + ih) * p->w + iw) * p->c + c;
}

il_pool_geometry il_pool_geometry_of(const il_graph *g, const il_node *node) {
  const il_window *w = &((const il_attr_window *)node->attr)->window;
  const bool scatters = node->op == IL_OP_POOL_SCATTER;
  const bool spreads = scatters || node->op == IL_OP_AVERAGE_POOL_TRANSPOSE;
  const il_shape from = il_node_of(g, node->input[scatters ? 1 : 0])->shape;
  const il_shape x = spreads ? node->shape : from, y = spreads ? from : node->shape;
  return (il_pool_geometry){
      (int32_t)x.dim[0], (int32_t)x.dim[1], (int32_t)x.dim[2], (int32_t)x.dim[3], (int32_t)y.dim[1],
      (int32_t)y.dim[2], w->kernel[0],      w->kernel[1],      w->stride[0],      w->stride[1],
      w->pad_low[0],     w->pad_low[1],     w->dilation[0],    w->dilation[1]};
}

/* Taps are numbered row by row. */
static il_type tap_type(const il_window *w) {
  return il_narrow_taps(w->kernel[0], w->kernel[1]) ? IL_UINT8 : IL_INT32;
}
static int64_t load_tap(const il_pool *p, const void *taps, int64_t at) {
  return tap_type(p->win) == IL_UINT8 ? ((const uint8_t *)taps)[at] : ((const int32_t *)taps)[at];
}
static void store_tap(const il_pool *p, void *taps, int64_t at, int tap) {
  if (tap_type(p->win) == IL_UINT8)
    ((uint8_t *)taps)[at] = (uint8_t)tap;
  else
    ((int32_t *)taps)[at] = tap;
}
/* Index into x of the tap with that number, -1: there is none in the image. */
static int64_t pool_numbered(const il_pool *p, int64_t n, int64_t oh, int64_t ow, int64_t tap,
                             int64_t c) {
  const int64_t columns = p->win->kernel[1];
  if (tap < 0 || tap >= p->win->kernel[0] * columns) return -1;
  return pool_tap(p, n, oh, ow, (int)(tap / columns), (int)(tap % columns), c);
}

#include "op/as_float.h"
#include "graph/ops/pool_loop.inc"
#include "op/as_double.h"
#include "graph/ops/pool_loop.inc"

static il_pool pool_of(il_shape x, il_shape y, const il_window *w) {
  return (il_pool){x.dim[0], x.dim[1], x.dim[2], x.dim[3], y.dim[1], y.dim[2], w};
}

static bool fail(const il_infer *m, int i, const char *expected) {
  char a[96];
  const il_window *w = &((const il_attr_window *)m->attr)->window;
  il_fail(m->graph->context, IL_ERROR_SHAPE,
          "%s: operand %s, window %dx%d, stride %d,%d; expected %s", m->function,
          il_shape_text(il_operand(m, i)->shape, a), w->kernel[0], w->kernel[1], w->stride[0],
          w->stride[1], expected);
  return false;
}
/* Operand i is an image, or the pooled one. */
static bool check(const il_infer *m, int operand) {
  const il_window *w = &((const il_attr_window *)m->attr)->window;
  if (!il_expect_real(m, operand)) return false;
  if (il_operand(m, operand)->shape.rank != 4) return fail(m, operand, "an operand [n,h,w,c]");
  for (int i = 0; i < 2; i++)
    if (w->kernel[i] < 1 || w->stride[i] < 1 || w->dilation[i] < 1 || w->pad_low[i] < 0 ||
        w->pad_high[i] < 0 || w->pad_low[i] >= (int64_t)w->kernel[i] * w->dilation[i] ||
        w->pad_high[i] >= (int64_t)w->kernel[i] * w->dilation[i])
      return fail(m, operand, "sizes of at least 1 and pads smaller than the window");
  if ((int64_t)w->kernel[0] * w->kernel[1] > INT32_MAX)
    return fail(m, operand, "a window of fewer than 2^31 elements");
  return w->groups == 1 || fail(m, operand, "one group");
}
static bool infer_pool(il_infer *m) {
  if (!check(m, 0)) return false;
  const il_shape x = il_operand(m, 0)->shape;
  const il_window *w = &((const il_attr_window *)m->attr)->window;
  m->shape = IL_SHAPE(x.dim[0], il_window_reach(w, 0, x.dim[1]), il_window_reach(w, 1, x.dim[2]),
                      x.dim[3]);
  return (m->shape.dim[1] >= 1 && m->shape.dim[2] >= 1) ||
         fail(m, 0, "an image at least as large as the window");
}
/* False if a dilated window steps over the image along axis i: it has no maximum. */
static bool always_meets(const il_window *w, int i, int64_t size, int64_t windows) {
  for (int64_t o = 0; o < windows; o++) {
    const int64_t at = o * w->stride[i] - w->pad_low[i];
    const int64_t tap = at < 0 ? (w->dilation[i] - 1 - at) / w->dilation[i] : 0;
    if (tap >= w->kernel[i] || at + tap * w->dilation[i] >= size) return false;
  }
  return true;
}
static bool infer_argmax(il_infer *m) {
  if (!infer_pool(m)) return false;
  for (int i = 0; i < 2; i++)
    if (!always_meets(&((const il_attr_window *)m->attr)->window, i,
                      il_operand(m, 0)->shape.dim[1 + i], m->shape.dim[1 + i]))
      return fail(m, 0, "every window to hold a pixel of the image");
  m->type = tap_type(&((const il_attr_window *)m->attr)->window);
  return true;
}
/* The taps that operand i gives of windows of that shape. */
static bool fits_taps(const il_infer *m, int i, il_shape windows) {
  const il_node *tap = il_operand(m, i);
  const il_type type = tap_type(&((const il_attr_window *)m->attr)->window);
  if (tap->type == type && il_shape_equal(tap->shape, windows)) return true;
  char found[96], expected[96];
  il_fail(m->graph->context, tap->type == type ? IL_ERROR_SHAPE : IL_ERROR_TYPE,
          "%s: taps %s of type %s, expected %s of type %s", m->function,
          il_shape_text(tap->shape, found), il_type_name(tap->type),
          il_shape_text(windows, expected), il_type_name(type));
  return false;
}
static bool infer_gather(il_infer *m) { return infer_pool(m) && fits_taps(m, 1, m->shape); }
/* An image whose windows have the size of operand `pooled`. */
static bool infer_image(il_infer *m, int pooled) {
  if (!check(m, pooled)) return false;
  const il_shape y = il_operand(m, pooled)->shape;
  const il_window *w = &((const il_attr_window *)m->attr)->window;
  if (m->shape.rank != 4 || il_window_reach(w, 0, m->shape.dim[1]) != y.dim[1] ||
      il_window_reach(w, 1, m->shape.dim[2]) != y.dim[2])
    return fail(m, pooled, "a height and width whose pool has the operand's size");
  return (m->shape.dim[0] == y.dim[0] && m->shape.dim[3] == y.dim[3]) ||
         fail(m, pooled, "a result of as many images and channels");
}
static bool infer_spread(il_infer *m) { return infer_image(m, 0); }
static bool infer_scatter(il_infer *m) {
  return infer_image(m, 1) && fits_taps(m, 0, il_operand(m, 1)->shape);
}

static il_value vjp_gather(il_graph *g, il_value node, int index, il_value ct) {
  const il_node *n = il_node_of(g, node);
  const il_shape x = il_input_node(g, n, 0)->shape;
  return index ? (il_value){0}
               : il_pool_scatter(g, n->input[1], ct, *il_window_of(n), x.dim[1], x.dim[2]);
}
static il_value jvp_gather(il_graph *g, il_value node, int index, il_value t) {
  const il_node *n = il_node_of(g, node);
  return index ? (il_value){0} : il_pool_gather(g, t, n->input[1], *il_window_of(n));
}
static il_value vjp_scatter(il_graph *g, il_value node, int index, il_value ct) {
  const il_node *n = il_node_of(g, node);
  return index ? il_pool_gather(g, ct, n->input[0], *il_window_of(n)) : (il_value){0};
}
static il_value jvp_scatter(il_graph *g, il_value node, int index, il_value t) {
  const il_node *n = il_node_of(g, node);
  return index ? il_pool_scatter(g, n->input[0], t, *il_window_of(n), n->shape.dim[1],
                                 n->shape.dim[2])
               : (il_value){0};
}
static il_value vjp_average(il_graph *g, il_value node, int index, il_value ct) {
  (void)index;
  const il_node *n = il_node_of(g, node);
  const il_shape x = il_input_node(g, n, 0)->shape;
  return il_average_pool_transpose(g, ct, *il_window_of(n), x.dim[1], x.dim[2]);
}
static il_value jvp_average(il_graph *g, il_value node, int index, il_value t) {
  (void)index;
  return il_average_pool(g, t, *il_window_of(il_node_of(g, node)));
}
static il_value vjp_spread(il_graph *g, il_value node, int index, il_value ct) {
  (void)index;
  return il_average_pool(g, ct, *il_window_of(il_node_of(g, node)));
}
static il_value jvp_spread(il_graph *g, il_value node, int index, il_value t) {
  (void)index;
  const il_node *n = il_node_of(g, node);
  return il_average_pool_transpose(g, t, *il_window_of(n), n->shape.dim[1], n->shape.dim[2]);
}
static double flops_pool(const il_graph *g, const il_node *n) {
  const bool spread = n->op == IL_OP_AVERAGE_POOL_TRANSPOSE;
  const il_shape y = spread ? il_input_node(g, n, 0)->shape : n->shape;
  return (double)il_shape_count(y) * il_window_of(n)->kernel[0] * il_window_of(n)->kernel[1];
}
static void reference_argmax(const il_graph *g, const il_node *n, const void *const *in,
                             void *out) {
  const il_node *x = il_input_node(g, n, 0);
  const il_pool p = pool_of(x->shape, n->shape, il_window_of(n));
  if (x->type == IL_FLOAT32)
    argmax_float(&p, in[0], out);
  else
    argmax_double(&p, in[0], out);
}
static void reference_gather(const il_graph *g, const il_node *n, const void *const *in,
                             void *out) {
  const il_pool p = pool_of(il_input_node(g, n, 0)->shape, n->shape, il_window_of(n));
  if (n->type == IL_FLOAT32)
    gather_float(&p, in[0], in[1], out);
  else
    gather_double(&p, in[0], in[1], out);
}
static void reference_scatter(const il_graph *g, const il_node *n, const void *const *in,
                              void *out) {
  const il_pool p = pool_of(n->shape, il_input_node(g, n, 1)->shape, il_window_of(n));
  if (n->type == IL_FLOAT32)
    scatter_float(&p, in[0], in[1], out);
  else
    scatter_double(&p, in[0], in[1], out);
}
static void reference_average(const il_graph *g, const il_node *n, const void *const *in,
                              void *out) {
  const il_pool p = pool_of(il_input_node(g, n, 0)->shape, n->shape, il_window_of(n));
  if (n->type == IL_FLOAT32)
    average_float(&p, in[0], out);
  else
    average_double(&p, in[0], out);
}
static void reference_spread(const il_graph *g, const il_node *n, const void *const *in,
                             void *out) {
  const il_pool p = pool_of(n->shape, il_input_node(g, n, 0)->shape, il_window_of(n));
  if (n->type == IL_FLOAT32)
    spread_float(&p, in[0], out);
  else
    spread_double(&p, in[0], out);
}

static bool sample_geometry(int i, il_window *w, il_shape *x) {
  *w = il_window_square(2, 2, 0);
  *x = IL_SHAPE(2, 4, 5, 3);
  if (i == 1) *w = il_window_square(3, 2, 1);
  if (i == 2) *w = il_window_square(1, 1, 0), *x = IL_SHAPE(1, 1, 1, 2);
  if (i == 3) /* nothing the same on both axes */
    *w = (il_window){{2, 3}, {2, 3}, {1, 0}, {0, 1}, {2, 1}, 1}, *x = IL_SHAPE(2, 4, 5, 2);
  return i < 4;
}
static il_value sample_argmax(il_graph *g, int i) {
  il_window w;
  il_shape x;
  return sample_geometry(i, &w, &x) ? il_pool_argmax(g, il_op_sample_input(g, x, -2, 2, 0.02), w)
                                    : (il_value){0};
}
static il_value sample_gather(il_graph *g, int i) {
  il_window w;
  il_shape x;
  if (!sample_geometry(i, &w, &x)) return (il_value){0};
  const il_value tap = il_pool_argmax(g, il_op_sample_input(g, x, -2, 2, 0.02), w);
  return il_pool_gather(g, il_op_sample_input(g, x, -2, 2, 0), tap, w);
}
static il_value sample_scatter(il_graph *g, int i) {
  il_window w;
  il_shape x;
  if (!sample_geometry(i, &w, &x)) return (il_value){0};
  const il_value tap = il_pool_argmax(g, il_op_sample_input(g, x, -2, 2, 0.02), w);
  const il_value y = il_op_sample_input(g, il_value_shape(g, tap), -2, 2, 0);
  return il_pool_scatter(g, tap, y, w, x.dim[1], x.dim[2]);
}
static il_value sample_average(il_graph *g, int i) {
  il_window w;
  il_shape x;
  return sample_geometry(i, &w, &x) ? il_average_pool(g, il_op_sample_input(g, x, -2, 2, 0), w)
                                    : (il_value){0};
}
static il_value sample_spread(il_graph *g, int i) {
  il_window w;
  il_shape x;
  if (!sample_geometry(i, &w, &x)) return (il_value){0};
  const il_shape y = IL_SHAPE(x.dim[0], il_window_reach(&w, 0, x.dim[1]),
                              il_window_reach(&w, 1, x.dim[2]), x.dim[3]);
  return il_average_pool_transpose(g, il_op_sample_input(g, y, -2, 2, 0), w, x.dim[1], x.dim[2]);
}

const il_op_info il_op_pool_argmax = {
    .name = "pool_argmax",
    .formula = "y[n,oh,ow,c] = number of the tap of the window that holds its first maximum",
    .arity = 1,
    .flags = IL_FLAG_CONSTANT_DERIVATIVE,
    .attr_size = sizeof(il_attr_window),
    .fields = il_window_fields,
    .infer = infer_argmax,
    .vjp = il_rule_zero,
    .jvp = il_rule_zero,
    .flops = flops_pool,
    .reference = reference_argmax,
    .sample = sample_argmax,
};
const il_op_info il_op_pool_gather = {
    .name = "pool_gather",
    .formula = "y[n,oh,ow,c] = x at the window's tap[n,oh,ow,c]",
    .arity = 2,
    .flags = IL_FLAG_LINEAR0 | IL_FLAG_MOVES,
    .attr_size = sizeof(il_attr_window),
    .fields = il_window_fields,
    .infer = infer_gather,
    .vjp = vjp_gather,
    .jvp = jvp_gather,
    .fold = il_fold_pool_gather,
    .reference = reference_gather,
    .sample = sample_gather,
};
const il_op_info il_op_pool_scatter = {
    .name = "pool_scatter",
    .formula = "x = 0; x at the window's tap[n,oh,ow,c] += y[n,oh,ow,c], windows ascending",
    .arity = 2,
    .flags = IL_FLAG_LINEAR1,
    .attr_size = sizeof(il_attr_window),
    .fields = il_window_fields,
    .infer = infer_scatter,
    .vjp = vjp_scatter,
    .jvp = jvp_scatter,
    .reference = reference_scatter,
    .sample = sample_scatter,
};
const il_op_info il_op_average_pool = {
    .name = "average_pool",
    .formula = "y[n,oh,ow,c] = Σ_window x / (kh·kw)",
    .arity = 1,
    .flags = IL_FLAG_LINEAR0,
    .attr_size = sizeof(il_attr_window),
    .fields = il_window_fields,
    .infer = infer_pool,
    .vjp = vjp_average,
    .jvp = jvp_average,
    .flops = flops_pool,
    .reference = reference_average,
    .sample = sample_average,
};
const il_op_info il_op_average_pool_transpose = {
    .name = "average_pool_transpose",
    .formula = "x[n,h,w,c] = Σ_{windows that hold (h,w)} y / (kh·kw)",
    .arity = 1,
    .flags = IL_FLAG_LINEAR0,
    .attr_size = sizeof(il_attr_window),
    .fields = il_window_fields,
    .infer = infer_spread,
    .vjp = vjp_spread,
    .jvp = jvp_spread,
    .flops = flops_pool,
    .reference = reference_spread,
    .sample = sample_spread,
};
