/* How nodes come to be: operands checked, shape rule, folding, interning. Nodes are immutable and live in
 * the graph's arena. The intern table is open addressing over node ids, at most half full. */
#include "graph/node.h"

#include <string.h>

#include "graph/shape.h"
#include "base/room.h"

bool il_node_operands(il_graph *g, const char *function, int inputs, const il_value *input) {
  for (int i = 0; i < inputs; i++) {
    if (input[i].id >= 1 && input[i].id <= g->size) continue;
    if (input[i].id == 0)
      il_fail(g->context, IL_ERROR_ARGUMENT, "%s: operand %d is not a value", function, i + 1);
    else
      il_fail(g->context, IL_ERROR_ARGUMENT,
              "%s: operand %d is value %u, but the graph has only %u values", function, i + 1,
              input[i].id, g->size);
    return false;
  }
  return true;
}

bool il_node_when(il_graph *g, const char *function, il_op op, int inputs, const il_value *input,
                  il_when *when) {
  int task = -1, after = -1;
  for (int i = 0; i < inputs; i++) {
    il_when at = g->nodes[input[i].id]->when;
    if (at == IL_PER_TASK) task = i;
    if (at == IL_AFTER) after = i;
  }
  if (task >= 0 && after >= 0) {
    il_fail(
        g->context, IL_ERROR_STAGE,
        "%s: operand %d is a value per task, but operand %d is known only after a mean over tasks",
        function, task + 1, after + 1);
    return false;
  }
  if (il_op_averages(op)) {
    if (task < 0) {
      il_fail(g->context, IL_ERROR_STAGE, "%s: operand 1 is a shared value, expected one per task",
              function);
      return false;
    }
    *when = IL_AFTER;
    return true;
  }
  *when = after >= 0 ? IL_AFTER : task >= 0 ? IL_PER_TASK : IL_BEFORE;
  return true;
}

static uint64_t mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
  return hash ^ hash >> 32;
}

static uint64_t hash_of(const il_graph *g, const il_node *node) {
  uint64_t hash = mix((uint64_t)node->op, (uint64_t)node->type);
  hash = mix(hash, (uint64_t)node->shape.rank);
  for (int i = 0; i < node->shape.rank; i++) hash = mix(hash, (uint64_t)node->shape.dim[i]);
  for (int i = 0; i < node->inputs; i++) hash = mix(hash, node->input[i].id);
  const char *attr = node->attr;
  for (size_t at = 0, size = attr ? g->ops[node->op]->attr_size : 0; at < size; at += 8) {
    uint64_t word = 0;
    memcpy(&word, attr + at, size - at < 8 ? size - at : 8);
    hash = mix(hash, word);
  }
  return hash;
}

static bool same(const il_graph *g, const il_node *a, const il_node *b) {
  if (a->op != b->op || a->type != b->type || a->inputs != b->inputs) return false;
  if (!il_shape_equal(a->shape, b->shape)) return false;
  for (int i = 0; i < a->inputs; i++)
    if (a->input[i].id != b->input[i].id) return false;
  if (!a->attr || !b->attr) return a->attr == b->attr;
  return memcmp(a->attr, b->attr, g->ops[a->op]->attr_size) == 0;
}

/* The slot of an equal node, or the free slot where it belongs. table_size is a power of two. */
static uint32_t slot_of(const il_graph *g, const il_node *node) {
  uint32_t mask = g->table_size - 1, slot = (uint32_t)hash_of(g, node) & mask;
  while (g->table[slot] && !same(g, g->nodes[g->table[slot]], node)) slot = (slot + 1) & mask;
  return slot;
}

uint32_t il_node_find(const il_graph *g, const il_node *node) {
  return g->table_size ? g->table[slot_of(g, node)] : 0;
}

static bool make_room(il_graph *g) {
  if (g->size + 1 >= g->capacity) {
    if (g->capacity > UINT32_MAX / 4) {
      il_fail(g->context, IL_ERROR_UNSUPPORTED, "a graph has at most %u values", g->capacity);
      return false;
    }
    uint32_t capacity = g->capacity ? g->capacity * 2 : 256;
    il_node **nodes = il_grow(g->context, g->nodes, capacity * sizeof *nodes);
    if (!nodes) goto memory;
    nodes[0] = NULL;
    g->nodes = nodes;
    g->capacity = capacity;
  }
  if (g->table_size < 2 * (g->size + 1)) {
    uint32_t size = g->table_size ? g->table_size * 2 : 1024;
    uint32_t *table = il_new(g->context, size, sizeof *table);
    if (!table) goto memory;
    il_release(g->table);
    g->table = table;
    g->table_size = size;
    for (uint32_t id = 1; id <= g->size; id++) g->table[slot_of(g, g->nodes[id])] = id;
  }
  return true;
memory:
  il_fail_memory(g->context, "a graph node");
  return false;
}

/* Copies the node, its operands and attributes into the arena; the id of an equal one if there is. */
static il_value intern(il_graph *g, const il_node *made) {
  if (!make_room(g)) return (il_value){0};
  uint32_t slot = slot_of(g, made);
  if (g->table[slot]) return (il_value){g->table[slot]};
  size_t attr_size = made->attr ? g->ops[made->op]->attr_size : 0;
  il_node *node = il_arena_alloc(&g->arena, sizeof *node);
  il_value *input = il_arena_alloc(&g->arena, (size_t)made->inputs * sizeof *input);
  void *attr = attr_size ? il_arena_alloc(&g->arena, attr_size) : NULL;
  if (!node || !input || (attr_size && !attr)) {
    il_fail_memory(g->context, "a graph node");
    return (il_value){0};
  }
  *node = *made;
  if (made->inputs) memcpy(input, made->input, (size_t)made->inputs * sizeof *input);
  if (attr_size) memcpy(attr, made->attr, attr_size);
  node->input = input;
  node->attr = attr;
  node->scope = g->scope;
  node->origin = g->origin;
  node->direction = g->direction;
  g->nodes[++g->size] = node;
  g->table[slot] = g->size;
  return (il_value){g->size};
}

static bool check_shape(il_graph *g, const char *function, il_shape shape) {
  if (il_shape_valid(shape)) return true;
  char text[96];
  il_fail(g->context, IL_ERROR_SHAPE,
          "%s: shape %s, expected rank 0 to %d, dimensions of at least 1 and at most 2^%d elements",
          function, il_shape_text(shape, text), IL_MAX_RANK, IL_MAX_COUNT_BITS);
  return false;
}

/* Unused dimensions are zero, so that shapes may be copied and compared as they are. */
static il_shape trimmed(il_shape shape) {
  for (int i = shape.rank; i < IL_MAX_RANK; i++) shape.dim[i] = 0;
  return shape;
}

il_value il_node_make_input(il_graph *g, const char *function, int index, il_type type,
                            il_when when, il_shape shape) {
  if (!check_shape(g, function, shape)) return (il_value){0};
  il_attr_input attr;
  memset(&attr, 0, sizeof attr);
  attr.index = index;
  il_node made = {
      .op = IL_OP_INPUT, .type = type, .when = when, .shape = trimmed(shape), .attr = &attr};
  return intern(g, &made);
}

/* By which operands of a commutative operation are sorted: a leaf stands where its value stands, so that a graph
 * rebuilt without leaves has its nodes in the order of one that never had any. */
static uint32_t place_of(const il_graph *g, il_value v) {
  while (g->nodes[v.id]->op == IL_OP_LEAF) v = g->nodes[v.id]->input[0];
  return v.id;
}

static bool stands_behind(const il_graph *g, il_value a, il_value b) {
  const uint32_t x = place_of(g, a), y = place_of(g, b);
  return x != y ? x > y : a.id > b.id;
}

il_value il_node_make(il_graph *g, const char *function, il_op op, int inputs,
                      const il_value *input, const void *attr, il_shape shape) {
  const il_op_info *info = g->ops[op];
  if (!il_node_operands(g, function, inputs, input)) return (il_value){0};
  if (info->arity >= 0 ? inputs != info->arity : inputs < 1) {
    il_fail(g->context, IL_ERROR_ARGUMENT, "%s: %d operands, expected %s%d", function, inputs,
            info->arity < 0 ? "at least " : "", info->arity < 0 ? 1 : info->arity);
    return (il_value){0};
  }
  if (!check_shape(g, function, shape)) return (il_value){0};
  il_infer infer = {.graph = g,
                    .info = info,
                    .function = function,
                    .inputs = inputs,
                    .input = input,
                    .attr = attr,
                    .shape = trimmed(shape),
                    .type = g->real};
  if (!info->infer(&infer) || !check_shape(g, function, infer.shape)) return (il_value){0};
  infer.shape = trimmed(infer.shape);
  il_when when;
  if (!il_node_when(g, function, op, inputs, input, &when)) return (il_value){0};
  if (info->fold && !g->no_fold) {
    il_value folded = il_node_fold(g, &infer);
    if (folded.id) return folded;
  }
  il_value sorted[2];
  if ((info->flags & IL_FLAG_COMMUTATIVE) && inputs == 2 && stands_behind(g, input[0], input[1])) {
    sorted[0] = input[1];
    sorted[1] = input[0];
    input = sorted;
  }
  il_node made = {.op = op,
                  .type = infer.type,
                  .when = when,
                  .inputs = inputs,
                  .input = input,
                  .shape = infer.shape,
                  .attr = info->attr_size ? attr : NULL};
  return intern(g, &made);
}

bool il_is_constant(const il_graph *g, il_value v, double *number) {
  const il_node *node = il_node_of(g, v);
  if (!node || node->op != IL_OP_CONSTANT) return false;
  *number = ((const il_attr_constant *)node->attr)->number;
  return true;
}
