/* UTF-8: whether bytes are it, and writing a code point. */
#ifndef IL_BASE_UTF8_H
#define IL_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether all of it is well-formed: no surrogates, nothing longer than it has to be. */
bool il_utf8(const char *text, size_t size);
/* Bytes of the well-formed character at the beginning of a text that ends in NUL; 0: there is none. */
size_t il_utf8_character(const char *text);
/* Bytes of the code point (1 to 4) written to `to`; 0 where it is none. */
size_t il_utf8_put(uint32_t point, char to[static 4]);
/* The code point at *text, which is moved behind it; text is well-formed and not at its end. */
uint32_t il_utf8_next(const char **text);

#endif
