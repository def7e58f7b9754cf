/* Chooses an instruction set and a kernel for a problem, and the helpers of the run loop. */
#include <stdio.h>
#include <string.h>

#include "base/cpu.h"
#include "base/error.h"
#include "kernels/kernel.h"

#define IL_ISA(name) extern const il_kernel_set il_kernels_##name;
#include "kernels/isas.def"
#undef IL_ISA

static const il_kernel_set *const sets[] = {
#define IL_ISA(name) &il_kernels_##name,
#include "kernels/isas.def"
#undef IL_ISA
};
enum { SETS = sizeof sets / sizeof *sets };

const il_kernel_set *const *il_kernel_sets(int *count) {
  *count = SETS;
  return sets;
}

/* source: what named it, with a colon and a space; or "". */
static const il_kernel_set *named(il_context *context, const char *source, const char *isa) {
  char known[64] = "";
  for (int i = 0; i < SETS; i++) {
    if (strcmp(sets[i]->isa, isa) != 0) {
      const size_t at = strlen(known);
      snprintf(known + at, sizeof known - at, "%s%s", at ? ", " : "", sets[i]->isa);
      continue;
    }
    if (il_cpu_runs(isa)) return sets[i];
    il_fail(context, IL_ERROR_UNSUPPORTED, "%sthis CPU does not run instruction set %s", source,
            isa);
    return NULL;
  }
  il_fail(context, IL_ERROR_ARGUMENT, "%sunknown instruction set '%s'; this build has %s", source,
          isa, known);
  return NULL;
}

static const il_kernel_set *preferred; /* NULL: the best */

il_status il_isa_set_default(il_context *context, const char *isa) {
  const il_kernel_set *set = isa ? named(context, "", isa) : NULL;
  if (isa && !set) return il_context_status(context);
  preferred = set;
  return IL_OK;
}

const il_kernel_set *il_kernel_set_choose(il_context *context, const char *isa) {
  if (isa) return named(context, "isa of il_plan_options: ", isa);
  if (preferred) return preferred;
  for (int i = 0; i < SETS - 1; i++)
    if (il_cpu_runs(sets[i]->isa)) return sets[i];
  return sets[SETS - 1]; /* the library's own baseline */
}

const char *il_kernel_refusal(const il_kernel *kernel, const il_problem *problem) {
  if (kernel->lanes != problem->lanes)
    return kernel->lanes ? "takes tasks in lanes only" : "takes one task at a time";
  return kernel->refuses ? kernel->refuses(problem) : NULL;
}

const il_kernel *il_kernel_select(const il_kernel_set *set, const il_problem *problem) {
  for (int i = 0; i < set->rows; i++)
    if (set->row[i]->op == problem->op && set->row[i]->type == problem->type &&
        !il_kernel_refusal(set->row[i], problem))
      return set->row[i];
  return NULL;
}

void il_kernel_accumulate(il_type type, int64_t count, void *y, const void *x) {
  if (type == IL_FLOAT32)
    for (int64_t i = 0; i < count; i++) ((float *)y)[i] += ((const float *)x)[i];
  else
    for (int64_t i = 0; i < count; i++) ((double *)y)[i] += ((const double *)x)[i];
}

void il_kernel_divide(il_type type, int64_t count, void *y, double divisor) {
  if (type == IL_FLOAT32)
    for (int64_t i = 0; i < count; i++) ((float *)y)[i] /= (float)divisor;
  else
    for (int64_t i = 0; i < count; i++) ((double *)y)[i] /= divisor;
}
