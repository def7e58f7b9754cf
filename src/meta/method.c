/* Methods: records with their settings, and the outer rate over time. */
#include "meta/method.h"

#include <assert.h>
#include <string.h>

#include "base/elementary.h"
#include "base/error.h"
#include "base/random.h"
#include "nn/net.h"

static void take(char *settings, size_t size, const il_field *fields) {
  assert(size <= IL_SETTINGS_SIZE);
  memset(settings, 0, IL_SETTINGS_SIZE);
  if (fields) il_fields_default(fields, settings);
}

void il_method_algorithm(il_method *m, const il_algorithm *algorithm) {
  m->algorithm = algorithm;
  take(m->algorithm_settings, algorithm->size, algorithm->fields);
}

void il_method_inner(il_method *m, const il_optimizer *optimizer) {
  m->inner.optimizer = optimizer;
  m->inner.settings = m->inner_settings;
  take(m->inner_settings, optimizer->size, optimizer->fields);
}

void il_method_outer(il_method *m, const il_optimizer *optimizer) {
  m->outer = optimizer;
  take(m->outer_settings, optimizer->size, optimizer->fields);
}

il_status il_method_accepts(il_context *context, const char *where, const il_optimizer *optimizer) {
  if (optimizer && optimizer->size <= IL_SETTINGS_SIZE) return IL_OK;
  return il_fail(context, IL_ERROR_ARGUMENT, "%s: %s; expected a record of optim.h", where,
                 optimizer ? "the optimizer's settings are too large" : "no optimizer");
}

void il_method_defaults(il_method *m) {
  *m = (il_method){.inner = {.steps = 1, .lr = 0.1},
                   .statistics = IL_QUERY_STATISTICS_QUERY,
                   .lr = 0.001,
                   .decay = 1,
                   .decay_every = 1,
                   .steps = 1,
                   .meta_batch = 1,
                   .seed = 1,
                   .real = IL_FLOAT32};
  il_method_algorithm(m, &il_maml);
  il_method_inner(m, &il_sgd);
  il_method_outer(m, &il_adam);
}

void il_method_copy(il_method *to, const il_method *from) {
  *to = *from;
  to->inner.settings = to->inner_settings;
}

il_status il_method_classes(il_context *context, il_method *m, int classes) {
  if (!m->algorithm->all_classes) return IL_OK;
  int *said = (int *)(void *)(m->algorithm_settings +
                              il_field_find(m->algorithm->fields, "classes")->offset);
  if (*said && *said != classes)
    return il_fail(context, IL_ERROR_CONFIG,
                   "%s.classes: found %d, but %d classes train; expected 0, which takes them",
                   m->algorithm->name, *said, classes);
  *said = classes;
  return IL_OK;
}

bool il_method_lr_moves(const il_method *m) {
  return m->schedule != IL_SCHEDULE_CONSTANT || m->warmup > 0;
}

static double scheduled(const il_method *m, int64_t made) {
  const double share = m->steps > 0 ? (double)made / (double)m->steps : 0, fall = m->lr - m->lr_end;
  double lr = m->lr;
  switch (m->schedule) {
  case IL_SCHEDULE_CONSTANT: break;
  case IL_SCHEDULE_LINEAR: return m->lr_end + fall * (1 - share);
  case IL_SCHEDULE_COSINE:
    return m->lr_end + fall * 0.5 * (1 + il_double_cos(3.14159265358979323846 * share));
  case IL_SCHEDULE_STEP:
    for (int64_t k = m->decay < 1 ? made / m->decay_every : 0; k > 0 && lr > 0; k--) lr *= m->decay;
    break;
  }
  return lr;
}

double il_method_lr(const il_method *m, int64_t made) {
  const double lr = scheduled(m, made);
  return made < m->warmup ? lr * ((double)(made + 1) / (double)m->warmup) : lr;
}

il_task_needs il_method_needs(const il_method *m, const il_net *net, const il_task_shape *shape,
                              int steps, bool training) {
  il_task_needs needs = {.vocabulary = il_net_vocabulary(net)};
  for (int i = 0; training && i < il_net_layers(net); i++)
    if (il_layer_draws(il_net_layer(net, i))) needs.key = true;
  if (training && m->algorithm->draws && m->algorithm->draws(m->algorithm_settings))
    needs.key = true;
  if (m->inner.batch > 0 && m->inner.batch < shape->support && m->algorithm->step && steps > 0) {
    needs.steps = steps;
    needs.batch = m->inner.batch;
    needs.in_turn = m->inner.in_turn;
  }
  return needs;
}

il_build il_method_build(const il_method *m, il_graph *g, const il_net *net,
                         const il_task_shape *shape) {
  il_build b = {.g = g,
                .net = net,
                .algorithm = m->algorithm,
                .settings = m->algorithm_settings,
                .inner = m->inner,
                .loss = shape->loss,
                .statistics = m->statistics,
                .training = true,
                .ways = shape->ways};
  if (b.inner.batch >= shape->support) b.inner.batch = 0;
  return b;
}

/* Mini-batches without replacement: the support set in random order, drawn anew when it is used up, as Nichol et al.'s
 * program does. Front to back, so that the first steps do not depend on how many follow. */
void il_method_order(int support, il_task_needs needs, uint64_t seed, int32_t *place,
                     int32_t *order) {
  const int count = needs.steps * needs.batch;
  for (int i = 0; needs.in_turn && i < count; i++) order[i] = i % support;
  if (needs.in_turn) return;
  il_random random = il_random_start(seed, 0x6f72646572u);
  for (int i = 0; i < count; i++) {
    const int used = i % support;
    for (int k = 0; used == 0 && k < support; k++) place[k] = k;
    const int other = used + (int)il_random_below(&random, (uint32_t)(support - used));
    order[i] = place[other];
    place[other] = place[used];
  }
}
