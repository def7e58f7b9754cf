/* Which instruction sets the CPU and the system support. */
#ifndef IL_BASE_CPU_H
#define IL_BASE_CPU_H

#include <stdbool.h>

/* Whether code of instruction set "v2", "v3", "v4" (levels of x86-64) or "aarch64" runs here. "portable" always does:
 * it is what the compiler was told that there is. */
bool il_cpu_runs(const char *isa);

#endif
