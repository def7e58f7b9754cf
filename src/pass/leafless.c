/* A graph without its leaves. Derivatives are made with leaves in place; what is planned needs none. Every node is
 * made again in the old order, through the one way to make nodes, so folding and interning see what the leaves
 * hid. Order counts: plans follow it. */
#include <innerloop/plan.h>

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

/* now [size + 1] receives what each node has become; input [widest] is room for operands. */
static bool make_again(il_graph *g, const il_nodes *old, il_value *now, il_value *input) {
  for (uint32_t id = 1; id <= old->size; id++) {
    const il_node *node = old->nodes[id];
    for (int i = 0; i < node->inputs; i++) input[i] = now[node->input[i].id];
    stand_for(g, node, now[node->origin].id);
    if (node->op == IL_OP_LEAF)
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

/* The most operands of a node; leaves: whether there are any. */
static int widest(const il_graph *g, bool *leaves) {
  int most = 0;
  *leaves = false;
  for (uint32_t id = 1; id <= g->size; id++) {
    if (g->nodes[id]->inputs > most) most = g->nodes[id]->inputs;
    if (g->nodes[id]->op == IL_OP_LEAF) *leaves = true;
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
  if (!now) return il_fail_memory(g->context, "a graph without leaves");
  const il_node before = {.scope = g->scope, .direction = g->direction};
  const uint32_t origin = g->origin;
  il_nodes old = take_nodes(g);
  const bool made = make_again(g, &old, now, now + old.size + 1);
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
  return il_context_status(g->context);
}
