/* Puts a training together (see trainer.h). */
#include "train/trainer.h"

#include "base/locale.h"
#include "config/config_method.h"
#include "config/config_tasks.h"
#include "meta/learned_numbers.h"
#include "nn/net.h"
#include "train/average.h"

il_status il_trainer_init(il_context *context, il_trainer *t, const il_config *config,
                          il_team *team) {
  return il_trainer_init_on(context, t, config, NULL, NULL, team);
}

/* Noise would make of a token something that is none; the data are not to blame. */
static il_status check_augment(il_context *context, const il_config *config, const il_net *net) {
  static const char *const noise[] = {"augment.jitter", "augment.gain"};
  for (int i = 0; i < 2 && il_net_vocabulary(net); i++) {
    const char *text = il_config_get(config, noise[i]);
    if (il_real_parse(text, NULL) != 0)
      return il_fail(context, IL_ERROR_CONFIG,
                     "%s: found %s, expected 0: the net's embedding takes whole numbers", noise[i],
                     text);
  }
  return IL_OK;
}

/* Rates that an algorithm learns start where its own settings say. */
static il_status check_rates(il_context *context, const il_config *config, const il_method *m,
                             const il_learned *learner) {
  if (!config->value[IL_KEY_INNER_LR].asked || il_is_learned(&m->inner, "lr") ||
      !il_learned_setting(&learner->meta_entries, (const char *const[]){"inner.lr", NULL}))
    return IL_OK;
  return il_fail(context, IL_ERROR_CONFIG,
                 "inner.lr: found %s, but %s learns its inner rates, which start where %s.* says; "
                 "expected this key to be left out",
                 il_config_text(config, IL_KEY_INNER_LR), m->algorithm->name, m->algorithm->name);
}

il_status il_trainer_init_on(il_context *context, il_trainer *t, const il_config *config,
                             const il_source *source, const void *settings, il_team *team) {
  *t = (il_trainer){0};
  il_status status = il_config_method(config, &t->method);
  if (status != IL_OK) return status;
  t->tasks = source ? il_config_tasks_of(context, config, source, settings)
             : team ? il_config_tasks(context, config)
                    : il_config_shapes(context, config);
  if (!t->tasks) return il_context_status(context);
  status = il_method_classes(context, &t->method, il_tasks_shape(t->tasks, IL_TRAIN, 0)->outputs);
  if (status != IL_OK) return status;
  il_net *net = il_config_net(context, config, il_tasks_shape(t->tasks, IL_TRAIN, 0));
  t->learner = il_learned_new(context, &t->method, net, team != NULL, true);
  if (!t->learner || check_augment(context, config, net) != IL_OK ||
      check_rates(context, config, &t->method, t->learner) != IL_OK)
    return il_context_status(context);
  status = il_meta_step_init(context, &t->step, &t->method, t->learner, t->tasks, team);
  if (status != IL_OK || !team) return status;
  status = il_feed_init(&t->feed, t->tasks, t->method.real, t->step.needs, t->method.meta_batch,
                        il_team_threads(team));
  if (status != IL_OK) return status;
  il_learned_initialize(t->learner, t->method.seed);
  il_average_start(&t->step);
  il_meta_step_meanwhile(&t->step, il_feed_ahead(&t->feed));
  return IL_OK;
}

il_status il_trainer_join(il_trainer *t, const il_ranks *ranks, int *tasks) {
  int begin, end;
  const il_status status = il_meta_step_join(&t->step, ranks, &begin, &end);
  if (status != IL_OK) return status;
  il_feed_part(&t->feed, begin, end);
  *tasks = end - begin;
  return IL_OK;
}

void il_trainer_free(il_trainer *t) {
  il_feed_free(&t->feed);
  il_meta_step_free(&t->step);
  il_learned_free(t->learner);
  il_tasks_free(t->tasks);
  *t = (il_trainer){0};
}
