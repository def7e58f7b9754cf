/* Builds a plan: items in order, a place for every value, a kernel for every call. */
#include <stdlib.h>
#include <string.h>

#include "kernels/lanes.h"
#include "plan/plan.h"
#include "plan/program.h"

/* From when a value is made until it is last read. One that is made again has several lives, each in a place of its
 * own. */
typedef struct il_life {
  uint32_t root;
  bool placed;
  il_place place;
  int64_t first, last; /* within its arena's time */
  int64_t onto;        /* the life that it takes the place of; 0: none */
  bool taken;          /* its place goes on to another */
} il_life;

typedef struct il_builder {
  il_plan *plan;
  const il_graph *g;
  il_schedule s;
  il_life *
      life; /* none (of constants in programs), those of inputs, then in the order in which items make them */
  int64_t lives;
  int64_t *now;  /* [size + 1] the life of a root at the item in hand */
  int64_t *time; /* [items] */
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

static void set_times(il_builder *b) {
  int64_t count[3] = {0};
  for (int i = 0; i < b->s.count; i++) b->time[i] = count[b->s.items[i]->when]++;
  b->before_count = count[IL_BEFORE];
  for (int i = 0; i < b->s.count; i++)
    if (b->s.items[i]->when == IL_AFTER) b->time[i] += b->before_count + 1;
}

static il_life *life_of(const il_builder *b, uint32_t root) { return &b->life[b->now[root]]; }

static void touch(il_builder *b, uint32_t root, il_when reader, int64_t time) {
  const il_when when = node_at(b, root)->when;
  if (when == IL_BEFORE && reader == IL_PER_TASK) time = b->before_count;
  if (when == IL_PER_TASK && reader == IL_AFTER) time = FOREVER;
  if (time > life_of(b, root)->last) life_of(b, root)->last = time;
}

static int64_t count_lives(const il_builder *b) {
  uint32_t made[IL_TILE_MAX_RESULTS];
  int64_t count = 1 + b->g->input_count;
  for (int i = 0; i < b->s.count; i++) count += il_item_makes(&b->s, b->s.items[i], made);
  return count;
}

/* Calls are made in the order of items: from here on, values are those that item i makes. */
static void make_again(il_builder *b, int i) {
  uint32_t made[IL_TILE_MAX_RESULTS];
  const int makes = il_item_makes(&b->s, b->s.items[i], made);
  for (int k = 0; k < makes; k++) b->now[made[k]] = b->lives++;
}

static il_place place_of(const il_builder *b, uint32_t root) { return life_of(b, root)->place; }

static void live(il_builder *b, uint32_t root, int64_t time) {
  b->now[root] = b->lives;
  b->life[b->lives++] = (il_life){.root = root, .first = time, .last = time};
}

static void set_lives(il_builder *b) {
  uint32_t root[IL_CALL_MAX_INS], made[IL_TILE_MAX_RESULTS];
  for (int i = 0; i < b->g->input_count; i++)
    live(b, b->g->inputs[i].value.id, -1); /* before all calls */
  for (int i = 0; i < b->s.count; i++) {
    const il_item *item = b->s.items[i];
    const int reads = il_item_reads(&b->s, item, root), makes = il_item_makes(&b->s, item, made);
    for (int k = 0; k < reads; k++) touch(b, root[k], item->when, b->time[i]);
    for (int k = 0; k < makes; k++) live(b, made[k], b->time[i]);
  }
  for (int i = 0; i < b->g->output_count; i++)
    life_of(b, b->s.root[b->g->outputs[i].value.id])->last = FOREVER;
}

/* Values that are made once, and those that outlive the tasks. */
static void put(il_builder *b, uint32_t root, int slot, size_t offset) {
  life_of(b, root)->place = (il_place){slot, offset};
  life_of(b, root)->placed = true;
}

static int output_slot(const il_builder *b, int i) {
  return IL_SLOT_INPUTS + b->g->input_count + i;
}

/* Everything that has a fixed place: inputs, outputs written directly, contributions to the means. */
static void place_fixed(il_builder *b) {
  il_plan *plan = b->plan;
  for (int i = 0; i < b->g->input_count; i++)
    if (!is_lane_input(b, b->g->inputs[i].value.id))
      put(b, b->g->inputs[i].value.id, IL_SLOT_INPUTS + i, 0);
  for (int i = 0; i < b->g->output_count; i++) {
    const uint32_t root = b->s.root[b->g->outputs[i].value.id];
    if (life_of(b, root)->placed || node_at(b, root)->op == IL_OP_TASK_MEAN) continue;
    if (plan->lanes == 1 || node_at(b, root)->when != IL_PER_TASK)
      put(b, root, output_slot(b, i), 0);
  }
  for (int i = 0; i < b->s.count; i++) {
    const il_item *item = b->s.items[i];
    const il_node *node = node_at(b, item->node);
    for (int k = 0; is_product(b, item) && k < node->inputs; k++) {
      const uint32_t root = b->s.root[node->input[k].id];
      if (life_of(b, root)->placed) continue;
      put(b, root, IL_SLOT_ROWS, plan->row_bytes);
      plan->row_bytes += il_aligned(il_node_bytes(node_at(b, root)));
    }
  }
  for (int i = 0; i < b->s.count; i++) {
    const il_item *item = b->s.items[i];
    if (!is_task_mean(b, item)) continue;
    const uint32_t root = b->s.root[node_at(b, item->node)->input[0].id];
    put(b, item->node, IL_SLOT_MEANS, plan->mean_bytes);
    if (!life_of(b, root)->placed)
      put(b, root, IL_SLOT_LEAF, plan->mean_bytes * (size_t)plan->lanes);
    plan->mean_bytes += il_aligned(il_node_bytes(node_at(b, item->node)));
  }
}

/* A group may write a result where an operand lies that it is the last to read: one image less at the peak, and
 * one less for caches to hold. */
static void take_over(il_builder *b) {
  uint32_t root[IL_CALL_MAX_INS];
  il_life *from[IL_CALL_MAX_INS];
  b->lives = 1 + b->g->input_count;
  for (int i = 0; i < b->s.count; i++) {
    const il_item *item = b->s.items[i];
    const int reads = il_item_reads(&b->s, item, root);
    for (int k = 0; k < reads; k++) from[k] = life_of(b, root[k]);
    make_again(b, i);
    if (b->plan->lanes > 1 || item->when != IL_PER_TASK) continue;
    for (int k = 0; k < reads; k++)
      for (int m = 0; m < item->members && !from[k]->placed && !from[k]->taken; m++) {
        if (node_at(b, from[k]->root)->when != IL_PER_TASK || from[k]->last > b->time[i] ||
            !il_item_overwrites(&b->s, item, k, m))
          continue;
        il_life *to = life_of(b, item->member[m]);
        if (to->placed || to->onto) continue;
        to->onto = from[k] - b->life;
        from[k]->taken = true;
      }
  }
  for (int64_t i = b->lives; i-- > 0;)
    if (b->life[i].onto) b->life[b->life[i].onto].last = b->life[i].last;
}

static bool place_arena(il_builder *b, bool task) {
  il_buffer *buffer = calloc((size_t)b->lives + 1, sizeof *buffer);
  int64_t count = 0;
  for (int64_t i = 0; i < b->lives && buffer; i++) {
    const il_life *life = &b->life[i];
    const il_node *node = node_at(b, life->root);
    if (life->placed || life->onto || !b->s.needed[life->root] ||
        (node->when == IL_PER_TASK) != task)
      continue;
    buffer[count++] =
        (il_buffer){.life = i,
                    .bytes = il_node_bytes(node) * (task ? (size_t)b->plan->lanes : 1),
                    .first = life->first,
                    .last = life->last};
  }
  const bool placed =
      buffer &&
      il_footprint_place(count, buffer, &b->plan->arena_bytes[task ? 1 : 0], &b->plan->looks);
  for (int64_t i = 0; i < count; i++)
    b->life[buffer[i].life].place =
        (il_place){task ? IL_SLOT_TASK : IL_SLOT_SHARED, buffer[i].offset};
  for (int64_t i = 0; i < b->lives; i++)
    if (b->life[i].onto) b->life[i].place = b->life[b->life[i].onto].place;
  free(buffer);
  return placed;
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
    place[i] = place_of(b, b->s.root[in[i]]);
    node[i] = in[i];
    if (call->lanes && node_at(b, in[i])->when != IL_PER_TASK) call->shared |= (uint64_t)1 << i;
  }
  for (int i = 0; i < outs; i++) {
    place[ins + i] = place_of(b, out[i]);
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
      place_of(b, root).slot == IL_SLOT_ROWS ? b->plan->row_bytes : il_node_bytes(node_at(b, root));
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
    if (!copy_call(b, IL_CALL_PUT, id, (il_place){IL_SLOT_INPUTS + i, 0}, place_of(b, id)))
      return false;
  }
  b->lives = 1 + b->g->input_count;
  for (int i = 0; i < b->s.count; i++) {
    const il_item *item = b->s.items[i];
    make_again(b, i);
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
    const il_place leaf = {IL_SLOT_LEAF, place_of(b, item->node).offset * (size_t)plan->lanes};
    if (place_of(b, root).slot != IL_SLOT_LEAF &&
        !copy_call(b, IL_CALL_COPY, root, place_of(b, root), leaf))
      return false;
  }
  for (int i = 0; i < b->g->output_count; i++) {
    const uint32_t root = b->s.root[b->g->outputs[i].value.id];
    if (place_of(b, root).slot == output_slot(b, i)) continue;
    const bool lanes = plan->lanes > 1 && node_at(b, root)->when == IL_PER_TASK;
    if (!copy_call(b, lanes ? IL_CALL_TAKE : IL_CALL_COPY, root, place_of(b, root),
                   (il_place){output_slot(b, i), 0}))
      return false;
  }
  return true;
}

static bool build(il_builder *b) {
  const size_t n = (size_t)b->g->size + 1;
  b->life = calloc((size_t)count_lives(b), sizeof *b->life);
  b->now = calloc(n, sizeof *b->now);
  b->time = calloc((size_t)b->s.count + 1, sizeof *b->time);
  if (!b->life || !b->now || !b->time) return false;
  b->life[b->lives++].placed = true;
  set_times(b);
  set_lives(b);
  place_fixed(b);
  take_over(b);
  return place_arena(b, false) && place_arena(b, true) && il_plan_describe(b->plan, b->s.needed) &&
         make_calls(b);
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
  if (b.s.fuse && (lanes == 1                  ? il_schedule_remake(&b.s)
                   : graph->real == IL_FLOAT32 ? il_schedule_accumulate(&b.s)
                                               : IL_OK) != IL_OK) {
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
  if (ok) b.plan->looks += b.s.looks;
  free(b.life);
  free(b.now);
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
  plan->looks += plan->single->looks;
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
    single->looks = plan->looks;
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
