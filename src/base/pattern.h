/* Lists of patterns that name things: comma between, * for any text, ! in front for all others. */
#ifndef IL_BASE_PATTERN_H
#define IL_BASE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

/* One element of a list: [!]pattern. */
typedef struct il_pattern {
  const char *text;
  size_t length;
  bool no;
} il_pattern;

/* The element at *at, which moves behind it. False: there is none left. */
bool il_pattern_next(const char **at, il_pattern *pattern);
bool il_pattern_matches(const il_pattern *pattern, const char *name);

#endif
