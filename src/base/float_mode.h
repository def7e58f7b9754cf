/* What the processor does with subnormal numbers and how it rounds: a host program may have set that (-ffast-math does, when
 * it is linked), our results never depend on it. */
#ifndef IL_BASE_FLOAT_MODE_H
#define IL_BASE_FLOAT_MODE_H

#include <stdint.h>

typedef uint64_t il_float_mode;
/* Makes it IEEE 754's for this thread, rounding to nearest and with subnormal numbers; gives what it was. Of processors that
 * have no such switch, or none that we know, nothing is changed. */
il_float_mode il_float_plain(void);
/* Back to what it was, flags included. */
void il_float_restore(il_float_mode before);

#endif
