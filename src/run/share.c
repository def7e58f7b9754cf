/* Calls before and after the tasks that are large enough to be divided among the workers: products over all
 * tasks by rows of the result, fused elementwise programs by rows of the tile. No sum is divided. */
#include <string.h>

#include "base/team.h"
#include "run/execute.h"

enum {
  SPLIT_FROM = 16384, /* elements: below, waking the workers costs more than they save */
  SPLIT_AT = 64       /* parts begin at multiples of so many elements */
};

typedef struct il_share {
  const il_execution *run;
  const il_call *call;
  const void *in[IL_CALL_MAX_INS];
  void *out[IL_TILE_MAX_RESULTS];
} il_share;

/* ---- products over all tasks ---- */
static void product_part(void *argument, int worker) {
  const il_share *s = argument;
  const il_call *call = s->call;
  const int64_t m = call->problem.product.m;
  il_product_span span = *(const il_product_span *)call->table;
  span.tasks = s->run->bindings->tasks;
  span.first = m * worker / s->run->threads;
  span.last = m * (worker + 1) / s->run->threads;
  if (span.first < span.last) call->kernel->run(&call->problem, &span, s->in, s->out, NULL);
}

static void product_by_reference(il_share *s) {
  const il_graph *g = s->run->plan->graph;
  const il_node *node = g->nodes[s->call->node];
  const il_product_span *span = s->call->table;
  const int tasks = s->run->bindings->tasks;
  memset(s->out[0], 0, il_node_bytes(node));
  for (int task = 0; task < tasks; task++) {
    g->ops[node->op]->reference(g, node, s->in, s->out[0]);
    for (int i = 0; i < s->call->ins; i++)
      s->in[i] = (const char *)s->in[i] + (size_t)span->stride[i] * il_type_size(node->type);
  }
  il_kernel_divide(node->type, il_shape_count(node->shape), s->out[0], tasks);
}

/* ---- elementwise programs ---- */
static bool divides(const il_call *call) {
  if (call->kind != IL_CALL_KERNEL || call->problem.op != IL_OP_NONE || call->lanes) return false;
  const il_tile_program *p = call->problem.tile;
  for (int i = 0; i < p->results; i++)
    if (p->result[i].sum) return false;
  for (int i = 0; i < p->operands; i++)
    if (p->mode[i] > IL_TILE_SCALAR) return false; /* read by windows over all rows */
  return p->rows * p->width >= SPLIT_FROM && p->width <= SPLIT_FROM / SPLIT_AT;
}

static int64_t begin_of(const il_tile_program *p, int part, int parts) {
  return part == parts ? p->rows : p->rows * part / parts / SPLIT_AT * SPLIT_AT;
}

static void tile_part(void *argument, int worker) {
  const il_share *s = argument;
  il_tile_program p = *s->call->problem.tile;
  const int64_t first = begin_of(&p, worker, s->run->threads);
  const size_t size = il_type_size(s->call->problem.type);
  const void *in[IL_TILE_MAX_OPERANDS];
  void *out[IL_TILE_MAX_RESULTS];
  for (int i = 0; i < p.operands; i++) {
    const int64_t step = p.mode[i] == IL_TILE_FULL ? p.width : p.mode[i] == IL_TILE_ROW ? 1 : 0;
    in[i] = (const char *)s->in[i] + (size_t)(first * step) * size;
  }
  for (int i = 0; i < p.results; i++) out[i] = (char *)s->out[i] + (size_t)(first * p.width) * size;
  p.rows = begin_of(&p, worker + 1, s->run->threads) - first;
  if (p.rows == 0) return;
  il_problem problem = s->call->problem;
  problem.tile = &p;
  s->call->kernel->run(&problem, s->call->table, in, out, il_execution_scratch(s->run, worker));
}

bool il_share_run(const il_execution *run, const il_call *call, char *const *bases) {
  const bool product = call->kind == IL_CALL_PRODUCT;
  if (!product && (run->threads == 1 || !divides(call))) return false;
  il_share s = {.run = run, .call = call};
  for (int i = 0; i < call->ins; i++) s.in[i] = bases[call->in[i].slot] + call->in[i].offset;
  for (int i = 0; i < call->outs; i++) s.out[i] = bases[call->out[i].slot] + call->out[i].offset;
  if (product && !call->kernel)
    product_by_reference(&s);
  else
    il_team_run(run->team, product ? product_part : tile_part, &s);
  return true;
}
