/* Calls: a kernel, operands and results for each item of the schedule, and the copies around them. */
#include <string.h>

#include "plan/builder.h"
#include "plan/program.h"

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
  call->lanes = b->plan->lanes > 1 && il_builder_node(b, call->node)->when == IL_PER_TASK;
  il_place *place = il_arena_alloc(arena, (size_t)(ins + outs) * sizeof *place);
  uint32_t *node = il_arena_alloc(arena, (size_t)(ins + outs) * sizeof *node);
  if (!place || !node) return false;
  for (int i = 0; i < ins; i++) {
    place[i] = il_place_of(b, b->s.root[in[i]]);
    node[i] = in[i];
    if (call->lanes && il_builder_node(b, in[i])->when != IL_PER_TASK)
      call->shared |= (uint64_t)1 << i;
  }
  for (int i = 0; i < outs; i++) {
    place[ins + i] = il_place_of(b, out[i]);
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
  const il_node *product = il_builder_node(b, item->product);
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
  const il_node *node = il_builder_node(b, item->node);
  uint32_t in[IL_CALL_MAX_INS];
  for (int i = 0; i < node->inputs; i++) in[i] = node->input[i].id;
  call->node = item->node;
  call->kind = IL_CALL_REFERENCE;
  if (!operands(b, call, node->inputs, in, 1, &item->node)) return false;
  if (node->op == IL_OP_LOOP) return il_loop_call(b, call);
  const bool posed = !b->reference && il_problem_of(b->g, node, &call->problem);
  call->problem.direct = b->direct && convolves(node->op);
  return choose(b, call, posed);
}

/* How far one task's operand lies from the next's. */
static int64_t task_stride(const il_builder *b, uint32_t root) {
  const size_t bytes = il_place_of(b, root).slot == IL_SLOT_ROWS
                           ? b->plan->row_bytes
                           : il_node_bytes(il_builder_node(b, root));
  return (int64_t)(bytes / il_type_size(b->g->real));
}

/* Its table says how to walk through the tasks; the rest of it is filled in when it runs. */
static bool product_call(il_builder *b, const il_item *item, il_call *call) {
  const il_node *node = il_builder_node(b, item->node);
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
  il_call_list *list = &b->plan->list[il_builder_node(b, root)->when];
  il_call *call = &list->call[list->count++];
  call->kind = kind;
  call->node = root;
  call->bytes = il_node_bytes(il_builder_node(b, root));
  if (kind == IL_CALL_COPY && il_builder_node(b, root)->when == IL_PER_TASK)
    call->bytes *= (size_t)b->plan->lanes;
  if (!operands(b, call, 1, &root, 1, &root)) return false;
  ((il_place *)call->in)[0] = from; /* the arrays were made a line above */
  ((il_place *)call->out)[0] = to;
  return true;
}

bool il_calls_make(il_builder *b) {
  il_plan *plan = b->plan;
  int64_t count[3] = {0};
  const int64_t copies = b->g->output_count;
  int64_t means = 0;
  for (int i = 0; i < b->s.count; i++) {
    count[b->s.items[i]->when]++;
    means += il_is_task_mean(b, b->s.items[i]);
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
    if (!b->s.needed[id] || !il_is_lane_input(b, id)) continue;
    if (!copy_call(b, IL_CALL_PUT, id, (il_place){IL_SLOT_INPUTS + i, 0}, il_place_of(b, id)))
      return false;
  }
  il_lives_rewind(b);
  for (int i = 0; i < b->s.count; i++) {
    const il_item *item = b->s.items[i];
    il_lives_make(b, i);
    if (il_is_task_mean(b, item)) continue; /* run/mean.c makes it */
    il_call_list *list = &plan->list[item->when];
    il_call *call = &list->call[list->count++];
    const bool made = il_is_product(b, item) ? product_call(b, item, call)
                      : item->node           ? single_call(b, item, call)
                      : item->product        ? accumulating_call(b, item, call)
                                             : group_call(b, item, call);
    if (!made) return false;
  }
  for (int i = 0; i < b->s.count; i++) {
    const il_item *item = b->s.items[i];
    if (!il_is_task_mean(b, item)) continue;
    const uint32_t root = b->s.root[il_builder_node(b, item->node)->input[0].id];
    const il_place leaf = {IL_SLOT_LEAF, il_place_of(b, item->node).offset * (size_t)plan->lanes},
                   made = il_place_of(b, root);
    /* Means of two shapes of one value: it is made where the first of them is added up. */
    if ((made.slot != leaf.slot || made.offset != leaf.offset) &&
        !copy_call(b, IL_CALL_COPY, root, made, leaf))
      return false;
  }
  for (int i = 0; i < b->g->output_count; i++) {
    const uint32_t root = b->s.root[b->g->outputs[i].value.id];
    if (il_place_of(b, root).slot == il_output_slot(b, i)) continue;
    const bool lanes = plan->lanes > 1 && il_builder_node(b, root)->when == IL_PER_TASK;
    if (!copy_call(b, lanes ? IL_CALL_TAKE : IL_CALL_COPY, root, il_place_of(b, root),
                   (il_place){il_output_slot(b, i), 0}))
      return false;
  }
  return true;
}
