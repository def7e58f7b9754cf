/* Arithmetic with numbers that are constants, or values that are learned. With a constant it is what the constant alone would
 * be, to the bit. */
#ifndef IL_OPTIM_RATE_H
#define IL_OPTIM_RATE_H

#include <innerloop/optim.h>

/* a·(1 − rate) */
il_value il_rate_times_rest(il_graph *g, il_value a, il_rate rate);
/* a + rate */
il_value il_rate_plus(il_graph *g, il_value a, il_rate rate);
/* a·factor·ln(rate), of a rate above 0 */
il_value il_rate_times_log(il_graph *g, il_value a, double factor, il_rate rate);

#endif
