/* The C locale for the time of reading or writing text (see locale.h). */
#include "base/locale.h"

#include <math.h>
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

double il_real_parse(const char *text, char **end) {
  locale_t plain, before = il_text_enter(&plain);
  const double real = strtod(text, end);
  il_text_leave(before, plain);
  return real;
}

int il_plain_print(FILE *out, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  locale_t plain, before = il_text_enter(&plain);
  const int length = vfprintf(out, format, arguments);
  il_text_leave(before, plain);
  va_end(arguments);
  return length;
}

void il_json_real(FILE *out, double real) {
  if (isfinite(real))
    il_plain_print(out, "%.9g", real);
  else
    fputs("null", out);
}

int il_plain_list(char *text, size_t size, const char *format, va_list arguments) {
  locale_t plain, before = il_text_enter(&plain);
  const int length = vsnprintf(text, size, format, arguments);
  il_text_leave(before, plain);
  return length;
}

int il_plain_text(char *text, size_t size, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int length = il_plain_list(text, size, format, arguments);
  va_end(arguments);
  return length;
}

static int small(char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (unsigned char)c; }

int il_word_order_within(const char *a, const char *b, size_t most) {
  for (size_t i = 0; i < most; i++)
    if (small(a[i]) != small(b[i]) || !a[i]) return small(a[i]) - small(b[i]);
  return 0;
}

int il_word_order(const char *a, const char *b) { return il_word_order_within(a, b, (size_t)-1); }

bool il_real_read(const char *text, double *real) {
  char *end = NULL;
  *real = il_real_parse(text, &end);
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
