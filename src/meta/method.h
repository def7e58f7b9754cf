/* How a learner is trained, whole: what a configuration, or the options of il_meta_fit, come to. */
#ifndef IL_META_METHOD_H
#define IL_META_METHOD_H

#include <innerloop/function.h>
#include <innerloop/meta.h>

enum { IL_SETTINGS_SIZE = 256 }; /* bytes of any record's settings */

/* What outer.lr does over the meta-steps. */
typedef enum il_lr_schedule {
  IL_SCHEDULE_CONSTANT = 0,
  IL_SCHEDULE_LINEAR = 1, /* towards lr_end, which the meta-step after the last would have */
  IL_SCHEDULE_COSINE = 2, /* the same along half a cosine */
  IL_SCHEDULE_STEP = 3,   /* times decay after every decay_every of them */
} il_lr_schedule;

/* The settings that algorithm, inner and outer optimizer point to lie in it: copied by il_method_copy alone. */
typedef struct il_method {
  const il_algorithm *algorithm;
  il_inner inner;
  il_query_statistics statistics; /* of training, and of the learner that comes out */
  const il_optimizer *outer;
  double lr; /* outer */
  il_lr_schedule schedule;
  double lr_end, decay;
  int64_t decay_every;
  int64_t warmup; /* meta-steps, from the first, over which the rate rises evenly to what it is */
  double l2;      /* adds l2·w to the meta-gradient; 0: nothing */
  double clip, clip_value; /* longest meta-gradient, largest number of it; 0: any */
  double ema;              /* decay of the average of the meta-parameters that is kept; 0: none */
  int64_t steps;           /* meta-steps, for the schedule */
  int meta_batch;          /* tasks of a meta-step */
  uint64_t seed;
  il_type real;
  il_function_options function;
  _Alignas(8) char algorithm_settings[IL_SETTINGS_SIZE];
  _Alignas(8) char inner_settings[IL_SETTINGS_SIZE];
  _Alignas(8) char outer_settings[IL_SETTINGS_SIZE];
} il_method;

/* MAML with one step of 0.1 and Adam 0.001, all settings at their defaults. */
void il_method_defaults(il_method *m);
void il_method_copy(il_method *to, const il_method *from);
/* Takes the record, with its defaults in the settings. */
void il_method_algorithm(il_method *m, const il_algorithm *algorithm);
void il_method_inner(il_method *m, const il_optimizer *optimizer);
void il_method_outer(il_method *m, const il_optimizer *optimizer);
/* Whether a caller's record can be taken; `where` opens the sentence if not. */
il_status il_method_accepts(il_context *context, const char *where, const il_optimizer *optimizer);
/* Fills in how many classes train, where the algorithm learns to tell them apart; IL_ERROR_CONFIG where the settings say
 * another number. */
il_status il_method_classes(il_context *context, il_method *m, int classes);
/* Whether meta-steps have different outer rates. */
bool il_method_lr_moves(const il_method *m);
/* The outer rate of the meta-step after `made` of them; a pure function. */
double il_method_lr(const il_method *m, int64_t made);
/* What tasks of these shapes hold when up to so many inner steps are taken. */
il_task_needs il_method_needs(const il_method *m, const il_net *net, const il_task_shape *shape,
                              int steps, bool training);
/* Mini-batches of an inner loop without replacement: place [support] is room; order [steps, batch]. A pure function. */
void il_method_order(int support, il_task_needs needs, uint64_t seed, int32_t *place,
                     int32_t *order);
/* A build of one task in g; the caller adds meta and carry values and the task. */
il_build il_method_build(const il_method *m, il_graph *g, const il_net *net,
                         const il_task_shape *shape);

#endif
