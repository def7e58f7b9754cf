/* Methods out of configurations. */
#include "config/config_method.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static il_plan_options plan_options(const il_config *c) {
  return (il_plan_options){.lanes = il_config_is(c, IL_KEY_LANES, "never")    ? IL_LANES_NEVER
                                    : il_config_is(c, IL_KEY_LANES, "always") ? IL_LANES_ALWAYS
                                                                              : IL_LANES_CHOOSE,
                           .direct = il_config_is(c, IL_KEY_WINOGRAD, "off"),
                           .tasks = il_config_int(c, IL_KEY_META_BATCH)};
}

/* mamlpp.steps, or inner.steps in its place. */
static int rated_steps(const il_config *c) {
  const int steps = il_config_int(c, (il_key)il_config_find("mamlpp.steps")),
            inner = il_config_int(c, IL_KEY_INNER_STEPS);
  return steps ? steps : inner > 0 ? inner : 1;
}

il_status il_config_settle(il_config *c) {
  char steps[32];
  if (!il_config_is(c, IL_KEY_ALGORITHM, "mamlpp")) return IL_OK;
  snprintf(steps, sizeof steps, "%d", rated_steps(c));
  return il_config_assign(c, "", "mamlpp.steps", steps);
}

il_status il_config_method(const il_config *c, il_method *m) {
  il_method_defaults(m);
  il_method_algorithm(m, il_algorithm_at(il_config_int(c, IL_KEY_ALGORITHM)));
  il_method_inner(m, il_optimizer_at(il_config_int(c, IL_KEY_INNER_OPTIMIZER)));
  il_method_outer(m, il_optimizer_at(il_config_int(c, IL_KEY_OPTIMIZER)));
  m->inner.steps = m->algorithm->step ? il_config_int(c, IL_KEY_INNER_STEPS) : 0;
  m->inner.batch = il_config_int(c, IL_KEY_INNER_BATCH);
  m->inner.in_turn = il_config_is(c, IL_KEY_INNER_ORDER, "listed");
  m->inner.lr = il_config_real(c, IL_KEY_INNER_LR);
  m->inner.l2 = il_config_real(c, IL_KEY_INNER_L2);
  m->inner.clip = il_config_real(c, IL_KEY_INNER_CLIP);
  m->inner.first_order = il_config_int(c, IL_KEY_FIRST_ORDER);
  m->inner.loop = (il_inner_loop)il_config_int(c, IL_KEY_INNER_LOOP);
  m->inner.adapts = il_config_text(c, IL_KEY_ADAPTS);
  m->inner.learned = il_config_text(c, IL_KEY_LEARNED);
  m->statistics = (il_query_statistics)(1 + il_config_int(c, IL_KEY_QUERY_STATISTICS));
  m->lr = il_config_real(c, IL_KEY_LR);
  m->schedule = (il_lr_schedule)il_config_int(c, IL_KEY_SCHEDULE);
  m->lr_end = il_config_real(c, IL_KEY_LR_END);
  m->decay = il_config_real(c, IL_KEY_DECAY);
  m->decay_every = il_config_long(c, IL_KEY_DECAY_EVERY);
  m->warmup = il_config_long(c, IL_KEY_WARMUP);
  m->l2 = il_config_real(c, IL_KEY_OUTER_L2);
  m->clip = il_config_real(c, IL_KEY_OUTER_CLIP);
  m->clip_value = il_config_real(c, IL_KEY_OUTER_CLIP_VALUE);
  m->ema = il_config_real(c, IL_KEY_EMA);
  m->steps = il_config_long(c, IL_KEY_STEPS);
  m->meta_batch = il_config_int(c, IL_KEY_META_BATCH);
  m->seed = (uint64_t)il_config_long(c, IL_KEY_SEED);
  m->real = il_config_type(c);
  m->function = (il_function_options){plan_options(c), il_config_is(c, IL_KEY_FACTORED, "auto")};
  if (!m->algorithm->step && (*m->inner.adapts || m->inner.batch))
    return il_fail(
        c->context, IL_ERROR_CONFIG, "%s: found %s, but %s makes no inner steps; expected none",
        *m->inner.adapts ? "inner.adapts" : "inner.batch",
        il_config_get(c, *m->inner.adapts ? "inner.adapts" : "inner.batch"), m->algorithm->name);
  if (!m->algorithm->step && m->inner.loop)
    return il_fail(c->context, IL_ERROR_CONFIG,
                   "inner.loop: found %s, but %s makes no inner steps; expected unroll",
                   il_config_get(c, "inner.loop"), m->algorithm->name);
  if (m->algorithm->step && !m->algorithm->adapts && *m->inner.adapts)
    return il_fail(c->context, IL_ERROR_CONFIG,
                   "inner.adapts: found %s, but %s adapts no parameter of the net; expected none",
                   m->inner.adapts, m->algorithm->name);
  struct {
    const char *prefix;
    const il_field *fields;
    void *settings;
  } const group[] = {{m->algorithm->name, m->algorithm->fields, m->algorithm_settings},
                     {"inner", m->inner.optimizer->fields, m->inner_settings},
                     {"outer", m->outer->fields, m->outer_settings}};
  il_status status = IL_OK;
  for (int i = 0; i < 3 && status == IL_OK; i++)
    if (group[i].fields)
      status = il_config_settings(c, group[i].prefix, group[i].fields, group[i].settings);
  if (m->algorithm == &il_mamlpp)
    ((il_mamlpp_settings *)m->algorithm_settings)->steps = rated_steps(c);
  return status;
}

int il_config_eval_steps(const il_config *c, int step[IL_CONFIG_EVAL_STEPS]) {
  const char *at = il_config_text(c, IL_KEY_EVAL_STEPS);
  int count = 0;
  while (*at && count < IL_CONFIG_EVAL_STEPS) {
    char *end;
    step[count++] = (int)strtol(at, &end, 10);
    at = *end ? end + 1 : end;
  }
  return count;
}

il_status il_config_check_eval_steps(const il_config *c) {
  const char *text = il_config_text(c, IL_KEY_EVAL_STEPS), *at = text;
  long before = -1;
  int count = 0;
  bool fine = *text != 0;
  while (fine && *at) {
    char *end;
    const long step = strtol(at, &end, 10);
    fine = *at >= '0' && *at <= '9' && (*end == ',' || !*end) && step > before && step <= 1000 &&
           ++count <= IL_CONFIG_EVAL_STEPS && !(*end && !end[1]);
    before = step;
    at = *end ? end + 1 : end;
  }
  if (fine) return IL_OK;
  return il_fail(
      c->context, IL_ERROR_CONFIG,
      "eval.steps: found \"%s\", expected 1 to %d numbers from 0 to 1000, ascending, comma "
      "between, such as 0,1,5,10",
      text, IL_CONFIG_EVAL_STEPS);
}

il_status il_config_classes(il_config *c, int classes, int *ways) {
  const il_algorithm *algorithm = il_algorithm_at(il_config_int(c, IL_KEY_ALGORITHM));
  char setting[96];
  if (!algorithm->all_classes) return IL_OK;
  *ways = il_config_int(c, IL_KEY_WAYS);
  snprintf(setting, sizeof setting, "%s.classes=%d", algorithm->name, classes);
  return il_config_set(c, setting);
}
