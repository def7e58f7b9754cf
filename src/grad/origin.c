/* Which forward value a derivative belongs to, as text. */
#include <innerloop/grad.h>
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
  int orders = 0; /* of derivation; few */
  const il_node *forward = node;
  for (; forward->origin; forward = g->nodes[forward->origin]) orders++;
  size_t at = append(text, size, 0, forward->scope ? forward->scope : "");
  for (int k = orders - 1; k >= 0; k--) { /* the first transform comes first */
    const il_node *n = node;
    for (int i = 0; i < k; i++) n = g->nodes[n->origin];
    at = append(text, size, at, n->direction == IL_REVERSE ? " · backward" : " · tangent");
  }
}
