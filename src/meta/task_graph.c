/* One task as graph: how an algorithm's pieces come together, and whose norm statistics are taken when. */
#include "meta/task_graph.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "graph/build.h"
#include "graph/graph.h"
#include "graph/loop_body.h"
#include "nn/net.h"

/* The algorithm's own settings where none are given; they die with the graph. */
static void take_settings(il_build *b) {
  if (b->settings || !b->algorithm->size || !b->algorithm->fields) return;
  void *own = il_arena_alloc(&b->g->arena, b->algorithm->size);
  if (!own) {
    il_fail_memory(b->g->context, "the settings of an algorithm");
    return;
  }
  memset(own, 0, b->algorithm->size);
  il_fields_default(b->algorithm->fields, own);
  b->settings = own;
}

bool il_build_check(il_build *b) {
  il_context *context = il_graph_context(b->g);
  const il_inner *inner = &b->inner;
  if (inner->steps < 0)
    il_fail(context, IL_ERROR_ARGUMENT, "%s: %d inner steps; expected 0 or more",
            b->algorithm->name, inner->steps);
  if (b->loss < IL_LOSS_CROSS_ENTROPY || b->loss > IL_LOSS_BINARY_CROSS_ENTROPY)
    il_fail(context, IL_ERROR_ARGUMENT, "%s: unknown loss %d", b->algorithm->name, (int)b->loss);
  if (b->statistics < IL_QUERY_STATISTICS_QUERY || b->statistics > IL_QUERY_STATISTICS_RUNNING)
    il_fail(context, IL_ERROR_ARGUMENT, "%s: unknown query statistics %d", b->algorithm->name,
            (int)b->statistics);
  if (b->statistics == IL_QUERY_STATISTICS_RUNNING && b->net &&
      il_net_has(b->net, IL_LAYER_TASK_NORM))
    il_fail(context, IL_ERROR_CONFIG,
            "%s: task_norm blends moments of a task, never running ones; expected "
            "meta.query_statistics support (as its paper), query or each",
            b->algorithm->name);
  if (inner->batch > 0 && inner->steps > 0 && b->algorithm->step && !il_valid(b->task.order))
    il_fail(context, IL_ERROR_ARGUMENT,
            "%s: inner steps of %d examples, but the task has no order of them", b->algorithm->name,
            inner->batch);
  return il_context_status(context) == IL_OK;
}

/* ---- applying the net ---- */

enum { FIRST_LOOK = 1 << 20 }; /* beyond any number of inner steps */

/* The net under the state, with explicit statistics. */
static il_value apply(il_build *b, const il_values *state, il_value x, il_statistics statistics,
                      il_moments *moments, int64_t stream) {
  const int n = b->net->parameters;
  il_value *parameter = il_arena_alloc(&b->g->arena, ((size_t)n + 1) * sizeof *parameter);
  if (!parameter) {
    il_fail_memory(b->g->context, "the parameters of a net");
    return (il_value){0};
  }
  for (int i = 0; i < n; i++) {
    const char *name = b->net->parameter[i].name;
    const int own = state ? il_values_find(state, name) : -1;
    parameter[i] = own >= 0 ? state->at[own] : il_values_get(b->g, &b->meta, name);
  }
  return il_net_apply(b->net, b->g, parameter, x, statistics, moments, b->task.dropout_key, stream);
}

static il_value rows(il_graph *g, il_value a, int64_t from, int64_t count) {
  il_shape size = il_value_shape(g, a);
  int64_t begin[IL_MAX_RANK] = {from};
  if (!il_valid(a)) return a;
  size.dim[0] = count;
  return il_slice(g, a, begin, size);
}

/* Support and query set as one batch, whose moments are kept; the result's rows that belong to x. */
static il_value joint(il_build *b, const il_values *state, il_value x, int k) {
  const il_task *t = &b->task;
  const int64_t support = il_value_shape(b->g, t->support_x).dim[0];
  const il_value both = il_concat(b->g, 2, (const il_value[]){t->support_x, t->query_x}, 0);
  const il_value y = apply(b, state, both, IL_STATISTICS_BATCH, &b->moments, k);
  if (!il_valid(y)) return y;
  if (x.id == t->support_x.id) return rows(b->g, y, 0, support);
  if (x.id == t->query_x.id)
    return rows(b->g, y, support, il_value_shape(b->g, y).dim[0] - support);
  return apply(b, state, x, IL_STATISTICS_GIVEN, &b->moments, k);
}

/* Running statistics as moments. */
static void running(il_build *b, il_moments *moments) {
  int norm = 0;
  for (int i = 0; i < b->net->layers; i++) {
    const il_net_layer_record *layer = &b->net->layer[i];
    if (!il_layer_takes_moments(&layer->layer)) continue;
    il_shape shape = {.rank = layer->out.rank + 1};
    for (int d = 0; d < shape.rank; d++) shape.dim[d] = 1;
    shape.dim[shape.rank - 1] = layer->out.dim[layer->out.rank - 1];
    char name[2][IL_ENTRY_NAME];
    snprintf(name[0], sizeof name[0], "%s.running_mean", layer->name);
    snprintf(name[1], sizeof name[1], "%s.running_var", layer->name);
    moments->mean[norm] = il_reshape(b->g, il_values_get(b->g, &b->carry, name[0]), shape);
    moments->variance[norm++] = il_reshape(b->g, il_values_get(b->g, &b->carry, name[1]), shape);
  }
}

il_value il_apply(il_build *b, const il_values *state, il_value x, int k) {
  if (b->pass == IL_PASS_ADAPTING) return apply(b, state, x, IL_STATISTICS_BATCH, NULL, k);
  if (b->pass == IL_PASS_RECORDING)
    return apply(b, state, x, IL_STATISTICS_BATCH, &b->moments, k + 1);
  /* Dropout masks of the support set as it is looked at first are none of those that score. */
  const int64_t stream = b->pass == IL_PASS_BEGINNING ? k + FIRST_LOOK : k;
  switch (b->statistics) {
  case IL_QUERY_STATISTICS_QUERY: return apply(b, state, x, IL_STATISTICS_BATCH, NULL, stream);
  case IL_QUERY_STATISTICS_SUPPORT:
    return b->pass == IL_PASS_BEGINNING ? apply(b, state, x, IL_STATISTICS_BATCH, NULL, stream)
                                        : apply(b, state, x, IL_STATISTICS_GIVEN, &b->moments, k);
  case IL_QUERY_STATISTICS_EACH: return apply(b, state, x, IL_STATISTICS_EACH, NULL, stream);
  case IL_QUERY_STATISTICS_RUNNING:
    if (!il_net_norms(b->net)) return apply(b, state, x, IL_STATISTICS_BATCH, NULL, k);
    if (b->training) return joint(b, state, x, k);
    running(b, &b->moments);
    return apply(b, state, x, IL_STATISTICS_GIVEN, &b->moments, k);
  }
  return (il_value){0};
}

il_value il_net_score(il_build *b, const il_values *state, il_value x, int k) {
  return il_apply(b, state, x, k);
}

/* ---- the driver ---- */

void il_build_begin(il_build *b, il_values *state) {
  *state = (il_values){0};
  take_settings(b);
  if (il_context_status(b->g->context) != IL_OK) return;
  b->pass = IL_PASS_BEGINNING;
  b->algorithm->begin(b, state);
}

static bool is_read(const il_graph *g, il_value v) {
  for (uint32_t id = v.id + 1; id <= g->size; id++)
    for (int i = 0; i < g->nodes[id]->inputs; i++)
      if (g->nodes[id]->input[i].id == v.id) return true;
  return false;
}

/* The steps of a loop, from the k-th on; the last state piece is the loss before the last of them. next receives the
 * state after them. */
static void loop_of(il_build *b, const il_values *like, il_loop *outer, int count, int k,
                    const il_value *first, il_value *next) {
  il_graph *g = b->g;
  const int n = like->count;
  il_values state = il_values_copy(g, like);
  il_value *now = il_arena_alloc(&g->arena, ((size_t)n + 1) * sizeof *now);
  if (!now) il_fail_memory(g->context, "the state of an inner loop");
  if (il_context_status(g->context) != IL_OK) return;
  il_loop loop;
  il_loop_begin(&loop, g, count, n + 1, first, now);
  loop.outer = outer;
  for (int i = 0; i < n; i++) state.at[i] = now[i];
  b->loop = &loop;
  b->pass = IL_PASS_ADAPTING;
  const il_value key = b->task.dropout_key, order = b->task.order;
  if (il_valid(order)) b->task.order = il_leaf(g, order);
  if (il_valid(key)) /* masks of each step's own, as il_apply draws them */
    b->task.dropout_key = il_key_at(g, key, il_loop_number(&loop), b->net->layers);
  b->algorithm->step(b, &state, k);
  if (il_valid(order) && is_read(g, b->task.order))
    il_fail(g->context, IL_ERROR_UNSUPPORTED,
            "inner.loop: the steps of %s take their mini-batches one by one; expected unroll",
            b->algorithm->name);
  b->task.dropout_key = key;
  b->task.order = order;
  b->loop = NULL;
  if (il_context_status(g->context) != IL_OK) return;
  for (int i = 0; i < n; i++) now[i] = state.at[i];
  if (il_valid(b->support_loss)) now[n] = b->support_loss;
  il_loop_end(&loop, now, next, 0, NULL, NULL);
}

/* `outer` loops of `count` steps each: derivatives keep what is before the loops, and each is made again. */
static void loops_of(il_build *b, const il_values *like, int outer, int count, int k,
                     const il_value *first, il_value *next) {
  il_graph *g = b->g;
  const size_t n = (size_t)like->count + 1;
  il_value *now = il_arena_alloc(&g->arena, 2 * n * sizeof *now);
  if (!now) {
    il_fail_memory(g->context, "the state of an inner loop");
    return;
  }
  il_loop loop;
  il_loop_begin(&loop, g, outer, (int)n, first, now);
  loop_of(b, like, &loop, count, k, now, now + n);
  if (il_context_status(g->context) == IL_OK) il_loop_end(&loop, now + n, next, 0, NULL, NULL);
}

/* Steps from … to − 1 as one operation. */
static void adapt_in_loop(il_build *b, il_values *state, int from, int to) {
  il_graph *g = b->g;
  const int n = state->count, steps = to - from;
  int each = 1;
  while ((each + 1) * (each + 1) <= steps) each++;
  il_value *first = il_arena_alloc(&g->arena, 2 * ((size_t)n + 1) * sizeof *first),
           *next = first + n + 1;
  if (!first) {
    il_fail_memory(g->context, "the state of an inner loop");
    return;
  }
  for (int i = 0; i < n; i++) first[i] = state->at[i];
  first[n] = il_scalar(g, 0);
  const int outer = b->inner.loop == IL_INNER_REMAKE && each > 1 ? steps / each : 0,
            rest = steps - outer * each;
  if (outer) {
    loops_of(b, state, outer, each, from, first, rest ? first : next);
    for (int i = 0; i <= n && rest && il_context_status(g->context) == IL_OK; i++)
      first[i] = il_leaf(g, first[i]);
  }
  if (rest) loop_of(b, state, NULL, rest, to - rest, first, next);
  for (int i = 0; i < n && il_context_status(g->context) == IL_OK; i++)
    state->at[i] = il_leaf(g, next[i]); /* as after a step that stands alone */
  b->support_loss = next[n];
}

/* What is not the same in all steps, or has no row: the first step of entries that are each step's, and where mini-batches
 * end. */
static int alike_until(const il_build *b, int from, int to) {
  if (from == 0)
    for (int i = 0; i < b->meta.count; i++)
      if (b->meta.entry[i].flags & IL_EACH_STEP) return 1;
  return il_valid(b->task.order) && from < b->inner.steps && b->inner.steps < to ? b->inner.steps
                                                                                 : to;
}

void il_build_adapt(il_build *b, il_values *state, int from, int to) {
  for (int k = from, until; k < to && b->algorithm->step; k = until) {
    if (il_context_status(b->g->context) != IL_OK) return;
    until = b->inner.loop ? alike_until(b, k, to) : k + 1;
    b->pass = IL_PASS_ADAPTING;
    if (until - k > 1)
      adapt_in_loop(b, state, k, until);
    else
      b->algorithm->step(b, state, k);
  }
}

il_values il_build_end(il_build *b, const il_values *state) {
  il_values ended = il_values_copy(b->g, state);
  if (b->algorithm->end && il_context_status(b->g->context) == IL_OK) b->algorithm->end(b, &ended);
  return ended;
}

bool il_build_records(const il_build *b) {
  return b->statistics == IL_QUERY_STATISTICS_SUPPORT && il_net_norms(b->net) > 0;
}

void il_build_record(il_build *b, const il_values *state, int k) {
  il_scope_push(b->g, "query");
  /* Differentiable: the meta-gradient also goes through the support set's moments. */
  b->pass = IL_PASS_RECORDING;
  b->algorithm->score(b, state, b->task.support_x, k);
  il_scope_pop(b->g);
}

il_value il_build_score(il_build *b, const il_values *state, int k) {
  il_scope_push(b->g, "query");
  b->pass = IL_PASS_SCORING;
  il_value scores = b->algorithm->score(b, state, b->task.query_x, k);
  il_scope_pop(b->g);
  return scores;
}

il_value il_build_query(il_build *b, const il_values *state, int k) {
  if (il_build_records(b)) il_build_record(b, state, k);
  return il_build_score(b, state, k);
}

il_value il_query_loss(il_build *b, il_value scores) {
  return il_loss_value(b->g, b->loss, scores, b->task.query_y);
}

void il_outcome_scores(il_build *b, il_value scores, il_outcome *out) {
  out->scores = scores;
  if (b->loss != IL_LOSS_MEAN_SQUARED_ERROR)
    out->accuracy = il_accuracy(b->g, scores, b->task.query_y);
  out->support_loss = b->support_loss;
}

void il_query_objective(il_build *b, il_outcome *out) {
  il_values state;
  const int steps = b->algorithm->step ? b->inner.steps : 0;
  il_build_begin(b, &state);
  il_build_adapt(b, &state, 0, steps);
  const il_values ended = il_build_end(b, &state);
  il_value scores = il_build_query(b, &ended, steps);
  il_scope_push(b->g, "query");
  out->loss = il_query_loss(b, scores);
  il_outcome_scores(b, scores, out);
  il_scope_pop(b->g);
  out->gradient = il_values_grad(b->g, out->loss, &b->meta);
}

/* What the running statistics see of a task, with the variance of a sample, as PyTorch's. */
static void carry_seen(il_build *b, il_outcome *out) {
  if (!il_valid(b->moments.mean[0])) {
    il_fail(b->g->context, IL_ERROR_UNSUPPORTED,
            "%s: scores no queries in training, so that running norm statistics would never move; "
            "expected meta.query_statistics query, support or each",
            b->algorithm->name);
    return;
  }
  const int64_t examples =
      il_value_shape(b->g, b->task.support_x).dim[0] + il_value_shape(b->g, b->task.query_x).dim[0];
  for (int i = 0, norm = 0; i < b->net->layers; i++) {
    const il_net_layer_record *layer = &b->net->layer[i];
    if (!il_layer_takes_moments(&layer->layer)) continue;
    const double n = (double)examples *
                     (double)(layer->out.rank == 3 ? layer->out.dim[0] * layer->out.dim[1] : 1);
    const il_shape shape = b->net->parameter[layer->parameter].shape;
    for (int k = 0; k < 2; k++) {
      il_entry e = {.shape = shape};
      il_value seen = k ? b->moments.variance[norm] : b->moments.mean[norm];
      snprintf(e.name, sizeof e.name, "%s.running_%s", layer->name, k ? "var" : "mean");
      if (k && n > 1) seen = il_scale(b->g, seen, n / (n - 1));
      il_values_put(b->g, &out->carry, e, il_reshape(b->g, seen, shape));
    }
    norm++;
  }
}

il_status il_build_outcome(il_build *b, il_outcome *out) {
  *out = (il_outcome){0};
  take_settings(b);
  if (!il_build_check(b)) return il_context_status(b->g->context);
  if (b->algorithm->objective)
    b->algorithm->objective(b, out);
  else
    il_query_objective(b, out);
  if (b->training && b->carry.count && b->statistics == IL_QUERY_STATISTICS_RUNNING &&
      il_context_status(b->g->context) == IL_OK)
    carry_seen(b, out);
  return il_context_status(b->g->context);
}

il_values il_carry_next(il_build *b, const il_outcome *out) {
  il_values next = {0};
  il_scope_push(b->g, "running statistics");
  for (int i = 0; i < b->carry.count; i++) {
    const il_value seen =
        il_task_mean(b->g, il_values_get(b->g, &out->carry, b->carry.entry[i].name));
    il_value now = seen;
    if (!(b->carry.entry[i].flags & IL_REPLACED))
      now = il_add(b->g, il_scale(b->g, b->carry.at[i], 0.9), il_scale(b->g, seen, 0.1));
    il_values_put(b->g, &next, b->carry.entry[i], now);
  }
  il_scope_pop(b->g);
  return next;
}
