/* Files of text that people write, a line for each thing. */
#ifndef IL_DATA_LINES_H
#define IL_DATA_LINES_H

#include <innerloop/base.h>

/* A line without its end, which may be written to; number from 1. */
typedef il_status (*il_line)(void *user, int number, char *line);

/* Calls for each line of the file that `key` names, until one fails; empty ones and those that begin with # are passed over. */
il_status il_lines_read(il_context *context, const char *key, const char *path, il_line each,
                        void *user);

#endif
