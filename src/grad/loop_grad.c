/* Derivatives of loops: loops of the derivatives of their steps. Reverse mode walks backwards over the states that the
 * loop has kept, makes the inside of each step again and adds up what belongs to constants; forward mode carries the
 * tangent beside the state. Both are loops like any other, so they have derivatives too. */
#include <stdio.h>
#include <string.h>

#include "base/room.h"
#include "grad/loop_grad.h"
#include "graph/loop_body.h"

/* A body being made of another one's. */
typedef struct il_deriving {
  il_graph *g;            /* the graph of the loop */
  const il_node *node;    /* the loop */
  const il_loop_body *of; /* its body */
  il_graph *body;         /* the derivative's */
  il_loop_body counts;    /* of it */
  il_attr_loop attr;
  il_value *now;     /* [of's size + 1] what its values have become in the body */
  il_value *operand; /* of the derivative's loop */
  int operands;
  il_value *x, *dx; /* values of the body by which it is differentiated, and what comes of it */
  int variables;
  il_value *y, *dy; /* results of the step, and theirs */
} il_deriving;

static const il_node *inside(const il_deriving *d, int input) {
  return il_node_of(d->of->graph, d->of->graph->inputs[input].value);
}

static il_value add_input(il_deriving *d, const char *what, const il_node *like, il_stage stage) {
  char name[48];
  snprintf(name, sizeof name, "%s%d", what, d->body->input_count);
  return il_input(d->body, name, stage, like->type, like->shape);
}

static void variable(il_deriving *d, il_value x) { d->x[d->variables++] = x; }

/* The body's own input, in the derivative's. */
static il_value take(il_deriving *d, int input, const char *what, il_stage stage) {
  return d->now[d->of->graph->inputs[input].value.id] = add_input(d, what, inside(d, input), stage);
}

/* The next source has rows in `operand` from `offset` on. False: there are too many. */
static bool add_source(il_deriving *d, il_value operand, int64_t offset, int pieces) {
  if (d->counts.sources == IL_LOOP_SOURCES) {
    il_fail(d->g->context, IL_ERROR_UNSUPPORTED,
            "the derivative of a loop reads rows of more than %d values; expected at most so many",
            IL_LOOP_SOURCES);
    return false;
  }
  d->attr.offset[d->counts.sources] = offset;
  d->counts.pieces[d->counts.sources++] = pieces;
  d->operand[d->operands++] = operand;
  return true;
}

static int64_t offset_of(const il_deriving *d, int source) {
  return ((const il_attr_loop *)d->node->attr)->offset[source];
}

static il_value source_of(const il_deriving *d, int source) { return d->node->input[1 + source]; }
static il_value constant_of(const il_deriving *d, int i) {
  return d->node->input[1 + d->of->sources + i];
}

static bool open(il_deriving *d, il_graph *g, uint32_t id) {
  d->g = g;
  d->node = g->nodes[id];
  d->of = il_loop_body_of(g, d->node);
  d->attr.count = ((const il_attr_loop *)d->node->attr)->count;
  const il_loop_body *b = d->of;
  const size_t size = (size_t)b->graph->size + 1, inputs = (size_t)b->graph->input_count,
               outputs = (size_t)b->graph->output_count;
  d->body = il_graph_new(g->context, g->real);
  d->now = il_new(g->context, size, sizeof *d->now);
  d->operand =
      il_new(g->context, 2 * (size_t)d->node->inputs + IL_LOOP_SOURCES + 4, sizeof *d->operand);
  d->x = il_new(g->context, 4 * (inputs + 1), sizeof *d->x);
  d->y = il_new(g->context, 2 * (outputs + 1), sizeof *d->y);
  if (d->body && d->now && d->operand && d->x && d->y) {
    d->dx = d->x + 2 * (inputs + 1);
    d->dy = d->y + outputs + 1;
    d->operands = 1; /* the state comes last */
    return true;
  }
  il_fail_memory(g->context, "the derivative of a loop");
  return false;
}

static void shut(il_deriving *d) {
  il_graph_free(d->body);
  il_release(d->now);
  il_release(d->operand);
  il_release(d->x);
  il_release(d->y);
}

/* The step, once more: its results are y. */
static bool include(il_deriving *d) {
  const il_graph *from = d->of->graph;
  bool *all = il_new(d->g->context, (size_t)from->size + 1, sizeof *all);
  if (!all) {
    il_fail_memory(d->g->context, "the derivative of a loop");
    return false;
  }
  for (uint32_t id = 1; id <= from->size; id++) all[id] = true;
  const bool made = il_loop_include(d->body, from, all, d->now);
  il_release(all);
  for (int i = 0; i < from->output_count && made; i++) d->y[i] = d->now[from->outputs[i].value.id];
  return made;
}

static void output(il_deriving *d, il_value v) {
  char name[48];
  snprintf(name, sizeof name, "out%d", d->body->output_count);
  il_output(d->body, name, v);
}

/* The derivative's loop; the body is given away. */
static il_value make(il_deriving *d) {
  il_graph *body = d->body;
  d->body = NULL;
  return il_loop_make(d->g, il_loop_body_new(body, d->counts), d->attr, d->operand);
}

/* Columns [at, at + width) of the rows of a loop's value, as [count·width]. */
static il_value columns(il_deriving *d, il_value packed, int64_t state, int64_t row, int64_t at,
                        int64_t width) {
  il_graph *g = d->g;
  const int64_t count = d->attr.count;
  const il_value rows = il_loop_part(g, packed, state, IL_SHAPE(count, row));
  return il_reshape(g, il_slice(g, rows, (const int64_t[]){0, at}, IL_SHAPE(count, width)),
                    IL_SHAPE(count * width));
}

/* ---- reverse mode ---- */

/* The loop with the states before its steps. */
static il_value keeping(il_deriving *d, uint32_t id) {
  il_attr_loop attr = *(const il_attr_loop *)d->node->attr;
  if (attr.keeps) return (il_value){id};
  attr.keeps = 1;
  return il_node_make(d->g, "a loop", IL_OP_LOOP, d->node->inputs, d->node->input, &attr,
                      il_shape_scalar());
}

/* Inputs of the backward step, in the order of a body's; x in the order state, sources, constants. */
static bool reverse_inputs(il_deriving *d, uint32_t id, il_value cotangent, const bool *wanted,
                           int *sums) {
  const il_loop_body *b = d->of;
  const il_attr_loop *a = d->node->attr;
  const int step = il_loop_step_input(b);
  const int64_t made = b->state_size, kept = made + a->count * b->made_size;
  il_value *back = d->dy; /* cotangents of the next state */
  for (int i = 0; i < b->states; i++) back[i] = add_input(d, "back", inside(d, i), IL_TASK);
  *sums = 0;
  for (int i = 0; i < b->constants; i++)
    if (wanted[1 + b->sources + i]) {
      add_input(d, "sum", inside(d, step + 1 + i), IL_TASK);
      ++*sums;
    }
  d->counts.states = b->states + *sums;
  const il_value stack = keeping(d, id);
  if (!stack.id || !add_source(d, stack, kept, b->states)) return false;
  for (int i = 0; i < b->states; i++) variable(d, take(d, i, "state", IL_TASK));
  int at = b->states;
  for (int s = 0; s < b->sources; s++) {
    if (!add_source(d, source_of(d, s), offset_of(d, s), b->pieces[s])) return false;
    for (int i = 0; i < b->pieces[s]; i++, at++) {
      const il_value row = take(d, at, "row", IL_TASK);
      if (wanted[1 + s]) variable(d, row);
    }
  }
  if (b->made && !add_source(d, cotangent, made, b->made)) return false;
  for (int i = 0; i < b->made; i++)
    back[b->states + i] =
        add_input(d, "made", il_node_of(b->graph, b->graph->outputs[b->states + i].value), IL_TASK);
  if (a->keeps && !add_source(d, cotangent, kept, b->states)) return false;
  for (int i = 0; i < b->states && a->keeps; i++) add_input(d, "kept", inside(d, i), IL_TASK);
  take(d, step, "step", IL_TASK);
  for (int i = 0; i < b->constants; i++) {
    const il_value constant = take(d, step + 1 + i, "constant", IL_SHARED);
    if (wanted[1 + b->sources + i]) variable(d, constant);
    d->operand[d->operands++] = constant_of(d, i);
  }
  d->counts.constants = b->constants;
  return il_context_status(d->g->context) == IL_OK;
}

/* What the step's derivative comes to: next cotangents of the state, sums, and rows of the sources' cotangents. */
static void reverse_outputs(il_deriving *d, const bool *wanted, int sums) {
  const il_loop_body *b = d->of;
  const bool keeps = ((const il_attr_loop *)d->node->attr)->keeps;
  const int first_kept = il_loop_step_input(b) + b->states + sums + b->made;
  int rows = 0;
  for (int s = 0; s < b->sources; s++) rows += wanted[1 + s] ? b->pieces[s] : 0;
  for (int i = 0; i < b->states; i++)
    output(d, keeps ? il_add(d->body, d->dx[i], d->body->inputs[first_kept + i].value) : d->dx[i]);
  for (int i = 0; i < sums; i++)
    output(d, il_add(d->body, d->body->inputs[b->states + i].value, d->dx[b->states + rows + i]));
  for (int i = 0; i < rows; i++) output(d, d->dx[b->states + i]);
  d->counts.made = rows;
}

/* Of the whole operand, of which the rows are a part. */
static il_value spread(il_deriving *d, int source, il_value rows) {
  const il_shape shape = il_value_shape(d->g, source_of(d, source));
  const int64_t low = offset_of(d, source),
                high = il_shape_count(shape) - low - il_shape_count(il_value_shape(d->g, rows));
  return il_reshape(d->g, il_pad(d->g, rows, &low, &high), shape);
}

static void reverse_parts(il_deriving *d, il_value packed, const bool *wanted, il_value *part) {
  const il_loop_body *b = d->of;
  int64_t at = 0, row = 0;
  if (wanted[0]) part[0] = il_loop_part(d->g, packed, 0, IL_SHAPE(b->state_size));
  at = b->state_size;
  for (int i = 0; i < b->constants; i++) {
    if (!wanted[1 + b->sources + i]) continue;
    const il_shape shape = il_value_shape(d->g, constant_of(d, i));
    part[1 + b->sources + i] = il_loop_part(d->g, packed, at, shape);
    at += il_shape_count(shape);
  }
  for (int s = 0; s < b->sources; s++) row += wanted[1 + s] ? b->row_size[s] : 0;
  int64_t column = 0;
  for (int s = 0; s < b->sources; s++) {
    if (!wanted[1 + s]) continue;
    part[1 + s] = spread(d, s, columns(d, packed, at, row, column, b->row_size[s]));
    column += b->row_size[s];
  }
}

void il_loop_vjp(il_graph *g, uint32_t id, il_value cotangent, const bool *wanted, il_value *part) {
  il_deriving d = {0};
  int sums;
  if (open(&d, g, id) && reverse_inputs(&d, id, cotangent, wanted, &sums) && include(&d)) {
    const il_loop_body *b = d.of;
    /* Cotangents of what the sums add up to begin at 0. */
    il_value first[2] = {il_loop_part(g, cotangent, 0, IL_SHAPE(b->state_size))};
    int64_t zeros = 0;
    for (int i = 0; i < b->constants; i++)
      if (wanted[1 + b->sources + i])
        zeros += il_shape_count(il_value_shape(g, constant_of(&d, i)));
    if (zeros) first[1] = il_constant(g, 0, IL_SHAPE(zeros));
    d.operand[0] = il_loop_pack(g, zeros ? 2 : 1, first);
    d.attr.backwards = !((const il_attr_loop *)d.node->attr)->backwards;
    il_vjp(d.body, b->states + b->made, d.y, d.dy, d.variables, d.x, d.dx);
    if (il_context_status(g->context) == IL_OK) {
      reverse_outputs(&d, wanted, sums);
      const il_value packed = make(&d);
      if (packed.id) reverse_parts(&d, packed, wanted, part);
    }
  }
  shut(&d);
}

/* ---- forward mode ---- */

/* x and dx of the step: its state, and of sources and constants those with tangents. */
static bool forward_inputs(il_deriving *d, const il_value *tangent) {
  const il_loop_body *b = d->of;
  const int step = il_loop_step_input(b);
  for (int i = 0; i < b->states; i++) d->x[i] = take(d, i, "state", IL_TASK);
  for (int i = 0; i < b->states; i++) d->dx[i] = add_input(d, "tangent", inside(d, i), IL_TASK);
  d->variables = b->states;
  d->counts.states = 2 * b->states;
  int at = b->states;
  for (int s = 0; s < b->sources; s++) {
    if (!add_source(d, source_of(d, s), offset_of(d, s), b->pieces[s])) return false;
    const int first = d->variables;
    for (int i = 0; i < b->pieces[s]; i++, at++) {
      const il_value row = take(d, at, "row", IL_TASK);
      if (tangent[1 + s].id) variable(d, row);
    }
    if (!tangent[1 + s].id) continue;
    if (!add_source(d, tangent[1 + s], offset_of(d, s), b->pieces[s])) return false;
    for (int i = 0; i < b->pieces[s]; i++)
      d->dx[first + i] = add_input(d, "change", inside(d, at - b->pieces[s] + i), IL_TASK);
  }
  take(d, step, "step", IL_TASK);
  for (int i = 0; i < b->constants; i++) {
    const il_value constant = take(d, step + 1 + i, "constant", IL_SHARED),
                   moved = tangent[1 + b->sources + i];
    d->operand[d->operands++] = constant_of(d, i);
    d->counts.constants++;
    if (!moved.id) continue;
    d->dx[d->variables] = add_input(d, "constant", inside(d, step + 1 + i), IL_SHARED);
    variable(d, constant);
    d->operand[d->operands++] = moved;
    d->counts.constants++;
  }
  return il_context_status(d->g->context) == IL_OK;
}

il_value il_loop_jvp(il_graph *g, uint32_t id, const il_value *tangent) {
  il_deriving d = {0};
  il_value result = {0};
  if (open(&d, g, id) && forward_inputs(&d, tangent) && include(&d)) {
    const il_loop_body *b = d.of;
    const il_attr_loop *a = d.node->attr;
    const il_value first[2] = {
        d.node->input[0], tangent[0].id ? tangent[0] : il_constant(g, 0, IL_SHAPE(b->state_size))};
    d.operand[0] = il_loop_pack(g, 2, first);
    d.attr.backwards = a->backwards;
    il_jvp(d.body, d.variables, d.x, d.dx, b->states + b->made, d.y, d.dy);
    if (il_context_status(g->context) == IL_OK) {
      for (int i = 0; i < b->states; i++) output(&d, d.y[i]);
      for (int i = 0; i < b->states + b->made; i++) output(&d, d.dy[i]);
      for (int i = 0; i < b->states && a->keeps; i++) output(&d, d.dx[i]);
      d.counts.made = b->made + (a->keeps ? b->states : 0);
      const int64_t row = b->made_size + (a->keeps ? b->state_size : 0);
      const il_value packed = make(&d);
      il_value part[3];
      int parts = 0;
      if (packed.id) {
        part[parts++] = il_loop_part(g, packed, b->state_size, IL_SHAPE(b->state_size));
        if (b->made) part[parts++] = columns(&d, packed, 2 * b->state_size, row, 0, b->made_size);
        if (a->keeps)
          part[parts++] = columns(&d, packed, 2 * b->state_size, row, b->made_size, b->state_size);
        result = il_loop_pack(g, parts, part);
      }
    }
  }
  shut(&d);
  return result;
}
