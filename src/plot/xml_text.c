/* Words from anywhere as text of XML and HTML. */
#include "plot/xml_text.h"

#include <string.h>

#include "base/utf8.h"

void il_xml_text(FILE *out, const char *text) {
  while (*text) {
    const size_t n = il_utf8_character(text);
    const unsigned char c = (unsigned char)*text;
    const char *nothing = "\xef\xbf\xbd";
    /* Control characters (those of two bytes too), and U+FFFE and U+FFFF. */
    const bool refused = n == 0 ||
                         (n == 1 && ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)) ||
                         (n == 2 && c == 0xc2 && (unsigned char)text[1] < 0xa0) ||
                         (n == 3 && !memcmp(text, "\xef\xbf", 2) && (unsigned char)text[2] >= 0xbe);
    if (refused)
      fputs(nothing, out);
    else if (c == '&')
      fputs("&amp;", out);
    else if (c == '<')
      fputs("&lt;", out);
    else if (c == '>')
      fputs("&gt;", out);
    else if (c == '"')
      fputs("&quot;", out);
    else if (c == '\'')
      fputs("&#39;", out);
    else
      fwrite(text, 1, n, out);
    text += n ? n : 1;
  }
}
