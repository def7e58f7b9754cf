/* One problem on all of its kernels: timed by turns, so that a busy moment meets all of them, and compared
 * with the reference loop byte by byte. Of a problem with lanes, the loop runs once for each. */
#include <innerloop/function.h>
#include <innerloop/measure.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "kernels/lanes.h"
#include "run/profile.h"

enum { ROUNDS = 21, MAX_OUTS = IL_TILE_MAX_RESULTS };
static const double SHORTEST = 1e-4; /* seconds between two readings of the clock */
static const size_t MOST = (size_t)1 << 34;
static const double CLOSE = 1e-4; /* of the largest value: rounding, not a wrong result */

typedef struct il_bench {
  il_context *context;
  il_arena arena; /* problem, names, lists */
  il_problem problem;
  il_graph *graph;
  il_function *function; /* of reference loops; graph: its graph */
  il_run *run;
  il_team *team; /* one thread */
  int ins, outs;
  int lanes;                /* tasks that a run of a kernel serves */
  void **in, **one;         /* of one task, by the graph's inputs and outputs */
  void **lane_in;           /* [ins]: in lanes; NULL: the operand itself */
  void **expected, **found; /* [outs]: what a kernel writes */
  size_t *out_bytes;        /* [outs] of these */
  const void **operand;     /* [ins of the kernel]: constants of a program have none */
} il_bench;

typedef struct il_candidate {
  const il_kernel *kernel; /* NULL: the reference loop */
  void *table, *scratch;
  int64_t repeat;
  double time[ROUNDS];
} il_candidate;

static void *block(il_bench *b, size_t bytes) {
  void *memory = aligned_alloc(IL_WORKSPACE_ALIGNMENT, il_aligned(bytes + 1));
  if (!memory) il_fail_memory(b->context, "the operands of a problem");
  return memory;
}

/* Whole numbers below which exist: rows of a table, taps of a window, else bytes. */
static uint32_t bound_of(const il_problem *p) {
  switch (p->op) {
  case IL_OP_GATHER:
  case IL_OP_SCATTER_ADD: return (uint32_t)(p->gather.rows & INT32_MAX);
  case IL_OP_POOL_GATHER:
  case IL_OP_POOL_SCATTER: return (uint32_t)((int64_t)p->pool.kh * p->pool.kw);
  case IL_OP_NONE:
    return p->tile->window.kh > 0 ? (uint32_t)((int64_t)p->tile->window.kh * p->tile->window.kw)
                                  : 256;
  default: return 256;
  }
}

/* Numbers of both signs, indexes of rows and numbers of taps that exist. */
static void fill(const il_bench *b, const il_node *node, void *memory, int index, int lane) {
  const int64_t count = il_shape_count(node->shape);
  il_random random = il_random_start((uint64_t)lane + 1, (uint64_t)index);
  const uint32_t bound = bound_of(&b->problem);
  for (int64_t i = 0; i < count; i++) {
    const double number = 2 * il_random_uniform01(&random) - 1;
    switch (node->type) {
    case IL_FLOAT32: ((float *)memory)[i] = (float)number; break;
    case IL_FLOAT64: ((double *)memory)[i] = number; break;
    case IL_INT32: ((int32_t *)memory)[i] = (int32_t)il_random_below(&random, bound); break;
    case IL_UINT8: ((uint8_t *)memory)[i] = (uint8_t)il_random_below(&random, bound); break;
    default: break; /* types of files alone */
    }
  }
}

static const il_node *input_of(const il_bench *b, int i) {
  return il_node_of(b->graph, il_graph_input(b->graph, i));
}
static const il_node *output_of(const il_bench *b, int i) {
  return il_node_of(b->graph, il_graph_output(b->graph, i));
}

/* Whether the kernel's operand i, which is the graph's input k, is the same for all lanes. */
static bool shared(const il_bench *b, int i) {
  return b->lanes == 1 || (b->problem.shared >> i & 1);
}

/* Bytes that a run touches; of a table, the rows that are asked for. */
static double bytes_touched(const il_bench *b) {
  double all = 0;
  for (int i = 0; i < b->ins; i++) {
    const bool part = i == 0 && b->problem.op == IL_OP_GATHER;
    all += (double)il_node_bytes(part ? output_of(b, 0) : input_of(b, i)) * b->lanes;
  }
  for (int i = 0; i < b->outs; i++) all += (double)il_node_bytes(output_of(b, i)) * b->lanes;
  return all;
}

static il_status allocate(il_bench *b) {
  il_arena *arena = &b->arena;
  const size_t ins = (size_t)b->ins + IL_TILE_MAX_OPERANDS, outs = (size_t)b->outs;
  b->in = il_arena_alloc(arena, ins * sizeof *b->in);
  b->lane_in = il_arena_alloc(arena, ins * sizeof *b->lane_in);
  b->operand = il_arena_alloc(arena, ins * sizeof *b->operand);
  b->one = il_arena_alloc(arena, outs * sizeof *b->one);
  b->expected = il_arena_alloc(arena, outs * sizeof *b->expected);
  b->found = il_arena_alloc(arena, outs * sizeof *b->found);
  b->out_bytes = il_arena_alloc(arena, outs * sizeof *b->out_bytes);
  if (!b->in || !b->lane_in || !b->operand || !b->one || !b->expected || !b->found || !b->out_bytes)
    return il_fail_memory(b->context, "a measurement");
  const il_tile_program *program = b->problem.op == IL_OP_NONE ? b->problem.tile : NULL;
  for (int i = 0, k = 0; i < (program ? program->operands : b->ins); i++) {
    if (program && program->is_constant[i]) continue;
    const size_t bytes = il_node_bytes(input_of(b, k));
    b->in[k] = block(b, bytes);
    if (!shared(b, i)) b->lane_in[k] = block(b, bytes * (size_t)b->lanes);
    b->operand[i] = b->lane_in[k] ? b->lane_in[k] : b->in[k];
    k++;
  }
  for (int i = 0; i < b->outs; i++) {
    const size_t bytes = il_node_bytes(output_of(b, i));
    b->out_bytes[i] = bytes * (size_t)b->lanes;
    b->one[i] = block(b, bytes);
    b->expected[i] = block(b, b->out_bytes[i]);
    b->found[i] = block(b, b->out_bytes[i]);
  }
  return il_context_status(b->context);
}

static void run_reference(il_bench *b) {
  for (int i = 0; i < b->ins; i++) il_run_input(b->run, i, b->in[i]);
  for (int i = 0; i < b->outs; i++) il_run_output(b->run, i, b->one[i]);
  il_run_go(b->run, 1);
}

/* Fills the operands and computes what is expected, task after task. */
static void expect(il_bench *b) {
  for (int lane = 0; lane < b->lanes; lane++) {
    for (int i = 0; i < b->ins; i++) {
      const il_node *node = input_of(b, i);
      fill(b, node, b->in[i], i, b->lane_in[i] ? lane : 0);
      if (b->lane_in[i])
        il_lanes_put(il_type_size(node->type), il_shape_count(node->shape), lane, b->lane_in[i],
                     b->in[i]);
    }
    run_reference(b);
    for (int i = 0; i < b->outs; i++) {
      const il_node *node = output_of(b, i);
      if (b->lanes > 1)
        il_lanes_put(il_type_size(node->type), il_shape_count(node->shape), lane, b->expected[i],
                     b->one[i]);
      else
        memcpy(b->expected[i], b->one[i], b->out_bytes[i]);
    }
  }
}

static il_status prepare(il_bench *b, const char *line, il_measured_problem *result) {
  if (il_problem_parse(b->context, line, &b->arena, &b->problem) != IL_OK)
    return il_context_status(b->context);
  il_problem_text(&b->problem, result->text, sizeof result->text);
  if (!(b->graph = il_problem_pose(b->context, &b->problem))) return il_context_status(b->context);
  b->lanes = b->problem.lanes ? IL_LANES : 1;
  b->ins = il_graph_inputs(b->graph);
  b->outs = il_graph_outputs(b->graph);
  const double bytes = bytes_touched(b);
  if (bytes > (double)MOST)
    return il_fail(b->context, IL_ERROR_CONFIG,
                   "problem \"%.80s\": its operands take %.0f MB, expected at most %.0f",
                   result->text, 1e-6 * bytes, 1e-6 * (double)MOST);
  result->bytes = (size_t)bytes;
  const il_function_options options = {
      .plan = {.no_fusion = true, .reference = true, .lanes = IL_LANES_NEVER}};
  b->function = il_function_new(b->graph, &options);
  if (!b->function) b->graph = NULL; /* it was taken over */
  b->team = il_team_new(b->context, 1);
  b->run = b->function && b->team ? il_run_new(b->context, b->function, b->team, 1) : NULL;
  if (!b->run || allocate(b) != IL_OK) return il_context_status(b->context);
  result->flops = il_plan_summarize(il_function_plan(b->function)).flops_task * b->lanes;
  expect(b);
  return IL_OK;
}

static void run(il_bench *b, const il_candidate *c) {
  if (c->kernel)
    c->kernel->run(&b->problem, c->table, b->operand, b->found, c->scratch);
  else
    for (int lane = 0; lane < b->lanes; lane++) run_reference(b);
}

static double time_of(il_bench *b, const il_candidate *c) {
  const int64_t start = il_profile_now();
  for (int64_t i = 0; i < c->repeat; i++) run(b, c);
  return 1e-9 * (double)(il_profile_now() - start) / (double)c->repeat;
}

/* Not-a-numbers are equal whatever their sign and payload: IEEE leaves these open. */
static bool equal(const il_bench *b) {
  for (int i = 0; i < b->outs; i++) {
    if (memcmp(b->found[i], b->expected[i], b->out_bytes[i]) == 0) continue;
    const il_type type = output_of(b, i)->type;
    const size_t size = il_type_size(type);
    for (size_t at = 0; at < b->out_bytes[i]; at += size) {
      const char *x = (const char *)b->found[i] + at, *y = (const char *)b->expected[i] + at;
      if (memcmp(x, y, size) == 0) continue;
      if (type == IL_FLOAT32 && isnan(*(const float *)(const void *)x) &&
          isnan(*(const float *)(const void *)y))
        continue;
      if (type == IL_FLOAT64 && isnan(*(const double *)(const void *)x) &&
          isnan(*(const double *)(const void *)y))
        continue;
      return false;
    }
  }
  return true;
}

/* The largest difference of float32 results over the largest value. */
static double difference(const il_bench *b) {
  double apart = 0, largest = 0;
  for (int i = 0; i < b->outs; i++) {
    const float *found = b->found[i], *expected = b->expected[i];
    if (output_of(b, i)->type != IL_FLOAT32) continue;
    for (size_t k = 0; k < b->out_bytes[i] / sizeof(float); k++) {
      const double size = fabs((double)expected[k]),
                   away = fabs((double)found[k] - (double)expected[k]);
      if (!(away < (double)INFINITY)) return (double)INFINITY;
      if (away > apart) apart = away;
      if (size > largest) largest = size;
    }
  }
  return largest > 0 ? apart / largest : apart;
}

static il_status ready(il_bench *b, il_candidate *c, il_measured_row *row) {
  const il_kernel *k = c->kernel;
  if (k) {
    const size_t table = k->table ? k->table(&b->problem) : 0;
    const size_t scratch = k->scratch ? k->scratch(&b->problem) : 0;
    if (!(c->scratch = block(b, scratch)) || (table && !(c->table = block(b, table))))
      return IL_ERROR_MEMORY;
    const int64_t start = il_profile_now();
    if (table) k->prepare(&b->problem, c->table);
    row->prepare = 1e-9 * (double)(il_profile_now() - start);
  }
  for (int i = 0; i < b->outs; i++) memset(b->found[i], 0x55, b->out_bytes[i]);
  c->repeat = 1;
  run(b, c);
  row->equal = !k || equal(b);
  row->difference = row->equal ? 0 : difference(b);
  row->right = row->equal || (strcmp(k->bit_class, "fma") != 0 && row->difference < CLOSE);
  while (c->repeat < (int64_t)1 << 30 && time_of(b, c) * (double)c->repeat < SHORTEST)
    c->repeat *= 2;
  return IL_OK;
}

static int by_size(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static il_status measure(il_bench *b, double seconds, il_measured_problem *result) {
  il_candidate candidate[IL_MEASURED_ROWS] = {{0}};
  il_status status = IL_OK;
  const il_kernel_set *kernels = il_function_plan(b->function)->kernels;
  const il_kernel *const *row = kernels->row;
  for (int i = 0; i < kernels->rows && result->rows < IL_MEASURED_ROWS - 1; i++)
    if (row[i]->op == b->problem.op && row[i]->type == b->problem.type &&
        row[i]->lanes == b->problem.lanes)
      candidate[result->rows++].kernel = row[i];
  result->rows++; /* the reference loop */
  bool chosen = false;
  for (int i = 0; i < result->rows && status == IL_OK; i++) {
    const il_kernel *k = candidate[i].kernel;
    il_measured_row *r = &result->row[i];
    r->kernel = k ? k->name : "reference";
    r->isa = k ? k->isa : "any";
    r->refusal = k ? il_kernel_refusal(k, &b->problem) : NULL;
    r->chosen = !r->refusal && !chosen;
    chosen = chosen || r->chosen;
    if (!r->refusal) status = ready(b, &candidate[i], r);
  }
  int rounds = 0;
  const int64_t start = il_profile_now();
  for (; rounds < ROUNDS && status == IL_OK; rounds++) {
    if (rounds >= 3 && 1e-9 * (double)(il_profile_now() - start) > seconds) break;
    for (int i = 0; i < result->rows; i++)
      if (!result->row[i].refusal) candidate[i].time[rounds] = time_of(b, &candidate[i]);
  }
  for (int i = 0; i < result->rows; i++) {
    qsort(candidate[i].time, (size_t)rounds, sizeof(double), by_size);
    result->row[i].lowest = candidate[i].time[0];
    result->row[i].seconds = candidate[i].time[rounds / 2];
    free(candidate[i].table);
    free(candidate[i].scratch);
  }
  return status;
}

il_status il_measure_problem(il_context *context, const char *line, double seconds,
                             il_measured_problem *result) {
  il_bench b = {.context = context};
  *result = (il_measured_problem){.rows = 0};
  il_status status = prepare(&b, line, result);
  if (status == IL_OK) status = measure(&b, seconds, result);
  for (int i = 0; b.in && b.lane_in && i < b.ins; i++) {
    free(b.in[i]);
    free(b.lane_in[i]);
  }
  for (int i = 0; b.out_bytes && i < b.outs; i++) {
    free(b.one[i]);
    free(b.expected[i]);
    free(b.found[i]);
  }
  il_run_free(b.run);
  il_team_free(b.team);
  if (b.function)
    il_function_free(b.function);
  else
    il_graph_free(b.graph);
  il_arena_free(&b.arena);
  return status;
}
