/* Sines and cosines of a tile: near angles, all that nets meet, stay branch-free and vectorised; a tile that holds a
 * far angle, an infinity or NaN is computed one number at a time. The bytes are il_sinf's and il_cosf's either way. */
#ifndef IL_KERNELS_ANGLES_H
#define IL_KERNELS_ANGLES_H

#include "op/math.h"
#include "op/op.h"

/* For loops over numbers of which il_far_angles found none far. */
#undef IL_SIN
#undef IL_COS
#define IL_SIN il_near_sinf
#define IL_COS il_near_cosf

/* Whether some of `count` operands of `op` are not for its near function; then y is written. y may be x. */
static inline bool il_far_angles(int op, int64_t count, float *y, const float *x) {
  if (op != IL_OP_SIN && op != IL_OP_COS) return false;
  uint32_t most = 0;
  for (int64_t i = 0; i < count; i++) {
    const uint32_t size = il_float_bits(x[i]) & 0x7fffffffu;
    most = size > most ? size : most;
  }
  if (most < il_float_bits(IL_FAR_ANGLE)) return false;
  for (int64_t i = 0; i < count; i++) y[i] = op == IL_OP_SIN ? il_sinf(x[i]) : il_cosf(x[i]);
  return true;
}

#endif
