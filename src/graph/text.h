/* Pieces of the text form that dump, parse and dot share. */
#ifndef IL_GRAPH_TEXT_H
#define IL_GRAPH_TEXT_H

#include <locale.h>
#include <stdio.h>

#include "graph/graph.h"

/* Numbers are written and read with a point, whatever the locale of the program. */
locale_t il_text_enter(locale_t *plain);
void il_text_leave(locale_t before, locale_t plain);
/* In quotes; \" \\ and \xHH for control characters. */
void il_text_quote(FILE *out, const char *text);
/* Reads such a string into buffer (room for strlen(*text) + 1 bytes); false when it is malformed. */
bool il_text_unquote(const char **text, char *buffer);

#endif
