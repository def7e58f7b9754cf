/* What tokens and sequences are for: rows of a table by number, and a recurrent layer as ONE loop, so that planning does
 * not grow with the steps. */
#include "graph/loop_body.h"
#include "nn/pass.h"

il_value il_embedding(il_pass *p, const il_net_layer_record *record, il_value x) {
  il_graph *g = p->g;
  const int64_t n = il_value_shape(g, x).dim[0], steps = il_shape_count(il_value_shape(g, x)) / n;
  const il_value number = il_index(g, il_reshape(g, x, IL_SHAPE(n * steps)));
  return il_reshape(g, il_gather(g, p->parameters[record->parameter], number),
                    IL_SHAPE(n, 1, steps, record->layer.units));
}

/* The which-th third of the columns of a [n,3·units]. */
static il_value third(il_graph *g, il_value a, int which) {
  const il_shape s = il_value_shape(g, a);
  const int64_t units = s.dim[1] / 3;
  return il_slice(g, a, (const int64_t[]){0, which * units}, IL_SHAPE(s.dim[0], units));
}

/* of_x, of_h [n,3·units]: what reset gate, update gate and new state take of each; h [n,units]. */
static il_value step(il_graph *g, il_value of_x, il_value of_h, il_value h) {
  const il_value r = il_sigmoid(g, il_add(g, third(g, of_x, 0), third(g, of_h, 0)));
  const il_value z = il_sigmoid(g, il_add(g, third(g, of_x, 1), third(g, of_h, 1)));
  const il_value n = il_tanh(g, il_add(g, third(g, of_x, 2), il_mul(g, r, third(g, of_h, 2))));
  return il_add(g, n, il_mul(g, z, il_sub(g, h, n))); /* (1 − z)∘n + z∘h */
}

il_value il_gru(il_pass *p, const il_net_layer_record *record, il_value x) {
  il_graph *g = p->g;
  const il_value *w = &p->parameters[record->parameter];
  const bool bias = record->layer.bias, all = record->layer.sequence;
  const il_shape shape = il_value_shape(g, x);
  const int64_t n = shape.dim[0], steps = shape.dim[2], units = record->layer.units;
  /* What the gates take of x, of all steps at once. */
  il_value of_x =
      il_matmul(g, il_reshape(g, x, IL_SHAPE(n * steps, shape.dim[3])), w[0], false, false);
  if (bias) of_x = il_add(g, of_x, w[2]);
  of_x = il_transpose(g, il_reshape(g, of_x, IL_SHAPE(n, steps, 3 * units)), (int[]){1, 0, 2});
  const il_value zero = il_constant(g, 0, IL_SHAPE(n, units));
  il_value h, last, every = {0};
  il_loop l;
  il_loop_begin(&l, g, (int)steps, 1, &zero, &h);
  il_value of_h = il_matmul(g, h, w[1], false, false);
  if (bias) of_h = il_add(g, of_h, w[3]);
  const il_value next = step(g, il_loop_row(&l, of_x), of_h, h);
  il_loop_end(&l, &next, &last, all, &next, &every);
  if (!all) return last;
  every = il_transpose(g, every, (int[]){1, 0, 2}); /* [t,n,units] -> [n,t,units] */
  return il_reshape(g, every, IL_SHAPE(n, 1, steps, units));
}
