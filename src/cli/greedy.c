/* Options of a greedy rule: which units, by which score, at which cost. */
#include "cli/greedy.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

double parse_real(struct argp_state *state, const char *option, const char *arg, double low,
                  double high) {
  char *end = NULL;
  errno = 0;
  double number = strtod(arg, &end);
  if (!*arg || *end || errno || !(number >= low && number <= high))
    argp_error(state, "--%s: found \"%s\", expected a number from %g to %g", option, arg, low,
               high);
  return number;
}

/* The index of the word among the choices, from 1. */
static int choice(struct argp_state *state, const char *option, const char *arg, int count,
                  const char *const *names) {
  for (int i = 0; i < count; i++)
    if (!strcmp(arg, names[i])) return i + 1;
  char list[128] = "";
  for (int i = 0; i < count; i++) {
    if (i) strcat(list, i + 1 < count ? ", " : " or ");
    strcat(list, names[i]);
  }
  argp_error(state, "--%s: found \"%s\", expected %s", option, arg, list);
  return 1;
}

/* "64k": a whole number with an optional factor; k is 1,024 for bytes and 1,000 for operations. */
static uint64_t amount(struct argp_state *state, const char *option, const char *arg,
                       uint64_t base) {
  static const char suffix[] = "kmg";
  char *end = NULL;
  errno = 0;
  unsigned long long number = strtoull(arg, &end, 10), factor = 1;
  const char *at = *end ? strchr(suffix, tolower((unsigned char)*end)) : NULL;
  for (const char *s = suffix; at && s <= at; s++) factor *= base;
  if (at) end++;
  if (!isdigit((unsigned char)*arg) || *end || errno || number < 1 || number > UINT64_MAX / factor)
    argp_error(state, "--%s: found \"%s\", expected a whole number such as 4096, 64k or 1m", option,
               arg);
  return number * factor;
}

error_t parse_greedy(il_greedy_rule *rule, int key, char *arg, struct argp_state *state) {
  static const char *const granularities[] = {"scalar", "channel", "tensor", "layer"};
  static const char *const scores[] = {"gradient", "fisher", "newton"};
  static const char *const prices[] = {"byte", "operation"};
  switch (key) {
  case OPTION_GRANULARITY:
    rule->granularity = (il_greedy_granularity)choice(state, "granularity", arg, 4, granularities);
    return 0;
  case OPTION_SCORE:
    rule->score = (il_greedy_score)choice(state, "score", arg, 3, scores);
    return 0;
  case OPTION_PER: rule->price = (il_greedy_price)choice(state, "per", arg, 2, prices); return 0;
  case OPTION_COUNT: rule->count = parse_number(state, "count", arg, 1, 1000000000); return 0;
  case OPTION_BUDGET: rule->budget_bytes = amount(state, "budget", arg, 1024); return 0;
  case OPTION_BUDGET_OPERATIONS:
    rule->budget_operations = amount(state, "budget-operations", arg, 1000);
    return 0;
  case OPTION_DAMPING: rule->damping = parse_real(state, "damping", arg, 0, 1e9); return 0;
  default: return ARGP_ERR_UNKNOWN;
  }
}
