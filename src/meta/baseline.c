/* Baseline and Baseline++: Chen, Liu, Kira, Wang, Huang, "A Closer Look at Few-shot Classification", ICLR 2019, section
 * 3.2: the net learns to tell all training classes apart, as in supervised learning; for a task its features stay as they
 * are, and inner steps fit a new head to those of the support set: a linear one, or (++) cosines times a scale. Training
 * tasks are batches whose labels are classes of all (il_algorithm.all_classes), support and query set alike. The new head
 * starts at zero, that of ++ at the class means, where the program draws it: what is predicted depends on no draw. */
#include <innerloop/field.h>

#include "base/error.h"
#include "meta/alike.h"
#include "meta/pretrain.h"

static bool cosine(const il_build *b) { return b->algorithm == &il_baselinepp; }

/* ---- pre-training ---- */

static void declare(il_context *context, const void *settings, il_entries *entries) {
  il_pretrain_declare(context, settings, entries, true);
}

static void declare_cosine(il_context *context, const void *settings, il_entries *entries) {
  const il_pretrain_settings *s = settings;
  il_pretrain_declare(context, settings, entries, false);
  if (s->learned)
    il_entries_add(context, entries,
                   (il_entry){.name = "scale", .drawn = true, .low = s->scale, .high = s->scale});
}

/* Scores of the rows of f by a head: its columns are classes. */
static il_value cosines(il_build *b, il_value f, il_value weight) {
  il_graph *g = b->g;
  const il_pretrain_settings *s = b->settings;
  if (!il_valid(f) || !il_valid(weight)) return (il_value){0};
  const il_value rows = il_unit_rows(g, il_transpose(g, weight, (const int[]){1, 0}));
  const il_value alike = il_matmul(g, il_unit_rows(g, f), rows, false, true);
  return s->learned ? il_mul(g, alike, il_values_get(g, &b->meta, "scale"))
                    : il_scale(g, alike, s->scale);
}

static il_value head(il_build *b, const il_values *from, const char *weight, const char *bias,
                     il_value f) {
  il_graph *g = b->g;
  const il_value w = il_values_get(g, from, weight);
  if (cosine(b)) return cosines(b, f, w);
  return il_add(g, il_matmul(g, f, w, false, false), il_values_get(g, from, bias));
}

static void objective(il_build *b, il_outcome *out) {
  const il_value f = il_pretrain_features(b);
  il_pretrain_outcome(b, head(b, &b->meta, "classifier.weight", "classifier.bias", f), out);
}

/* ---- a task ---- */

static void begin(il_build *b, il_values *state) {
  il_graph *g = b->g;
  il_values start = {0};
  const il_value f = il_support_features(b);
  const il_value mean = il_class_means(b, f, b->task.support_y);
  if (!il_valid(mean)) return;
  const il_entry weight = {.name = "head.weight"}, bias = {.name = "head.bias"};
  if (cosine(b)) {
    il_values_put(g, &start, weight, il_transpose(g, mean, (const int[]){1, 0}));
  } else {
    il_values_put(g, &start, weight,
                  il_constant(g, 0, IL_SHAPE(il_feature_count(b->net), b->ways)));
    il_values_put(g, &start, bias, il_constant(g, 0, IL_SHAPE(b->ways)));
  }
  il_inner_begin(b, &start, state);
}

static void step(il_build *b, il_values *state, int k) {
  il_value f, labels;
  il_step_scope(b, k);
  il_head_batch(b, k, &f, &labels);
  b->support_loss = il_cross_entropy(b->g, head(b, state, "head.weight", "head.bias", f), labels);
  const il_values gradient = il_inner_gradient(b, b->support_loss, state);
  il_inner_update(b, state, &gradient, k);
  il_scope_pop(b->g);
}

static il_value score(il_build *b, const il_values *state, il_value x, int k) {
  return head(b, state, "head.weight", "head.bias", il_apply(b, NULL, x, k));
}

static const il_field fields[] = {IL_PRETRAIN_CLASSES("baseline"), {0}};

static const il_field fields_cosine[] = {
    IL_PRETRAIN_CLASSES("baselinepp"),
    IL_FIELD(il_pretrain_settings, scale, IL_FIELD_DOUBLE, "10", 0, 1e6, "",
             "multiplies the cosines (baselinepp)"),
    IL_FIELD(il_pretrain_settings, learned, IL_FIELD_BOOL, "false", 0, 0, "",
             "the scale is learned from there on (baselinepp)"),
    {0}};

const il_algorithm il_baseline = {.name = "baseline",
                                  .paper = "Chen et al., ICLR 2019",
                                  .revision = 1,
                                  .gradient = IL_GRADIENT_EXACT,
                                  .own_head = true,
                                  .all_classes = true,
                                  .size = sizeof(il_pretrain_settings),
                                  .fields = fields,
                                  .declare = declare,
                                  .begin = begin,
                                  .step = step,
                                  .score = score,
                                  .objective = objective};

const il_algorithm il_baselinepp = {.name = "baselinepp",
                                    .paper = "Chen et al., ICLR 2019",
                                    .revision = 1,
                                    .gradient = IL_GRADIENT_EXACT,
                                    .own_head = true,
                                    .all_classes = true,
                                    .size = sizeof(il_pretrain_settings),
                                    .fields = fields_cosine,
                                    .declare = declare_cosine,
                                    .begin = begin,
                                    .step = step,
                                    .score = score,
                                    .objective = objective};
