/* SimpleShot: Wang, Chao, Weinberger, van der Maaten, "SimpleShot: Revisiting Nearest-Neighbor Classification for Few-Shot
 * Learning", 2019, section 2: the net learns to tell all training classes apart, as in supervised learning; for a task,
 * features have the mean of the training classes' features taken off and are scaled to length 1 (CL2N), and a query is of
 * the class whose mean is nearest. The paper's mean is that over all training examples in the end; here it runs along
 * with the training, as norm statistics do. */
#include <innerloop/field.h>

#include "base/error.h"
#include "meta/alike.h"
#include "meta/pretrain.h"

static const il_pretrain_settings *settings_of(const il_build *b) { return b->settings; }

static void declare(il_context *context, const void *settings, il_entries *entries) {
  il_pretrain_declare(context, settings, entries, true);
}

static void carry(il_context *context, const il_net *net, const void *settings,
                  il_entries *entries) {
  const il_pretrain_settings *s = settings;
  if (s->centre)
    il_entries_add(context, entries,
                   (il_entry){.name = "features.mean",
                              .shape = IL_SHAPE(il_feature_count(net)),
                              .drawn = true});
}

static void objective(il_build *b, il_outcome *out) {
  il_graph *g = b->g;
  const il_value f = il_pretrain_features(b);
  if (!il_valid(f)) return;
  const il_value product =
      il_matmul(g, f, il_values_get(g, &b->meta, "classifier.weight"), false, false);
  il_pretrain_outcome(b, il_add(g, product, il_values_get(g, &b->meta, "classifier.bias")), out);
  if (settings_of(b)->centre)
    il_values_put(g, &out->carry, (il_entry){.name = "features.mean"},
                  il_reshape(g, il_mean(g, f, 1), IL_SHAPE(il_feature_count(b->net))));
}

static il_value normalised(il_build *b, il_value f) {
  il_graph *g = b->g;
  if (!il_valid(f)) return f;
  if (settings_of(b)->centre) f = il_sub(g, f, il_values_get(g, &b->carry, "features.mean"));
  return il_unit_rows(g, f);
}

static void begin(il_build *b, il_values *state) {
  const il_value f = normalised(b, il_support_features(b));
  il_values_put(b->g, state, (il_entry){.name = "centroid"},
                il_class_means(b, f, b->task.support_y));
}

static il_value score(il_build *b, const il_values *state, il_value x, int k) {
  const il_value q = normalised(b, il_apply(b, NULL, x, k)),
                 c = il_values_get(b->g, state, "centroid");
  return il_valid(q) && il_valid(c) ? il_nearness(b->g, q, c) : (il_value){0};
}

static const il_field fields[] = {
    IL_PRETRAIN_CLASSES("simpleshot"),
    IL_FIELD(il_pretrain_settings, centre, IL_FIELD_BOOL, "true", 0, 0, "",
             "take the mean of the training classes' features off (simpleshot)"),
    {0}};

const il_algorithm il_simpleshot = {.name = "simpleshot",
                                    .paper = "Wang et al., 2019",
                                    .revision = 1,
                                    .gradient = IL_GRADIENT_EXACT,
                                    .own_head = true,
                                    .all_classes = true,
                                    .size = sizeof(il_pretrain_settings),
                                    .fields = fields,
                                    .declare = declare,
                                    .carry = carry,
                                    .begin = begin,
                                    .score = score,
                                    .objective = objective};
