/* A step that is repeated (graph/loop_body.h). Its derivatives are made by grad/loop_grad.c, which differentiates the step. */
#include <stdlib.h>

#include "graph/loop_body.h"
#include "graph/ops/ops.h"
#include "graph/shape.h"

static bool mismatch(const il_infer *m, int operand, const char *expected) {
  char text[96];
  il_fail(m->graph->context, IL_ERROR_SHAPE, "%s: operand %d has shape %s, expected %s",
          m->function, operand + 1, il_shape_text(il_operand(m, operand)->shape, text), expected);
  return false;
}

/* size += rows·row; false: more than a value may have. */
static bool extend(int64_t *size, int64_t rows, int64_t row) {
  int64_t more;
  return !__builtin_mul_overflow(rows, row, &more) && !__builtin_add_overflow(*size, more, size) &&
         *size <= IL_MAX_COUNT;
}

static bool infer_loop(il_infer *m) {
  const il_attr_loop *a = m->attr;
  il_context *context = m->graph->context;
  if (a->body < 0 || a->body >= m->graph->body_count || a->count < 1 || a->count > INT32_MAX) {
    il_fail(context, IL_ERROR_ARGUMENT,
            "%s: body %lld of %d, %lld steps; expected one of the graph's and at least one step",
            m->function, (long long)a->body, m->graph->body_count, (long long)a->count);
    return false;
  }
  const il_loop_body *b = m->graph->bodies[a->body];
  const il_graph *g = b->graph;
  const int constants = il_loop_step_input(b) + 1;
  if (m->inputs != 1 + b->sources + b->constants) {
    il_fail(context, IL_ERROR_ARGUMENT, "%s: %d operands, expected %d", m->function, m->inputs,
            1 + b->sources + b->constants);
    return false;
  }
  if (!il_expect_real(m, 0)) return false;
  const il_shape state = il_operand(m, 0)->shape;
  if (state.rank != 1 || state.dim[0] != b->state_size)
    return mismatch(m, 0, "the numbers of the state");
  for (int i = 0; i < b->sources; i++) {
    int64_t size = a->offset[i];
    const il_node *source = il_operand(m, 1 + i),
                  *row = il_node_of(g, g->inputs[il_loop_source_inputs(b, i)].value);
    if (size < 0 || !extend(&size, a->count, b->row_size[i]) ||
        il_shape_count(source->shape) < size || source->type != row->type)
      return mismatch(m, 1 + i, "rows for all steps, of the step's type");
  }
  for (int i = 0; i < b->constants; i++) {
    const il_node *constant = il_operand(m, 1 + b->sources + i),
                  *inside = il_node_of(g, g->inputs[constants + i].value);
    if (constant->type != inside->type || !il_shape_equal(constant->shape, inside->shape))
      return mismatch(m, 1 + b->sources + i, "that of the step's constant");
  }
  int64_t size = b->state_size;
  if (!extend(&size, a->count, b->made_size) ||
      (a->keeps && !extend(&size, a->count, b->state_size))) {
    il_fail(context, IL_ERROR_SHAPE, "%s: %lld steps of %lld numbers are too many", m->function,
            (long long)a->count, (long long)b->state_size);
    return false;
  }
  m->shape = IL_SHAPE(size);
  m->type = m->graph->real;
  return true;
}

static il_value rule_elsewhere(il_graph *g, il_value node, int index, il_value v) {
  (void)node, (void)index, (void)v;
  il_fail(g->context, IL_ERROR_UNSUPPORTED, "a loop has no derivative by one operand alone");
  return (il_value){0};
}

static double flops_loop(const il_graph *g, const il_node *n) {
  return (double)((const il_attr_loop *)n->attr)->count * il_loop_body_of(g, n)->flops;
}

/* ---- the plain loop ---- */
typedef struct il_plain {
  const il_loop_body *b;
  const il_attr_loop *a;
  il_reference *r;
  const void **input;
  void **output;
  size_t size; /* bytes of a real */
} il_plain;

static void plain_step(il_plain *p, int64_t k, const char *state, char *next, char *row,
                       const void *const *in, const void *number) {
  const il_loop_body *b = p->b;
  const il_graph *g = b->graph;
  int at = 0;
  for (int i = 0; i < b->states; i++, at++) {
    const size_t bytes = il_node_bytes(il_node_of(g, g->inputs[at].value));
    p->input[at] = state;
    p->output[i] = next;
    state += bytes;
    next += bytes;
  }
  for (int s = 0; s < b->sources; s++) {
    const size_t size = il_type_size(il_node_of(g, g->inputs[at].value)->type);
    const char *from =
        (const char *)in[1 + s] + (size_t)(p->a->offset[s] + k * b->row_size[s]) * size;
    for (int i = 0; i < b->pieces[s]; i++, at++) {
      p->input[at] = from;
      from += il_node_bytes(il_node_of(g, g->inputs[at].value));
    }
  }
  p->input[at] = number;
  for (int i = b->states; i < b->states + b->made; i++) {
    p->output[i] = row;
    row += il_node_bytes(il_node_of(g, g->outputs[i].value));
  }
  if (il_reference_task(p->r, 0) != IL_OK) return;
  for (int i = 0; i < g->output_count; i++) {
    const il_node *node = il_node_of(g, g->outputs[i].value);
    if (node->when != IL_PER_TASK)
      memcpy(p->output[i], il_reference_value(p->r, g->outputs[i].value), il_node_bytes(node));
  }
}

static void plain_loop(il_plain *p, const void *const *in, char *out, char *room, il_loop_look look,
                       void *user) {
  const il_loop_body *b = p->b;
  const int64_t count = p->a->count;
  const size_t state = (size_t)b->state_size * p->size, row = (size_t)b->made_size * p->size;
  char *made = out + state, *kept = made + (size_t)count * row;
  memcpy(room, in[0], state);
  for (int64_t i = 0; i < count; i++) {
    const int64_t k = p->a->backwards ? count - 1 - i : i;
    const double wide = (double)k;
    const float narrow = (float)k;
    if (p->a->keeps) memcpy(kept + (size_t)k * state, room, state);
    plain_step(p, k, room, out, made + (size_t)k * row, in,
               p->size == sizeof wide ? (const void *)&wide : &narrow);
    if (look && look(user, p->r, k)) return;
    memcpy(room, out, state);
  }
}

void il_loop_plain(const il_graph *g, const il_node *node, const void *const *in, void *out,
                   il_loop_look look, void *user) {
  const il_loop_body *b = il_loop_body_of(g, node);
  const il_graph *body = b->graph;
  const int constants = il_loop_step_input(b) + 1;
  il_plain p = {.b = b, .a = node->attr, .size = il_type_size(g->real)};
  p.input = calloc((size_t)body->input_count + 1, sizeof *p.input);
  p.output = calloc((size_t)body->output_count + 1, sizeof *p.output);
  char *room = malloc((size_t)b->state_size * p.size + 1);
  const il_bindings bindings = {1, p.input, p.output};
  if (p.input && p.output && room) {
    for (int i = 0; i < b->constants; i++) p.input[constants + i] = in[1 + b->sources + i];
    p.r = il_reference_new(body, &bindings);
  } else {
    il_fail_memory(g->context, "the reference interpreter");
  }
  if (p.r && il_reference_before(p.r) == IL_OK) plain_loop(&p, in, out, room, look, user);
  il_reference_free(p.r);
  free(room);
  free(p.input);
  free(p.output);
}

static void reference_loop(const il_graph *g, const il_node *node, const void *const *in,
                           void *out) {
  il_loop_plain(g, node, in, out, NULL, NULL);
}

static const il_field fields[] = {
    IL_ATTR_FIELD("body", IL_FIELD_INT64, offsetof(il_attr_loop, body), 1),
    IL_ATTR_FIELD("count", IL_FIELD_INT64, offsetof(il_attr_loop, count), 1),
    IL_ATTR_FIELD("backwards", IL_FIELD_INT64, offsetof(il_attr_loop, backwards), 1),
    IL_ATTR_FIELD("keeps", IL_FIELD_INT64, offsetof(il_attr_loop, keeps), 1),
    IL_ATTR_FIELD("offset", IL_FIELD_INT64, offsetof(il_attr_loop, offset), IL_LOOP_SOURCES),
    {0}};

const il_op_info il_op_loop = {
    .name = "loop",
    .formula = "state = step(state, row k of the sources, k, constants), k ascending or descending",
    .arity = -1,
    .attr_size = sizeof(il_attr_loop),
    .fields = fields,
    .infer = infer_loop,
    .vjp = rule_elsewhere,
    .jvp = rule_elsewhere,
    .flops = flops_loop,
    .reference = reference_loop,
};
