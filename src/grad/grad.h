/* What both modes ask of their operands; an error sentence names the public function. May include graph/. */
#ifndef IL_GRAD_GRAD_H
#define IL_GRAD_GRAD_H

#include <innerloop/grad.h>

#include "graph/graph.h"

/* Each is a real value of g. */
bool il_grad_operands(il_graph *g, const char *function, const char *what, int count,
                      const il_value *v);
/* Each result is right as a function of each variable: no variable is a constant, or was looked through while a result
 * was made. */
bool il_grad_variables(il_graph *g, const char *function, int count, const il_value *x, int outputs,
                       const il_value *y);
/* v[i] has the shape of like[i]; both passed il_grad_operands. */
bool il_grad_shapes(il_graph *g, const char *function, const char *what, int count,
                    const il_value *v, const il_value *like);

#endif
