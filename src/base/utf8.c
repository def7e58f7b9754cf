#include "base/utf8.h"

size_t il_utf8_character(const char *text) {
  for (size_t n = 1; n <= 4 && text[n - 1]; n++)
    if (il_utf8(text, n)) return n;
  return 0;
}

size_t il_utf8_put(uint32_t p, char to[static 4]) {
  if (p < 0x80) {
    to[0] = (char)p;
    return 1;
  }
  if (p > 0x10ffff || (p >= 0xd800 && p < 0xe000)) return 0;
  const size_t size = p < 0x800 ? 2 : p < 0x10000 ? 3 : 4;
  static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
  for (size_t i = size - 1; i > 0; i--, p >>= 6) to[i] = (char)(0x80 | (p & 63));
  to[0] = (char)(lead[size] | p);
  return size;
}

/* Bytes of the sequence that begins with this byte; 0: none does. */
static size_t length_of(unsigned char lead) {
  return lead < 0x80                   ? 1
         : lead >= 0xc2 && lead < 0xe0 ? 2
         : lead >= 0xe0 && lead < 0xf0 ? 3
         : lead >= 0xf0 && lead < 0xf5 ? 4
                                       : 0;
}

uint32_t il_utf8_next(const char **text) {
  const unsigned char *at = (const unsigned char *)*text;
  const size_t size = length_of(*at);
  uint32_t point = size < 2 ? *at : *at & (0x7fu >> size);
  for (size_t i = 1; i < size; i++) point = point << 6 | (at[i] & 63);
  *text += size ? size : 1;
  return point;
}

bool il_utf8(const char *text, size_t size) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  for (const char *at = text, *end = text + size; at < end;) {
    const size_t length = length_of((unsigned char)*at);
    if (!length || length > (size_t)(end - at)) return false;
    for (size_t i = 1; i < length; i++)
      if ((at[i] & 0xc0) != 0x80) return false;
    const uint32_t point = il_utf8_next(&at);
    if (point < least[length] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
      return false;
  }
  return true;
}
