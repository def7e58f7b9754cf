/* Mean, standard error, and the interval of a mean over many. */
#include "base/statistics.h"

#include <math.h>

double il_standard_error(int count, const double *value, size_t stride, double *mean) {
  double sum = 0, squares = 0;
  for (int i = 0; i < count; i++) sum += value[(size_t)i * stride];
  *mean = sum / count;
  for (int i = 0; i < count; i++) {
    double d = value[(size_t)i * stride] - *mean;
    squares += d * d;
  }
  return count > 1 ? sqrt(squares / (count - 1) / count) : 0;
}

double il_interval_of_many(int count, const double *value, size_t stride, double *mean) {
  return 1.96 * il_standard_error(count, value, stride, mean);
}
