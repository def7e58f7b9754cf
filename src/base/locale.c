/* The C locale for the time of reading or writing text (see locale.h). */
#include "base/locale.h"

#include <stdio.h>
#include <stdlib.h>

locale_t il_text_enter(locale_t *plain) {
  *plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  return *plain ? uselocale(*plain) : (locale_t)0;
}

void il_text_leave(locale_t before, locale_t plain) {
  if (!plain) return;
  uselocale(before);
  freelocale(plain);
}

bool il_real_read(const char *text, double *real) {
  char *end = NULL;
  locale_t plain, before = il_text_enter(&plain);
  *real = strtod(text, &end);
  il_text_leave(before, plain);
  return *text && !*end;
}

int il_real_print(double real, char *text, size_t size) {
  char digits[40], *end = NULL;
  locale_t plain, before = il_text_enter(&plain);
  for (int precision = 6; precision <= 17; precision++) {
    snprintf(digits, sizeof digits, "%.*g", precision, real);
    if (strtod(digits, &end) == real) break;
  }
  il_text_leave(before, plain);
  return snprintf(text, size, "%s", digits);
}
