/* Meta-steps that are not finite (see anomaly.h). */
#include "train/anomaly.h"

#include <math.h>
#include <stdio.h>

#include "base/error.h"

enum { MOST_IN_A_ROW = 100 };

static il_status say(il_meta_step *s, const il_traced *traced, int64_t made, const char *came) {
  char where[48] = "";
  if (traced->task >= 0) snprintf(where, sizeof where, "task %d of ", traced->task);
  return il_fail(s->context, IL_ERROR_DATA, "%smeta-step %lld: %s%s; the loss is %g", where,
                 (long long)made + 1, came, traced->text, s->loss);
}

/* The name of an input says whose it is: the data's are those of batches, the optimizer's its own. */
static const char *source_of(const il_meta_step *s, const il_traced *traced, const il_graph *g) {
  if (g->nodes[traced->node]->op != IL_OP_INPUT) return "not finite first in ";
  if (traced->task >= 0) return "came with the data: ";
  for (int i = 0; i < g->input_count; i++)
    if (g->inputs[i].value.id == traced->node &&
        il_buffers_find(&s->learner->meta, g->inputs[i].name) >= 0)
      return "came with the weights: ";
  return "came with what training carries on: ";
}

static il_status find(il_meta_step *s, const il_batch *batch, int64_t made) {
  il_traced traced;
  const il_graph *g = NULL;
  const il_status status = il_meta_step_trace(s, batch, made, &traced, &g);
  if (status != IL_OK) return status;
  if (traced.node > 0) return say(s, &traced, made, source_of(s, &traced, g));
  return il_fail(s->context, IL_ERROR_DATA,
                 "meta-step %lld: the loss is %g and an update is not finite, but all numbers are "
                 "where the interpreter computes them: they are near the largest that %s holds",
                 (long long)made + 1, s->loss, il_type_name(g->real));
}

static il_status skip(il_anomalies *a, il_meta_step *s) {
  s->skipped++;
  s->loss = s->accuracy = s->support_loss = (double)NAN;
  if (++a->row < MOST_IN_A_ROW) return IL_OK;
  return il_fail(s->context, IL_ERROR_DATA,
                 "%d meta-steps in a row were not finite and were left out; the folder keeps the "
                 "last checkpoint; --detect-anomaly says where it arises",
                 a->row);
}

il_status il_anomalies_look(il_anomalies *a, il_meta_step *s, const il_batch *batch, int64_t made) {
  il_traced traced;
  if (!a->detect && !a->skip) {
    if (isfinite(s->loss)) return IL_OK;
    return il_fail(s->context, IL_ERROR_DATA,
                   "the loss of meta-step %lld is %g; a smaller outer.lr or inner.lr may keep it "
                   "finite, --detect-anomaly says where it arises",
                   (long long)made + 1, s->loss);
  }
  /* Data that nothing has used yet, such as a feature that a relu hides. */
  if (a->detect && il_meta_step_bad_input(s, batch, made, &traced))
    return say(s, &traced, made, "came with the data: ");
  if (il_meta_step_finite(s)) {
    a->row = 0;
    return IL_OK;
  }
  il_meta_step_back(s, batch, made);
  return a->detect ? find(s, batch, made) : skip(a, s);
}
