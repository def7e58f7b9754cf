/* MetaOptNet with ridge regression: Lee, Maji, Ravichandran, Soatto, "Meta-Learning with Differentiable Convex
 * Optimization", CVPR 2019, section 3.3 and its program's ridge head: one linear score for each class, without an
 * intercept, fitted to the support set in closed form; λ is fixed, a scale of the scores is learned. The paper's other
 * head, a support vector machine, is a quadratic program and not here. */
#include <innerloop/field.h>

#include "meta/ridge.h"

static void declare(il_context *context, const void *settings, il_entries *entries) {
  const il_ridge_settings *s = settings;
  il_entries_add(
      context, entries,
      (il_entry){.name = "ridge.scale", .drawn = true, .low = s->scale, .high = s->scale});
}

static void begin(il_build *b, il_values *state) {
  const il_ridge_settings *s = b->settings;
  const il_value f = il_apply(b, NULL, b->task.support_x, 0);
  il_values_put(b->g, state, (il_entry){.name = "ridge.weight"},
                il_ridge(b, f, il_scalar(b->g, s->l2)));
}

static il_value score(il_build *b, const il_values *state, il_value x, int k) {
  il_graph *g = b->g;
  const il_value w = il_values_get(g, state, "ridge.weight");
  const il_value y = il_matmul(g, il_apply(b, NULL, x, k), w, false, false);
  return il_ridge_scaled(b, y);
}

static const il_field fields[] = {
    IL_FIELD(il_ridge_settings, l2, IL_FIELD_DOUBLE, "50", 1e-9, 1e9, "",
             "weight of the squared length (metaoptnet)"),
    IL_FIELD(il_ridge_settings, scale, IL_FIELD_DOUBLE, "10", 0, 1e6, "",
             "of the regression's scores; learned from there on (metaoptnet)"),
    {0}};

const il_algorithm il_metaoptnet = {.name = "metaoptnet",
                                    .paper = "Lee, Maji, Ravichandran, Soatto, CVPR 2019",
                                    .revision = 1,
                                    .gradient = IL_GRADIENT_EXACT,
                                    .own_head = true,
                                    .size = sizeof(il_ridge_settings),
                                    .fields = fields,
                                    .declare = declare,
                                    .begin = begin,
                                    .score = score};
