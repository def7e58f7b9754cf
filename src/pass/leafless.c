/* A graph without its leaves, and of a loop and the same loop that keeps its states, which a derivative reads, only the
 * latter. Derivatives are made with leaves in place; what is planned needs none. Every node is
 * made again in the old order, through the one way to make nodes, so folding and interning see what the leaves
 * hid. Order counts: plans follow it. */
#include <innerloop/plan.h>
#include <string.h>

#include "graph/graph.h"
#include "graph/node.h"
#include "base/room.h"

static const char function[] = "il_graph_without_leaves";

/* What il_graph holds of nodes, taken out. Nodes themselves lie in the arena and stay alive. */
typedef struct il_nodes {
  il_node **nodes;
  uint32_t size, capacity, *table, table_size;
  il_hidden hidden;
} il_nodes;

static il_nodes take_nodes(il_graph *g) {
  const il_nodes taken = {g->nodes, g->size, g->capacity, g->table, g->table_size, g->hidden};
  g->nodes = NULL;
  g->table = NULL;
  g->size = g->capacity = g->table_size = 0;
  g->hidden = (il_hidden){0};
  return taken;
}

static void put_nodes(il_graph *g, const il_nodes *n) {
  il_release(g->nodes);
  il_release(g->table);
  il_hidden_free(&g->hidden);
  g->nodes = n->nodes;
  g->size = n->size;
  g->capacity = n->capacity;
  g->table = n->table;
  g->table_size = n->table_size;
  g->hidden = n->hidden;
}

/* Nodes that are made now carry scope and origin of the old one. */
static void stand_for(il_graph *g, const il_node *node, uint32_t origin) {
  g->scope = node->scope;
  g->origin = origin;
  g->direction = node->direction;
}

/* A needed loop that is the same but for keeping its states, of which `id` is the beginning; 0: none. */
static uint32_t twin_of(const il_graph *g, const il_nodes *old, const bool *needed, uint32_t id) {
  const il_node *node = old->nodes[id];
  if (node->op != IL_OP_LOOP) return 0;
  il_attr_loop attr = *(const il_attr_loop *)node->attr;
  if (attr.keeps || !needed[id]) return 0;
  attr.keeps = 1;
  for (uint32_t other = id + 1; other <= old->size; other++) {
    const il_node *t = old->nodes[other];
    if (t->op == IL_OP_LOOP && needed[other] && t->inputs == node->inputs &&
        !memcmp(t->attr, &attr, g->ops[IL_OP_LOOP]->attr_size) &&
        !memcmp(t->input, node->input, (size_t)node->inputs * sizeof *t->input))
      return other;
  }
  return 0;
}

static il_value make_twin(il_graph *g, const il_node *node, const il_node *twin,
                          const il_value *input) {
  const il_value all =
      il_node_make(g, function, twin->op, twin->inputs, input, twin->attr, twin->shape);
  return all.id ? il_slice(g, all, (const int64_t[]){0}, node->shape) : all;
}

/* now [size + 1] receives what each node has become; input [widest] is room for operands. */
static bool make_again(il_graph *g, const il_nodes *old, const bool *needed, il_value *now,
                       il_value *input) {
  for (uint32_t id = 1; id <= old->size; id++) {
    const il_node *node = old->nodes[id];
    for (int i = 0; i < node->inputs; i++) input[i] = now[node->input[i].id];
    stand_for(g, node, now[node->origin].id);
    const uint32_t twin = twin_of(g, old, needed, id);
    if (twin)
      now[id] = make_twin(g, node, old->nodes[twin], input);
    else if (node->op == IL_OP_LEAF)
      now[id] = input[0];
    else if (node->op == IL_OP_INPUT)
      now[id] = il_node_make_input(g, function, (int)((const il_attr_input *)node->attr)->index,
                                   node->type, node->when, node->shape);
    else
      now[id] = il_node_make(g, function, node->op, node->inputs, input, node->attr, node->shape);
    if (!now[id].id) return false;
  }
  return true;
}

/* What the outputs are made of. */
static void mark_needed(const il_graph *g, bool *needed) {
  for (int i = 0; i < g->output_count; i++) needed[g->outputs[i].value.id] = true;
  for (uint32_t id = g->size; id > 0; id--)
    for (int i = 0; needed[id] && i < g->nodes[id]->inputs; i++)
      needed[g->nodes[id]->input[i].id] = true;
}

/* The most operands of a node; leaves: whether there are any, or loops. */
static int widest(const il_graph *g, bool *leaves) {
  int most = 0;
  *leaves = false;
  for (uint32_t id = 1; id <= g->size; id++) {
    if (g->nodes[id]->inputs > most) most = g->nodes[id]->inputs;
    if (g->nodes[id]->op == IL_OP_LEAF || g->nodes[id]->op == IL_OP_LOOP) *leaves = true;
  }
  return most;
}

static void move_named(il_named *list, int count, const il_value *now) {
  for (int i = 0; i < count; i++) list[i].value = now[list[i].value.id];
}

il_status il_graph_without_leaves(il_graph *g) {
  if (il_context_status(g->context) != IL_OK) return il_context_status(g->context);
  bool leaves;
  const size_t operands = (size_t)widest(g, &leaves);
  if (!leaves) return IL_OK;
  il_value *now = il_new(g->context, (size_t)g->size + 1 + operands, sizeof *now);
  bool *needed = il_new(g->context, (size_t)g->size + 1, sizeof *needed);
  if (!now || !needed) {
    il_release(now);
    il_release(needed);
    return il_fail_memory(g->context, "a graph without leaves");
  }
  mark_needed(g, needed);
  const il_node before = {.scope = g->scope, .direction = g->direction};
  const uint32_t origin = g->origin;
  il_nodes old = take_nodes(g);
  const bool made = make_again(g, &old, needed, now, now + old.size + 1);
  if (made) {
    il_release(old.nodes);
    il_release(old.table);
    il_hidden_free(&old.hidden);
    move_named(g->inputs, g->input_count, now);
    move_named(g->outputs, g->output_count, now);
  } else {
    put_nodes(g, &old);
  }
  stand_for(g, &before, made ? now[origin].id : origin);
  il_release(now);
  il_release(needed);
  return il_context_status(g->context);
}
