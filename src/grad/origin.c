/* Which forward value a derivative belongs to, as text. */
#include <stdio.h>

#include "graph/graph.h"

static size_t append(char *text, size_t size, size_t at, const char *part) {
  if (at >= size) return at;
  const int n = snprintf(text + at, size - at, "%s", part);
  return n > 0 ? at + (size_t)n : at;
}

void il_value_origin(const il_graph *g, il_value value, char *text, size_t size) {
  if (size == 0) return;
  text[0] = 0;
  const il_node *node = il_node_of(g, value);
  if (!node) return;
  size_t at = append(text, size, 0, node->scope ? node->scope : "");
  for (; node->origin; node = g->nodes[node->origin])
    at = append(text, size, at, node->direction == IL_REVERSE ? " · backward" : " · tangent");
}
