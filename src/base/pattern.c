/* Patterns with * (see pattern.h). */
#include "base/pattern.h"

#include <string.h>

bool il_pattern_next(const char **at, il_pattern *p) {
  if (!**at) return false;
  *p = (il_pattern){.text = *at, .length = strcspn(*at, ","), .no = **at == '!'};
  *at += p->length;
  if (**at) ++*at;
  p->text += p->no;
  p->length -= p->no;
  return true;
}

/* On a mismatch the last * takes one more: an earlier one need never, so time is length times length at most. */
bool il_pattern_matches(const il_pattern *p, const char *name) {
  size_t at = 0, star = p->length; /* behind the last * */
  const char *taken = NULL;        /* the text up to here is the last *'s */
  while (*name) {
    if (at < p->length && p->text[at] == '*') {
      star = ++at;
      taken = name;
    } else if (at < p->length && p->text[at] == *name) {
      at++;
      name++;
    } else if (taken) {
      name = ++taken;
      at = star;
    } else {
      return false;
    }
  }
  while (at < p->length && p->text[at] == '*') at++;
  return at == p->length;
}
