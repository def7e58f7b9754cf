/* The interval of a mean over few runs. */
#include <innerloop/study.h>

#include "base/statistics.h"

/* The 97.5 % point of Student's t for 1 … 30 degrees of freedom. */
static const double student[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
                                 2.262,  2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
                                 2.110,  2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064,
                                 2.060,  2.056, 2.052, 2.048, 2.045, 2.042};

void il_interval(int count, const double *value, double *mean, double *half) {
  double t = count < 2 ? 0 : count - 1 <= 30 ? student[count - 2] : 1.96;
  *half = t * il_standard_error(count, value, 1, mean);
}
