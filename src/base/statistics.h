/* The mean of measured numbers and how uncertain it is. */
#ifndef IL_BASE_STATISTICS_H
#define IL_BASE_STATISTICS_H

#include <stddef.h>

/* Mean of value[0], value[stride], …, and its standard error sd/√count, which is 0 for a single value. */
double il_standard_error(int count, const double *value, size_t stride, double *mean);
/* 1.96 standard errors: half of the 95 % interval of a mean over many tasks. Over few runs: il_interval. */
double il_interval_of_many(int count, const double *value, size_t stride, double *mean);

#endif
