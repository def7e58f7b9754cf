/* The inner loop of every algorithm that descends the support loss: Finn et al. 2017, Algorithm 2, lines 5-7, with any
 * optimizer in the place of one step of gradient descent. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "graph/graph.h"
#include "graph/loop_body.h"
#include "meta/learned_numbers.h"
#include "meta/task_graph.h"
#include "nn/net.h"
#include "optim/root.h"

static const il_optimizer *optimizer_of(const il_build *b) {
  return b->inner.optimizer ? b->inner.optimizer : &il_sgd;
}

/* Of a value with rows for steps, of which later ones take the last: the rows of all steps of a loop from k on. */
static il_value rows_from(il_build *b, il_value v, int k) {
  il_graph *g = b->g;
  il_shape shape = il_value_shape(g, v);
  const int64_t rows = shape.dim[0], from = k < rows ? k : rows - 1;
  int64_t begin[IL_MAX_RANK] = {from};
  const int64_t steps = il_loop_all(b->loop);
  shape.dim[0] = rows - from < steps ? rows - from : steps;
  il_value part[2] = {il_slice(g, v, begin, shape)};
  const int64_t more = steps - shape.dim[0];
  if (more == 0) return part[0];
  begin[0] = rows - 1;
  shape.dim[0] = 1;
  part[1] = il_slice(g, v, begin, shape);
  shape.dim[0] = more;
  part[1] = il_broadcast(g, part[1], shape);
  return il_concat(g, 2, part, 0);
}

/* The value of step k: of an entry that has one for each step, a row; later steps take the last. */
il_value il_step_value(il_build *b, il_entry e, il_value v, int k) {
  if (!(e.flags & IL_EACH_STEP)) return v;
  if (b->loop) return il_loop_row_of_all(b->loop, rows_from(b, v, k));
  il_shape row = il_value_shape(b->g, v);
  const int64_t begin[IL_MAX_RANK] = {k < row.dim[0] ? k : row.dim[0] - 1};
  row.dim[0] = 1;
  v = il_slice(b->g, v, begin, row);
  il_shape shape = {.rank = row.rank - 1};
  for (int i = 0; i < shape.rank; i++) shape.dim[i] = row.dim[i + 1];
  return il_reshape(b->g, v, shape);
}

/* The learned rates that the algorithm declares: of every entry "inner.lr.NAME", by its name; of all, "inner.lr". */
static il_values learned_rates(il_build *b, int k, il_rate *all) {
  il_values rates = {0};
  for (int i = 0; i < b->meta.count; i++) {
    il_entry e = b->meta.entry[i];
    if (strncmp(e.name, "inner.lr", 8)) continue;
    const il_value rate = il_step_value(b, e, b->meta.at[i], k);
    if (strcmp(e.name, "inner.lr") == 0) all->value = rate;
    if (e.name[8] != '.') continue;
    memmove(e.name, e.name + 9, strlen(e.name + 9) + 1);
    il_values_put(b->g, &rates, e, rate);
  }
  return rates;
}

void il_inner_begin(il_build *b, const il_values *start, il_values *state) {
  for (int i = 0; i < start->count; i++) {
    il_entry e = start->entry[i];
    e.flags |= IL_ADAPTS;
    il_values_put(b->g, state, e, il_leaf(b->g, start->at[i]));
  }
  il_entries slots = {0};
  il_context *context = b->g->context;
  if (il_optimizer_slots(context, optimizer_of(b), state->count, state->entry, &slots) == IL_OK)
    for (int i = 0; i < slots.count; i++)
      il_values_put(b->g, state, slots.entry[i], il_constant(b->g, 0, slots.entry[i].shape));
  il_entries_free(&slots);
}

il_values il_adapting(il_build *b) {
  il_values adapting = {0};
  for (int i = 0; i < b->meta.count; i++)
    if (b->meta.entry[i].flags & IL_ADAPTS)
      il_values_put(b->g, &adapting, b->meta.entry[i], b->meta.at[i]);
  return adapting;
}

void il_gradient_begin(il_build *b, il_values *state) {
  const il_values start = il_adapting(b);
  il_inner_begin(b, &start, state);
}

/* In a loop the task's order is a leaf of it, so that nobody takes a row of it but by this. */
il_value il_step_order(il_build *b, int k) {
  il_graph *g = b->g;
  const il_value order = b->task.order;
  if (b->loop) return il_loop_row_of_all(b->loop, rows_from(b, il_node_of(g, order)->input[0], k));
  const int64_t size = il_value_shape(g, order).dim[1];
  return il_reshape(g, il_slice(g, order, (const int64_t[]){k, 0}, IL_SHAPE(1, size)),
                    IL_SHAPE(size));
}

/* The step's mini-batch: rows of the support set. Labels are gathered as reals, for indexes cannot be. */
static void mini_batch(il_build *b, int k, il_value *x, il_value *y) {
  il_graph *g = b->g;
  const il_value index = il_step_order(b, k);
  *x = il_gather(g, b->task.support_x, index);
  if (il_value_type(g, b->task.support_y) != IL_INT32) {
    *y = il_gather(g, b->task.support_y, index);
    return;
  }
  *y = il_index(g, il_gather(g, il_cast(g, b->task.support_y), index));
}

il_value il_support_loss(il_build *b, const il_values *state, int k) {
  il_value x = b->task.support_x, y = b->task.support_y;
  if (il_valid(b->task.order) && k < b->inner.steps) mini_batch(b, k, &x, &y);
  const int pass = b->pass;
  b->pass = IL_PASS_ADAPTING;
  const il_value scores = b->algorithm->score(b, state, x, k);
  b->pass = pass;
  return il_loss_value(b->g, b->loss, scores, y);
}

static il_values adapted(il_build *b, const il_values *state) {
  il_values weights = {0};
  for (int i = 0; i < state->count; i++)
    if (state->entry[i].flags & IL_ADAPTS)
      il_values_put(b->g, &weights, state->entry[i], state->at[i]);
  return weights;
}

void il_values_clip(il_graph *g, il_values *gradient, il_rate most) {
  il_value square = il_scalar(g, 0);
  for (int i = 0; i < gradient->count; i++)
    square = il_add(g, square, il_sum_all(g, il_mul(g, gradient->at[i], gradient->at[i])));
  const il_value limit = il_valid(most.value) ? most.value : il_scalar(g, most.constant),
                 length = il_root(g, square, true);
  const il_value factor = il_div(g, limit, il_maximum(g, length, limit));
  for (int i = 0; i < gradient->count; i++) gradient->at[i] = il_mul(g, gradient->at[i], factor);
}

void il_values_decay(il_graph *g, il_values *gradient, il_rate l2, const il_values *weights) {
  for (int i = 0; i < gradient->count; i++) {
    const int at = il_values_find(weights, gradient->entry[i].name);
    if (at < 0) continue;
    gradient->at[i] = il_add(g, gradient->at[i], il_rate_times(g, weights->at[at], l2));
  }
}

il_values il_inner_gradient(il_build *b, il_value loss, const il_values *state) {
  const il_values weights = adapted(b, state);
  il_values gradient = il_values_grad(b->g, loss, &weights);
  /* Before decay and clipping, whose own numbers may be learned. */
  for (int i = 0; i < gradient.count && b->inner.first_order; i++)
    gradient.at[i] = il_stop_gradient(b->g, gradient.at[i]);
  const il_rate l2 = il_learned_number(b, "l2", b->inner.l2),
                clip = il_learned_number(b, "clip", b->inner.clip);
  if (il_valid(l2.value) || l2.constant > 0) il_values_decay(b->g, &gradient, l2, &weights);
  if (il_valid(clip.value) || clip.constant > 0) il_values_clip(b->g, &gradient, clip);
  return gradient;
}

void il_inner_update(il_build *b, il_values *state, const il_values *gradient, int k) {
  il_graph *g = b->g;
  il_values weights = adapted(b, state);
  il_rate lr = {.constant = b->inner.lr};
  const il_values rates = learned_rates(b, k, &lr);
  const il_optimizer *o = optimizer_of(b);
  const il_values numbers = il_learned_settings(b, o);
  const il_value made = !o->slots ? (il_value){0}
                        : b->loop ? il_shift(g, il_loop_number(b->loop), k)
                                  : il_scalar(g, k);
  if (il_context_status(g->context) == IL_OK)
    il_optimizer_update(g, o, b->inner.settings, made, lr, &rates, &numbers, true, &weights, state,
                        gradient);
  for (int i = 0; i < weights.count; i++) {
    const int at = il_values_find(state, weights.entry[i].name),
              mask = il_values_find(&b->mask, weights.entry[i].name);
    const il_value next =
        mask < 0 ? weights.at[i] : il_select(g, b->mask.at[mask], weights.at[i], state->at[at]);
    state->at[at] = il_leaf(g, next); /* the next gradient is by this value and nothing else */
  }
}

static const char losses[] = "losses";

void il_losses_begin(il_build *b, il_values *state) {
  il_entry sum = {0};
  snprintf(sum.name, sizeof sum.name, "%s", losses);
  il_values_put(b->g, state, sum, il_scalar(b->g, 0));
}

bool il_adds_losses(const il_values *state) { return il_values_find(state, losses) >= 0; }

void il_losses_add(il_build *b, il_values *state, il_value loss) {
  const int at = il_values_find(state, losses);
  state->at[at] = il_add(b->g, state->at[at], loss);
}

il_value il_losses(il_build *b, const il_values *state) {
  return il_values_get(b->g, state, losses);
}

void il_step_scope(il_build *b, int k) {
  char name[64];
  snprintf(name, sizeof name, "inner step %d", k + 1);
  if (b->loop) snprintf(name, sizeof name, "inner steps %d to %d", k + 1, k + il_loop_all(b->loop));
  il_scope_push(b->g, name);
}

/* Evaluate ∇ L(f_θ) on the support set, then θ' = θ − α ∇ L(f_θ). */
void il_gradient_step(il_build *b, il_values *state, int k) {
  il_step_scope(b, k);
  b->support_loss = il_support_loss(b, state, k);
  const il_values gradient = il_inner_gradient(b, b->support_loss, state);
  il_inner_update(b, state, &gradient, k);
  il_scope_pop(b->g);
}
