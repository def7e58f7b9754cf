/* Linked into every test program: INNERLOOP_ISA=v3 runs it with that instruction set. */
#include <innerloop/base.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((constructor)) static void choose_isa(void) {
  const char *isa = getenv("INNERLOOP_ISA");
  if (!isa || !*isa) return;
  il_context *context = il_context_new();
  const il_status status = il_isa_set_default(context, isa);
  if (status != IL_OK) fprintf(stderr, "INNERLOOP_ISA: %s\n", il_context_message(context));
  il_context_free(context);
  if (status != IL_OK) exit(il_status_exit_code(status));
}
