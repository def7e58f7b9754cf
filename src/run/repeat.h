/* A loop's call. For run/ alone. */
#ifndef IL_RUN_REPEAT_H
#define IL_RUN_REPEAT_H

#include "run/execute.h"

/* in: the first state, the sources, the constants; scratch: the loop's total. */
void il_loop_run(const il_loop_plan *loop, const void *const *in, void *out, void *scratch);

#endif
