/* Looks for the origin of what is not finite (see trace.h). */
#include "run/trace.h"

#include <innerloop/grad.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/locale.h"
#include "graph/loop_body.h"
#include "run/element.h"

typedef struct tracer {
  const il_graph *g;
  const il_reference *reference;
  bool *marked; /* [size + 1] a bad output is made of it, and it is bad */
  int task;
} tracer;

/* How many numbers are not finite; *first: the first of them. */
static int64_t count_bad(const il_node *node, const void *data, int64_t *first) {
  int64_t bad = 0;
  for (int64_t i = 0, count = il_shape_count(node->shape); i < count; i++)
    if (!isfinite(il_element(node->type, data, i)) && bad++ == 0) *first = i;
  return bad;
}

static int64_t bad_numbers(const tracer *t, uint32_t id, int64_t *first) {
  const il_node *node = t->g->nodes[id];
  const void *data = il_reference_value(t->reference, (il_value){id});
  return data && node->type == t->g->real ? count_bad(node, data, first) : 0;
}

static void mark(tracer *t, il_value v) {
  int64_t first;
  double meant; /* a constant that is infinite is so on purpose */
  if (!t->marked[v.id] && !il_is_constant(t->g, v, &meant) && bad_numbers(t, v.id, &first) > 0)
    t->marked[v.id] = true;
}

/* What is marked leads to what it is made of; the first has no bad operand. 0: nothing is marked. */
static uint32_t first_of(tracer *t) {
  uint32_t first = 0;
  for (uint32_t id = t->g->size; id > 0; id--) {
    if (!t->marked[id]) continue;
    const il_node *node = t->g->nodes[id];
    first = id;
    if (t->task < 0 && (node->op == IL_OP_TASK_MEAN || node->op == IL_OP_TASK_PRODUCT))
      continue; /* each task was looked at */
    for (int i = 0; i < node->inputs; i++) mark(t, node->input[i]);
  }
  return first;
}

__attribute__((format(printf, 3, 4))) static void add(il_traced *to, size_t *length,
                                                      const char *format, ...) {
  if (*length >= sizeof to->text) return;
  va_list arguments;
  va_start(arguments, format);
  const int n = il_plain_list(to->text + *length, sizeof to->text - *length, format, arguments);
  va_end(arguments);
  if (n > 0) *length += (size_t)n;
}

/* "of 0 and -1", where results are made of operands number by number. */
static void add_numbers(const tracer *t, il_traced *to, size_t *length) {
  const il_node *node = t->g->nodes[to->node];
  add(to, length, ": %s of ", il_op_name(node->op));
  for (int i = 0; i < node->inputs; i++) {
    const il_node *in = t->g->nodes[node->input[i].id];
    const void *data = il_reference_value(t->reference, node->input[i]);
    add(to, length, "%s%.9g", i ? " and " : "", il_element(in->type, data, to->at));
  }
  add(to, length, " is %g", to->number);
}

static void add_ranges(const tracer *t, il_traced *to, size_t *length) {
  const il_node *node = t->g->nodes[to->node];
  add(to, length, " is %g, made of finite numbers", to->number);
  for (int i = 0; i < node->inputs; i++) {
    const il_node *in = t->g->nodes[node->input[i].id];
    const void *data = il_reference_value(t->reference, node->input[i]);
    if (!data || in->type != t->g->real) continue;
    double low = (double)INFINITY, high = -(double)INFINITY;
    for (int64_t k = 0, count = il_shape_count(in->shape); k < count; k++) {
      low = fmin(low, il_element(in->type, data, k));
      high = fmax(high, il_element(in->type, data, k));
    }
    add(to, length, "%s from %g to %g", i ? " and" : "", low, high);
  }
}

static const char *input_name(const il_graph *g, uint32_t id) {
  for (int i = 0; i < g->input_count; i++)
    if (g->inputs[i].value.id == id) return g->inputs[i].name;
  return "";
}

static void begin(const il_graph *g, uint32_t id, const char *name, const char *origin,
                  il_traced *to, size_t *length) {
  char shape[96];
  to->node = id;
  add(to, length, "%s %s%s%s%s, number %lld", name, il_shape_text(g->nodes[id]->shape, shape),
      *origin ? " (" : "", origin, *origin ? ")" : "", (long long)to->at);
}

static void end(const il_graph *g, il_traced *to, size_t *length) {
  if (to->bad > 1)
    add(to, length, " (%lld of its %lld numbers are not finite)", (long long)to->bad,
        (long long)il_shape_count(g->nodes[to->node]->shape));
}

bool il_trace_input(const il_graph *g, uint32_t input, const void *data, il_traced *to) {
  const il_node *node = g->nodes[input];
  size_t length = 0;
  *to = (il_traced){.task = -1};
  to->bad = node->type == g->real ? count_bad(node, data, &to->at) : 0;
  if (to->bad == 0) return false;
  to->number = il_element(node->type, data, to->at);
  begin(g, input, input_name(g, input), "", to, &length);
  add(to, &length, " is %g", to->number);
  end(g, to, &length);
  return true;
}

static void describe(tracer *t, uint32_t id, il_traced *to);

typedef struct step {
  il_loop_body *body;
  int64_t k; /* −1: not found */
  il_traced found;
} step;

static bool look_at_step(void *user, const il_reference *reference, int64_t k) {
  step *s = user;
  const il_graph *g = s->body->graph;
  tracer t = {.g = g, .reference = reference};
  t.marked = calloc((size_t)g->size + 1, sizeof *t.marked);
  for (int i = 0; t.marked && i < g->output_count; i++) mark(&t, g->outputs[i].value);
  const uint32_t first = t.marked ? first_of(&t) : 0;
  if (first) {
    s->k = k;
    describe(&t, first, &s->found);
  }
  free(t.marked);
  return first != 0;
}

/* Where within a loop it arises: its steps once more. */
static void add_step(const tracer *t, const il_node *node, il_traced *to, size_t *length) {
  step s = {.body = il_loop_body_of(t->g, node), .k = -1, .found = {.task = -1}};
  void *out = malloc(il_node_bytes(node) + 1);
  const void **in = malloc(((size_t)node->inputs + 1) * sizeof *in);
  for (int i = 0; in && i < node->inputs; i++)
    in[i] = il_reference_value(t->reference, node->input[i]);
  if (out && in) il_loop_plain(t->g, node, in, out, look_at_step, &s);
  free(out);
  free(in);
  add(to, length, " is %g", to->number);
  if (s.k >= 0)
    add(to, length, ", in step %lld of %lld: %s", (long long)s.k + 1,
        (long long)((const il_attr_loop *)node->attr)->count, s.found.text);
}

static void describe(tracer *t, uint32_t id, il_traced *to) {
  const il_node *node = t->g->nodes[id];
  const void *data = il_reference_value(t->reference, (il_value){id});
  const int task = node->when == IL_PER_TASK ? t->task : -1;
  if (node->op == IL_OP_INPUT) {
    il_trace_input(t->g, id, data, to);
    to->task = task;
    return;
  }
  char origin[256];
  size_t length = 0;
  to->task = task;
  to->bad = count_bad(node, data, &to->at);
  to->number = il_element(node->type, data, to->at);
  il_value_origin(t->g, (il_value){id}, origin, sizeof origin);
  begin(t->g, id, il_op_name(node->op), origin, to, &length);
  if (node->op == IL_OP_LOOP) {
    end(t->g, to, &length);
    add_step(t, node, to, &length);
    return;
  }
  bool by_number = node->inputs > 0 && !il_op_averages(node->op);
  for (int i = 0; i < node->inputs; i++)
    by_number &= il_shape_equal(t->g->nodes[node->input[i].id]->shape, node->shape) &&
                 il_reference_value(t->reference, node->input[i]) != NULL;
  if (by_number)
    add_numbers(t, to, &length);
  else
    add_ranges(t, to, &length);
  end(t->g, to, &length);
}

static il_status look(tracer *t, il_reference *reference, const il_bindings *bindings,
                      il_traced *to) {
  const il_graph *g = t->g;
  il_status status = il_reference_before(reference);
  uint32_t first = 0;
  for (t->task = 0; t->task < bindings->tasks && status == IL_OK; t->task++) {
    status = il_reference_task(reference, t->task);
    for (uint32_t id = 1; id <= g->size && status == IL_OK; id++)
      for (int i = 0; il_op_averages(g->nodes[id]->op) && i < g->nodes[id]->inputs; i++)
        mark(t, g->nodes[id]->input[i]);
    for (int i = 0; i < g->output_count; i++)
      if (il_node_of(g, g->outputs[i].value)->when == IL_PER_TASK) mark(t, g->outputs[i].value);
    if ((first = first_of(t))) break;
  }
  if (first == 0 && status == IL_OK) {
    t->task = -1;
    status = il_reference_after(reference);
    for (int i = 0; i < g->output_count; i++) mark(t, g->outputs[i].value);
    first = first_of(t);
  }
  if (first > 0 && status == IL_OK) describe(t, first, to);
  return status;
}

il_status il_trace(const il_graph *g, const il_bindings *bindings, il_traced *traced) {
  *traced = (il_traced){.task = -1};
  il_reference *reference = il_reference_new(g, bindings);
  tracer t = {.g = g, .reference = reference};
  t.marked = calloc((size_t)g->size + 1, sizeof *t.marked);
  il_status status = IL_OK;
  if (!t.reference || !t.marked)
    status = il_fail_memory(g->context, "the search for what is not finite");
  if (status == IL_OK) status = look(&t, reference, bindings, traced);
  il_reference_free(reference);
  free(t.marked);
  return status;
}
