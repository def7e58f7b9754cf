/* Counting validations without a better one (see patience.h). */
#include "train/patience.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/locale.h"

/* Equal shares of right answers, added up in another order, are no better: means of float32 numbers. */
static bool is_better(double value, double best, bool lower) {
  const double least = 1e-6 * fabs(best);
  return lower ? value < best - least : value > best + least;
}

void il_patience_take(il_patience *p, int64_t step, double value, bool lower) {
  const bool better = isfinite(value) && (p->best_step == 0 || is_better(value, p->best, lower));
  p->validations++;
  p->since++;
  if (!better) return;
  p->best = value;
  p->best_step = step;
  p->since = 0;
}

bool il_patience_ended(const il_patience *p, int64_t most) { return most > 0 && p->since >= most; }

/* "12 0.9425 4000 3": exact, so that a resumed run ends where it would have. */
void il_patience_print(const il_patience *p, char *text, size_t size) {
  il_plain_text(text, size, "%lld %.17g %lld %lld", (long long)p->validations, p->best,
                (long long)p->best_step, (long long)p->since);
}

bool il_patience_read(il_patience *p, const char *text) {
  long long validations, best_step, since;
  char number[64];
  if (sscanf(text, "%lld %63s %lld %lld", &validations, number, &best_step, &since) != 4 ||
      !il_real_read(number, &p->best) || validations < 0 || best_step < 0 || since < 0)
    return false;
  p->validations = validations;
  p->best_step = best_step;
  p->since = since;
  return true;
}

bool il_patience_keep(il_patience *p, int most, int64_t step, double value, bool lower) {
  int at = p->kept;
  if (!isfinite(value)) return false;
  while (at > 0 && is_better(value, p->kept_value[at - 1], lower)) at--;
  if (at >= most) return false;
  if (p->kept < most) p->kept++;
  for (int i = p->kept - 1; i > at; i--) {
    p->kept_step[i] = p->kept_step[i - 1];
    p->kept_value[i] = p->kept_value[i - 1];
  }
  p->kept_step[at] = step;
  p->kept_value[at] = value;
  return true;
}

void il_patience_print_best(const il_patience *p, char *text, size_t size) {
  size_t at = 0;
  *text = 0;
  for (int i = 0; i < p->kept && at < size; i++)
    at += (size_t)il_plain_text(text + at, size - at, "%s%lld %.17g", i ? "," : "",
                                (long long)p->kept_step[i], p->kept_value[i]);
}

bool il_patience_read_best(il_patience *p, const char *text) {
  p->kept = 0;
  while (*text && p->kept < IL_KEPT_MOST) {
    long long step;
    char number[64];
    int length = 0;
    if (sscanf(text, "%lld %63[^,]%n", &step, number, &length) != 2 || step < 0 ||
        !il_real_read(number, &p->kept_value[p->kept]))
      return false;
    p->kept_step[p->kept++] = step;
    text += length;
    if (*text == ',') text++;
  }
  return !*text;
}
