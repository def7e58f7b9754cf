/* Chooses a kernel for a problem, and the helpers of the run loop. */
#include <stdio.h>

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
  return kernel->refuses ? kernel->refuses(problem) : NULL;
}

const il_kernel *il_kernel_select(const il_problem *problem) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (rows[i]->op == problem->op && rows[i]->type == problem->type &&
        !il_kernel_refusal(rows[i], problem))
      return rows[i];
  return NULL;
}

static const char *conv_name(il_op op) {
  return op == IL_OP_CONV2D             ? "conv"
         : op == IL_OP_CONV2D_TRANSPOSE ? "conv_transpose"
                                        : "conv_weight";
}

static const char *pool_name(il_op op) {
  return op == IL_OP_POOL_ARGMAX    ? "pool_argmax"
         : op == IL_OP_AVERAGE_POOL ? "average_pool"
                                    : "average_pool_transpose";
}

void il_problem_text(const il_problem *p, char *text, size_t size) {
  switch ((int)p->op) {
  case IL_OP_NONE:
    snprintf(text, size, "tile r%lld w%lld codes%d in%d out%d", (long long)p->tile->rows,
             (long long)p->tile->width, p->tile->codes, p->tile->operands, p->tile->results);
    return;
  case IL_OP_CONV2D:
  case IL_OP_CONV2D_TRANSPOSE:
  case IL_OP_CONV2D_WEIGHT:
    snprintf(text, size, "%s n%d h%d w%d c%d k%d f%dx%d s%d,%d p%d,%d d%d,%d g%d", conv_name(p->op),
             p->conv.n, p->conv.h, p->conv.w, p->conv.c, p->conv.k, p->conv.kh, p->conv.kw,
             p->conv.sh, p->conv.sw, p->conv.ph, p->conv.pw, p->conv.dh, p->conv.dw,
             p->conv.groups);
    return;
  case IL_OP_MATMUL:
    snprintf(text, size, "matmul b%lld m%lld n%lld k%lld %c%c", (long long)p->matmul.batch,
             (long long)p->matmul.m, (long long)p->matmul.n, (long long)p->matmul.k,
             p->matmul.transpose_a ? 't' : 'n', p->matmul.transpose_b ? 't' : 'n');
    return;
  case IL_OP_SUM:
  case IL_OP_MAX: {
    int at = snprintf(text, size, "%s", p->op == IL_OP_SUM ? "sum" : "max");
    for (int i = 0; i < p->reduce.rank && at > 0 && (size_t)at < size; i++)
      at += snprintf(text + at, size - (size_t)at, " %lld%s", (long long)p->reduce.dim[i],
                     p->reduce.reduced >> i & 1 ? "r" : "");
    return;
  }
  case IL_OP_GATHER:
  case IL_OP_SCATTER_ADD:
    snprintf(text, size, "%s r%lld w%lld n%lld", p->op == IL_OP_GATHER ? "gather" : "scatter_add",
             (long long)p->gather.rows, (long long)p->gather.width, (long long)p->gather.count);
    return;
  case IL_OP_POOL_ARGMAX:
  case IL_OP_AVERAGE_POOL:
  case IL_OP_AVERAGE_POOL_TRANSPOSE:
    snprintf(text, size, "%s n%d h%d w%d c%d f%dx%d s%d,%d p%d,%d d%d,%d", pool_name(p->op),
             p->pool.n, p->pool.h, p->pool.w, p->pool.c, p->pool.kh, p->pool.kw, p->pool.sh,
             p->pool.sw, p->pool.ph, p->pool.pw, p->pool.dh, p->pool.dw);
    return;
  default: {
    int at = snprintf(text, size, "%s",
                      p->op == IL_OP_BROADCAST ? "broadcast"
                      : p->op == IL_OP_SLICE   ? "slice"
                                               : "transpose");
    for (int i = 0; i < p->move.rank && at > 0 && (size_t)at < size; i++)
      at += snprintf(text + at, size - (size_t)at, " %lld:%lld", (long long)p->move.dim[i],
                     (long long)p->move.stride[i]);
  }
  }
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
