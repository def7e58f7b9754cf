/* The loops that follow are for float: `real`, names with its suffix, its functions.
 * Included again and again, so without a guard; see as_double.h for the other type. */
#include "op/math.h"

#undef real
#undef IL_REAL
#undef IL_FMA
#undef IL_EXP
#undef IL_LOG
#undef IL_SQRT
#undef IL_TANH
#undef IL_SIN
#undef IL_COS
#undef IL_ABS
#undef IL_SIGMOID
#undef IL_POW
#define real float
#define IL_REAL(name) name##_float
#define IL_FMA il_fmaf
#define IL_EXP il_expf
#define IL_LOG il_logf
#define IL_SQRT sqrtf
#define IL_TANH il_tanhf
#define IL_SIN il_sinf
#define IL_COS il_cosf
#define IL_ABS fabsf
#define IL_SIGMOID il_sigmoidf
#define IL_POW il_powf
