/* Roots of what squares add up to. */
#ifndef IL_OPTIM_ROOT_H
#define IL_OPTIM_ROOT_H

#include <innerloop/graph.h>

/* √v; differentiable: where v is 0, 0 with derivative 0 instead of infinity, for no weight behind a dead unit may turn
 * the meta-gradient into NaN. */
il_value il_root(il_graph *g, il_value v, bool differentiable);

#endif
