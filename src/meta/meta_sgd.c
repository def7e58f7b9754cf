/* Meta-SGD: Li, Zhou, Chen, Li, "Meta-SGD: Learning to Learn Quickly for Few-Shot Learning", 2017, Algorithm 1: MAML
 * whose rate α has a number of its own for every number of θ, θ' = θ − α∘∇L, and is learned beside θ. */
#include <innerloop/field.h>
#include <innerloop/meta.h>

#include "base/error.h"

/* One rate tensor "inner.lr.NAME" for each parameter that adapts (the inner step finds it by its name). */
static void declare(il_context *context, const void *settings, il_entries *entries) {
  const il_meta_sgd_settings *s = settings;
  const int parameters = entries->count;
  if (!(s->low <= s->high)) {
    il_fail(context, IL_ERROR_CONFIG, "meta_sgd.low: found %g, more than meta_sgd.high %g", s->low,
            s->high);
    return;
  }
  for (int i = 0; i < parameters; i++) {
    il_entry rate = entries->entry[i];
    if (!(rate.flags & IL_ADAPTS)) continue;
    rate.flags = 0;
    rate.drawn = true;
    rate.low = s->low;
    rate.high = s->high;
    if (!il_entry_rename(context, &rate, "inner.lr.", entries->entry[i].name) ||
        !il_entries_add(context, entries, rate))
      return;
  }
}

static const il_field fields[] = {
    IL_FIELD(il_meta_sgd_settings, low, IL_FIELD_DOUBLE, "0.005", -1e6, 1e6, "",
             "learned inner rates start evenly drawn from here (meta_sgd)"),
    IL_FIELD(il_meta_sgd_settings, high, IL_FIELD_DOUBLE, "0.1", -1e6, 1e6, "",
             "to here (meta_sgd)"),
    {0}};

const il_algorithm il_meta_sgd = {.name = "meta_sgd",
                                  .paper = "Li, Zhou, Chen, Li, 2017",
                                  .revision = 1,
                                  .gradient = IL_GRADIENT_EXACT,
                                  .adapts = "*",
                                  .size = sizeof(il_meta_sgd_settings),
                                  .fields = fields,
                                  .declare = declare,
                                  .begin = il_gradient_begin,
                                  .step = il_gradient_step,
                                  .score = il_net_score};
