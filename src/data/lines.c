/* Lines of a file (see lines.h). */
#include "data/lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "io/io.h"

/* The sentence that the context has, which begins with the file, and before it the key that names the file. */
static il_status name_key(il_context *context, const char *key) {
  const il_status status = il_context_status(context);
  char sentence[1024];
  snprintf(sentence, sizeof sentence, "%s", il_context_message(context));
  il_context_clear(context);
  return il_fail(context, status, "%s: %s", key, sentence);
}

il_status il_lines_read(il_context *context, const char *key, const char *path, il_line each,
                        void *user) {
  FILE *file = il_open_file(context, path);
  if (!file) return name_key(context, key);
  char *line = NULL;
  size_t room = 0;
  ssize_t length;
  il_status status = IL_OK;
  errno = 0;
  for (int number = 1; !status && (length = getline(&line, &room, file)) >= 0; number++) {
    if (strlen(line) != (size_t)length) {
      status = il_fail(context, IL_ERROR_FORMAT, "%s:%d: the line has a zero byte", path, number);
      break;
    }
    while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r')) line[--length] = 0;
    if (*line && *line != '#') status = each(user, number, line);
  }
  if (!status && !feof(file))
    status = il_fail(context, IL_ERROR_FILE, "%s cannot be read: %s", path, strerror(errno));
  free(line);
  fclose(file);
  return status;
}
