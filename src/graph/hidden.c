/* What folding hid. A fold that goes by the DEFINITION of a value, such as b + v with v = −a made b − a, gives a
 * result in which v no longer stands: right as a function of a, but not as one of v. Folds note each value whose
 * definition they use (il_fold_opens); here is kept which results hide which values, so that nobody differentiates by
 * them unknowingly. Inputs and leaves have no definition, so nothing hides them; any constant may be hidden. */

#include "graph/fold.h"
#include "graph/node.h"
#include "base/room.h"

/* Room for one more; false: reported. */
static bool grow(il_graph *g, void **list, uint32_t count, uint32_t *capacity, size_t size) {
  if (count < *capacity) return true;
  const uint32_t larger = *capacity ? 2 * *capacity : 64;
  void *grown = il_grow(g->context, *list, larger * size);
  if (!grown) {
    il_fail_memory(g->context, "what folding hides");
    return false;
  }
  *list = grown;
  *capacity = larger;
  return true;
}

void il_fold_opens(il_graph *g, il_value v) {
  il_hidden *h = &g->hidden;
  if (grow(g, (void **)&h->opened, h->opens, &h->open_capacity, sizeof *h->opened))
    h->opened[h->opens++] = v;
}

void il_hide(il_graph *g, il_value result, il_value v) {
  il_hidden *h = &g->hidden;
  if (result.id == v.id) return;
  if (!grow(g, (void **)&h->pairs, h->count, &h->capacity, sizeof *h->pairs)) return;
  h->pairs[h->count++] = (il_hides){result, v};
  g->nodes[result.id]->hides = true;
}

void il_hidden_free(il_hidden *h) {
  il_release(h->opened);
  il_release(h->pairs);
  *h = (il_hidden){0};
}

il_value il_node_fold(il_graph *g, const il_infer *made) {
  il_hidden *h = &g->hidden;
  const uint32_t before = h->opens;
  h->depth++;
  const il_value folded = made->info->fold(g, made);
  h->depth--;
  /* What folds within this one opened is hidden by its result as well: the list is kept until the outermost. */
  for (uint32_t i = before; folded.id && i < h->opens; i++) il_hide(g, folded, h->opened[i]);
  double number;
  for (int i = 0; folded.id && i < made->inputs; i++) /* any fold may go by a constant's number */
    if (g->nodes[made->input[i].id]->hides && il_is_constant(g, made->input[i], &number))
      il_hide(g, folded, made->input[i]);
  if (!folded.id || h->depth == 0) h->opens = before;
  return folded;
}

void il_hidden_mark(const il_graph *g, bool *hidden) {
  for (uint32_t i = 0; i < g->hidden.count; i++) hidden[g->hidden.pairs[i].v.id] = true;
}

void il_hiding_mark(const il_graph *g, il_value v, bool *hiding) {
  for (bool more = true; more;) {
    more = false;
    for (uint32_t i = 0; i < g->hidden.count; i++) {
      const il_hides *p = &g->hidden.pairs[i];
      if (hiding[p->result.id] || p->result.id == v.id || (p->v.id != v.id && !hiding[p->v.id]))
        continue;
      hiding[p->result.id] = more = true;
    }
    for (uint32_t id = 1; more && id <= g->size; id++) {
      const il_node *node = g->nodes[id];
      for (int i = 0; id != v.id && i < node->inputs; i++)
        if (hiding[node->input[i].id]) hiding[id] = true;
    }
  }
}
