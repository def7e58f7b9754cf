/* Derivatives of a loop by all its operands at once. For grad/ alone. */
#ifndef IL_GRAD_LOOP_GRAD_H
#define IL_GRAD_LOOP_GRAD_H

#include "grad/grad.h"

/* part[i] receives the cotangent of operand i, where it is wanted (then a real). part is zeroed. */
void il_loop_vjp(il_graph *g, uint32_t id, il_value cotangent, const bool *wanted, il_value *part);
/* The result's tangent, of operands' (0: none). */
il_value il_loop_jvp(il_graph *g, uint32_t id, const il_value *tangent);

#endif
