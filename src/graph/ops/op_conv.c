/* 2-D convolution and its two linear companions; each is the others' derivative. */
#include "graph/ops/ops.h"

#include "op/as_float.h"
#include "graph/ops/conv_loop.inc"
#include "op/as_double.h"
#include "graph/ops/conv_loop.inc"

static bool fail(const il_infer *m, const char *expected) {
  char a[96], b[96];
  const il_window *w = &((const il_attr_window *)m->attr)->window;
  il_fail(m->graph->context, IL_ERROR_SHAPE,
          "%s: operands %s and %s, kernel %dx%d, stride %d,%d, groups %d; expected %s", m->function,
          il_shape_text(il_operand(m, 0)->shape, a), il_shape_text(il_operand(m, 1)->shape, b),
          w->kernel[0], w->kernel[1], w->stride[0], w->stride[1], w->groups, expected);
  return false;
}

/* il_conv_geometry is int32, and so are the loops' positions: everything stays far from its end. */
static const int64_t LARGEST = 1 << 30;
static bool check_image(const il_infer *m, il_shape x) {
  const il_window *w = &((const il_attr_window *)m->attr)->window;
  for (int i = 0; i < 2; i++)
    if (x.dim[1 + i] + w->pad_low[i] + w->pad_high[i] > LARGEST)
      return fail(m, "a padded height and width of at most 2^30");
  return true;
}
static bool check(const il_infer *m) {
  const il_window *w = &((const il_attr_window *)m->attr)->window;
  if (!il_expect_real(m, 0) || !il_expect_real(m, 1)) return false;
  if (il_operand(m, 0)->shape.rank != 4 || il_operand(m, 1)->shape.rank != 4)
    return fail(m, "two operands of rank 4");
  for (int i = 0; i < 2; i++)
    if (w->kernel[i] < 1 || w->stride[i] < 1 || w->dilation[i] < 1 || w->pad_low[i] < 0 ||
        w->pad_high[i] < 0)
      return fail(m, "kernel, stride and dilation of at least 1 and pads of at least 0");
  for (int i = 0; i < 4; i++)
    if (il_operand(m, 0)->shape.dim[i] > LARGEST || il_operand(m, 1)->shape.dim[i] > LARGEST)
      return fail(m, "dimensions of at most 2^30");
  return w->groups >= 1 || fail(m, "at least one group");
}

/* A builder takes the kernel's size from the weights; a text says both. */
static bool check_kernel(const il_infer *m) {
  const il_window *w = &((const il_attr_window *)m->attr)->window;
  const il_shape weights = il_operand(m, 1)->shape;
  return (weights.dim[0] == w->kernel[0] && weights.dim[1] == w->kernel[1]) ||
         fail(m, "weights of the kernel's size");
}

static bool infer_forward(il_infer *m) {
  if (!check(m) || !check_kernel(m)) return false;
  const il_shape x = il_operand(m, 0)->shape, w = il_operand(m, 1)->shape;
  const il_window *win = &((const il_attr_window *)m->attr)->window;
  if (!check_image(m, x)) return false;
  if (w.dim[2] * win->groups != x.dim[3]) {
    char text[96];
    il_fail(m->graph->context, IL_ERROR_SHAPE,
            "%s: input has %lld channels, weights expect %lld (weights %s, groups %d)", m->function,
            (long long)x.dim[3], (long long)(w.dim[2] * win->groups), il_shape_text(w, text),
            win->groups);
    return false;
  }
  if (w.dim[3] % win->groups) return fail(m, "filters divisible by groups");
  m->shape = IL_SHAPE(x.dim[0], il_window_reach(win, 0, x.dim[1]),
                      il_window_reach(win, 1, x.dim[2]), w.dim[3]);
  return (m->shape.dim[1] >= 1 && m->shape.dim[2] >= 1) ||
         fail(m, "an image at least as large as the kernel");
}
static bool infer_transposed(il_infer *m) {
  if (!check(m) || !check_kernel(m)) return false;
  const il_shape y = il_operand(m, 0)->shape, wt = il_operand(m, 1)->shape;
  const il_window *win = &((const il_attr_window *)m->attr)->window;
  if (y.dim[3] % win->groups || wt.dim[2] != y.dim[3] / win->groups || wt.dim[3] % win->groups)
    return fail(m, "weights [kh,kw,k/groups,c] for k channels of the first operand");
  if (m->shape.rank != 4 || il_window_reach(win, 0, m->shape.dim[1]) != y.dim[1] ||
      il_window_reach(win, 1, m->shape.dim[2]) != y.dim[2])
    return fail(m, "a height and width whose convolution has the first operand's size");
  if (m->shape.dim[0] != y.dim[0] || m->shape.dim[3] != wt.dim[3])
    return fail(m, "a result of the first operand's images and the weights' last dimension");
  return check_image(m, m->shape);
}
static bool infer_weight(il_infer *m) {
  if (!check(m)) return false;
  const il_shape x = il_operand(m, 0)->shape, y = il_operand(m, 1)->shape;
  const il_window *win = &((const il_attr_window *)m->attr)->window;
  if (x.dim[0] != y.dim[0] || il_window_reach(win, 0, x.dim[1]) != y.dim[1] ||
      il_window_reach(win, 1, x.dim[2]) != y.dim[2])
    return fail(m, "images and the convolution's results for them");
  if (x.dim[3] % win->groups || y.dim[3] % win->groups)
    return fail(m, "channels divisible by groups");
  m->shape = IL_SHAPE(win->kernel[0], win->kernel[1], x.dim[3] / win->groups, y.dim[3]);
  return check_image(m, x);
}

il_conv_geometry il_conv_geometry_of(const il_graph *g, const il_node *n) {
  const il_window *w = il_window_of(n);
  const il_shape first = il_input_node(g, n, 0)->shape, second = il_input_node(g, n, 1)->shape;
  const il_shape x = n->op == IL_OP_CONV2D_TRANSPOSE ? n->shape : first;
  const il_shape y = n->op == IL_OP_CONV2D             ? n->shape
                     : n->op == IL_OP_CONV2D_TRANSPOSE ? first
                                                       : second;
  return (il_conv_geometry){
      (int32_t)x.dim[0], (int32_t)x.dim[1], (int32_t)x.dim[2], (int32_t)x.dim[3],
      (int32_t)y.dim[1], (int32_t)y.dim[2], (int32_t)y.dim[3], w->kernel[0],
      w->kernel[1],      w->stride[0],      w->stride[1],      w->pad_low[0],
      w->pad_low[1],     w->dilation[0],    w->dilation[1],    w->groups};
}

/* w [kh,kw,c/groups,k] <-> wt [kh,kw,k/groups,c]: the two channel axes change places within each group. */
static il_value exchange(il_graph *g, il_value w, int groups) {
  const il_shape s = il_value_shape(g, w);
  if (groups == 1) return il_transpose(g, w, (int[]){0, 1, 3, 2});
  const il_value split =
      il_reshape(g, w, IL_SHAPE(s.dim[0], s.dim[1], s.dim[2], groups, s.dim[3] / groups));
  const il_value turned = il_transpose(g, split, (int[]){0, 1, 4, 3, 2});
  return il_reshape(g, turned, IL_SHAPE(s.dim[0], s.dim[1], s.dim[3] / groups, s.dim[2] * groups));
}

static il_value vjp_forward(il_graph *g, il_value node, int index, il_value ct) {
  const il_node *n = il_node_of(g, node);
  const il_window w = *il_window_of(n);
  const il_shape x = il_input_node(g, n, 0)->shape;
  if (index == 0)
    return il_conv2d_transpose(g, ct, exchange(g, n->input[1], w.groups), w, x.dim[1], x.dim[2]);
  return il_conv2d_weight(g, n->input[0], ct, w);
}
static il_value jvp_forward(il_graph *g, il_value node, int index, il_value t) {
  const il_node *n = il_node_of(g, node);
  return il_conv2d(g, index ? n->input[0] : t, index ? t : n->input[1], *il_window_of(n));
}
static il_value vjp_transposed(il_graph *g, il_value node, int index, il_value ct) {
  const il_node *n = il_node_of(g, node);
  const il_window w = *il_window_of(n);
  if (index == 0) return il_conv2d(g, ct, exchange(g, n->input[1], w.groups), w);
  return exchange(g, il_conv2d_weight(g, ct, n->input[0], w), w.groups);
}
static il_value jvp_transposed(il_graph *g, il_value node, int index, il_value t) {
  const il_node *n = il_node_of(g, node);
  return il_conv2d_transpose(g, index ? n->input[0] : t, index ? t : n->input[1], *il_window_of(n),
                             n->shape.dim[1], n->shape.dim[2]);
}
static il_value vjp_weight(il_graph *g, il_value node, int index, il_value ct) {
  const il_node *n = il_node_of(g, node);
  const il_window w = *il_window_of(n);
  const il_shape x = il_input_node(g, n, 0)->shape;
  if (index == 0)
    return il_conv2d_transpose(g, n->input[1], exchange(g, ct, w.groups), w, x.dim[1], x.dim[2]);
  return il_conv2d(g, n->input[0], ct, w);
}
static il_value jvp_weight(il_graph *g, il_value node, int index, il_value t) {
  const il_node *n = il_node_of(g, node);
  return il_conv2d_weight(g, index ? n->input[0] : t, index ? t : n->input[1], *il_window_of(n));
}
static il_value fold_zero(il_graph *g, const il_infer *m) {
  double number;
  for (int i = 0; i < 2; i++)
    if (il_is_constant(g, m->input[i], &number) && number == 0) return il_constant(g, 0, m->shape);
  return (il_value){0};
}

/* Taps of one axis that fall inside the image, summed over the positions. */
static double taps_inside(int size, int out, int kernel, int stride, int pad, int dilation) {
  double taps = 0;
  for (int o = 0; o < out; o++)
    for (int a = 0; a < kernel; a++) {
      const int at = o * stride + a * dilation - pad;
      taps += at >= 0 && at < size;
    }
  return taps;
}
/* Counts only multiply-adds whose tap lies inside the image. */
static double flops_conv(const il_graph *g, const il_node *n) {
  const il_conv_geometry q = il_conv_geometry_of(g, n);
  return 2.0 * q.n * taps_inside(q.h, q.oh, q.kh, q.sh, q.ph, q.dh) *
         taps_inside(q.w, q.ow, q.kw, q.sw, q.pw, q.dw) * ((double)q.c / q.groups) * q.k;
}

static void reference_forward(const il_graph *g, const il_node *n, const void *const *in,
                              void *out) {
  const il_conv_geometry q = il_conv_geometry_of(g, n);
  if (n->type == IL_FLOAT32)
    forward_float(&q, in[0], in[1], out);
  else
    forward_double(&q, in[0], in[1], out);
}
static void reference_transposed(const il_graph *g, const il_node *n, const void *const *in,
                                 void *out) {
  const il_conv_geometry q = il_conv_geometry_of(g, n);
  if (n->type == IL_FLOAT32)
    transposed_float(&q, in[0], in[1], out);
  else
    transposed_double(&q, in[0], in[1], out);
}
static void reference_weight(const il_graph *g, const il_node *n, const void *const *in,
                             void *out) {
  const il_conv_geometry q = il_conv_geometry_of(g, n);
  if (n->type == IL_FLOAT32)
    weight_float(&q, in[0], in[1], out);
  else
    weight_double(&q, in[0], in[1], out);
}

/* Sample geometries: stride, dilation, groups, uneven pads, one pixel. */
static bool sample_geometry(int i, il_window *w, il_shape *x, il_shape *weights) {
  *w = il_window_square(3, 1, 1);
  *x = IL_SHAPE(2, 4, 5, 2);
  *weights = IL_SHAPE(3, 3, 2, 3);
  if (i == 1) w->stride[0] = 2, w->stride[1] = 3, w->pad_low[0] = 0, w->pad_high[1] = 2;
  if (i == 2) w->dilation[0] = 2, w->groups = 2, *weights = IL_SHAPE(3, 3, 1, 4);
  if (i == 3)
    *w = il_window_square(1, 1, 0), *x = IL_SHAPE(1, 1, 1, 3), *weights = IL_SHAPE(1, 1, 3, 1);
  w->kernel[0] = (int32_t)weights->dim[0];
  w->kernel[1] = (int32_t)weights->dim[1];
  return i < 4;
}
static il_shape sample_result(const il_window *w, il_shape x, il_shape weights) {
  return IL_SHAPE(x.dim[0], il_window_reach(w, 0, x.dim[1]), il_window_reach(w, 1, x.dim[2]),
                  weights.dim[3]);
}
static il_value sample_forward(il_graph *g, int i) {
  il_window w;
  il_shape x, k;
  if (!sample_geometry(i, &w, &x, &k)) return (il_value){0};
  return il_conv2d(g, il_op_sample_input(g, x, -1, 1, 0), il_op_sample_input(g, k, -1, 1, 0), w);
}
static il_value sample_transposed(il_graph *g, int i) {
  il_window w;
  il_shape x, k;
  if (!sample_geometry(i, &w, &x, &k)) return (il_value){0};
  const il_shape t = IL_SHAPE(k.dim[0], k.dim[1], k.dim[3] / w.groups, x.dim[3]);
  return il_conv2d_transpose(g, il_op_sample_input(g, sample_result(&w, x, k), -1, 1, 0),
                             il_op_sample_input(g, t, -1, 1, 0), w, x.dim[1], x.dim[2]);
}
static il_value sample_weight(il_graph *g, int i) {
  il_window w;
  il_shape x, k;
  if (!sample_geometry(i, &w, &x, &k)) return (il_value){0};
  return il_conv2d_weight(g, il_op_sample_input(g, x, -1, 1, 0),
                          il_op_sample_input(g, sample_result(&w, x, k), -1, 1, 0), w);
}

const il_op_info il_op_conv2d = {
    .name = "conv2d",
    .formula = "y[n,oh,ow,o] = Σ_{kh,kw,i} x[n, oh·s+kh·d−p, ow·s+kw·d−p, i]·w[kh,kw,i,o]",
    .arity = 2,
    .flags = IL_FLAG_LINEAR0 | IL_FLAG_LINEAR1,
    .attr_size = sizeof(il_attr_window),
    .fields = il_window_fields,
    .infer = infer_forward,
    .vjp = vjp_forward,
    .jvp = jvp_forward,
    .fold = fold_zero,
    .flops = flops_conv,
    .reference = reference_forward,
    .sample = sample_forward,
};
const il_op_info il_op_conv2d_transpose = {
    .name = "conv2d_transpose",
    .formula = "x[n,h,w,i] = Σ_{kh,kw,o: oh·s+kh·d−p = h, …} y[n,oh,ow,o]·wt[kh,kw,o,i]",
    .arity = 2,
    .flags = IL_FLAG_LINEAR0 | IL_FLAG_LINEAR1,
    .attr_size = sizeof(il_attr_window),
    .fields = il_window_fields,
    .infer = infer_transposed,
    .vjp = vjp_transposed,
    .jvp = jvp_transposed,
    .fold = fold_zero,
    .flops = flops_conv,
    .reference = reference_transposed,
    .sample = sample_transposed,
};
const il_op_info il_op_conv2d_weight = {
    .name = "conv2d_weight",
    .formula = "w[kh,kw,i,o] = Σ_{n,oh,ow} x[n, oh·s+kh·d−p, ow·s+kw·d−p, i]·y[n,oh,ow,o]",
    .arity = 2,
    .flags = IL_FLAG_LINEAR0 | IL_FLAG_LINEAR1,
    .attr_size = sizeof(il_attr_window),
    .fields = il_window_fields,
    .infer = infer_weight,
    .vjp = vjp_weight,
    .jvp = jvp_weight,
    .fold = fold_zero,
    .flops = flops_conv,
    .reference = reference_weight,
    .sample = sample_weight,
};
