/* Words from anywhere as text of XML and HTML. */
#ifndef IL_PLOT_XML_TEXT_H
#define IL_PLOT_XML_TEXT_H

#include <stdio.h>

/* For content and for attributes in double or single quotes. What is no UTF-8, or a character that XML has none of, becomes
 * U+FFFD. */
void il_xml_text(FILE *out, const char *text);

#endif
