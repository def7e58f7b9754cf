/* The kernels of one instruction set as a table; like all kernels compiled once for each (cmake/kernels.cmake). */
#include "kernels/kernel.h"

#define IL_KERNEL(record) extern const il_kernel record;
#include "kernels/kernels.def"
#undef IL_KERNEL

static const il_kernel *const rows[] = {
#define IL_KERNEL(record) &record,
#include "kernels/kernels.def"
#undef IL_KERNEL
};

extern const il_kernel_set il_kernels;
const il_kernel_set il_kernels = {
    .isa = IL_KERNEL_ISA,
    .bit_class = IL_KERNEL_BITS,
    .row = rows,
    .rows = (int)(sizeof rows / sizeof *rows),
    .burst = il_peak_burst,
};
