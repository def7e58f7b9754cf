/* CAVIA: Zintgraf, Shiarlis, Kurin, Hofmann, Whiteson, "Fast Context Adaptation via Meta-Learning", ICML 2019: the net
 * takes in a context φ, which starts at 0 in every task and is all that the inner loop moves; the net itself is learned
 * by the outer loop. φ enters at one layer, as parameters of it that depend on φ:
 *
 *   a linear layer's bias is b + φ·V: the same as φ beside the layer's inputs
 *   a norm layer's scale and shift are γ∘(1 + φ·V) and β∘(1 + φ·V) + φ·U: the paper's FiLM behind it, whose own bias is
 *   left out, since γ and β are one */
#include <innerloop/field.h>
#include <innerloop/meta.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

/* The parameter NAME.weight or NAME.bias of a net. */
static const il_entry *find(const il_entries *entries, const char *layer, const char *suffix) {
  char name[IL_ENTRY_NAME];
  snprintf(name, sizeof name, "%s.%s", layer, suffix);
  for (int i = 0; i < entries->count; i++)
    if (strcmp(entries->entry[i].name, name) == 0) return &entries->entry[i];
  return NULL;
}

/* Where the paper has it: the third norm layer of nets that have them, else the first linear layer. */
static const char *chosen(const il_entries *entries) {
  static const char *const order[] = {"norm3", "norm2", "norm1", "linear1"};
  for (int i = 0; i < 4; i++)
    if (find(entries, order[i], "bias")) return order[i];
  return NULL;
}

static bool add(il_context *context, il_entries *entries, const char *name, int contexts,
                int64_t units, double bound) {
  il_entry e = {.shape = IL_SHAPE(contexts, units), .drawn = true, .low = -bound, .high = bound};
  return il_entry_rename(context, &e, "", name) && il_entries_add(context, entries, e);
}

/* The layer stands in the names of what is declared, so that the score finds it there. */
static void declare(il_context *context, const void *settings, il_entries *entries) {
  const il_cavia_settings *s = settings;
  const char *layer = s->layer && *s->layer ? s->layer : chosen(entries);
  const il_entry *bias = layer ? find(entries, layer, "bias") : NULL,
                 *weight = layer ? find(entries, layer, "weight") : NULL;
  if (!bias || !weight || weight->shape.rank > 2) {
    il_fail(context, IL_ERROR_CONFIG,
            "cavia.layer: %s%s%s is no norm layer and no linear layer with a bias; expected the "
            "name of one, such as %s",
            layer ? "\"" : "the net has none: it", layer ? layer : "", layer ? "\"" : "",
            chosen(entries) ? chosen(entries) : "norm1");
    return;
  }
  const bool film = weight->shape.rank == 1;
  const int64_t units = bias->shape.dim[0];
  /* PyTorch's nn.Linear of the inputs with φ among them, or of φ alone. */
  const double fan_in = film ? s->contexts : (double)(weight->shape.dim[0] + s->contexts);
  char name[2][IL_ENTRY_NAME];
  snprintf(name[0], sizeof name[0], "context.%.54s", bias->name);
  snprintf(name[1], sizeof name[1], "context.%.54s", weight->name);
  if (add(context, entries, name[0], s->contexts, units, 1 / sqrt(fan_in)) && film)
    add(context, entries, name[1], s->contexts, units, 1 / sqrt(fan_in));
}

static void begin(il_build *b, il_values *state) {
  const il_cavia_settings *s = b->settings;
  if (b->training && b->inner.steps < 1)
    il_fail(
        il_graph_context(b->g), IL_ERROR_CONFIG,
        "inner.steps: found 0; expected 1 or more, for cavia learns from where its context goes");
  il_values start = {0};
  il_values_put(b->g, &start, (il_entry){.name = "context"},
                il_constant(b->g, 0, IL_SHAPE(1, s->contexts)));
  il_inner_begin(b, &start, state);
}

/* φ·V for the parameter, [units]; {0}: φ does not change it. */
static il_value from_context(il_build *b, const il_values *state, const char *parameter) {
  char name[IL_ENTRY_NAME + 8];
  snprintf(name, sizeof name, "context.%s", parameter);
  const int at = il_values_find(&b->meta, name);
  if (at < 0) return (il_value){0};
  const il_value phi = il_values_get(b->g, state, "context");
  const il_value product = il_matmul(b->g, phi, b->meta.at[at], false, false);
  return il_reshape(b->g, product, IL_SHAPE(b->meta.entry[at].shape.dim[1]));
}

static il_value score(il_build *b, const il_values *state, il_value x, int k) {
  il_graph *g = b->g;
  il_values changed = {0};
  il_value scale = {0};
  for (int i = 0; i < b->meta.count; i++) { /* a layer's weight stands before its bias */
    const il_entry e = b->meta.entry[i];
    const il_value change = e.net && !e.drawn ? from_context(b, state, e.name) : (il_value){0};
    if (!il_valid(change)) continue;
    const bool shift = strstr(e.name, ".bias") != NULL;
    if (!shift) scale = il_shift(g, change, 1);
    il_value v = il_valid(scale) ? il_mul(g, b->meta.at[i], scale) : b->meta.at[i];
    if (shift) v = il_add(g, v, change);
    il_values_put(g, &changed, e, v);
  }
  return il_apply(b, &changed, x, k);
}

static const il_field fields[] = {
    IL_FIELD(il_cavia_settings, contexts, IL_FIELD_INT32, "5", 1, 10000, "",
             "numbers of the context (cavia)"),
    IL_FIELD(il_cavia_settings, layer, IL_FIELD_TEXT, "", 0, 0, "",
             "norm layer, or linear layer with a bias, that takes the context in (cavia); empty: "
             "the third norm layer, or linear1"),
    {0}};

const il_algorithm il_cavia = {.name = "cavia",
                               .paper = "Zintgraf et al., ICML 2019",
                               .revision = 1,
                               .gradient = IL_GRADIENT_EXACT,
                               .size = sizeof(il_cavia_settings),
                               .fields = fields,
                               .declare = declare,
                               .begin = begin,
                               .step = il_gradient_step,
                               .score = score};
