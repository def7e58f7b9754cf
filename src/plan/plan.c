/* Builds a plan: items in order, a place for every value, a kernel for every call. */
#include <stdlib.h>
#include <string.h>

#include "kernels/lanes.h"
#include "plan/plan.h"
#include "plan/program.h"

typedef struct il_builder {
  il_plan *plan;
  const il_graph *g;
  il_schedule s;
  il_place *place;       /* [size + 1], by root */
  bool *placed;          /* [size + 1] */
  int64_t *first, *last; /* [size + 1] life of a root within its arena's time */
  int64_t *time;         /* [items] */
  int64_t
      before_count; /* items before the tasks: the tasks are one instant of the shared arena's time */
  bool reference, direct; /* of the options */
} il_builder;

static const int64_t FOREVER = INT64_MAX;

static const il_node *node_at(const il_builder *b, uint32_t id) { return b->g->nodes[id]; }

/* A task input is copied into lanes at the start of the tasks' calls: it lies like what they compute. */
static bool is_lane_input(const il_builder *b, uint32_t id) {
  const il_node *node = node_at(b, id);
  return b->plan->lanes > 1 && node->op == IL_OP_INPUT && node->when == IL_PER_TASK;
}

static bool is_task_mean(const il_builder *b, const il_item *item) {
  return item->node && node_at(b, item->node)->op == IL_OP_TASK_MEAN;
}

static bool is_product(const il_builder *b, const il_item *item) {
  return item->node && node_at(b, item->node)->op == IL_OP_TASK_PRODUCT;
}

/* Node ids whose memory an item reads. */
static int reads(const il_builder *b, const il_item *item, uint32_t *root) {
  int count = 0;
  if (item->node) {
    const il_node *node = node_at(b, item->node);
    for (int i = 0; i < node->inputs; i++) root[count++] = b->s.root[node->input[i].id];
    return count;
  }
  for (int i = 0; item->product && i < 2; i++)
    root[count++] = b->s.root[node_at(b, item->product)->input[i].id];
  for (int i = 0; i < item->operands; i++) {
    il_tile_mode mode;
    root[count++] = il_operand_base(&b->s, item, i, &mode);
  }
  return count;
}

static void set_times(il_builder *b) {
  int64_t count[3] = {0};
  for (int i = 0; i < b->s.count; i++) b->time[i] = count[b->s.items[i]->when]++;
  b->before_count = count[IL_BEFORE];
  for (int i = 0; i < b->s.count; i++)
    if (b->s.items[i]->when == IL_AFTER) b->time[i] += b->before_count + 1;
}

static void touch(il_builder *b, uint32_t root, il_when reader, int64_t time) {
  const il_when when = node_at(b, root)->when;
  if (when == IL_BEFORE && reader == IL_PER_TASK) time = b->before_count;
  if (when == IL_PER_TASK && reader == IL_AFTER) time = FOREVER;
  if (time > b->last[root]) b->last[root] = time;
}

static void set_lives(il_builder *b) {
  for (int i = 0; i < b->s.count; i++) {
    const il_item *item = b->s.items[i];
    if (item->node) b->first[item->node] = b->last[item->node] = b->time[i];
    for (int k = 0; k < item->members; k++)
      if (il_leaves(&b->s, item, item->member[k]))
        b->first[item->member[k]] = b->last[item->member[k]] = b->time[i];
    for (int k = 0; k < item->sums; k++)
      b->first[item->sum[k]] = b->last[item->sum[k]] = b->time[i];
  }
  for (int i = 0; i < b->g->input_count; i++) /* before all calls */
    b->first[b->g->inputs[i].value.id] = b->last[b->g->inputs[i].value.id] = -1;
  for (int i = 0; i < b->s.count; i++) {
    const il_item *item = b->s.items[i];
    uint32_t root[IL_CALL_MAX_INS];
    const int count = reads(b, item, root);
    for (int k = 0; k < count; k++) touch(b, root[k], item->when, b->time[i]);
  }
  for (int i = 0; i < b->g->output_count; i++)
    b->last[b->s.root[b->g->outputs[i].value.id]] = FOREVER;
}

static void put(il_builder *b, uint32_t root, int slot, size_t offset) {
  b->place[root] = (il_place){slot, offset};
  b->placed[root] = true;
}

static int output_slot(const il_builder *b, int i) {
  return IL_SLOT_INPUTS + b->g->input_count + i;
}

static bool has_memory(const il_builder *b, uint32_t id) {
  if (is_lane_input(b, id)) return true;
  const int item = b->s.item_of[id];
  return item >= 0 &&
         (b->s.items[item]->node == id || b->s.leaves[id] || node_at(b, id)->op == IL_OP_SUM);
}

/* Everything that has a fixed place: inputs, outputs written directly, contributions to the means. */
static void place_fixed(il_builder *b) {
  il_plan *plan = b->plan;
  for (int i = 0; i < b->g->input_count; i++)
    if (!is_lane_input(b, b->g->inputs[i].value.id))
      put(b, b->g->inputs[i].value.id, IL_SLOT_INPUTS + i, 0);
  for (int i = 0; i < b->g->output_count; i++) {
    const uint32_t root = b->s.root[b->g->outputs[i].value.id];
    if (b->placed[root] || node_at(b, root)->op == IL_OP_TASK_MEAN) continue;
    if (plan->lanes == 1 || node_at(b, root)->when != IL_PER_TASK)
      put(b, root, output_slot(b, i), 0);
  }
  for (int i = 0; i < b->s.count; i++) {
    const il_item *item = b->s.items[i];
    const il_node *node = node_at(b, item->node);
    for (int k = 0; is_product(b, item) && k < node->inputs; k++) {
      const uint32_t root = b->s.root[node->input[k].id];
      if (b->placed[root]) continue;
      put(b, root, IL_SLOT_ROWS, plan->row_bytes);
      plan->row_bytes += il_aligned(il_node_bytes(node_at(b, root)));
    }
  }
  for (int i = 0; i < b->s.count; i++) {
    const il_item *item = b->s.items[i];
    if (!is_task_mean(b, item)) continue;
    const uint32_t root = b->s.root[node_at(b, item->node)->input[0].id];
    put(b, item->node, IL_SLOT_MEANS, plan->mean_bytes);
    if (!b->placed[root]) put(b, root, IL_SLOT_LEAF, plan->mean_bytes * (size_t)plan->lanes);
    plan->mean_bytes += il_aligned(il_node_bytes(node_at(b, item->node)));
  }
}

static bool place_arena(il_builder *b, bool task) {
  il_buffer *buffer = calloc((size_t)b->g->size + 1, sizeof *buffer);
  int64_t *order = calloc((size_t)b->g->size + 1, sizeof *order);
  if (!buffer || !order) {
    free(buffer);
    free(order);
    return false;
  }
  int64_t count = 0;
  for (uint32_t id = 1; id <= b->g->size; id++) {
    if (!b->s.needed[id] || b->placed[id] || !has_memory(b, id)) continue;
    if ((node_at(b, id)->when == IL_PER_TASK) != task) continue;
    buffer[count++] =
        (il_buffer){.node = id,
                    .bytes = il_node_bytes(node_at(b, id)) * (task ? (size_t)b->plan->lanes : 1),
                    .first = b->first[id],
                    .last = b->last[id]};
  }
  b->plan->arena_bytes[task ? 1 : 0] = il_memory_place(count, buffer, order);
  for (int64_t i = 0; i < count; i++)
    put(b, buffer[i].node, task ? IL_SLOT_TASK : IL_SLOT_SHARED, buffer[i].offset);
  free(buffer);
  free(order);
  return true;
}

/* posed: the problem is one that kernels know. */
static bool choose(il_builder *b, il_call *call, bool posed) {
  call->kernel = NULL;
  if (call->lanes)
    il_lanes_choose(b->plan->kernels, call, posed);
  else if (posed)
    call->kernel = il_kernel_select(b->plan->kernels, &call->problem);
  const il_kernel *kernel = call->kernel;
  size_t scratch = call->each ? il_lanes_scratch(b->g, call) : 0;
  if (!kernel) {
    if (scratch > b->plan->scratch_bytes) b->plan->scratch_bytes = scratch;
    return true;
  }
  call->kind = IL_CALL_KERNEL;
  const size_t table = kernel->table ? kernel->table(&call->problem) : 0;
  if (table) {
    void *memory = il_arena_alloc(&b->plan->arena, table);
    if (!memory) return false;
    kernel->prepare(&call->problem, memory);
    call->table = memory;
  }
  if (kernel->scratch) scratch += il_aligned(kernel->scratch(&call->problem));
  if (scratch > b->plan->scratch_bytes) b->plan->scratch_bytes = scratch;
  return true;
}

static bool operands(il_builder *b, il_call *call, int ins, const uint32_t *in, int outs,
                     const uint32_t *out) {
  il_arena *arena = &b->plan->arena;
  call->lanes = b->plan->lanes > 1 && node_at(b, call->node)->when == IL_PER_TASK;
  il_place *place = il_arena_alloc(arena, (size_t)(ins + outs) * sizeof *place);
  uint32_t *node = il_arena_alloc(arena, (size_t)(ins + outs) * sizeof *node);
  if (!place || !node) return false;
  for (int i = 0; i < ins; i++) {
    place[i] = b->place[b->s.root[in[i]]];
    node[i] = in[i];
    if (call->lanes && node_at(b, in[i])->when != IL_PER_TASK) call->shared |= (uint64_t)1 << i;
  }
  for (int i = 0; i < outs; i++) {
    place[ins + i] = b->place[out[i]];
    node[ins + i] = out[i];
  }
  call->ins = ins;
  call->outs = outs;
  call->in = place;
  call->out = place + ins;
  call->in_node = node;
  call->out_node = node + ins;
  return true;
}

static bool group_call(il_builder *b, const il_item *item, il_call *call) {
  il_compiled c;
  if (!il_program_compile(&b->s, item, &b->plan->arena, &c)) return false;
  call->node = item->member[item->members - 1];
  call->problem = (il_problem){.op = IL_OP_NONE, .type = b->g->real, .tile = c.program};
  return operands(b, call, c.program->operands, c.operand_base, c.program->results,
                  c.result_node) &&
         choose(b, call, true);
}

/* A group that makes a product. */
static bool accumulating_call(il_builder *b, const il_item *item, il_call *call) {
  const il_node *product = node_at(b, item->product);
  il_tile_mode mode;
  const uint32_t in[3] = {product->input[0].id, product->input[1].id,
                          il_operand_base(&b->s, item, 0, &mode)};
  il_problem_of(b->g, product, &call->problem);
  call->problem.matmul.scale = item->scale;
  call->node = item->member[0];
  return operands(b, call, 3, in, 1, &call->node) && choose(b, call, true);
}

static bool convolves(il_op op) {
  return op == IL_OP_CONV2D || op == IL_OP_CONV2D_TRANSPOSE || op == IL_OP_CONV2D_WEIGHT;
}

static bool single_call(il_builder *b, const il_item *item, il_call *call) {
  const il_node *node = node_at(b, item->node);
  uint32_t in[IL_CALL_MAX_INS];
  for (int i = 0; i < node->inputs; i++) in[i] = node->input[i].id;
  call->node = item->node;
  call->kind = IL_CALL_REFERENCE;
  if (!operands(b, call, node->inputs, in, 1, &item->node)) return false;
  const bool posed = !b->reference && il_problem_of(b->g, node, &call->problem);
  call->problem.direct = b->direct && convolves(node->op);
  return choose(b, call, posed);
}

/* How far one task's operand lies from the next's. */
static int64_t task_stride(const il_builder *b, uint32_t root) {
  const size_t bytes =
      b->place[root].slot == IL_SLOT_ROWS ? b->plan->row_bytes : il_node_bytes(node_at(b, root));
  return (int64_t)(bytes / il_type_size(b->g->real));
}

/* Its table says how to walk through the tasks; the rest of it is filled in when it runs. */
static bool product_call(il_builder *b, const il_item *item, il_call *call) {
  const il_node *node = node_at(b, item->node);
  il_product_span *span = il_arena_alloc(&b->plan->arena, sizeof *span);
  if (!single_call(b, item, call) || !span) return false;
  for (int i = 0; i < node->inputs; i++)
    span->stride[i] = task_stride(b, b->s.root[node->input[i].id]);
  call->kind = IL_CALL_PRODUCT;
  b->plan->products = true;
  call->table = span;
  return true;
}

static bool copy_call(il_builder *b, il_call_kind kind, uint32_t root, il_place from, il_place to) {
  il_call_list *list = &b->plan->list[node_at(b, root)->when];
  il_call *call = &list->call[list->count++];
  call->kind = kind;
  call->node = root;
  call->bytes = il_node_bytes(node_at(b, root));
  if (kind == IL_CALL_COPY && node_at(b, root)->when == IL_PER_TASK)
    call->bytes *= (size_t)b->plan->lanes;
  if (!operands(b, call, 1, &root, 1, &root)) return false;
  ((il_place *)call->in)[0] = from; /* the arrays were made a line above */
  ((il_place *)call->out)[0] = to;
  return true;
}

static bool make_calls(il_builder *b) {
  il_plan *plan = b->plan;
  int64_t count[3] = {0};
  const int64_t copies = b->g->output_count;
  int64_t means = 0;
  for (int i = 0; i < b->s.count; i++) {
    count[b->s.items[i]->when]++;
    means += is_task_mean(b, b->s.items[i]);
  }
  for (int w = 0; w < 3; w++) {
    plan->list[w].call = il_arena_alloc(
        &plan->arena,
        (size_t)(count[w] + copies + (w == IL_PER_TASK ? means + b->g->input_count : 0) + 1) *
            sizeof(il_call));
    if (!plan->list[w].call) return false;
  }
  for (int i = 0; i < b->g->input_count; i++) {
    const uint32_t id = b->g->inputs[i].value.id;
    if (!b->s.needed[id] || !is_lane_input(b, id)) continue;
    if (!copy_call(b, IL_CALL_PUT, id, (il_place){IL_SLOT_INPUTS + i, 0}, b->place[id]))
      return false;
  }
  for (int i = 0; i < b->s.count; i++) {
    const il_item *item = b->s.items[i];
    if (is_task_mean(b, item)) continue; /* run/mean.c makes it */
    il_call_list *list = &plan->list[item->when];
    il_call *call = &list->call[list->count++];
    const bool made = is_product(b, item) ? product_call(b, item, call)
                      : item->node        ? single_call(b, item, call)
                      : item->product     ? accumulating_call(b, item, call)
                                          : group_call(b, item, call);
    if (!made) return false;
  }
  for (int i = 0; i < b->s.count; i++) {
    const il_item *item = b->s.items[i];
    if (!is_task_mean(b, item)) continue;
    const uint32_t root = b->s.root[node_at(b, item->node)->input[0].id];
    const il_place leaf = {IL_SLOT_LEAF, b->place[item->node].offset * (size_t)plan->lanes};
    if (b->place[root].slot != IL_SLOT_LEAF &&
        !copy_call(b, IL_CALL_COPY, root, b->place[root], leaf))
      return false;
  }
  for (int i = 0; i < b->g->output_count; i++) {
    const uint32_t root = b->s.root[b->g->outputs[i].value.id];
    if (b->place[root].slot == output_slot(b, i)) continue;
    const bool lanes = plan->lanes > 1 && node_at(b, root)->when == IL_PER_TASK;
    if (!copy_call(b, lanes ? IL_CALL_TAKE : IL_CALL_COPY, root, b->place[root],
                   (il_place){output_slot(b, i), 0}))
      return false;
  }
  return true;
}

static bool describe(il_builder *b) {
  il_plan *plan = b->plan;
  const il_graph *g = b->g;
  const size_t in = (size_t)g->input_count + 1, out = (size_t)g->output_count + 1;
  plan->input_bytes = il_arena_alloc(&plan->arena, in * sizeof(size_t));
  plan->output_bytes = il_arena_alloc(&plan->arena, out * sizeof(size_t));
  plan->input_task = il_arena_alloc(&plan->arena, in);
  plan->output_task = il_arena_alloc(&plan->arena, out);
  if (!plan->input_bytes || !plan->output_bytes || !plan->input_task || !plan->output_task)
    return false;
  for (int i = 0; i < g->input_count; i++) {
    const il_node *node = il_node_of(g, g->inputs[i].value);
    plan->input_bytes[i] = il_node_bytes(node);
    plan->input_task[i] = node->when == IL_PER_TASK;
  }
  for (int i = 0; i < g->output_count; i++) {
    const il_node *node = il_node_of(g, g->outputs[i].value);
    plan->output_bytes[i] = il_node_bytes(node);
    plan->output_task[i] = node->when == IL_PER_TASK;
  }
  for (uint32_t id = 1; id <= g->size; id++) {
    if (!b->s.needed[id]) continue;
    const il_node *node = g->nodes[id];
    plan->nodes++;
    const il_when when = il_op_averages(node->op) ? IL_PER_TASK : node->when;
    if (g->ops[node->op]->flops) plan->flops[when] += g->ops[node->op]->flops(g, node);
  }
  return true;
}

static bool build(il_builder *b) {
  const size_t n = (size_t)b->g->size + 1;
  b->place = calloc(n, sizeof *b->place);
  b->placed = calloc(n, sizeof *b->placed);
  b->first = calloc(n, sizeof *b->first);
  b->last = calloc(n, sizeof *b->last);
  b->time = calloc((size_t)b->s.count + 1, sizeof *b->time);
  if (!b->place || !b->placed || !b->first || !b->last || !b->time) return false;
  set_times(b);
  set_lives(b);
  place_fixed(b);
  return place_arena(b, false) && place_arena(b, true) && describe(b) && make_calls(b);
}

static bool expressible(const il_graph *graph) {
  if (il_context_status(graph->context) != IL_OK) return false;
  if (graph->output_count == 0) {
    il_fail(graph->context, IL_ERROR_ARGUMENT,
            "il_plan_build: the graph has no outputs, so there is nothing to compute");
    return false;
  }
  for (uint32_t id = 1; id <= graph->size; id++) {
    if (graph->nodes[id]->inputs <= IL_CALL_MAX_INS) continue;
    il_fail(graph->context, IL_ERROR_UNSUPPORTED,
            "il_plan_build: %s of %d values; at most %d are possible",
            il_op_name(graph->nodes[id]->op), graph->nodes[id]->inputs, IL_CALL_MAX_INS);
    return false;
  }
  return true;
}

static il_plan *build_with(const il_graph *graph, const il_plan_options *options, int lanes) {
  il_builder b = {.g = graph, .reference = options->reference, .direct = options->direct};
  const il_kernel_set *kernels = il_kernel_set_choose(graph->context, options->isa);
  if (!kernels) return NULL;
  if (il_schedule_build(graph, !options->no_fusion, !options->reference, &b.s) != IL_OK)
    return NULL;
  if (lanes > 1 && b.s.fuse && graph->real == IL_FLOAT32 && il_schedule_accumulate(&b.s) != IL_OK) {
    il_schedule_free(&b.s);
    return NULL;
  }
  b.plan = calloc(1, sizeof *b.plan);
  bool ok = b.plan != NULL;
  if (ok) {
    b.plan->graph = graph;
    b.plan->kernels = kernels;
    b.plan->lanes = lanes;
    b.plan->why = "as the options ask";
    ok = build(&b);
  }
  free(b.place);
  free(b.placed);
  free(b.first);
  free(b.last);
  free(b.time);
  il_schedule_free(&b.s);
  if (ok) return b.plan;
  il_plan_free(b.plan);
  il_fail_memory(graph->context, "a plan");
  return NULL;
}

static il_plan *build_lanes(const il_graph *graph, const il_plan_options *options) {
  il_plan *plan = build_with(graph, options, IL_LANES);
  if (!plan) return NULL;
  plan->single = build_with(graph, options, 1);
  if (!plan->single) {
    il_plan_free(plan);
    return NULL;
  }
  plan->list[IL_SINGLE] = plan->single->list[IL_PER_TASK];
  if (plan->scratch_bytes < plan->single->scratch_bytes)
    plan->scratch_bytes = plan->single->scratch_bytes;
  return plan;
}

il_plan *il_plan_build(const il_graph *graph, const il_plan_options *options) {
  const il_plan_options none = {0};
  if (!options) options = &none;
  if (!expressible(graph)) return NULL;
  if (options->lanes == IL_LANES_NEVER) return build_with(graph, options, 1);
  il_plan *plan = build_lanes(graph, options);
  if (!plan || (options->lanes == IL_LANES_ALWAYS && !plan->products)) return plan;
  const char *why;
  if (!il_lanes_pay(plan, options->tasks, &why)) {
    il_plan *single = plan->single;
    plan->single = NULL;
    il_plan_free(plan);
    plan = single;
  }
  plan->why = why;
  return plan;
}

void il_plan_free(il_plan *plan) {
  if (!plan) return;
  il_plan_free(plan->single);
  il_arena_free(&plan->arena);
  free(plan);
}

il_plan_summary il_plan_summarize(const il_plan *plan) {
  return (il_plan_summary){
      .steps_shared = plan->list[IL_BEFORE].count,
      .steps_task = plan->list[IL_PER_TASK].count,
      .steps_after = plan->list[IL_AFTER].count,
      .nodes = plan->nodes,
      .flops_shared = plan->flops[IL_BEFORE],
      .flops_task = plan->flops[IL_PER_TASK],
      .flops_after = plan->flops[IL_AFTER],
      .bytes_shared = plan->arena_bytes[0],
      .bytes_task = plan->arena_bytes[1],
      .lanes = plan->lanes,
  };
}
