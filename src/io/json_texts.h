/* Lists of texts in the metadata of files: JSON lists. */
#ifndef IL_IO_JSON_TEXTS_H
#define IL_IO_JSON_TEXTS_H

#include "base/arena.h"
#include "io/io.h"

/* The list under a key of a file's metadata; its texts in the arena. */
il_status il_texts_of_json(il_context *context, const char *path, const char *key, const char *json,
                           il_arena *arena, il_texts *list);
/* Malloc'ed; NULL without memory, or where one is not UTF-8. */
char *il_json_of_texts(int count, const char *const *text);

#endif
