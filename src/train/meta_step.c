/* The graph of a meta-step, and running it. */
#include "train/meta_step.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"

/* What no task changes, such as the gradient of a weight that is not used, is its own mean. */
static il_value mean(il_graph *g, il_value v) {
  return il_value_stage(g, v) == IL_TASK ? il_task_mean(g, v) : v;
}

static void update(il_meta_step *s, const il_build *b, const il_values *slots, il_value made,
                   il_rate lr, const il_outcome *out) {
  il_graph *g = b->g;
  const il_values gradient = il_values_task_mean(g, &out->gradient);
  il_scope_push(g, "outer update");
  il_scope_push(g, s->method->outer->name);
  il_optimizer_next(g, s->method->outer, s->method->outer_settings, made, lr, &b->meta, slots,
                    &gradient);
  il_scope_pop(g);
  il_scope_pop(g);
}

static il_graph *build(il_meta_step *s, const il_task_shape *shape) {
  const il_method *m = s->method;
  il_graph *g = il_graph_new(s->context, m->real);
  if (!g) return NULL;
  il_build b = il_learner_build(s->learner, m, g, shape);
  const il_values slots =
      il_values_input(g, s->outer_entries.count, s->outer_entries.entry, "", IL_SHARED);
  il_value made = {0};
  if (m->outer->slots) made = il_input(g, "step", IL_SHARED, m->real, il_shape_scalar());
  il_rate lr = {.constant = m->lr};
  if (m->schedule != IL_SCHEDULE_CONSTANT)
    lr.value = il_input(g, "outer.lr", IL_SHARED, m->real, il_shape_scalar());
  s->needs = il_method_needs(m, s->learner->net, shape, m->inner.steps, true);
  il_task_inputs(g, shape, s->needs, &b.task);

  il_outcome out;
  if (il_build_outcome(&b, &out) != IL_OK) return g;
  update(s, &b, &slots, made, lr, &out);
  const il_values carried = il_carry_next(&b, &out);
  for (int i = 0; i < carried.count; i++) il_next(g, b.carry.at[i], carried.at[i]);
  il_output(g, "loss", mean(g, out.loss));
  if (il_valid(out.accuracy)) il_output(g, "accuracy", mean(g, out.accuracy));
  if (il_valid(out.support_loss)) il_output(g, "support_loss", mean(g, out.support_loss));
  return g;
}

static il_status places(il_meta_step *s, il_team *team) {
  const il_function *f = s->function;
  s->place_made = il_function_input(f, "step");
  s->place_lr = il_function_input(f, "outer.lr");
  for (int i = 0; i < IL_BATCH_INPUTS; i++)
    s->place_task[i] = il_function_input(f, il_batch_input_name[i]);
  s->place_loss = il_function_output(f, "loss");
  s->place_accuracy = il_function_output(f, "accuracy");
  s->place_support_loss = il_function_output(f, "support_loss");
  if (!team) return IL_OK;
  const il_method *m = s->method;
  il_status status = il_buffers_init(s->context, &s->outer, s->outer_entries.count,
                                     s->outer_entries.entry, m->real, true);
  if (status != IL_OK || !(s->run = il_run_new(s->context, f, team, m->meta_batch)))
    return il_context_status(s->context);
  status = il_learner_bind(s->learner, s->run);
  return status == IL_OK ? il_run_buffers(s->run, &s->outer, "") : status;
}

il_status il_meta_step_init(il_context *context, il_meta_step *s, const il_method *m,
                            il_learner *learner, const il_task_shape *shape, il_team *team) {
  *s = (il_meta_step){
      .context = context, .method = m, .learner = learner, .pixels = shape->x == IL_UINT8};
  il_status status = il_optimizer_slots(context, m->outer, learner->meta_entries.count,
                                        learner->meta_entries.entry, &s->outer_entries);
  if (status == IL_OK) s->function = il_function_new(build(s, shape), &m->function);
  status = s->function ? places(s, team) : il_context_status(context);
  if (status != IL_OK) il_meta_step_free(s);
  return status;
}

void il_meta_step_free(il_meta_step *s) {
  il_run_free(s->run);
  il_function_free(s->function);
  il_buffers_free(&s->outer);
  il_entries_free(&s->outer_entries);
  *s = (il_meta_step){0};
}

static void bind(il_meta_step *s, const il_batch *batch, int64_t made) {
  il_run_set(s->run, s->place_made, (double)made);
  il_run_set(s->run, s->place_lr, il_method_lr(s->method, made));
  for (int i = 0; i < IL_BATCH_INPUTS; i++) il_run_input(s->run, s->place_task[i], batch->input[i]);
}

il_status il_meta_step_go(il_meta_step *s, const il_batch *batch, int64_t made) {
  bind(s, batch, made);
  const il_status status = il_run_go(s->run, batch->tasks);
  if (status != IL_OK) return status;
  s->loss = il_run_number(s->run, s->place_loss);
  s->accuracy = s->place_accuracy < 0 ? (double)NAN : il_run_number(s->run, s->place_accuracy);
  s->support_loss =
      s->place_support_loss < 0 ? (double)NAN : il_run_number(s->run, s->place_support_loss);
  return IL_OK;
}

il_status il_meta_step_check(il_meta_step *s, const il_batch *batch, il_plan_checked *checked) {
  bind(s, batch, 0);
  return il_run_check(s->run, batch->tasks < 2 ? batch->tasks : 2, checked);
}
