/* Copies of matrices into the layout that a kernel reads: padded rows, transposed. */
#ifndef IL_KERNELS_PACK_H
#define IL_KERNELS_PACK_H

#include <stdbool.h>

#include "kernels/simd.h"

/* The next multiple of the vector. */
static inline int64_t il_padded(int64_t count) { return (count + IL_VL - 1) / IL_VL * IL_VL; }

/* to[j, i] = from[i, j]; the strides are those of rows. */
void il_pack_transposed(int64_t rows, int64_t columns, const float *from, int64_t from_stride,
                        float *to, int64_t to_stride);
/* Rows of il_padded(columns), zeros at their end. */
void il_pack_padded(int64_t rows, int64_t columns, const float *from, float *to);
/* The second operand [k, n] of a product, stored so or transposed, with padded rows: `from` itself where it is
 * so already, else a copy in scratch. */
const float *il_pack_operand(int64_t k, int64_t n, bool transposed, const float *from,
                             float *scratch);

#endif
