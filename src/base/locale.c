/* The C locale for the time of reading or writing text (see locale.h). */
#include "base/locale.h"

locale_t il_text_enter(locale_t *plain) {
  *plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  return *plain ? uselocale(*plain) : (locale_t)0;
}

void il_text_leave(locale_t before, locale_t plain) {
  if (!plain) return;
  uselocale(before);
  freelocale(plain);
}
