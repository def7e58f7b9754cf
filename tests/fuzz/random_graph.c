/* Graphs out of bytes (random_graph.h). What a builder refuses is left out, so that all others are reached. */
#include "fuzz/random_graph.h"

#include <stdio.h>

#define G f->g

static il_value pick(fuzz_graph *f) { return f->value[fuzz_below(&f->choices, f->values)]; }

static void keep(fuzz_graph *f, il_value v) {
  if (il_valid(v) && f->values < FUZZ_VALUES &&
      il_shape_count(il_value_shape(G, v)) <= FUZZ_LARGEST)
    f->value[f->values++] = v;
}

static int64_t size_of(fuzz_graph *f) {
  static const int64_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 16, 17};
  return sizes[fuzz_below(&f->choices, 10)];
}

static il_shape shape_of(fuzz_graph *f, int rank) {
  il_shape s = {.rank = rank};
  int64_t count = 1;
  for (int i = 0; i < rank; i++) {
    s.dim[i] = size_of(f);
    if (count * s.dim[i] > 600) s.dim[i] = 1;
    count *= s.dim[i];
  }
  return s;
}

static il_value input_of(fuzz_graph *f, il_type type, il_shape shape) {
  char name[16];
  snprintf(name, sizeof name, "x%d", f->inputs++);
  return il_input(G, name, fuzz_below(&f->choices, 3) ? IL_TASK : IL_SHARED, type, shape);
}

static il_value input(fuzz_graph *f, il_shape shape) {
  return input_of(f, il_graph_real(G), shape);
}

/* One of rank 4, as convolutions and pools take them. */
static il_value picture(fuzz_graph *f) {
  for (int i = 0; i < 4; i++) {
    const il_value v = pick(f);
    if (il_value_shape(G, v).rank == 4) return v;
  }
  const il_value v =
      input(f, IL_SHAPE(1 + fuzz_below(&f->choices, 3), 1 + fuzz_below(&f->choices, 8),
                        1 + fuzz_below(&f->choices, 8), 1 + fuzz_below(&f->choices, 6)));
  keep(f, v);
  return v;
}

static il_window window_of(fuzz_graph *f) {
  il_window w = il_window_square(1, 1, 0);
  for (int i = 0; i < 2; i++) {
    w.kernel[i] = 1 + fuzz_below(&f->choices, 3);
    w.stride[i] = 1 + fuzz_below(&f->choices, 2);
    w.pad_low[i] = fuzz_below(&f->choices, 2);
    w.pad_high[i] = fuzz_below(&f->choices, 2);
  }
  if (!fuzz_below(&f->choices, 4)) w.dilation[0] = w.dilation[1] = 2;
  return w;
}

static void add_convolution(fuzz_graph *f) {
  const il_value x = picture(f);
  const il_shape s = il_value_shape(G, x);
  il_window w = window_of(f);
  if (s.dim[3] % 2 == 0 && fuzz_below(&f->choices, 4) == 1) w.groups = 2;
  const int64_t out = (1 + fuzz_below(&f->choices, 5)) * w.groups;
  const il_value weights = input(f, IL_SHAPE(w.kernel[0], w.kernel[1], s.dim[3] / w.groups, out));
  const il_value y = il_conv2d(G, x, weights, w);
  keep(f, y);
  if (!il_valid(y)) return;
  const il_value back = input(f, IL_SHAPE(w.kernel[0], w.kernel[1], out / w.groups, s.dim[3]));
  if (fuzz_below(&f->choices, 3) == 1)
    keep(f, il_conv2d_transpose(G, y, back, w, s.dim[1], s.dim[2]));
  if (fuzz_below(&f->choices, 3) == 1) keep(f, il_conv2d_weight(G, x, y, w));
}

static void add_pool(fuzz_graph *f) {
  const il_value x = picture(f);
  const il_shape s = il_value_shape(G, x);
  const il_window w = window_of(f);
  switch (fuzz_below(&f->choices, 4)) {
  case 0: keep(f, il_max_pool(G, x, w)); return;
  case 1: keep(f, il_average_pool(G, x, w)); return;
  case 2: {
    const il_value y = il_average_pool(G, x, w);
    if (il_valid(y)) keep(f, il_average_pool_transpose(G, y, w, s.dim[1], s.dim[2]));
    return;
  }
  default: {
    const il_value tap = il_pool_argmax(G, x, w);
    if (!il_valid(tap)) return;
    const il_value y = il_pool_gather(G, il_tanh(G, x), tap, w);
    keep(f, y);
    keep(f, il_pool_scatter(G, tap, y, w, s.dim[1], s.dim[2]));
  }
  }
}

static void add_matrix(fuzz_graph *f) {
  const il_value a = pick(f);
  const il_shape s = il_value_shape(G, a);
  if (s.rank < 2) return;
  const bool ta = fuzz_below(&f->choices, 2), tb = fuzz_below(&f->choices, 2);
  il_shape t = s;
  const int64_t inner = s.dim[s.rank - (ta ? 2 : 1)], out = size_of(f);
  t.dim[t.rank - 2] = tb ? out : inner;
  t.dim[t.rank - 1] = tb ? inner : out;
  keep(f, il_matmul(G, a, il_shape_count(t) <= 600 ? input(f, t) : a, ta, tb));
}

static void add_solve(fuzz_graph *f) {
  const int64_t n = 1 + fuzz_below(&f->choices, 6), m = 1 + fuzz_below(&f->choices, 4);
  keep(f, il_solve(G, input(f, IL_SHAPE(n, n)), input(f, IL_SHAPE(n, m))));
}

static void add_index(fuzz_graph *f) {
  const il_value a = pick(f);
  const il_shape s = il_value_shape(G, a);
  il_value index;
  if (s.rank && fuzz_below(&f->choices, 2))
    index = il_argmax(G, pick(f), fuzz_below(&f->choices, 3));
  else
    index = input_of(f, IL_INT32, shape_of(f, 1 + fuzz_below(&f->choices, 2)));
  if (!il_valid(index)) return;
  switch (fuzz_below(&f->choices, 4)) {
  case 0: keep(f, il_gather(G, a, index)); return;
  case 1: keep(f, il_one_hot(G, index, size_of(f))); return;
  case 2: keep(f, il_cast(G, index)); return;
  default: {
    const il_value rows = il_gather(G, a, index);
    if (il_valid(rows)) keep(f, il_scatter_add(G, index, il_sin(G, rows), size_of(f)));
  }
  }
}

static void add_move(fuzz_graph *f) {
  const il_value a = pick(f);
  const il_shape s = il_value_shape(G, a);
  int64_t low[IL_MAX_RANK] = {0}, high[IL_MAX_RANK] = {0};
  il_shape to = s;
  switch (fuzz_below(&f->choices, 6)) {
  case 0: {
    int order[IL_MAX_RANK];
    for (int i = 0; i < s.rank; i++) order[i] = i;
    for (int i = 0; i + 1 < s.rank; i++) {
      const int k = i + fuzz_below(&f->choices, s.rank - i), kept = order[i];
      order[i] = order[k];
      order[k] = kept;
    }
    keep(f, il_transpose(G, a, order));
    return;
  }
  case 1:
    for (int i = 0; i < s.rank; i++) {
      low[i] = fuzz_below(&f->choices, (int)s.dim[i]);
      to.dim[i] = 1 + fuzz_below(&f->choices, (int)(s.dim[i] - low[i]));
    }
    keep(f, il_slice(G, a, low, to));
    return;
  case 2:
    for (int i = 0; i < s.rank; i++) {
      low[i] = fuzz_below(&f->choices, 3);
      high[i] = fuzz_below(&f->choices, 3);
    }
    keep(f, il_pad(G, a, low, high));
    return;
  case 3: {
    const il_value both[] = {a, fuzz_below(&f->choices, 2) ? il_tanh(G, a) : pick(f), a};
    keep(f, il_concat(G, 1 + fuzz_below(&f->choices, 3), both,
                      s.rank ? fuzz_below(&f->choices, s.rank) : 0));
    return;
  }
  case 4: /* flat, or two axes as one */
    if (s.rank < 2 || fuzz_below(&f->choices, 2)) {
      keep(f, il_reshape(G, a, IL_SHAPE(il_shape_count(s))));
      return;
    }
    to.rank--;
    to.dim[to.rank - 1] *= s.dim[to.rank];
    keep(f, il_reshape(G, a, to));
    return;
  default:
    to.rank = s.rank < 4 ? s.rank + 1 : s.rank;
    for (int i = 0; i < s.rank; i++) to.dim[to.rank - 1 - i] = s.dim[s.rank - 1 - i];
    for (int i = 0; i < to.rank; i++)
      if (i < to.rank - s.rank || to.dim[i] == 1) to.dim[i] = size_of(f);
    keep(f, il_broadcast(G, a, to));
  }
}

static void add_elementwise(fuzz_graph *f) {
  const il_value a = pick(f), b = pick(f);
  switch (fuzz_below(&f->choices, 24)) {
  case 0: keep(f, il_add(G, a, b)); return;
  case 1: keep(f, il_sub(G, a, b)); return;
  case 2: keep(f, il_mul(G, a, b)); return;
  case 3: keep(f, il_div(G, a, b)); return;
  case 4: keep(f, il_neg(G, a)); return;
  case 5: keep(f, il_minimum(G, a, b)); return;
  case 6: keep(f, il_maximum(G, a, b)); return;
  case 7: keep(f, il_exp(G, a)); return;
  case 8: keep(f, il_log(G, il_abs(G, a))); return;
  case 9: keep(f, il_sqrt(G, a)); return;
  case 10: keep(f, il_tanh(G, a)); return;
  case 11: keep(f, il_sin(G, a)); return;
  case 12: keep(f, il_cos(G, a)); return;
  case 13: keep(f, il_abs(G, a)); return;
  case 14: keep(f, il_sigmoid(G, a)); return;
  case 15: keep(f, il_relu(G, a)); return;
  case 16: keep(f, il_step(G, a)); return;
  case 17: keep(f, il_less(G, a, b)); return;
  case 18: keep(f, il_equal(G, a, b)); return;
  case 19: keep(f, il_select(G, a, b, pick(f))); return;
  case 20: keep(f, il_pow(G, a, b)); return;
  case 21: keep(f, il_scale(G, a, 0.25 * (fuzz_below(&f->choices, 17) - 8))); return;
  case 22: keep(f, il_shift(G, a, 0.25 * (fuzz_below(&f->choices, 17) - 8))); return;
  default: keep(f, il_mul(G, a, a));
  }
}

static void add_other(fuzz_graph *f) {
  const il_value a = pick(f);
  switch (fuzz_below(&f->choices, 9)) {
  case 0: keep(f, il_sum(G, a, fuzz_byte(&f->choices) & 15u)); return;
  case 1: keep(f, il_mean(G, a, fuzz_byte(&f->choices) & 15u)); return;
  case 2: keep(f, il_max(G, a, fuzz_byte(&f->choices) & 15u)); return;
  case 3: keep(f, il_stop_gradient(G, a)); return;
  case 4: keep(f, il_leaf(G, a)); return;
  case 5: keep(f, il_constant(G, 0.5 * (fuzz_below(&f->choices, 9) - 4), shape_of(f, 2))); return;
  case 6: keep(f, il_cast(G, input_of(f, IL_UINT8, shape_of(f, 2)))); return;
  default: {
    const il_value key = input_of(f, IL_INT32, IL_SHAPE(2));
    const il_shape s = shape_of(f, 1 + fuzz_below(&f->choices, 3));
    keep(f, fuzz_below(&f->choices, 2) ? il_random_uniform(G, key, 3, s)
                                       : il_random_normal(G, key, 4, s));
  }
  }
}

static void output(fuzz_graph *f, int *outputs, il_value v) {
  char name[16];
  if (!il_valid(v)) return;
  snprintf(name, sizeof name, "y%d", (*outputs)++);
  il_output(G, name, v);
}

/* Derivatives of a scalar of some values, and of that derivative's square. */
static void differentiate(fuzz_graph *f, int *outputs) {
  il_context *context = il_graph_context(G);
  il_value loss = il_scalar(G, 0), x[3], dx[3], again[3];
  for (int i = 1 + fuzz_below(&f->choices, 3); i > 0; i--)
    loss = il_add(G, loss, il_tanh(G, il_mean_all(G, pick(f))));
  for (int i = 0; i < 3; i++)
    x[i] = f->value[fuzz_below(&f->choices, f->values < 3 ? f->values : 3)];
  const int count = 1 + fuzz_below(&f->choices, 3);
  output(f, outputs, loss);
  if (il_grad(G, loss, count, x, dx) != IL_OK) {
    il_context_clear(context);
    return;
  }
  for (int i = 0; i < count; i++) {
    output(f, outputs, dx[i]);
    output(f, outputs, il_task_mean(G, dx[i]));
  }
  il_context_clear(context);
  const il_value square = il_mean_all(G, il_mul(G, dx[0], dx[0]));
  if (fuzz_below(&f->choices, 2) && il_grad(G, square, count, x, again) == IL_OK)
    output(f, outputs, again[0]);
  il_context_clear(context);
}

il_graph *fuzz_graph_of(il_context *context, il_type real, fuzz_choices *choices) {
  fuzz_graph graph = {.g = il_graph_new(context, real), .choices = *choices}, *f = &graph;
  for (int i = 1 + fuzz_below(&f->choices, 3); i > 0; i--)
    keep(f, input(f, shape_of(f, fuzz_below(&f->choices, 5))));
  static void (*const add[])(fuzz_graph *) = {
      add_elementwise, add_elementwise, add_elementwise, add_elementwise, add_convolution,
      add_pool,        add_matrix,      add_solve,       add_index,       add_move,
      add_move,        add_other,       add_other};
  for (int i = 6 + fuzz_below(&f->choices, 24); i > 0 && fuzz_more(&f->choices) && f->values; i--) {
    add[fuzz_below(&f->choices, sizeof add / sizeof *add)](f);
    FUZZ_EXPECT(il_context_status(context) == IL_OK || *il_context_message(context), "a sentence");
    il_context_clear(context);
  }
  int outputs = 0;
  if (f->values) {
    if (fuzz_below(&f->choices, 4)) differentiate(f, &outputs);
    for (int i = 1 + fuzz_below(&f->choices, 4); i > 0; i--) {
      const il_value v = pick(f);
      output(f, &outputs, fuzz_below(&f->choices, 3) ? v : il_task_mean(G, v));
    }
    output(f, &outputs, f->value[f->values - 1]);
    const il_value a = pick(f);
    if (il_value_shape(G, a).rank == 2 && il_value_stage(G, a) == IL_TASK)
      output(f, &outputs, il_task_product(G, 1, &a, &a));
  }
  il_context_clear(context);
  *choices = f->choices;
  if (outputs) return G;
  il_graph_free(G);
  return NULL;
}
