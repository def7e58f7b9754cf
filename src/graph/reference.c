/* The plain interpreter: node after node, each by its own reference loop. It defines what a graph means. */
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"

typedef struct il_mean_parts {
  uint32_t node;
  char *parts; /* [tasks, bytes] */
  size_t bytes;
} il_mean_parts;

struct il_reference {
  const il_graph *g;
  const il_bindings *bindings;
  bool *needed;
  void **value; /* [size + 1], owned but for inputs */
  il_mean_parts *means;
  int mean_count;
};

void il_reference_free(il_reference *r) {
  if (!r) return;
  for (uint32_t id = 1; r->value && id <= r->g->size; id++)
    if (r->g->nodes[id]->op != IL_OP_INPUT) free(r->value[id]);
  for (int i = 0; i < r->mean_count; i++) free(r->means[i].parts);
  free(r->means);
  free(r->needed);
  free(r->value);
  free(r);
}

static bool allocate(il_reference *r) {
  const il_graph *g = r->g;
  r->needed = calloc((size_t)g->size + 1, sizeof *r->needed);
  r->value = calloc((size_t)g->size + 1, sizeof *r->value);
  r->means = calloc((size_t)g->size + 1, sizeof *r->means);
  if (!r->needed || !r->value || !r->means) return false;
  for (int i = 0; i < g->output_count; i++) r->needed[g->outputs[i].value.id] = true;
  for (uint32_t id = g->size; id > 0; id--)
    for (int i = 0; r->needed[id] && i < g->nodes[id]->inputs; i++)
      r->needed[g->nodes[id]->input[i].id] = true;
  for (uint32_t id = 1; id <= g->size; id++) {
    const il_node *node = g->nodes[id];
    if (!r->needed[id] || node->op == IL_OP_INPUT) continue;
    if (!(r->value[id] = malloc(il_node_bytes(node) + 1))) return false;
    if (node->op == IL_OP_TASK_PRODUCT) memset(r->value[id], 0, il_node_bytes(node));
    if (node->op != IL_OP_TASK_MEAN) continue;
    il_mean_parts *mean = &r->means[r->mean_count++];
    *mean = (il_mean_parts){id, calloc((size_t)r->bindings->tasks, il_node_bytes(node)),
                            il_node_bytes(node)};
    if (!mean->parts) return false;
  }
  return true;
}

il_reference *il_reference_new(const il_graph *g, const il_bindings *bindings) {
  if (bindings->tasks < 1) {
    il_fail(g->context, IL_ERROR_ARGUMENT,
            "the reference interpreter: found %d tasks, expected at least 1", bindings->tasks);
    return NULL;
  }
  il_reference *r = calloc(1, sizeof *r);
  if (r) {
    r->g = g;
    r->bindings = bindings;
    if (allocate(r)) return r;
  }
  il_reference_free(r);
  il_fail_memory(g->context, "the reference interpreter");
  return NULL;
}

static void bind_inputs(il_reference *r, int task) {
  for (int i = 0; i < r->g->input_count; i++) {
    const uint32_t id = r->g->inputs[i].value.id;
    const il_node *node = r->g->nodes[id];
    const size_t offset = node->when == IL_PER_TASK ? il_node_bytes(node) * (size_t)task : 0;
    const char *data = (const char *)r->bindings->inputs[i] + offset;
    memcpy(&r->value[id], &data, sizeof data); /* inputs are only read */
  }
}

/* Runs the plain loops of a stage's nodes, or, with `averages`, of those that lead out of it. */
static il_status compute(il_reference *r, il_when when, bool averages) {
  const il_graph *g = r->g;
  for (uint32_t id = 1; id <= g->size; id++) {
    const il_node *node = g->nodes[id];
    if (!r->needed[id] || node->op == IL_OP_INPUT || node->op == IL_OP_TASK_MEAN) continue;
    if (averages ? node->op != IL_OP_TASK_PRODUCT
                 : node->when != when || node->op == IL_OP_TASK_PRODUCT)
      continue;
    const void **in = malloc(((size_t)node->inputs + 1) * sizeof *in);
    if (!in) return il_fail_memory(g->context, "the operands of a node");
    for (int i = 0; i < node->inputs; i++) in[i] = r->value[node->input[i].id];
    g->ops[node->op]->reference(g, node, in, r->value[id]);
    free(in);
  }
  return IL_OK;
}

il_status il_reference_before(il_reference *r) {
  bind_inputs(r, 0);
  return compute(r, IL_BEFORE, false);
}

static void store_outputs(il_reference *r, int task) {
  for (int i = 0; i < r->g->output_count; i++) {
    const uint32_t id = r->g->outputs[i].value.id;
    const il_node *node = r->g->nodes[id];
    const bool per_task = node->when == IL_PER_TASK;
    if (per_task != (task >= 0)) continue;
    memcpy((char *)r->bindings->outputs[i] + (per_task ? il_node_bytes(node) * (size_t)task : 0),
           r->value[id], il_node_bytes(node));
  }
}

il_status il_reference_task(il_reference *r, int task) {
  bind_inputs(r, task);
  il_status status = compute(r, IL_PER_TASK, false);
  if (status == IL_OK) status = compute(r, IL_PER_TASK, true);
  for (int i = 0; i < r->mean_count; i++) {
    const il_mean_parts *mean = &r->means[i];
    memcpy(mean->parts + mean->bytes * (size_t)task, r->value[r->g->nodes[mean->node]->input[0].id],
           mean->bytes);
  }
  store_outputs(r, task);
  return status;
}

/* Neighbours first, level by level; an odd last one passes up. */
static void finish_mean(const il_reference *r, const il_mean_parts *mean) {
  const int tasks = r->bindings->tasks;
  const bool wide = r->g->real == IL_FLOAT64;
  const size_t count = mean->bytes / il_type_size(r->g->real);
  for (int step = 1; step < tasks; step *= 2)
    for (int i = 0; i + step < tasks; i += 2 * step)
      for (size_t k = 0; k < count; k++)
        if (wide)
          ((double *)(void *)mean->parts)[(size_t)i * count + k] +=
              ((double *)(void *)mean->parts)[(size_t)(i + step) * count + k];
        else
          ((float *)(void *)mean->parts)[(size_t)i * count + k] +=
              ((float *)(void *)mean->parts)[(size_t)(i + step) * count + k];
  for (size_t k = 0; k < count; k++)
    if (wide)
      ((double *)r->value[mean->node])[k] = ((double *)(void *)mean->parts)[k] / tasks;
    else
      ((float *)r->value[mean->node])[k] = ((float *)(void *)mean->parts)[k] / (float)tasks;
}

static void finish_product(const il_reference *r, uint32_t id) {
  const int64_t count = il_shape_count(r->g->nodes[id]->shape);
  for (int64_t k = 0; k < count; k++)
    if (r->g->real == IL_FLOAT64)
      ((double *)r->value[id])[k] /= r->bindings->tasks;
    else
      ((float *)r->value[id])[k] /= (float)r->bindings->tasks;
}

il_status il_reference_after(il_reference *r) {
  for (int i = 0; i < r->mean_count; i++) finish_mean(r, &r->means[i]);
  for (uint32_t id = 1; id <= r->g->size; id++)
    if (r->needed[id] && r->g->nodes[id]->op == IL_OP_TASK_PRODUCT) finish_product(r, id);
  const il_status status = compute(r, IL_AFTER, false);
  store_outputs(r, -1);
  return status;
}

const void *il_reference_value(const il_reference *r, il_value v) {
  return r->needed[v.id] ? r->value[v.id] : NULL;
}

il_status il_reference_run(const il_graph *g, const il_bindings *bindings) {
  if (il_context_status(g->context) != IL_OK) return il_context_status(g->context);
  il_reference *r = il_reference_new(g, bindings);
  if (!r) return il_context_status(g->context);
  il_status status = il_reference_before(r);
  for (int task = 0; task < bindings->tasks && status == IL_OK; task++)
    status = il_reference_task(r, task);
  if (status == IL_OK) status = il_reference_after(r);
  il_reference_free(r);
  return status;
}
