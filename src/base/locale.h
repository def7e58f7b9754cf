/* Numbers in text forms are written and read with a point, whatever the locale of the program. */
#ifndef IL_BASE_LOCALE_H
#define IL_BASE_LOCALE_H

#include <locale.h>

/* Makes the C locale this thread's; plain is 0 where there was no memory. Give both back to il_text_leave. */
locale_t il_text_enter(locale_t *plain);
void il_text_leave(locale_t before, locale_t plain);

#endif
