/* Chooses a kernel for a problem, and the helpers of the run loop. */
#include "kernels/kernel.h"

#define IL_KERNEL(record) extern const il_kernel record;
#include "kernels/kernels.def"
#undef IL_KERNEL

static const il_kernel *const rows[] = {
#define IL_KERNEL(record) &record,
#include "kernels/kernels.def"
#undef IL_KERNEL
};

const il_kernel *const *il_kernel_rows(int *count) {
  *count = (int)(sizeof rows / sizeof *rows);
  return rows;
}

const char *il_kernel_refusal(const il_kernel *kernel, const il_problem *problem) {
  if (kernel->lanes != problem->lanes)
    return kernel->lanes ? "takes tasks in lanes only" : "takes one task at a time";
  return kernel->refuses ? kernel->refuses(problem) : NULL;
}

const il_kernel *il_kernel_select(const il_problem *problem) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (rows[i]->op == problem->op && rows[i]->type == problem->type &&
        !il_kernel_refusal(rows[i], problem))
      return rows[i];
  return NULL;
}

void il_kernel_accumulate(il_type type, int64_t count, void *y, const void *x) {
  if (type == IL_FLOAT32)
    for (int64_t i = 0; i < count; i++) ((float *)y)[i] += ((const float *)x)[i];
  else
    for (int64_t i = 0; i < count; i++) ((double *)y)[i] += ((const double *)x)[i];
}

void il_kernel_divide(il_type type, int64_t count, void *y, double divisor) {
  if (type == IL_FLOAT32)
    for (int64_t i = 0; i < count; i++) ((float *)y)[i] /= (float)divisor;
  else
    for (int64_t i = 0; i < count; i++) ((double *)y)[i] /= divisor;
}
