/* Elements of every type as reals: each the nearest float32 or float64. */
#include <math.h>
#include <string.h>

#include "io/io.h"

static double half(uint16_t bits) {
  int exponent = bits >> 10 & 31, fraction = bits & 1023;
  double value = exponent == 31  ? fraction ? (double)NAN : (double)INFINITY
                 : exponent == 0 ? ldexp(fraction, -24)
                                 : ldexp(fraction + 1024, exponent - 25);
  return bits & 0x8000 ? -value : value;
}

static double upper_half(uint16_t bits) {
  uint32_t whole = (uint32_t)bits << 16;
  float value;
  memcpy(&value, &whole, sizeof value);
  return (double)value;
}

bool il_tensor_is_real(const il_tensor *tensor) {
  return tensor->type == IL_FLOAT32 || tensor->type == IL_FLOAT64 || tensor->type == IL_FLOAT16 ||
         tensor->type == IL_BFLOAT16;
}

void il_tensor_reals(const il_tensor *tensor, il_type real, void *reals) {
  int64_t count = il_shape_count(tensor->shape);
  const void *data = tensor->data;
  if (tensor->type == real) {
    if (count) memcpy(reals, data, (size_t)count * il_type_size(real));
    return;
  }
  for (int64_t i = 0; i < count; i++) {
    double value = 0;
    switch (tensor->type) {
    case IL_FLOAT32: value = (double)((const float *)data)[i]; break;
    case IL_FLOAT64: value = ((const double *)data)[i]; break;
    case IL_FLOAT16: value = half(((const uint16_t *)data)[i]); break;
    case IL_BFLOAT16: value = upper_half(((const uint16_t *)data)[i]); break;
    case IL_INT8: value = ((const int8_t *)data)[i]; break;
    case IL_INT16: value = ((const int16_t *)data)[i]; break;
    case IL_INT32: value = ((const int32_t *)data)[i]; break;
    /* By way of double, a large whole number could be rounded twice. */
    case IL_INT64:
      if (real == IL_FLOAT32) {
        ((float *)reals)[i] = (float)((const int64_t *)data)[i];
        continue;
      }
      value = (double)((const int64_t *)data)[i];
      break;
    case IL_UINT8: value = ((const uint8_t *)data)[i]; break;
    case IL_BOOL: value = ((const uint8_t *)data)[i] != 0; break;
    }
    if (real == IL_FLOAT32)
      ((float *)reals)[i] = (float)value;
    else
      ((double *)reals)[i] = value;
  }
}
