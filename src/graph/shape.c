/* Shapes and element types: pure functions, no graph. A shape is valid when its rank is 0 to 8, every
 * dimension is at least 1 and the number of elements stays far from overflow. */
#include "graph/shape.h"

#include <stdio.h>
#include <string.h>

#include "graph/graph.h"

il_shape il_shape_of(int rank, const int64_t *dim) {
  il_shape shape = {.rank = -1}; /* invalid: refused, with a sentence, by whoever is given it */
  if (rank < 0 || rank > IL_MAX_RANK) return shape;
  shape.rank = rank;
  for (int i = 0; i < rank; i++) shape.dim[i] = dim[i];
  return shape;
}

il_shape il_shape_scalar(void) { return (il_shape){0}; }

int64_t il_shape_count(il_shape shape) {
  int64_t count = 1;
  for (int i = 0; i < shape.rank; i++)
    if (__builtin_mul_overflow(count, shape.dim[i], &count)) return INT64_MAX;
  return count;
}

bool il_shape_equal(il_shape a, il_shape b) {
  if (a.rank != b.rank) return false;
  for (int i = 0; i < a.rank; i++)
    if (a.dim[i] != b.dim[i]) return false;
  return true;
}

bool il_shape_valid(il_shape shape) {
  if (shape.rank < 0 || shape.rank > IL_MAX_RANK) return false;
  for (int i = 0; i < shape.rank; i++)
    if (shape.dim[i] < 1) return false;
  return il_shape_count(shape) <= IL_MAX_COUNT;
}

bool il_shape_broadcasts(il_shape from, il_shape to) {
  if (from.rank > to.rank) return false;
  for (int i = 0; i < from.rank; i++) {
    int64_t dim = from.dim[i];
    if (dim != 1 && dim != to.dim[to.rank - from.rank + i]) return false;
  }
  return true;
}

bool il_shape_common(il_shape a, il_shape b, il_shape *common) {
  il_shape wide = a.rank >= b.rank ? a : b, narrow = a.rank >= b.rank ? b : a;
  for (int i = 0; i < narrow.rank; i++) {
    int64_t *dim = &wide.dim[wide.rank - narrow.rank + i];
    if (*dim == 1)
      *dim = narrow.dim[i];
    else if (narrow.dim[i] != 1 && narrow.dim[i] != *dim)
      return false;
  }
  *common = wide;
  return true;
}

char *il_shape_text(il_shape shape, char text[static 96]) {
  if (shape.rank < 0 || shape.rank > IL_MAX_RANK) {
    strcpy(text, "[rank out of range]");
    return text;
  }
  size_t used = 1;
  text[0] = '[';
  for (int i = 0; i < shape.rank && used < 94; i++) {
    int length = snprintf(text + used, 95 - used, i ? ",%lld" : "%lld", (long long)shape.dim[i]);
    used += length < 0 ? 0 : (size_t)length;
  }
  if (used > 94) used = 94; /* eight 20-digit numbers do not fit; shown cut */
  text[used] = ']';
  text[used + 1] = 0;
  return text;
}

size_t il_type_size(il_type type) {
  switch (type) {
  case IL_FLOAT32:
  case IL_INT32: return 4;
  case IL_FLOAT64:
  case IL_INT64: return 8;
  case IL_FLOAT16:
  case IL_BFLOAT16:
  case IL_INT16: return 2;
  case IL_UINT8:
  case IL_INT8:
  case IL_BOOL: return 1;
  }
  return 0;
}

const char *il_type_name(il_type type) {
  switch (type) {
  case IL_FLOAT32: return "f32";
  case IL_FLOAT64: return "f64";
  case IL_INT32: return "i32";
  case IL_UINT8: return "u8";
  case IL_FLOAT16: return "f16";
  case IL_BFLOAT16: return "bf16";
  case IL_INT8: return "i8";
  case IL_INT16: return "i16";
  case IL_INT64: return "i64";
  case IL_BOOL: return "bool";
  }
  return "invalid";
}
