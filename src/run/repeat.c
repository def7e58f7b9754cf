/* Runs a loop: the calls of its step for each number, the state handed on from row to row. Allocates nothing. */
#include "run/repeat.h"

#include <string.h>

typedef struct il_repeating {
  const il_loop_plan *l;
  char **bases;
  char *scratch;
  const char *first; /* the state before all steps */
  char *last, *made, *kept;
  size_t state, row; /* bytes */
} il_repeating;

/* Bytes of the pieces lie one behind the other. */
static void place_inputs(const il_plan *step, char **slot, int from, int count, const void *row) {
  char *at;
  memcpy(&at, &row, sizeof at); /* read only; one array of bases serves reading and writing */
  for (int i = from; i < from + count; i++) {
    slot[i] = at;
    at += step->input_bytes[i];
  }
}

static void place_outputs(const il_plan *step, char **slot, int from, int count, char *row) {
  for (int i = from; i < from + count; i++) {
    if (step->output_task[i]) slot[i] = row;
    row += step->output_bytes[i];
  }
}

static void copy_fixed(const il_plan *step, char *const *slot, int from, int count, char *row) {
  for (int i = from; i < from + count; i++) {
    if (!step->output_task[i]) memcpy(row, slot[i], step->output_bytes[i]);
    row += step->output_bytes[i];
  }
}

static void run_list(const il_repeating *r, int which) {
  const il_plan *step = r->l->step;
  const il_call_list *list = &step->list[which];
  for (int64_t i = 0; i < list->count; i++)
    il_call_run(step, &list->call[i], r->bases, r->scratch + r->l->scratch, 1);
}

static void run_step(const il_repeating *r, int64_t i, const void *const *in) {
  const il_loop_plan *l = r->l;
  const il_loop_body *b = l->body;
  const int64_t count = l->attr->count, way = l->attr->backwards ? -1 : 1,
                k = l->attr->backwards ? count - 1 - i : i;
  char **input = r->bases + IL_SLOT_INPUTS, **output = input + b->graph->input_count;
  char *here = r->scratch + l->states[i & 1], *there = r->scratch + l->states[~i & 1];
  if (l->attr->keeps) {
    here = r->kept + (size_t)k * r->state;
    there = here + way * (int64_t)r->state;
    if (i == 0) memcpy(here, r->first, r->state);
  }
  if (i == count - 1) there = r->last;
  place_inputs(l->step, input, 0, b->states, i == 0 ? (const void *)r->first : here);
  int at = b->states;
  for (int s = 0; s < b->sources; s++) {
    const size_t size = il_type_size(il_node_of(b->graph, b->graph->inputs[at].value)->type);
    place_inputs(l->step, input, at, b->pieces[s],
                 (const char *)in[1 + s] +
                     (size_t)(l->attr->offset[s] + k * b->row_size[s]) * size);
    at += b->pieces[s];
  }
  if (b->graph->real == IL_FLOAT64)
    memcpy(input[at], &(double){(double)k}, sizeof(double));
  else
    memcpy(input[at], &(float){(float)k}, sizeof(float));
  char *row = r->made + (size_t)k * r->row;
  place_outputs(l->step, output, 0, b->states, there);
  place_outputs(l->step, output, b->states, b->made, row);
  run_list(r, IL_PER_TASK);
  copy_fixed(l->step, output, 0, b->states, there);
  copy_fixed(l->step, output, b->states, b->made, row);
}

void il_loop_run(const il_loop_plan *l, const void *const *in, void *out, void *scratch) {
  const il_loop_body *b = l->body;
  const size_t size = il_type_size(b->graph->real);
  il_repeating r = {.l = l, .scratch = scratch, .first = in[0], .last = out};
  r.bases = (char **)(void *)(r.scratch + l->bases);
  r.state = (size_t)b->state_size * size;
  r.row = (size_t)b->made_size * size;
  r.made = r.last + r.state;
  r.kept = r.made + (size_t)l->attr->count * r.row;
  char **input = r.bases + IL_SLOT_INPUTS, **output = input + b->graph->input_count;
  memset(r.bases, 0, IL_SLOT_INPUTS * sizeof *r.bases);
  r.bases[IL_SLOT_SHARED] = r.scratch + l->shared;
  r.bases[IL_SLOT_TASK] = r.scratch + l->task;
  const int step = il_loop_step_input(b);
  input[step] = r.scratch + l->number;
  for (int i = 0; i < b->constants; i++) {
    const void *constant = in[1 + b->sources + i];
    memcpy(&input[step + 1 + i], &constant, sizeof constant);
  }
  char *fixed = r.scratch + l->fixed;
  for (int i = 0; i < b->graph->output_count; i++)
    if (!l->step->output_task[i]) {
      output[i] = fixed;
      fixed += il_aligned(l->step->output_bytes[i]);
    }
  run_list(&r, IL_BEFORE);
  for (int64_t i = 0; i < l->attr->count; i++) run_step(&r, i, in);
}
