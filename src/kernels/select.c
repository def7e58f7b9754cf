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

/* The names of this build's sets, with commas. */
static void names(char *text, size_t size) {
  size_t at = 0;
  for (int i = 0; i < SETS && at < size; i++)
    at += (size_t)snprintf(text + at, size - at, "%s%s", i ? ", " : "", sets[i]->isa);
}

/* source: what named it, with a colon and a space; or "". */
static const il_kernel_set *named(il_context *context, const char *source, const char *isa) {
  for (int i = 0; i < SETS; i++) {
    if (strcmp(sets[i]->isa, isa) != 0) continue;
    if (il_cpu_runs(isa)) return sets[i];
    il_fail(context, IL_ERROR_UNSUPPORTED, "%sthis CPU does not run instruction set %s", source,
            isa);
    return NULL;
  }
  char known[64];
  names(known, sizeof known);
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
  for (int i = 0; i < SETS; i++)
    if (il_cpu_runs(sets[i]->isa)) return sets[i];
  char known[64];
  names(known, sizeof known);
  il_fail(context, IL_ERROR_UNSUPPORTED, "this CPU runs none of this build's instruction sets: %s",
          known);
  return NULL;
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
