/* Derivatives: graph in, graph out. The results are ordinary values, so any order works. */
#ifndef INNERLOOP_GRAD_H
#define INNERLOOP_GRAD_H

#include "graph.h"

#ifdef __cplusplus
extern "C" {
#endif

/* dx[i] = ∂y/∂x[i], total derivative; y a scalar (one element). x[i] is an input, a leaf or any other computed real
 * value, and every use of that value counts: an equal expression elsewhere is the same value, il_leaf makes one of
 * its own. Where y does not depend on x[i], dx[i] is a constant 0. Refused, in all three functions, with
 * IL_ERROR_ARGUMENT: a constant, and a computed value that simplification looked through on the way to y
 * (b + v, v = −a, is made b − a); wrap such with il_leaf before use. Errors stay in the context as with builders;
 * the status is returned too. */
IL_API il_status il_grad(il_graph *g, il_value y, int count, const il_value *x, il_value *dx);
/* dx[i] = Σ_j (∂y[j]/∂x[i])ᵀ·cotangent[j]. */
IL_API il_status il_vjp(il_graph *g, int outputs, const il_value *y, const il_value *cotangent,
                        int count, const il_value *x, il_value *dx);
/* dy[j] = Σ_i (∂y[j]/∂x[i])·tangent[i]. */
IL_API il_status il_jvp(il_graph *g, int count, const il_value *x, const il_value *tangent,
                        int outputs, const il_value *y, il_value *dy);
/* "conv2 · inner step 1 · backward": scope of the forward value that a value comes from, and how.
 * Written into text (size bytes, always terminated). */
IL_API void il_value_origin(const il_graph *g, il_value value, char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
