/* Pieces of the text form that dump, parse and dot share. */
#ifndef IL_GRAPH_TEXT_H
#define IL_GRAPH_TEXT_H

#include <stdio.h>

#include "base/locale.h"
#include "graph/graph.h"

/* In quotes; \" \\ and \xHH for control characters. */
void il_text_quote(FILE *out, const char *text);
/* Reads such a string into buffer (room for strlen(*text) + 1 bytes); false when it is malformed. */
bool il_text_unquote(const char **text, char *buffer);

#endif
