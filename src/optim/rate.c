/* Numbers that are constants or values (rate.h). */
#include "optim/rate.h"

#include <stdio.h>

#include "base/elementary.h"

il_value il_rate_times(il_graph *g, il_value a, il_rate rate) {
  return il_valid(rate.value) ? il_mul(g, a, rate.value) : il_scale(g, a, rate.constant);
}

static il_value rest_of(il_graph *g, il_rate rate) {
  return il_valid(rate.rest) ? rate.rest : il_sub(g, il_scalar(g, 1), rate.value);
}

/* ln(1 − r); near 1 a decay has lost the digits that r has, so that there it is −(r + r²/2 + r³/3 + …). */
static il_value log_of(il_graph *g, il_rate rate) {
  enum { TERMS = 16 }; /* to rounding in double below 0.1 */
  if (!il_valid(rate.rest)) return il_log(g, rate.value);
  il_value sum = il_scalar(g, 1.0 / TERMS);
  for (int n = TERMS - 1; n > 0; n--) sum = il_shift(g, il_mul(g, sum, rate.rest), 1.0 / n);
  const il_value small = il_step(g, il_sub(g, il_scalar(g, 0.1), rate.rest));
  return il_select(g, small, il_neg(g, il_mul(g, sum, rate.rest)), il_log(g, rate.value));
}

il_value il_rate_times_rest(il_graph *g, il_value a, il_rate rate) {
  if (!il_valid(rate.value)) return il_scale(g, a, 1 - rate.constant);
  return il_mul(g, a, rest_of(g, rate));
}

il_value il_rate_plus(il_graph *g, il_value a, il_rate rate) {
  return il_valid(rate.value) ? il_add(g, a, rate.value) : il_shift(g, a, rate.constant);
}

il_value il_rate_times_log(il_graph *g, il_value a, double factor, il_rate rate) {
  if (!il_valid(rate.value)) return il_scale(g, a, factor * il_double_log(rate.constant));
  return il_mul(g, a, il_scale(g, log_of(g, rate), factor));
}

il_rate il_update_number(const il_update *u, const char *field, double constant) {
  char name[IL_ENTRY_NAME];
  const int at = u->numbers ? il_values_find(u->numbers, field) : -1;
  if (at < 0) return (il_rate){.constant = constant};
  snprintf(name, sizeof name, "%s.rest", field);
  const int rest = il_values_find(u->numbers, name);
  return (il_rate){.value = u->numbers->at[at],
                   .rest = rest < 0 ? (il_value){0} : u->numbers->at[rest]};
}
