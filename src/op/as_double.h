/* The loops that follow are for double: `real`, names with its suffix, its functions.
 * Included again and again, so without a guard; see as_float.h for the other type. */
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
#define real double
#define IL_REAL(name) name##_double
#define IL_FMA fma
#define IL_EXP exp
#define IL_LOG log
#define IL_SQRT sqrt
#define IL_TANH tanh
#define IL_SIN sin
#define IL_COS cos
#define IL_ABS fabs
#define IL_SIGMOID(x) (1 / (1 + exp(-(x))))
#define IL_POW pow
