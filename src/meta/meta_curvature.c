/* Meta-Curvature: Park & Oliva, "Meta-Curvature", NeurIPS 2019, section 3: MAML whose inner gradient G is multiplied by
 * learned matrices along each of its axes, M_in over inputs, M_out over outputs and, for convolutions, M_taps over the
 * taps of a window; θ' = θ − α·MC(G). All start as the identity: learned is what they differ from it by. A bias's or a
 * norm's gradient has a learned factor for each number. */
#include <innerloop/meta.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

enum { WIDEST = 2048 }; /* matrices beyond are larger than the layer is worth */

static bool add(il_context *context, il_entries *entries, const char *axis, const il_entry *of,
                il_shape shape) {
  il_entry e = {.shape = shape, .drawn = true};
  if (shape.rank == 2 && shape.dim[0] > WIDEST) {
    il_fail(
        context, IL_ERROR_UNSUPPORTED,
        "meta_curvature: %s has an axis of %lld numbers, whose matrix is too large; expected at "
        "most %d, or inner.adapts without it",
        of->name, (long long)shape.dim[0], WIDEST);
    return false;
  }
  return il_entry_rename(context, &e, axis, of->name) && il_entries_add(context, entries, e);
}

static void declare(il_context *context, const void *settings, il_entries *entries) {
  (void)settings;
  const int parameters = entries->count;
  for (int i = 0; i < parameters; i++) {
    const il_entry p = entries->entry[i];
    const int r = p.shape.rank;
    if (!(p.flags & IL_ADAPTS)) continue;
    if (r == 1) {
      if (!add(context, entries, "curvature.", &p, p.shape)) return;
      continue;
    }
    const int64_t out = p.shape.dim[r - 1], in = p.shape.dim[r - 2],
                  taps = il_shape_count(p.shape) / (out * in);
    if (!add(context, entries, "curvature.out.", &p, IL_SHAPE(out, out)) ||
        !add(context, entries, "curvature.in.", &p, IL_SHAPE(in, in)) ||
        (taps > 1 && !add(context, entries, "curvature.taps.", &p, IL_SHAPE(taps, taps))))
      return;
  }
}

/* The learned part of an axis's matrix; {0}: there is none. */
static il_value learned(il_build *b, const char *axis, const char *parameter) {
  char name[IL_ENTRY_NAME + 32];
  snprintf(name, sizeof name, "%s%s", axis, parameter);
  const int at = il_values_find(&b->meta, name);
  return at < 0 ? (il_value){0} : b->meta.at[at];
}

/* (1 + M)·v, v [rows, …] as a matrix. */
static il_value curved(il_graph *g, il_value m, il_value v) {
  return il_valid(m) ? il_add(g, v, il_matmul(g, m, v, false, false)) : v;
}

static il_value meta_curvature(il_build *b, const char *name, il_value gradient) {
  il_graph *g = b->g;
  const il_shape s = il_value_shape(g, gradient);
  if (s.rank == 1) return il_add(g, gradient, il_mul(g, gradient, learned(b, "curvature.", name)));
  const int64_t out = s.dim[s.rank - 1], in = s.dim[s.rank - 2],
                taps = il_shape_count(s) / (out * in);
  static const int swap[] = {1, 0, 2};
  /* [taps, in, out] along its axes, one after the other. */
  il_value v = il_reshape(g, gradient, IL_SHAPE(taps * in, out));
  const il_value m_out = learned(b, "curvature.out.", name);
  if (il_valid(m_out)) v = il_add(g, v, il_matmul(g, v, m_out, false, true));
  v = il_transpose(g, il_reshape(g, v, IL_SHAPE(taps, in, out)), swap);
  v = curved(g, learned(b, "curvature.in.", name), il_reshape(g, v, IL_SHAPE(in, taps * out)));
  v = il_transpose(g, il_reshape(g, v, IL_SHAPE(in, taps, out)), swap);
  v = curved(g, learned(b, "curvature.taps.", name), il_reshape(g, v, IL_SHAPE(taps, in * out)));
  return il_reshape(g, v, s);
}

static void step(il_build *b, il_values *state, int k) {
  il_step_scope(b, k);
  b->support_loss = il_support_loss(b, state, k);
  il_values gradient = il_inner_gradient(b, b->support_loss, state);
  for (int i = 0; i < gradient.count; i++)
    if (il_valid(gradient.at[i]))
      gradient.at[i] = meta_curvature(b, gradient.entry[i].name, gradient.at[i]);
  il_inner_update(b, state, &gradient, k);
  il_scope_pop(b->g);
}

const il_algorithm il_meta_curvature = {.name = "meta_curvature",
                                        .paper = "Park & Oliva, NeurIPS 2019",
                                        .revision = 1,
                                        .gradient = IL_GRADIENT_EXACT,
                                        .adapts = "*",
                                        .declare = declare,
                                        .begin = il_gradient_begin,
                                        .step = step,
                                        .score = il_net_score};
