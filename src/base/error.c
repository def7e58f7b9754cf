/* The context: the one place where the first error is kept, as status and sentence.
 * Everything here accepts a NULL context, so that code without one still returns statuses. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/context.h"
#include "base/locale.h"

const char *il_status_name(il_status status) {
  switch (status) {
#define IL_ERROR(name, number, exit_code, summary)                                                 \
  case IL_##name:                                                                                  \
    return "IL_" #name;
#include <innerloop/error.def>
#undef IL_ERROR
  }
  return "unknown";
}

int il_status_exit_code(il_status status) {
  switch (status) {
#define IL_ERROR(name, number, exit_code, summary)                                                 \
  case IL_##name:                                                                                  \
    return exit_code;
#include <innerloop/error.def>
#undef IL_ERROR
  }
  return 1;
}

il_context *il_context_new(void) { return calloc(1, sizeof(il_context)); }

void il_context_free(il_context *context) {
  if (context && context->room && context->room->limit) free(context->room);
  free(context);
}

il_status il_context_limit_memory(il_context *context, size_t bytes) {
  const size_t held = context->room ? context->room->held : 0;
  if (bytes == 0 || il_has_room(context) || bytes < held)
    return il_fail(context, IL_ERROR_ARGUMENT,
                   "il_context_limit_memory: found %zu bytes, expected more than the %zu that are "
                   "held, and a context that stands in no room",
                   bytes, held);
  if (!context->room) context->room = calloc(1, sizeof *context->room);
  if (!context->room) return il_fail_memory(context, "the limit of a context");
  context->room->limit = bytes;
  return IL_OK;
}

il_status il_context_status(const il_context *context) { return context ? context->status : IL_OK; }

const char *il_context_message(const il_context *context) {
  return context ? context->message : "";
}

void il_context_clear(il_context *context) {
  if (!context) return;
  context->status = IL_OK;
  context->message[0] = 0;
}

il_status il_fail(il_context *context, il_status status, const char *format, ...) {
  if (!context || context->status != IL_OK || status == IL_OK) return status;
  va_list arguments;
  va_start(arguments, format);
  int length = il_plain_list(context->message, sizeof context->message, format, arguments);
  va_end(arguments);
  if (length < 0) context->message[0] = 0;
  /* Names from files end up in sentences: one sentence stays one line. */
  for (char *c = context->message; *c; c++)
    if ((unsigned char)*c < 32 || *c == 127) *c = c[1] ? '?' : 0;
  context->status = status;
  return status;
}

il_status il_fail_memory(il_context *context, const char *what) {
  if (il_room_left(context) < SIZE_MAX && context->room->refused)
    return il_fail(context, IL_ERROR_MEMORY,
                   "out of memory while making %s: it needs %.1f MB in all, the limit is %.1f MB",
                   what, 1e-6 * (double)context->room->refused,
                   1e-6 * (double)context->room->limit);
  return il_fail(context, IL_ERROR_MEMORY, "out of memory while making %s", what);
}
