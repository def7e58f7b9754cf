/* One element of a value of any type, as a number. */
#ifndef IL_RUN_ELEMENT_H
#define IL_RUN_ELEMENT_H

#include <stdint.h>

#include <innerloop/graph.h>

static inline double il_element(il_type type, const void *data, int64_t i) {
  switch (type) {
  case IL_FLOAT32: return (double)((const float *)data)[i];
  case IL_FLOAT64: return ((const double *)data)[i];
  case IL_INT32: return ((const int32_t *)data)[i];
  default: return ((const uint8_t *)data)[i];
  }
}

#endif
