/* Reporting errors into a context. May be included by everything. */
#ifndef IL_BASE_ERROR_H
#define IL_BASE_ERROR_H

#include <innerloop/base.h>

/* Keeps the first error: one sentence that names file or function, field, what was found and what was
 * expected. Returns status (the new one, even when an older error is kept). */
il_status il_fail(il_context *context, il_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "out of memory" with the thing that was to be made. */
il_status il_fail_memory(il_context *context, const char *what);

#endif
