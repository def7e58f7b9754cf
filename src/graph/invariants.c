/* The invariants of a graph as one list, each with its sentence. A violation is a bug of innerloop, or of
 * a patched operation table; builders and parser cannot make one. */
#include <string.h>

#include "graph/graph.h"
#include "graph/node.h"
#include "graph/shape.h"

static il_status violation(const il_graph *g, uint32_t id, const char *what) {
  const il_node *node = g->nodes[id];
  const char *name =
      node && node->op > IL_OP_NONE && node->op < IL_OP_COUNT ? g->ops[node->op]->name : "?";
  return il_fail(g->context, IL_ERROR_MISMATCH, "il_graph_check: value %%%u (%s): %s", id, name,
                 what);
}

static il_status check_links(const il_graph *g, uint32_t id) {
  const il_node *node = g->nodes[id];
  if (!node || node->op <= IL_OP_NONE || node->op >= IL_OP_COUNT || !g->ops[node->op])
    return violation(g, id, "unknown operation");
  const il_op_info *info = g->ops[node->op];
  if (info->arity >= 0 ? node->inputs != info->arity : node->inputs < 1)
    return violation(g, id, "wrong number of operands");
  for (int i = 0; i < node->inputs; i++)
    if (node->input[i].id == 0 || node->input[i].id >= id)
      return violation(g, id, "an operand does not come before it");
  if (node->origin >= id) return violation(g, id, "its origin does not come before it");
  if ((info->attr_size != 0) != (node->attr != NULL))
    return violation(g, id, "attributes missing or superfluous");
  if (!node->scope) return violation(g, id, "no scope");
  return IL_OK;
}

static il_status check_meaning(const il_graph *g, uint32_t id) {
  const il_node *node = g->nodes[id];
  if (!il_shape_valid(node->shape)) return violation(g, id, "invalid shape");
  if (node->op == IL_OP_INPUT) {
    int64_t index = ((const il_attr_input *)node->attr)->index;
    if (index < 0 || index >= g->input_count || g->inputs[index].value.id != id)
      return violation(g, id, "not in the list of inputs at its index");
    if (node->when == IL_AFTER)
      return violation(g, id, "an input that depends on a mean over tasks");
    return IL_OK;
  }
  /* Shape rules only read the graph; it is not const for their error sentences. */
  il_infer infer = {.graph = (il_graph *)(uintptr_t)g,
                    .info = g->ops[node->op],
                    .function = "il_graph_check",
                    .inputs = node->inputs,
                    .input = node->input,
                    .attr = node->attr,
                    .shape = node->shape,
                    .type = g->real};
  if (!infer.info->infer(&infer)) return violation(g, id, "its shape rule refuses it");
  if (infer.type != node->type) return violation(g, id, "its type is not what its rule says");
  if (!il_shape_equal(infer.shape, node->shape))
    return violation(g, id, "its shape is not what its rule says");
  il_when when;
  if (!il_node_when(infer.graph, "il_graph_check", node->op, node->inputs, node->input, &when))
    return violation(g, id, "it mixes stages");
  if (when != node->when) return violation(g, id, "its stage does not follow from its operands");
  return IL_OK;
}

il_status il_graph_check(const il_graph *g) {
  for (uint32_t id = 1; id <= g->size; id++) {
    il_status status = check_links(g, id);
    if (status == IL_OK) status = check_meaning(g, id);
    if (status == IL_OK && il_node_find(g, g->nodes[id]) != id)
      status = violation(g, id, "not interned, or an equal value exists");
    if (status != IL_OK) return status;
  }
  for (int i = 0; i < g->output_count; i++)
    if (g->outputs[i].value.id == 0 || g->outputs[i].value.id > g->size)
      return il_fail(g->context, IL_ERROR_MISMATCH, "il_graph_check: output \"%s\" is not a value",
                     g->outputs[i].name);
  return IL_OK;
}
