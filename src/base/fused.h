/* IL_FUSED: whether the processor that is compiled for rounds a·b + c once, in hardware. */
#ifndef IL_BASE_FUSED_H
#define IL_BASE_FUSED_H

#include <float.h>

/* gcc says so by one name everywhere, clang by one of the others. */
#if defined __FP_FAST_FMAF || defined __FMA__ || defined __aarch64__ || defined __ARM_FEATURE_FMA
#define IL_FUSED 1
#elif defined __riscv_flen && __riscv_flen >= 32
#define IL_FUSED 1
#else
#define IL_FUSED 0
#endif

/* What would give other bits is refused here, where every build passes. */
#if FLT_EVAL_METHOD != 0
#error                                                                                             \
    "innerloop needs float and double to be rounded as they are; on 32-bit x86: -msse2 -mfpmath=sse"
#endif
#if defined __clang__ && defined __arm__ && defined __ARM_NEON
#error "NEON of 32-bit arm takes subnormal numbers for 0: compile with -mfpu=vfpv4"
#endif
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "innerloop is for little-endian processors: its files and the bits of its numbers are"
#endif

#endif
