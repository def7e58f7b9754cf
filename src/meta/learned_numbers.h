/* Numbers of the inner loop that the outer loop learns (il_inner.learned): lr, l2, clip and the reals among the optimizer's
 * settings. As meta entries they are free to go anywhere: what has to stay between 0 and 1 is learned as its logit,
 * "inner.momentum.logit", what has to stay above 0 as its logarithm, "inner.clip.log". "inner.lr" and "inner.l2" are learned as
 * they are, and may change their sign. */
#ifndef IL_META_LEARNED_NUMBERS_H
#define IL_META_LEARNED_NUMBERS_H

#include <innerloop/meta.h>

/* Appends their entries, which start at what inner says. IL_ERROR_CONFIG for a name that is none, or that this algorithm
 * cannot learn. */
il_status il_learned_numbers_declare(il_context *context, const il_algorithm *algorithm,
                                     const il_inner *inner, il_entries *entries);
/* A number by its name: learned, or the constant. */
il_rate il_learned_number(il_build *b, const char *name, double constant);
/* Those of the inner optimizer's settings, by the names of their fields. */
il_values il_learned_settings(il_build *b, const il_optimizer *optimizer);
/* Whether inner.learned names it. */
bool il_is_learned(const il_inner *inner, const char *name);
/* The first of the settings "KEY=VALUE" (ends with NULL; may be NULL) that says what the entries have learned, these or an
 * algorithm's own rates: it would change nothing. NULL: none. */
const char *il_learned_setting(const il_entries *entries, const char *const *settings);

#endif
