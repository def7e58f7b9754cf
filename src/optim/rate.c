/* Numbers that are constants or values (rate.h). */
#include "optim/rate.h"

#include "base/elementary.h"

il_value il_rate_times(il_graph *g, il_value a, il_rate rate) {
  return il_valid(rate.value) ? il_mul(g, a, rate.value) : il_scale(g, a, rate.constant);
}

il_value il_rate_times_rest(il_graph *g, il_value a, il_rate rate) {
  if (!il_valid(rate.value)) return il_scale(g, a, 1 - rate.constant);
  return il_mul(g, a, il_sub(g, il_scalar(g, 1), rate.value));
}

il_value il_rate_plus(il_graph *g, il_value a, il_rate rate) {
  return il_valid(rate.value) ? il_add(g, a, rate.value) : il_shift(g, a, rate.constant);
}

il_value il_rate_times_log(il_graph *g, il_value a, double factor, il_rate rate) {
  if (!il_valid(rate.value)) return il_scale(g, a, factor * il_double_log(rate.constant));
  return il_mul(g, a, il_scale(g, il_log(g, rate.value), factor));
}

il_rate il_update_number(const il_update *u, const char *field, double constant) {
  const int at = u->numbers ? il_values_find(u->numbers, field) : -1;
  return at < 0 ? (il_rate){.constant = constant} : (il_rate){.value = u->numbers->at[at]};
}
