/* Numbers in text forms are written and read with a point, whatever the locale of the program. */
#ifndef IL_BASE_LOCALE_H
#define IL_BASE_LOCALE_H

#include <locale.h>
#include <stdbool.h>
#include <stddef.h>

/* Makes the C locale this thread's; plain is 0 where there was no memory. Give both back to il_text_leave. */
locale_t il_text_enter(locale_t *plain);
void il_text_leave(locale_t before, locale_t plain);

/* The whole text as a number; false where it is none (nan and inf are). */
bool il_real_read(const char *text, double *real);
/* The fewest digits that read back as the same number. What snprintf gives back. */
int il_real_print(double real, char *text, size_t size);

#endif
