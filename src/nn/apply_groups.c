/* Grouped convolutions, of operations that have fast kernels: il_conv2d takes groups too, but only through the loop that defines
 * it. Channels of their own (depthwise) are sums of shifted images times a number for each channel; wider groups are
 * convolutions of slices. */
#include "nn/pass.h"

static il_value slice_last(il_graph *g, il_value a, int64_t from, int64_t count) {
  il_shape size = il_value_shape(g, a);
  const int64_t begin[4] = {0, 0, 0, from};
  size.dim[3] = count;
  return il_slice(g, a, begin, size);
}

static il_value by_slices(il_graph *g, il_value x, il_value w, il_window window) {
  const int64_t groups = window.groups, in = il_value_shape(g, w).dim[2];
  const int64_t out = il_value_shape(g, w).dim[3] / groups;
  il_value y = {0};
  window.groups = 1;
  for (int64_t i = 0; i < groups; i++) {
    const il_value part =
        il_conv2d(g, slice_last(g, x, i * in, in), slice_last(g, w, i * out, out), window);
    y = i ? il_concat(g, 2, (const il_value[]){y, part}, 3) : part;
  }
  return y;
}

/* Along one axis: what of the image the taps see. Padded, it is `cells` runs of `stride` pixels; tap a begins at pixel
 * a·dilation, which is place a·dilation % stride of run a·dilation / stride. */
typedef struct reach {
  int64_t out, cells, kept, high; /* kept: of the image's pixels; high: zeros behind */
} reach;

static reach reach_of(int64_t size, const il_window *window, int axis) {
  const int64_t stride = window->stride[axis], low = window->pad_low[axis];
  const int64_t last = (int64_t)window->dilation[axis] * (window->kernel[axis] - 1);
  reach r = {.out = (size + low + window->pad_high[axis] - last - 1) / stride + 1};
  r.cells = last / stride + r.out;
  r.kept = stride * r.cells - low < size ? stride * r.cells - low : size;
  r.high = stride * r.cells - low - r.kept;
  return r;
}

/* Every channel m times, beside one another. */
static il_value repeat_channels(il_graph *g, il_value x, int64_t m) {
  const il_shape s = il_value_shape(g, x);
  const il_shape apart = IL_SHAPE(s.dim[0], s.dim[1], s.dim[2], s.dim[3], 1);
  const il_shape wide = IL_SHAPE(s.dim[0], s.dim[1], s.dim[2], s.dim[3], m);
  return il_reshape(g, il_broadcast(g, il_reshape(g, x, apart), wide),
                    IL_SHAPE(s.dim[0], s.dim[1], s.dim[2], s.dim[3] * m));
}

static il_value depthwise(il_graph *g, il_value x, il_value w, il_window window) {
  const il_shape s = il_value_shape(g, w);
  const int64_t c = s.dim[3], n = il_value_shape(g, x).dim[0];
  if (c > window.groups) x = repeat_channels(g, x, c / window.groups);
  window.kernel[0] = (int32_t)s.dim[0];
  window.kernel[1] = (int32_t)s.dim[1];
  const il_shape image = il_value_shape(g, x);
  const reach h = reach_of(image.dim[1], &window, 0), v = reach_of(image.dim[2], &window, 1);
  x = il_slice(g, x, (const int64_t[]){0, 0, 0, 0}, IL_SHAPE(n, h.kept, v.kept, c));
  x = il_pad(g, x, (const int64_t[]){0, window.pad_low[0], window.pad_low[1], 0},
             (const int64_t[]){0, h.high, v.high, 0});
  const int32_t sh = window.stride[0], sw = window.stride[1];
  x = il_reshape(g, x, IL_SHAPE(n, h.cells, sh, v.cells, sw, c));
  il_value y = {0};
  for (int a = 0; a < window.kernel[0]; a++)
    for (int b = 0; b < window.kernel[1]; b++) {
      const int row = a * window.dilation[0], column = b * window.dilation[1];
      const int64_t begin[] = {0, row / sh, row % sh, column / sw, column % sw, 0};
      const il_value seen = il_reshape(g, il_slice(g, x, begin, IL_SHAPE(n, h.out, 1, v.out, 1, c)),
                                       IL_SHAPE(n, h.out, v.out, c));
      const il_value tap = il_slice(g, w, (const int64_t[]){a, b, 0, 0}, IL_SHAPE(1, 1, 1, c));
      const il_value part = il_mul(g, seen, tap);
      y = a || b ? il_add(g, y, part) : part;
    }
  return y;
}

il_value il_grouped_conv(il_graph *g, il_value x, il_value w, il_window window) {
  if (!il_valid(x) || !il_valid(w)) return (il_value){0};
  return il_value_shape(g, w).dim[2] == 1 ? depthwise(g, x, w, window) : by_slices(g, x, w, window);
}
