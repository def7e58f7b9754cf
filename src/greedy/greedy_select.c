/* Chooses units by a rule: scores, their order, and the walk through the order within fraction and budgets. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/locale.h"
#include "base/error.h"
#include "base/random.h"
#include "greedy/greedy_units.h"

il_greedy_rule il_greedy_rule_defaults(void) {
  return (il_greedy_rule){.granularity = IL_GREEDY_SCALAR,
                          .score = IL_GREEDY_GRADIENT,
                          .price = IL_GREEDY_FREE,
                          .damping = 1e-3,
                          .fraction = 1};
}

il_status il_greedy_rule_check(il_context *context, const il_greedy_rule *rule) {
  if (rule->granularity < IL_GREEDY_SCALAR || rule->granularity > IL_GREEDY_LAYER)
    return il_fail(context, IL_ERROR_ARGUMENT, "greedy: unknown granularity %d",
                   (int)rule->granularity);
  if (rule->score < IL_GREEDY_GRADIENT || rule->score > IL_GREEDY_RANDOM)
    return il_fail(context, IL_ERROR_ARGUMENT, "greedy: unknown score %d", (int)rule->score);
  if (rule->price < IL_GREEDY_FREE || rule->price > IL_GREEDY_PER_OPERATION)
    return il_fail(context, IL_ERROR_ARGUMENT, "greedy: unknown price %d", (int)rule->price);
  if (!(rule->fraction > 0 && rule->fraction <= 1))
    return il_fail(context, IL_ERROR_ARGUMENT,
                   "greedy: fraction %g; expected more than 0, at most 1", rule->fraction);
  if (rule->count < 0)
    return il_fail(context, IL_ERROR_ARGUMENT, "greedy: count %lld; expected 0 or more",
                   (long long)rule->count);
  if (!(rule->damping >= 0))
    return il_fail(context, IL_ERROR_ARGUMENT, "greedy: damping %g; expected 0 or more",
                   rule->damping);
  return IL_OK;
}

static double at(il_type type, const void *data, int64_t i) {
  return type == IL_FLOAT32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

void il_greedy_unit_scores(const il_greedy_units *units, il_greedy_score score, il_type type,
                           const void *const *measure, double *unit_score) {
  if (score == IL_GREEDY_RANDOM) {
    il_random random = il_random_start(0, 0x67726565u /* "gree" */);
    for (int64_t u = 0; u < units->count; u++) unit_score[u] = il_random_uniform01(&random);
    return;
  }
  memset(unit_score, 0, (size_t)units->count * sizeof *unit_score);
  for (int p = 0; p < units->parts; p++)
    for (int64_t i = 0; i < units->part[p].scalars; i++) {
      double m = at(type, measure[p], i);
      unit_score[il_greedy_unit_of(units, p, i)] += score == IL_GREEDY_FISHER ? m : m * m;
    }
  if (score == IL_GREEDY_FISHER) return;
  for (int64_t u = 0; u < units->count; u++) unit_score[u] = sqrt(unit_score[u]);
}

typedef struct ranked {
  double key;
  uint32_t unit;
} ranked;

static int compare(const void *a, const void *b) {
  const ranked *x = a, *y = b;
  if (x->key != y->key) return x->key < y->key ? 1 : -1;
  return x->unit < y->unit ? -1 : 1;
}

static double price(const il_greedy_units *units, const il_greedy_rule *rule, int64_t index) {
  const il_greedy_choice *alone = &units->unit[index].alone;
  switch (rule->price) {
  case IL_GREEDY_FREE: break;
  case IL_GREEDY_PER_BYTE: return (double)alone->bytes;
  case IL_GREEDY_PER_OPERATION: return (double)alone->operations;
  }
  return 1;
}

bool il_greedy_order(const il_greedy_units *units, const il_greedy_rule *rule,
                     const double *unit_score, uint32_t *order) {
  ranked *list = malloc(((size_t)units->count + 1) * sizeof *list);
  if (!list) return false;
  for (int64_t u = 0; u < units->count; u++) {
    /* Scores are never negative, so −1 comes last and the order stays total. */
    double key = isnan(unit_score[u]) ? -1 : unit_score[u] / price(units, rule, u);
    list[u] = (ranked){key, (uint32_t)u};
  }
  qsort(list, (size_t)units->count, sizeof *list, compare);
  for (int64_t u = 0; u < units->count; u++) order[u] = list[u].unit;
  free(list);
  return true;
}

static void mark(const il_greedy_units *units, int64_t unit, int p, uint8_t *mask) {
  const il_unit_part *part = &units->part[p];
  switch (units->granularity) {
  case IL_GREEDY_SCALAR: mask[unit - part->base] = 1; return;
  case IL_GREEDY_CHANNEL:
    for (int64_t i = unit - part->base; i < part->scalars; i += part->last) mask[i] = 1;
    return;
  case IL_GREEDY_TENSOR:
  case IL_GREEDY_LAYER: memset(mask, 1, (size_t)part->scalars); return;
  }
}

static int64_t most_scalars(const il_greedy_units *units, const il_greedy_rule *rule) {
  int64_t most = (int64_t)floor(rule->fraction * (double)units->scalars);
  return most < 1 ? 1 : most;
}

/* The least fraction in three digits that allows so many scalars. */
static double fraction_for(int64_t scalars, int64_t all) {
  double share = (double)scalars / (double)all;
  double digits = pow(10, 2 - floor(log10(share)));
  return fmin(1, ceil(share * digits) / digits);
}

/* Appends a clause to a sentence; what finds no room is cut. */
__attribute__((format(printf, 3, 4))) static void add(char *text, size_t size, const char *format,
                                                      ...) {
  size_t at = strlen(text);
  va_list arguments;
  va_start(arguments, format);
  il_plain_list(text + at, size - at, format, arguments);
  va_end(arguments);
}

bool il_greedy_fits(const il_greedy_units *units, const il_greedy_rule *rule, char *why,
                    size_t size) {
  static const char *const names[] = {"", "scalar", "channel", "tensor", "layer"};
  const char *name = names[units->granularity];
  const uint64_t bytes = rule->budget_bytes, operations = rule->budget_operations;
  const int64_t most = most_scalars(units, rule);
  il_greedy_choice least = {1, INT64_MAX, UINT64_MAX, UINT64_MAX};
  *why = '\0';
  for (int64_t u = 0; u < units->count; u++) {
    const il_greedy_choice *a = &units->unit[u].alone;
    bool dear = (bytes && a->bytes > bytes) || (operations && a->operations > operations);
    if (a->scalars <= most && !dear) return true;
    if (a->scalars < least.scalars) least.scalars = a->scalars;
    if (a->bytes < least.bytes) least.bytes = a->bytes;
    if (a->operations < least.operations) least.operations = a->operations;
  }
  add(why, size, "no %s fits", name);
  size_t begun = strlen(why);
  if (least.scalars > most)
    add(why, size,
        ": fraction %g allows %lld of %lld parameters, the smallest %s has %lld (fraction %.3g)",
        rule->fraction, (long long)most, (long long)units->scalars, name, (long long)least.scalars,
        fraction_for(least.scalars, units->scalars));
  if (bytes && least.bytes > bytes)
    add(why, size, "%s the budget allows %llu bytes, the cheapest %s needs %llu",
        why[begun] ? ";" : ":", (unsigned long long)bytes, name, (unsigned long long)least.bytes);
  if (operations && least.operations > operations)
    add(why, size, "%s the budget allows %llu operations, the cheapest %s needs %llu",
        why[begun] ? ";" : ":", (unsigned long long)operations, name,
        (unsigned long long)least.operations);
  if (!why[begun]) add(why, size, ": each of the limits leaves some, but no %s keeps all", name);
  return false;
}

void il_greedy_take(const il_greedy_units *units, const il_greedy_rule *rule, const uint32_t *order,
                    uint8_t *const *mask, il_greedy_choice *choice) {
  int64_t scalars[IL_GREEDY_PARAMETERS] = {0}, taken = 0, touched = 0;
  const int64_t most = most_scalars(units, rule);
  *choice = (il_greedy_choice){0};
  bool priced = rule->budget_bytes || rule->budget_operations;
  for (int p = 0; p < units->parts; p++) memset(mask[p], 0, (size_t)units->part[p].scalars);
  for (int64_t k = 0; k < units->count && touched < most; k++) {
    if (rule->count && taken == rule->count) break;
    const il_unit *unit = &units->unit[order[k]];
    if (touched + unit->scalars > most) continue;
    /* Without room for its numbers alone, its cost need not be worked out. */
    if (rule->budget_bytes &&
        choice->bytes + 2 * units->real * (uint64_t)unit->scalars > rule->budget_bytes)
      continue;
    int end = unit->first + unit->parts;
    for (int p = unit->first; p < end; p++) scalars[p] += il_unit_share(units, unit, p);
    if (priced) {
      il_greedy_choice with;
      il_unit_cost(units, scalars, taken + 1, &with);
      if ((rule->budget_bytes && with.bytes > rule->budget_bytes) ||
          (rule->budget_operations && with.operations > rule->budget_operations)) {
        for (int p = unit->first; p < end; p++) scalars[p] -= il_unit_share(units, unit, p);
        continue;
      }
      *choice = with;
    }
    for (int p = unit->first; p < end; p++) mark(units, order[k], p, mask[p]);
    touched += unit->scalars;
    taken++;
  }
  il_unit_cost(units, scalars, taken, choice);
}
