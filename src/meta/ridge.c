/* Ridge regression (ridge.h): of the two forms of its solution that with the smaller system. */
#include "meta/ridge.h"

static il_value identity(il_graph *g, int64_t n) {
  /* Ones at the multiples of n + 1: the first column of n rows of n + 1 numbers, read as rows of n. */
  const il_value column = il_constant(g, 1, IL_SHAPE(n, 1));
  const il_value wide = il_pad(g, column, (const int64_t[]){0, 0}, (const int64_t[]){0, n});
  const il_value flat = il_reshape(g, wide, IL_SHAPE(n * (n + 1)));
  return il_reshape(g, il_slice(g, flat, (const int64_t[]){0}, IL_SHAPE(n * n)), IL_SHAPE(n, n));
}

il_value il_with_ones(il_graph *g, il_value f) {
  if (!il_valid(f)) return f;
  const il_value ones = il_constant(g, 1, IL_SHAPE(il_value_shape(g, f).dim[0], 1));
  return il_concat(g, 2, (const il_value[]){f, ones}, 1);
}

il_value il_ridge(il_build *b, il_value f, il_value lambda) {
  il_graph *g = b->g;
  if (!il_valid(f)) return f;
  const il_shape s = il_value_shape(g, f);
  const bool dual = s.dim[0] <= s.dim[1]; /* fᵀ(f·fᵀ + λ)⁻¹Y = (fᵀ·f + λ)⁻¹fᵀY */
  il_value y = b->task.support_y;
  if (il_value_type(g, y) == IL_INT32) y = il_one_hot(g, y, b->ways);
  const il_value square = il_matmul(g, f, f, !dual, dual);
  const il_value a = il_add(g, square, il_mul(g, identity(g, dual ? s.dim[0] : s.dim[1]), lambda));
  return dual ? il_matmul(g, f, il_solve(g, a, y), true, false)
              : il_solve(g, a, il_matmul(g, f, y, true, false));
}

il_value il_ridge_scaled(il_build *b, il_value y) {
  if (b->loss == IL_LOSS_MEAN_SQUARED_ERROR) return y;
  return il_mul(b->g, y, il_values_get(b->g, &b->meta, "ridge.scale"));
}
