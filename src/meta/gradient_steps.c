/* The inner loop of every algorithm that descends the support loss: Finn et al. 2017, Algorithm 2, lines 5-7, with any
 * optimizer in the place of one step of gradient descent. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "graph/graph.h"
#include "meta/task_graph.h"
#include "nn/net.h"

static const il_optimizer *optimizer_of(const il_build *b) {
  return b->inner.optimizer ? b->inner.optimizer : &il_sgd;
}

/* The learned rates that the algorithm declares: of every entry "inner.lr.NAME", by its name; of all, "inner.lr". */
static il_values learned_rates(il_build *b, il_rate *all) {
  il_values rates = {0};
  for (int i = 0; i < b->meta.count; i++) {
    il_entry e = b->meta.entry[i];
    if (strcmp(e.name, "inner.lr") == 0) all->value = b->meta.at[i];
    if (strncmp(e.name, "inner.lr.", 9)) continue;
    memmove(e.name, e.name + 9, strlen(e.name + 9) + 1);
    il_values_put(b->g, &rates, e, b->meta.at[i]);
  }
  return rates;
}

void il_gradient_begin(il_build *b, il_values *state) {
  for (int i = 0; i < b->meta.count; i++)
    if (b->meta.entry[i].flags & IL_ADAPTS)
      il_values_put(b->g, state, b->meta.entry[i], il_leaf(b->g, b->meta.at[i]));
  il_entries slots = {0};
  il_context *context = b->g->context;
  if (il_optimizer_slots(context, optimizer_of(b), state->count, state->entry, &slots) == IL_OK)
    for (int i = 0; i < slots.count; i++)
      il_values_put(b->g, state, slots.entry[i], il_constant(b->g, 0, slots.entry[i].shape));
  il_entries_free(&slots);
}

/* The step's mini-batch: rows of the support set. Labels go through one-hot rows, for indexes cannot be gathered. */
static void mini_batch(il_build *b, int k, il_value *x, il_value *y) {
  il_graph *g = b->g;
  const int64_t size = il_value_shape(g, b->task.order).dim[1];
  const il_value index = il_reshape(g,
                                    il_slice(g, b->task.order, (const int64_t[]){k, 0},
                                             il_shape_of(2, (const int64_t[]){1, size})),
                                    il_shape_of(1, &size));
  *x = il_gather(g, b->task.support_x, index);
  if (il_value_type(g, b->task.support_y) != IL_INT32) {
    *y = il_gather(g, b->task.support_y, index);
    return;
  }
  const il_shape out = b->net->layer[b->net->layers - 1].out;
  const int64_t classes = b->algorithm->own_head          ? b->ways
                          : il_shape_count(out) > b->ways ? il_shape_count(out)
                                                          : b->ways;
  const il_value labels = il_one_hot(g, b->task.support_y, classes);
  *y = il_reshape(g, il_argmax(g, il_gather(g, labels, index), 1), il_shape_of(1, &size));
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

void il_gradient_step(il_build *b, il_values *state, int k) {
  il_graph *g = b->g;
  char name[32];
  snprintf(name, sizeof name, "inner step %d", k + 1);
  il_scope_push(g, name);
  /* Evaluate ∇ L(f_θ) on the support set. */
  b->support_loss = il_support_loss(b, state, k);
  il_values weights = {0};
  for (int i = 0; i < state->count; i++)
    if (state->entry[i].flags & IL_ADAPTS)
      il_values_put(g, &weights, state->entry[i], state->at[i]);
  il_values gradient = il_values_grad(g, b->support_loss, &weights);
  /* θ' = θ − α ∇ L(f_θ). First order: the gradient counts as a constant of the meta-gradient. */
  for (int i = 0; i < gradient.count && b->inner.first_order; i++)
    gradient.at[i] = il_stop_gradient(g, gradient.at[i]);
  il_rate lr = {.constant = b->inner.lr};
  const il_values rates = learned_rates(b, &lr);
  const il_optimizer *o = optimizer_of(b);
  const il_value made = o->slots ? il_scalar(g, k) : (il_value){0};
  if (il_context_status(g->context) == IL_OK)
    il_optimizer_update(g, o, b->inner.settings, made, lr, &rates, true, &weights, state,
                        &gradient);
  for (int i = 0; i < weights.count; i++) {
    const int at = il_values_find(state, weights.entry[i].name),
              mask = il_values_find(&b->mask, weights.entry[i].name);
    const il_value next =
        mask < 0 ? weights.at[i] : il_select(g, b->mask.at[mask], weights.at[i], state->at[at]);
    state->at[at] = il_leaf(g, next); /* the next gradient is by this value and nothing else */
  }
  il_scope_pop(g);
}
