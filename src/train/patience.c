/* Counting validations without a better one (see patience.h). */
#include "train/patience.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/locale.h"

void il_patience_take(il_patience *p, int64_t step, double value, bool lower) {
  const bool better =
      isfinite(value) && (p->best_step == 0 || (lower ? value < p->best : value > p->best));
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
  *p = (il_patience){0};
  if (sscanf(text, "%lld %63s %lld %lld", &validations, number, &best_step, &since) != 4 ||
      !il_real_read(number, &p->best) || validations < 0 || best_step < 0 || since < 0)
    return false;
  p->validations = validations;
  p->best_step = best_step;
  p->since = since;
  return true;
}
