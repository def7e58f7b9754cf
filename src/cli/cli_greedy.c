/* Options of a greedy rule: which units, by which score, at which cost. */
#include "cli/cli_greedy.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int parse_list(struct argp_state *state, const char *option, char *arg, int most, double *number,
               double low, double high) {
  int count = 0;
  char *rest = NULL;
  for (char *word = strtok_r(arg, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
    if (count == most) argp_error(state, "--%s: more than %d numbers", option, most);
    number[count++] = parse_real(state, option, word, low, high);
  }
  if (!count) argp_error(state, "--%s: expected numbers with commas between", option);
  return count;
}

const char *option_name(const struct argp_option *options, int key) {
  while (options->key != key && (options->name || options->group)) options++;
  return options->name;
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
  static const char *const scores[] = {"gradient", "fisher", "newton", "random"};
  static const char *const prices[] = {"byte", "operation"};
  switch (key) {
  case OPTION_GRANULARITY:
    rule->granularity =
        (il_greedy_granularity)(1 + parse_choice(state, "granularity", arg, 4, granularities));
    return 0;
  case OPTION_SCORE:
    rule->score = (il_greedy_score)(1 + parse_choice(state, "score", arg, 4, scores));
    return 0;
  case OPTION_PER:
    rule->price = (il_greedy_price)(1 + parse_choice(state, "per", arg, 2, prices));
    return 0;
  case OPTION_COUNT: rule->count = parse_number(state, "count", arg, 1, 1000000000); return 0;
  case OPTION_BUDGET: rule->budget_bytes = amount(state, "budget", arg, 1024); return 0;
  case OPTION_BUDGET_OPERATIONS:
    rule->budget_operations = amount(state, "budget-operations", arg, 1000);
    return 0;
  case OPTION_DAMPING: rule->damping = parse_real(state, "damping", arg, 0, 1e9); return 0;
  default: return ARGP_ERR_UNKNOWN;
  }
}
