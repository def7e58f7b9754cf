/* Bodies of loops, loops as nodes, and loops whose step is made in the graph around them (loop_body.h). */
#include "graph/loop_body.h"

#include <stdio.h>
#include <string.h>

#include "base/room.h"
#include "graph/node.h"

/* ---- bodies ---- */
int il_loop_source_inputs(const il_loop_body *body, int source) {
  int at = body->states;
  for (int i = 0; i < source; i++) at += body->pieces[i];
  return at;
}

int il_loop_step_input(const il_loop_body *body) {
  return il_loop_source_inputs(body, body->sources);
}

static int64_t elements(const il_graph *g, const il_named *list, int from, int count) {
  int64_t sum = 0;
  for (int i = from; i < from + count; i++)
    sum += il_shape_count(il_node_of(g, list[i].value)->shape);
  return sum;
}

/* No part of it may follow a mean over tasks: its "tasks" are steps. */
static bool whole(const il_graph *g) {
  for (uint32_t id = 1; id <= g->size; id++) {
    if (g->nodes[id]->when != IL_AFTER) continue;
    il_fail(g->context, IL_ERROR_STAGE, "a loop: its step has a mean over tasks; expected none");
    return false;
  }
  return true;
}

/* Of what its outputs need. False: out of memory. */
static bool count_flops(il_loop_body *body) {
  const il_graph *g = body->graph;
  bool *needed = il_new(g->context, (size_t)g->size + 1, sizeof *needed);
  if (!needed) return false;
  body->flops = 0;
  for (int i = 0; i < g->output_count; i++) needed[g->outputs[i].value.id] = true;
  for (uint32_t id = g->size; id > 0; id--) {
    const il_node *node = g->nodes[id];
    if (!needed[id]) continue;
    if (g->ops[node->op]->flops) body->flops += g->ops[node->op]->flops(g, node);
    for (int i = 0; i < node->inputs; i++) needed[node->input[i].id] = true;
  }
  il_release(needed);
  return true;
}

il_loop_body *il_loop_body_new(il_graph *graph, il_loop_body counts) {
  il_context *context = graph->context;
  il_loop_body *body = NULL;
  if (il_context_status(context) == IL_OK && whole(graph)) {
    body = il_new(context, 1, sizeof *body);
    if (!body) il_fail_memory(context, "the step of a loop");
  }
  if (!body) {
    il_graph_free(graph);
    return NULL;
  }
  *body = counts;
  body->graph = graph;
  body->owners = 0;
  body->state_size = elements(graph, graph->inputs, 0, body->states);
  body->made_size = elements(graph, graph->outputs, body->states, body->made);
  for (int i = 0; i < body->sources; i++)
    body->row_size[i] =
        elements(graph, graph->inputs, il_loop_source_inputs(body, i), body->pieces[i]);
  if (count_flops(body)) return body;
  il_fail_memory(context, "the step of a loop");
  il_loop_body_drop(body);
  return NULL;
}

void il_loop_body_drop(il_loop_body *body) {
  if (!body || --body->owners > 0) return;
  il_graph_free(body->graph);
  il_release(body);
}

il_loop_body *il_loop_body_of(const il_graph *g, const il_node *node) {
  return g->bodies[((const il_attr_loop *)node->attr)->body];
}

/* Its place among the graph's bodies; −1: reported. */
static int place_of(il_graph *g, il_loop_body *body) {
  for (int i = 0; i < g->body_count; i++)
    if (g->bodies[i] == body) return i;
  if (g->body_count == g->body_capacity) {
    const int capacity = g->body_capacity ? 2 * g->body_capacity : 8;
    il_loop_body **bodies = il_grow(g->context, g->bodies, (size_t)capacity * sizeof *bodies);
    if (!bodies) {
      il_fail_memory(g->context, "the steps of loops");
      return -1;
    }
    g->bodies = bodies;
    g->body_capacity = capacity;
  }
  body->owners++;
  g->bodies[g->body_count] = body;
  return g->body_count++;
}

/* As place_of; a body that nobody has is dropped. */
static int take_body(il_graph *g, il_loop_body *body) {
  const int place = body ? place_of(g, body) : -1;
  if (place < 0 && body && body->owners == 0) il_loop_body_drop(body);
  return place;
}

bool il_loop_body_add(il_graph *g, il_loop_body *body) { return take_body(g, body) >= 0; }

il_value il_loop_make(il_graph *g, il_loop_body *body, il_attr_loop attr, const il_value *input) {
  attr.body = take_body(g, body);
  if (attr.body < 0) return (il_value){0};
  return il_node_make(g, "a loop", IL_OP_LOOP, 1 + body->sources + body->constants, input, &attr,
                      il_shape_scalar());
}

/* ---- nodes of one graph made again in another ---- */
typedef struct il_including {
  il_graph *to;
  const il_graph *from;
  il_value *now;
  const char *scope, *copy; /* the last that was copied: names of `from` may not outlive it */
} il_including;

static bool copy_scope(il_including *c, const char *scope) {
  if (c->copy && c->scope == scope) return true;
  c->scope = scope;
  c->copy = *scope ? il_arena_string(&c->to->arena, scope) : "";
  if (!c->copy) il_fail_memory(c->to->context, "a scope");
  return c->copy != NULL;
}

static il_value make_again(il_including *c, const il_node *node, il_value *input) {
  il_graph *to = c->to;
  for (int i = 0; i < node->inputs; i++) input[i] = c->now[node->input[i].id];
  if (node->op == IL_OP_LEAF) return input[0];
  if (!copy_scope(c, node->scope)) return (il_value){0};
  to->scope = c->copy;
  to->origin = c->now[node->origin].id;
  to->direction = node->direction;
  if (node->op != IL_OP_LOOP)
    return il_node_make(to, "a loop", node->op, node->inputs, input, node->attr, node->shape);
  return il_loop_make(to, il_loop_body_of(c->from, node), *(const il_attr_loop *)node->attr, input);
}

bool il_loop_include(il_graph *to, const il_graph *from, const bool *wanted, il_value *now) {
  il_including c = {.to = to, .from = from, .now = now};
  const il_node before = {.scope = to->scope, .origin = to->origin, .direction = to->direction};
  int widest = 1;
  bool made = true;
  for (uint32_t id = 1; id <= from->size; id++)
    if (from->nodes[id]->inputs > widest) widest = from->nodes[id]->inputs;
  il_value *input = il_new(to->context, (size_t)widest, sizeof *input);
  if (!input) il_fail_memory(to->context, "the step of a loop");
  for (uint32_t id = 1; id <= from->size && input && made; id++) {
    if (!wanted[id] || now[id].id) continue;
    now[id] = make_again(&c, from->nodes[id], input);
    made = now[id].id != 0;
  }
  il_release(input);
  to->scope = before.scope;
  to->origin = before.origin;
  to->direction = before.direction;
  return input && made;
}

/* ---- packed values ---- */
enum { PACK = 32 }; /* values of one concatenation */

il_value il_loop_pack(il_graph *g, int count, const il_value *values) {
  il_value part[PACK];
  if (count > PACK) { /* of so many parts each that there are not too many */
    int parts = 0, each = PACK;
    while ((count + each - 1) / each > PACK) each *= PACK;
    for (int at = 0; at < count; at += each)
      part[parts++] = il_loop_pack(g, count - at < each ? count - at : each, values + at);
    return il_concat(g, parts, part, 0);
  }
  for (int i = 0; i < count; i++)
    part[i] = il_reshape(g, values[i], IL_SHAPE(il_shape_count(il_value_shape(g, values[i]))));
  return count == 1 ? part[0] : il_concat(g, count, part, 0);
}

il_value il_loop_part(il_graph *g, il_value packed, int64_t at, il_shape shape) {
  return il_reshape(g, il_slice(g, packed, &at, IL_SHAPE(il_shape_count(shape))), shape);
}

/* ---- a step made in the graph around it ---- */
void il_loop_begin(il_loop *l, il_graph *g, int count, int states, const il_value *first,
                   il_value *state) {
  *l = (il_loop){.g = g, .count = count, .states = states};
  l->first = il_arena_alloc(&g->arena, 2 * ((size_t)states + 1) * sizeof *state);
  if (!l->first) {
    il_fail_memory(g->context, "the state of a loop");
    l->states = 0;
    return;
  }
  l->state = l->first + states + 1;
  for (int i = 0; i < states; i++) {
    l->first[i] = first[i];
    l->state[i] = state[i] = il_leaf(g, first[i]);
  }
  l->step = il_leaf(g, il_scalar(g, 0));
}

/* What the public builders check, so that the others need not. */
static bool reals(il_graph *g, const char *function, const char *what, int count,
                  const il_value *v) {
  if (!il_node_operands(g, function, count, v)) return false;
  for (int i = 0; i < count; i++)
    if (g->nodes[v[i].id]->type != g->real) {
      il_fail(g->context, IL_ERROR_TYPE, "%s: value %d of %s is %s; expected %s", function, i + 1,
              what, il_type_name(g->nodes[v[i].id]->type), il_type_name(g->real));
      return false;
    }
  return true;
}

il_loop *il_loop_open(il_graph *g, int steps, int states, const il_value *first, il_value *state) {
  for (int i = 0; i < states; i++) state[i] = (il_value){0};
  il_loop *l = il_arena_alloc(&g->arena, sizeof *l);
  if (!l) {
    il_fail_memory(g->context, "a loop");
    return NULL;
  }
  *l = (il_loop){.g = g};
  if (steps < 1 || states < 1)
    il_fail(g->context, IL_ERROR_ARGUMENT,
            "il_loop_open: %d steps and %d values of state; expected at least one of each", steps,
            states);
  else if (reals(g, "il_loop_open", "the state", states, first))
    il_loop_begin(l, g, steps, states, first, state);
  l->states = states > 0 ? states : 0;
  return l;
}

void il_loop_close(il_loop *l, const il_value *next, il_value *last, int count,
                   const il_value *made, il_value *stacked) {
  for (int i = 0; l && i < l->states; i++) last[i] = (il_value){0};
  for (int i = 0; i < count; i++) stacked[i] = (il_value){0};
  if (l && l->state && reals(l->g, "il_loop_close", "the next state", l->states, next) &&
      reals(l->g, "il_loop_close", "what is made", count, made))
    il_loop_end(l, next, last, count, made, stacked);
}

il_value il_loop_step(const il_loop *l) { return l ? l->step : (il_value){0}; }

il_value il_loop_row(il_loop *l, il_value source) {
  if (!l || !l->state || !il_valid(source)) return (il_value){0};
  il_graph *g = l->g;
  for (int i = 0; i < l->sources; i++)
    if (l->source[i].id == source.id) return l->row[i];
  if (l->sources == IL_LOOP_ROWS) {
    il_fail(g->context, IL_ERROR_UNSUPPORTED,
            "a loop: its step reads rows of more than %d values; expected at most so many",
            IL_LOOP_ROWS);
    return (il_value){0};
  }
  const il_shape whole_shape = il_value_shape(g, source);
  if (whole_shape.rank < 1 || whole_shape.dim[0] != l->count) {
    char text[96];
    il_fail(g->context, IL_ERROR_SHAPE, "a loop of %d steps: rows of %s; expected a row for each",
            l->count, il_shape_text(whole_shape, text));
    return (il_value){0};
  }
  il_shape first = whole_shape, row = {.rank = whole_shape.rank - 1};
  first.dim[0] = 1;
  for (int i = 0; i < row.rank; i++) row.dim[i] = whole_shape.dim[i + 1];
  l->source[l->sources] = source;
  l->row[l->sources] =
      il_leaf(g, il_reshape(g, il_slice(g, source, (const int64_t[IL_MAX_RANK]){0}, first), row));
  return l->row[l->sources++];
}

int il_loop_all(const il_loop *l) { return l->outer ? l->outer->count * l->count : l->count; }

il_value il_loop_number(const il_loop *l) {
  return l->outer ? il_add(l->g, il_scale(l->g, l->outer->step, l->count), l->step) : l->step;
}

il_value il_loop_row_of_all(il_loop *l, il_value source) {
  if (!l->outer || !il_valid(source)) return il_loop_row(l, source);
  il_shape all = il_value_shape(l->g, source), shape = {.rank = all.rank + 1};
  shape.dim[0] = l->outer->count;
  shape.dim[1] = l->count;
  for (int i = 1; i < all.rank && i + 1 < IL_MAX_RANK; i++) shape.dim[i + 1] = all.dim[i];
  return il_loop_row(l, il_loop_row(l->outer, il_reshape(l->g, source, shape)));
}

/* What the step is made of. */
typedef struct il_extract {
  const il_loop *l;
  il_graph *body;
  bool *inside; /* [size + 1] depends on the state, a row or the step */
  bool *wanted; /* [size + 1] the body has it */
  il_value *now;
  il_value *input; /* of the loop: the state, the sources, then constants */
  int sources, constants, reals;
  il_value real[IL_LOOP_ROWS]; /* values whose rows are real: together the first source */
} il_extract;

static il_value take_input(il_extract *x, const char *what, int index, il_value v, il_stage stage) {
  char name[48];
  snprintf(name, sizeof name, "%s%d", what, index);
  const il_node *node = il_node_of(x->l->g, v);
  return x->now[v.id] = il_input(x->body, name, stage, node->type, node->shape);
}

static bool mark(il_extract *x, int count, const il_value *out) {
  const il_graph *g = x->l->g;
  uint32_t last = 0;
  for (int i = 0; i < count; i++) {
    if (!il_valid(out[i])) return false;
    x->wanted[out[i].id] = true;
    if (out[i].id > last) last = out[i].id;
  }
  for (uint32_t id = 1; id <= g->size; id++)
    for (int i = 0; i < g->nodes[id]->inputs && !x->inside[id]; i++)
      x->inside[id] = x->inside[g->nodes[id]->input[i].id];
  for (uint32_t id = last; id > 0; id--)
    for (int i = 0; x->wanted[id] && x->inside[id] && !x->now[id].id && i < g->nodes[id]->inputs;
         i++)
      x->wanted[g->nodes[id]->input[i].id] = true;
  return true;
}

/* Constants are numbers that the body has itself, or values of the graph around it. */
static bool capture(il_extract *x) {
  il_graph *g = x->l->g;
  for (uint32_t id = 1; id <= g->size; id++) {
    if (!x->wanted[id] || x->inside[id] || g->nodes[id]->op == IL_OP_CONSTANT) continue;
    if (!take_input(x, "constant", x->constants, (il_value){id}, IL_SHARED).id) return false;
    x->input[1 + x->sources + x->constants++] = (il_value){id};
  }
  return true;
}

/* Rows of reals, [count, n] each, side by side. */
static il_value beside(il_graph *g, int64_t count, int values, const il_value *value) {
  il_value part[PACK];
  if (values > PACK) {
    int parts = 0;
    for (int at = 0; at < values; at += PACK)
      part[parts++] = beside(g, count, values - at < PACK ? values - at : PACK, value + at);
    return il_concat(g, parts, part, 1);
  }
  for (int i = 0; i < values; i++)
    part[i] = il_reshape(g, value[i],
                         IL_SHAPE(count, il_shape_count(il_value_shape(g, value[i])) / count));
  return values == 1 ? part[0] : il_concat(g, values, part, 1);
}

/* The values whose rows are real become one source, which is made once the graph may grow; others, such as the order of mini-batches, are one each. */
static bool take_rows(il_extract *x, il_loop_body *counts) {
  const il_loop *l = x->l;
  for (int i = 0; i < l->sources; i++) {
    if (il_value_type(l->g, l->row[i]) != l->g->real) continue;
    take_input(x, "row", i, l->row[i], IL_TASK);
    x->real[x->reals++] = l->source[i];
  }
  if (x->reals) counts->pieces[x->sources++] = x->reals;
  for (int i = 0; i < l->sources; i++) {
    if (il_value_type(l->g, l->row[i]) == l->g->real) continue;
    if (x->sources == IL_LOOP_SOURCES) {
      il_fail(l->g->context, IL_ERROR_UNSUPPORTED,
              "a loop: its step reads rows of %d values that are not real; expected at most %d",
              l->sources - x->reals, IL_LOOP_SOURCES - 1);
      return false;
    }
    take_input(x, "row", i, l->row[i], IL_TASK);
    counts->pieces[x->sources] = 1;
    x->input[1 + x->sources++] = l->source[i];
  }
  counts->sources = x->sources;
  return true;
}

static il_loop_body *extract(il_extract *x, const il_value *next, int made, const il_value *row) {
  const il_loop *l = x->l;
  il_loop_body counts = {.states = l->states, .made = made};
  /* Leaves of the state: what they stand before is not the body's. */
  for (int i = 0; i < l->states; i++) take_input(x, "state", i, l->state[i], IL_TASK);
  if (!take_rows(x, &counts)) return NULL;
  take_input(x, "step", 0, l->step, IL_TASK);
  for (int i = 0; i < x->body->input_count; i++) /* found by their values */
    if (!il_valid(x->body->inputs[i].value)) return NULL;
  for (int i = 0; i < l->states; i++) x->inside[l->state[i].id] = true;
  for (int i = 0; i < l->sources; i++) x->inside[l->row[i].id] = true;
  x->inside[l->step.id] = true;
  if (!mark(x, l->states, next) || !mark(x, made, row) || !capture(x)) return NULL;
  counts.constants = x->constants;
  if (!il_loop_include(x->body, l->g, x->wanted, x->now)) return NULL;
  char name[48];
  for (int i = 0; i < l->states + made; i++) {
    const il_value out = i < l->states ? next[i] : row[i - l->states];
    snprintf(name, sizeof name, "%s%d", i < l->states ? "next" : "made",
             i < l->states ? i : i - l->states);
    il_output(x->body, name, x->now[out.id]);
  }
  il_graph *body = x->body;
  x->body = NULL;
  return il_loop_body_new(body, counts);
}

static bool same_shapes(const il_loop *l, const il_value *next) {
  for (int i = 0; i < l->states; i++) {
    const il_node *from = il_node_of(l->g, l->first[i]), *to = il_node_of(l->g, next[i]);
    if (!from || !to) return false;
    if (from->type == l->g->real && to->type == from->type &&
        il_shape_equal(from->shape, to->shape))
      continue;
    char a[96], b[96];
    il_fail(
        l->g->context, IL_ERROR_SHAPE,
        "a loop: piece %d of the state is %s %s, and after a step %s %s; expected reals of equal "
        "shape",
        i + 1, il_type_name(from->type), il_shape_text(from->shape, a), il_type_name(to->type),
        il_shape_text(to->shape, b));
    return false;
  }
  return true;
}

void il_loop_end(il_loop *l, const il_value *next, il_value *last, int made, const il_value *row,
                 il_value *stacked) {
  il_graph *g = l->g;
  for (int i = 0; i < l->states; i++) last[i] = (il_value){0};
  for (int i = 0; i < made; i++) stacked[i] = (il_value){0};
  if (il_context_status(g->context) != IL_OK || !same_shapes(l, next)) return;
  const size_t n = (size_t)g->size + 1;
  il_extract x = {.l = l, .body = il_graph_new(g->context, g->real)};
  x.inside = il_new(g->context, 2 * n, sizeof *x.inside);
  x.now = il_new(g->context, n, sizeof *x.now);
  x.input = il_new(g->context, n + 1 + IL_LOOP_SOURCES, sizeof *x.input);
  il_loop_body *body = NULL;
  if (x.body && x.inside && x.now && x.input) {
    x.wanted = x.inside + n;
    body = extract(&x, next, made, row);
  } else {
    il_fail_memory(g->context, "the step of a loop");
  }
  il_graph_free(x.body);
  if (body) {
    x.input[0] = il_loop_pack(g, l->states, l->first);
    if (x.reals) x.input[1] = beside(g, l->count, x.reals, x.real);
    const il_value packed = il_loop_make(g, body, (il_attr_loop){.count = l->count}, x.input);
    int64_t at = 0;
    for (int i = 0; i < l->states && il_valid(packed); i++) {
      const il_shape shape = il_value_shape(g, next[i]);
      last[i] = il_loop_part(g, packed, at, shape);
      at += il_shape_count(shape);
    }
    il_value rows = {0};
    if (made && il_valid(packed))
      rows = il_loop_part(g, packed, at, IL_SHAPE(l->count, body->made_size));
    at = 0;
    for (int i = 0; i < made && il_valid(rows); i++) {
      const il_shape shape = il_value_shape(g, row[i]);
      il_shape all = {.rank = shape.rank + 1, .dim = {l->count}};
      for (int d = 0; d < shape.rank; d++) all.dim[d + 1] = shape.dim[d];
      stacked[i] = il_reshape(
          g, il_slice(g, rows, (const int64_t[]){0, at}, IL_SHAPE(l->count, il_shape_count(shape))),
          all);
      at += il_shape_count(shape);
    }
  }
  il_release(x.inside);
  il_release(x.now);
  il_release(x.input);
}
