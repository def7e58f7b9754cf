/* A plan as text: one line per call, in the order in which they run. */
#include <innerloop/grad.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/room.h"
#include "base/locale.h"
#include "plan/plan.h"

typedef struct il_text {
  char *data;
  size_t size;
  FILE *file;
} il_text;

static const char *slot_name(const il_plan *plan, int slot, char text[static 32]) {
  static const char *const names[] = {"shared", "task", "leaf", "means", "rows"};
  if (slot < IL_SLOT_INPUTS) return names[slot];
  slot -= IL_SLOT_INPUTS;
  const bool input = slot < plan->graph->input_count;
  snprintf(text, 32, "%s %d", input ? "input" : "output",
           input ? slot : slot - plan->graph->input_count);
  return text;
}

double il_call_flops(const il_plan *plan, const il_call *call) {
  const il_graph *g = plan->graph;
  if (call->kind != IL_CALL_KERNEL && call->kind != IL_CALL_REFERENCE && call->kind != IL_CALL_LOOP)
    return 0;
  if (call->kind == IL_CALL_KERNEL && call->problem.op == IL_OP_NONE) {
    const il_tile_program *p = call->problem.tile;
    return (double)p->rows * (double)p->width * p->codes;
  }
  if (call->kind == IL_CALL_KERNEL && call->problem.op == IL_OP_MATMUL) {
    const il_matmul_geometry *m = &call->problem.matmul;
    return 2.0 * (double)(m->batch * m->m * m->n) * (double)(m->k + (m->scale != 0));
  }
  const il_node *node = g->nodes[call->node];
  return g->ops[node->op]->flops ? g->ops[node->op]->flops(g, node) : 0;
}

/* What an operand gives to be read; of a table, the rows that are asked for. */
static size_t bytes_read(const il_plan *plan, const il_call *call) {
  const il_graph *g = plan->graph;
  const il_problem *p = &call->problem;
  size_t numbers = 0, bytes = 0;
  if (call->kind != IL_CALL_KERNEL && call->kind != IL_CALL_REFERENCE && call->kind != IL_CALL_LOOP)
    return call->bytes;
  if (call->kind == IL_CALL_KERNEL && p->op == IL_OP_NONE) {
    for (int i = 0; i < p->tile->operands; i++) {
      if (p->tile->is_constant[i]) continue;
      const il_tile_mode mode = p->tile->mode[i];
      if (mode == IL_TILE_SPREAD || mode == IL_TILE_TAP) {
        const il_pool_geometry *w = &p->tile->window;
        const size_t pooled = (size_t)w->n * (size_t)w->oh * (size_t)w->ow * (size_t)w->c;
        bytes += pooled * (mode == IL_TILE_TAP ? sizeof(uint8_t) : il_type_size(p->type));
        continue;
      }
      numbers += (mode == IL_TILE_FULL || mode == IL_TILE_ROW ? (size_t)p->tile->rows : 1) *
                 (mode == IL_TILE_FULL || mode == IL_TILE_CHANNEL ? (size_t)p->tile->width : 1);
    }
    return bytes + numbers * il_type_size(p->type);
  }
  const il_node *node = g->nodes[call->node];
  for (int i = 0; i < call->ins; i++) {
    const bool part = i == 0 && (node->op == IL_OP_GATHER || node->op == IL_OP_SLICE);
    bytes += il_node_bytes(part ? node : g->nodes[call->in_node[i]]);
  }
  return bytes;
}

static size_t bytes_written(const il_plan *plan, const il_call *call) {
  size_t bytes = 0;
  for (int i = 0; i < call->outs; i++)
    bytes += il_node_bytes(plan->graph->nodes[call->out_node[i]]);
  return bytes;
}

size_t il_call_bytes(const il_plan *plan, const il_call *call) {
  return bytes_read(plan, call) + bytes_written(plan, call);
}

const char *il_call_kernel(const il_call *call) {
  if (call->kernel) return call->kernel->name;
  switch (call->kind) {
  case IL_CALL_COPY: return "copy";
  case IL_CALL_PUT: return "into lanes";
  case IL_CALL_TAKE: return "out of lanes";
  case IL_CALL_LOOP: return "loop";
  default: return "reference";
  }
}

void il_call_text(const il_plan *plan, const il_call *call, char *text, size_t size) {
  if (call->kernel) {
    il_problem_text(&call->problem, text, size);
    return;
  }
  char shape[96];
  const il_node *node = plan->graph->nodes[call->node];
  if (call->kind == IL_CALL_LOOP) {
    const il_attr_loop *a = node->attr;
    snprintf(text, size, "loop of %lld steps%s%s %s", (long long)a->count,
             a->backwards ? ", backwards" : "", a->keeps ? ", keeps the states" : "",
             il_shape_text(node->shape, shape));
    return;
  }
  const char *what = call->kind == IL_CALL_COPY   ? "copy"
                     : call->kind == IL_CALL_PUT  ? "put"
                     : call->kind == IL_CALL_TAKE ? "take"
                                                  : il_op_name(node->op);
  snprintf(text, size, "%s %s", what, il_shape_text(node->shape, shape));
}

/* Pads by characters: origins hold "·", which has two bytes. */
int il_text_padding(const char *text, int width) {
  for (; *text; text++) width -= (*text & 0xc0) != 0x80;
  return width > 0 ? width : 0;
}

/* The problem stands last, behind the only bar: il_problem_parse reads the whole line. */
static void print_call(FILE *file, const il_plan *plan, int64_t index, const il_call *call) {
  char problem[IL_PROBLEM_TEXT], origin[160], slot[32], kernel[64];
  il_call_text(plan, call, problem, sizeof problem);
  snprintf(kernel, sizeof kernel, "%s%s", il_call_kernel(call), call->each ? ", task by task" : "");
  il_value_origin(plan->graph, (il_value){call->node}, origin, sizeof origin);
  il_plain_print(file, "%5lld  %-8s@%-9zu %10zu B %12.0f FLOP  %-21s %s%*s | %s\n",
                 (long long)index, call->outs ? slot_name(plan, call->out[0].slot, slot) : "-",
                 call->outs ? call->out[0].offset : 0, bytes_written(plan, call),
                 il_call_flops(plan, call), kernel, origin, il_text_padding(origin, 40), "",
                 problem);
}

static void print_calls(FILE *file, const il_plan *plan, const il_call_list *list);

/* The step of a loop, once. */
static void print_step(FILE *file, const il_loop_plan *l) {
  const il_plan *step = l->step;
  fprintf(
      file,
      "       the step: %lld calls once, %lld calls each time; shared arena %zu B, arena of a step "
      "%zu B, scratch %zu B, state %zu B\n",
      (long long)step->list[IL_BEFORE].count, (long long)step->list[IL_PER_TASK].count,
      step->arena_bytes[0], step->arena_bytes[1], step->scratch_bytes,
      (size_t)l->body->state_size * il_type_size(step->graph->real));
  print_calls(file, step, &step->list[IL_BEFORE]);
  print_calls(file, step, &step->list[IL_PER_TASK]);
  fprintf(file, "       end of the step\n");
}

static void print_calls(FILE *file, const il_plan *plan, const il_call_list *list) {
  for (int64_t i = 0; i < list->count; i++) {
    print_call(file, plan, i, &list->call[i]);
    if (list->call[i].kind == IL_CALL_LOOP) print_step(file, list->call[i].table);
  }
}

char *il_plan_print(const il_plan *plan) {
  static const char *const stage[3] = {"shared, before the tasks", "for each task",
                                       "shared, after the mean over tasks"};
  il_text text = {0};
  text.file = open_memstream(&text.data, &text.size);
  if (!text.file) {
    il_fail_memory(plan->graph->context, "the text of a plan");
    return NULL;
  }
  fprintf(text.file,
          "plan %s: %lld nodes, shared arena %zu B, task arena %zu B, scratch %zu B, means %zu B, "
          "rows %zu B\n",
          il_type_name(plan->graph->real), (long long)plan->nodes, plan->arena_bytes[0],
          plan->arena_bytes[1], plan->scratch_bytes, plan->mean_bytes, plan->row_bytes);
  if (plan->lanes > 1)
    fprintf(text.file, "%d tasks at once in lanes: %s; groups of at most %d one at a time\n",
            plan->lanes, plan->why, IL_FEW_TASKS);
  else
    fprintf(text.file, "one task at a time: %s\n", plan->why);
  for (int when = 0; when < 3; when++) {
    const il_call_list *list = &plan->list[when];
    il_plain_print(text.file, "%s: %lld calls, %.0f FLOP\n", stage[when], (long long)list->count,
                   plan->flops[when]);
    print_calls(text.file, plan, list);
  }
  if (il_text_close(text.file, &text.data) != 0) {
    il_fail_memory(plan->graph->context, "the text of a plan");
    return NULL;
  }
  return text.data;
}
