/* R2-D2: Bertinetto, Henriques, Torr, Vedaldi, "Meta-learning with differentiable closed-form solvers", ICLR 2019,
 * equations 4-6: the head is the ridge regression, with an intercept, of the support labels on the support features,
 * differentiated; the scores of classes are scaled. λ (as its logarithm) and the scale are learned beside the net. The paper's shift
 * of all scores is left out: cross-entropy does not see it. */
#include <innerloop/field.h>

#include "base/elementary.h"
#include "meta/ridge.h"

static void declare(il_context *context, const void *settings, il_entries *entries) {
  const il_ridge_settings *s = settings;
  const double log_lambda = il_double_log(s->l2);
  const il_entry own[] = {
      {.name = "ridge.log_lambda",
       .flags = IL_NO_DECAY,
       .drawn = true,
       .low = log_lambda,
       .high = log_lambda},
      {.name = "ridge.scale", .drawn = true, .low = s->scale, .high = s->scale}};
  for (int i = 0; i < 2; i++)
    if (!il_entries_add(context, entries, own[i])) return;
}

static void begin(il_build *b, il_values *state) {
  il_graph *g = b->g;
  const il_value f = il_with_ones(g, il_apply(b, NULL, b->task.support_x, 0));
  const il_value lambda = il_exp(g, il_values_get(g, &b->meta, "ridge.log_lambda"));
  il_values_put(g, state, (il_entry){.name = "ridge.weight"}, il_ridge(b, f, lambda));
}

static il_value score(il_build *b, const il_values *state, il_value x, int k) {
  il_graph *g = b->g;
  const il_value f = il_with_ones(g, il_apply(b, NULL, x, k));
  const il_value y = il_matmul(g, f, il_values_get(g, state, "ridge.weight"), false, false);
  return il_ridge_scaled(b, y);
}

static const il_field fields[] = {
    IL_FIELD(il_ridge_settings, l2, IL_FIELD_DOUBLE, "1", 1e-9, 1e9, "",
             "weight of the squared length; learned from there on (r2d2)"),
    IL_FIELD(il_ridge_settings, scale, IL_FIELD_DOUBLE, "10", 0, 1e6, "",
             "of the regression's scores; learned from there on (r2d2)"),
    {0}};

const il_algorithm il_r2d2 = {.name = "r2d2",
                              .paper = "Bertinetto, Henriques, Torr, Vedaldi, ICLR 2019",
                              .revision = 1,
                              .gradient = IL_GRADIENT_EXACT,
                              .own_head = true,
                              .size = sizeof(il_ridge_settings),
                              .fields = fields,
                              .declare = declare,
                              .begin = begin,
                              .score = score};
