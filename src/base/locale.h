/* Numbers in text forms are written and read with a point, whatever the locale of the program. */
#ifndef IL_BASE_LOCALE_H
#define IL_BASE_LOCALE_H

#include <locale.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Makes the C locale this thread's; plain is 0 where there was no memory. Give both back to il_text_leave. */
locale_t il_text_enter(locale_t *plain);
void il_text_leave(locale_t before, locale_t plain);

/* strtod, fprintf and snprintf in the C locale; whoever reads or writes reals takes these. */
double il_real_parse(const char *text, char **end);
int il_plain_print(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
int il_plain_text(char *text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A number of a JSON text, "%.9g"; null where it is not finite, for which JSON has no word. */
void il_json_real(FILE *out, double real);
int il_plain_list(char *text, size_t size, const char *format, va_list arguments); /* vsnprintf */
/* strcasecmp and strncasecmp of ASCII's letters. */
int il_word_order(const char *a, const char *b);
int il_word_order_within(const char *a, const char *b, size_t most);

/* The whole text as a number; false where it is none (nan and inf are). */
bool il_real_read(const char *text, double *real);
/* The fewest digits that read back as the same number. What snprintf gives back. */
int il_real_print(double real, char *text, size_t size);

#endif
