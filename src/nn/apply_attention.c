/* Scaled dot-product attention, of operations that have derivatives of any order. */
#include <math.h>

#include "nn/pass.h"

/* [n·t, 3·c] -> [n,heads,t,c/heads]: the which-th third, the heads apart. */
static il_value heads_of(il_graph *g, il_value all, int which, il_shape apart) {
  const int64_t c = apart.dim[2] * apart.dim[3], rows = apart.dim[0] * apart.dim[1];
  const il_value part = il_slice(g, all, (int64_t[]){0, which * c}, IL_SHAPE(rows, c));
  return il_transpose(g, il_reshape(g, part, apart), (int[]){0, 2, 1, 3});
}

static il_value softmax(il_graph *g, il_value a) {
  /* It does not depend on what is subtracted, so that its derivative may be left out. */
  const il_value e = il_exp(g, il_sub(g, a, il_stop_gradient(g, il_max(g, a, 8))));
  return il_div(g, e, il_sum(g, e, 8));
}

il_value il_attention(il_pass *p, const il_net_layer_record *record, il_value x) {
  il_graph *g = p->g;
  const il_layer *layer = &record->layer;
  const il_value *w = &p->parameters[record->parameter];
  const il_value *out = &w[layer->bias ? 2 : 1];
  const il_shape shape = il_value_shape(g, x);
  const int64_t n = shape.dim[0], t = shape.dim[1] * shape.dim[2], c = shape.dim[3];
  const int64_t heads = layer->heads > 1 ? layer->heads : 1;
  const il_shape rows = IL_SHAPE(n * t, c), apart = IL_SHAPE(n, t, heads, c / heads);
  il_value all = il_matmul(g, il_reshape(g, x, rows), w[0], false, false);
  if (layer->bias) all = il_add(g, all, w[1]);
  const il_value q = heads_of(g, all, 0, apart), k = heads_of(g, all, 1, apart);
  const il_value v = heads_of(g, all, 2, apart);
  const il_value scores =
      il_scale(g, il_matmul(g, q, k, false, true), 1 / sqrt((double)(c / heads)));
  const il_value seen = il_matmul(g, softmax(g, scores), v, false, false);
  const il_value together = il_reshape(g, il_transpose(g, seen, (int[]){0, 2, 1, 3}), rows);
  const il_value y = il_matmul(g, together, out[0], false, false);
  return il_reshape(g, layer->bias ? il_add(g, y, out[1]) : y, shape);
}
