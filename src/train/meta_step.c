/* The graph of a meta-step, and running it. */
#include "train/meta_step.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "meta/learned_numbers.h"
#include "meta/task_graph.h"
#include "train/average.h"

/* What no task changes, such as the gradient of a weight that is not used, is its own mean. */
static il_value mean(il_graph *g, il_value v) {
  return il_value_stage(g, v) == IL_TASK ? il_task_mean(g, v) : v;
}

/* What outer.l2 draws towards 0. */
static il_values decaying(il_graph *g, const il_values *meta) {
  il_values decaying = {0};
  for (int i = 0; i < meta->count; i++)
    if (!(meta->entry[i].flags & IL_NO_DECAY))
      il_values_put(g, &decaying, meta->entry[i], meta->at[i]);
  return decaying;
}

static void update(il_meta_step *s, const il_build *b, const il_values *slots, il_value made,
                   il_rate lr, const il_outcome *out) {
  il_graph *g = b->g;
  il_values gradient = il_values_task_mean(g, &out->gradient);
  const il_method *m = s->method;
  il_scope_push(g, "outer update");
  if (m->l2 > 0) {
    const il_values weights = decaying(g, &b->meta);
    il_values_decay(g, &gradient, (il_rate){.constant = m->l2}, &weights);
  }
  for (int i = 0; m->clip_value > 0 && i < gradient.count; i++) {
    const il_value below = il_minimum(g, gradient.at[i], il_scalar(g, m->clip_value));
    gradient.at[i] = il_maximum(g, below, il_scalar(g, -m->clip_value));
  }
  if (m->clip > 0) il_values_clip(g, &gradient, (il_rate){.constant = m->clip});
  il_scope_push(g, s->method->outer->name);
  il_optimizer_next(g, s->method->outer, s->method->outer_settings, made, lr, &b->meta, slots,
                    &gradient);
  il_scope_pop(g);
  il_scope_pop(g);
}

static il_graph *build(il_meta_step *s, int64_t made, const il_task_shape *shape,
                       il_task_needs *needs) {
  const il_method *m = s->method;
  il_graph *g = il_graph_new(s->context, m->real);
  if (!g) return NULL;
  il_build b = il_learned_build(s->learner, m, g, shape);
  const il_values slots =
      il_values_input(g, s->outer_entries.count, s->outer_entries.entry, "", IL_SHARED);
  il_value updates = {0};
  b.made = made;
  if (m->outer->slots) updates = il_input(g, "step", IL_SHARED, m->real, il_shape_scalar());
  il_rate lr = {.constant = m->lr};
  if (il_method_lr_moves(m))
    lr.value = il_input(g, "outer.lr", IL_SHARED, m->real, il_shape_scalar());
  if (s->weights)
    b.step_weights = il_input(g, "step_weights", IL_SHARED, m->real, IL_SHAPE(m->inner.steps));
  *needs = il_method_needs(m, s->learner->net, shape, m->inner.steps, true);
  il_task_inputs(g, shape, *needs, &b.task);

  il_outcome out;
  if (il_build_outcome(&b, &out) != IL_OK) return g;
  update(s, &b, &slots, updates, lr, &out);
  const il_values carried = il_carry_next(&b, &out);
  for (int i = 0; i < carried.count; i++) il_next(g, b.carry.at[i], carried.at[i]);
  il_output(g, "loss", mean(g, out.loss));
  if (il_valid(out.accuracy)) il_output(g, "accuracy", mean(g, out.accuracy));
  if (il_valid(out.support_loss)) il_output(g, "support_loss", mean(g, out.support_loss));
  return g;
}

static il_status places(il_meta_step *s, il_meta_step_form *form, il_team *team) {
  const il_function *f = form->function;
  form->place_made = il_function_input(f, "step");
  form->place_lr = il_function_input(f, "outer.lr");
  form->place_weights = il_function_input(f, "step_weights");
  for (int i = 0; i < IL_BATCH_INPUTS; i++)
    form->place_task[i] = il_function_input(f, il_batch_input_name[i]);
  form->place_loss = il_function_output(f, "loss");
  form->place_accuracy = il_function_output(f, "accuracy");
  form->place_support_loss = il_function_output(f, "support_loss");
  if (!team) return IL_OK;
  if (!(form->run = il_run_new(s->context, f, team, s->method->meta_batch)))
    return il_context_status(s->context);
  const il_status status = il_learned_bind(s->learner, form->run);
  return status == IL_OK ? il_run_buffers(form->run, &s->outer, "") : status;
}

/* Meta-steps follow each other: all forms so far run in the room of the one that needs most. */
static void share_room(il_meta_step *s, int forms) {
  int most = 0;
  for (int v = 1; v < forms; v++)
    if (il_run_bytes(s->form[v].run) > il_run_bytes(s->form[most].run)) most = v;
  for (int v = 0; v < forms; v++)
    if (v != most) il_run_lend(s->form[most].run, s->form[v].run);
}

static void find_largest(il_meta_step *s) {
  double flops = 0;
  for (int v = 0; v < s->forms && s->forms > 1; v++) {
    const il_plan_summary plan = il_plan_summarize(il_function_plan(s->form[v].function));
    if (!(plan.flops_task > flops)) continue;
    flops = plan.flops_task;
    s->largest = v;
  }
}

/* The first meta-steps of the algorithm's phases. */
static il_status find_phases(il_meta_step *s) {
  const il_method *m = s->method;
  int64_t next = 0;
  while (next < m->steps || s->phases == 0) {
    if (s->phases == IL_META_STEP_PHASES)
      return il_fail(s->context, IL_ERROR_UNSUPPORTED, "%s: more than %d phases of training",
                     m->algorithm->name, IL_META_STEP_PHASES);
    s->phase[s->phases++] = next;
    if (!m->algorithm->until) break;
    const int64_t until = m->algorithm->until(m->algorithm_settings, next);
    if (until <= next) break;
    next = until;
  }
  return IL_OK;
}

static il_status take_weights(il_meta_step *s) {
  const size_t steps = (size_t)s->method->inner.steps;
  if (!s->method->algorithm->weigh || steps == 0) return IL_OK;
  s->weights = calloc(steps, sizeof *s->weights);
  s->real_weights = calloc(steps, sizeof(double));
  return s->weights && s->real_weights ? IL_OK : il_fail_memory(s->context, "a meta-step");
}

/* A head has one number of outputs. */
static il_status check_outputs(const il_meta_step *s, const il_tasks *tasks) {
  if (s->method->algorithm->own_head) return IL_OK;
  const int outputs = il_tasks_shape(tasks, IL_TRAIN, 0)->outputs;
  for (int v = 1; v < s->variants; v++) {
    const int other = il_tasks_shape(tasks, IL_TRAIN, v)->outputs;
    if (other != outputs)
      return il_fail(s->context, IL_ERROR_CONFIG,
                     "source %s: training tasks have %d and %d outputs, but %s trains a head for "
                     "one number of them; expected the same, or an algorithm with its own head, "
                     "such as protonet",
                     tasks->source->name, outputs, other, s->method->algorithm->name);
  }
  return IL_OK;
}

il_status il_meta_step_init(il_context *context, il_meta_step *s, const il_method *m,
                            il_learned *learner, const il_tasks *tasks, il_team *team) {
  *s = (il_meta_step){.context = context,
                      .method = m,
                      .learner = learner,
                      .pixels = il_tasks_shape(tasks, IL_TRAIN, 0)->x == IL_UINT8,
                      .variants = il_tasks_variants(tasks, IL_TRAIN)};
  il_status status = find_phases(s);
  if (status == IL_OK) status = take_weights(s);
  s->forms = s->phases * s->variants;
  s->form = calloc((size_t)s->forms + 1, sizeof *s->form);
  s->needs = calloc((size_t)s->variants + 1, sizeof *s->needs);
  if (status == IL_OK && (!s->form || !s->needs))
    status = il_fail_memory(context, "a meta-step");
  else if (status == IL_OK && s->variants == 0)
    status = il_fail(context, IL_ERROR_DATA, "source %s: the split leaves no task to train on",
                     tasks->source->name);
  else if (status == IL_OK)
    status = check_outputs(s, tasks);
  if (status == IL_OK)
    status = il_optimizer_slots(context, m->outer, learner->meta_entries.count,
                                learner->meta_entries.entry, &s->outer_entries);
  if (status == IL_OK && team)
    status = il_buffers_init(context, &s->outer, s->outer_entries.count, s->outer_entries.entry,
                             m->real, true);
  if (status == IL_OK && team) status = il_average_init(s);
  for (int f = 0; f < s->forms && status == IL_OK; f++) {
    il_meta_step_form *form = &s->form[f];
    const int v = f % s->variants;
    il_graph *g =
        build(s, s->phase[f / s->variants], il_tasks_shape(tasks, IL_TRAIN, v), &s->needs[v]);
    form->function = il_function_new(g, &m->function);
    status = form->function ? places(s, form, team) : il_context_status(context);
    if (status == IL_OK && team) share_room(s, f + 1);
  }
  if (status == IL_OK)
    find_largest(s);
  else
    il_meta_step_free(s);
  return status;
}

void il_meta_step_free(il_meta_step *s) {
  for (int v = 0; s->form && v < s->forms; v++) {
    il_run_free(s->form[v].run);
    il_function_free(s->form[v].function);
  }
  free(s->form);
  free(s->needs);
  free(s->weights);
  free(s->real_weights);
  il_average_free(s);
  il_buffers_free(&s->outer);
  il_entries_free(&s->outer_entries);
  *s = (il_meta_step){0};
}

il_status il_meta_step_join(il_meta_step *s, const il_ranks *ranks, int *begin, int *end) {
  int width = 1; /* every form has the same tasks */
  for (int v = 0; v < s->forms; v++) {
    const int lanes = il_plan_summarize(il_function_plan(s->form[v].function)).lanes;
    if (lanes > width) width = lanes;
  }
  for (int v = 0; v < s->forms; v++) {
    const il_status status = il_run_join(s->form[v].run, ranks, width);
    if (status != IL_OK) return status;
  }
  share_room(s, s->forms);
  il_joint_tasks(il_run_joint(s->form[0].run), begin, end);
  return IL_OK;
}

void il_meta_step_note(il_meta_step *s, il_joint_note note) { s->note = note; }
il_joint_note il_meta_step_noted(const il_meta_step *s) { return s->noted; }

void il_meta_step_meanwhile(il_meta_step *s, il_meanwhile meanwhile) {
  for (int v = 0; v < s->forms; v++) il_run_meanwhile(s->form[v].run, meanwhile);
}

const il_plan *il_meta_step_plan(const il_meta_step *s) {
  return il_function_plan(s->form[s->largest].function);
}

/* The form of the batch's shape for the meta-step after `made` others. */
static const il_meta_step_form *form_of(const il_meta_step *s, int variant, int64_t made) {
  int phase = s->phases - 1;
  while (phase > 0 && s->phase[phase] > made) phase--;
  return &s->form[phase * s->variants + variant];
}

static void weigh(il_meta_step *s, int64_t made) {
  const il_method *m = s->method;
  if (!s->weights) return;
  m->algorithm->weigh(m->algorithm_settings, m->inner.steps, made, s->weights);
  for (int k = 0; k < m->inner.steps; k++)
    if (m->real == IL_FLOAT32)
      ((float *)s->real_weights)[k] = (float)s->weights[k];
    else
      ((double *)s->real_weights)[k] = s->weights[k];
}

static il_run *bind(il_meta_step *s, const il_batch *batch, int64_t made) {
  const il_meta_step_form *form = form_of(s, batch->variant, made);
  weigh(s, made);
  il_run_set(form->run, form->place_made, (double)made);
  il_run_set(form->run, form->place_lr, il_method_lr(s->method, made));
  il_run_input(form->run, form->place_weights, s->real_weights);
  for (int i = 0; i < IL_BATCH_INPUTS; i++)
    il_run_input(form->run, form->place_task[i], batch->input[i]);
  return form->run;
}

static double number(const il_run *run, int place) {
  return place < 0 ? (double)NAN : il_run_number(run, place);
}

il_status il_meta_step_go(il_meta_step *s, const il_batch *batch, int64_t made) {
  const il_meta_step_form *form = form_of(s, batch->variant, made);
  il_run *run = bind(s, batch, made);
  il_joint *joint = il_run_joint(run);
  if (joint) joint->note = s->note;
  const il_status status = il_run_go(run, batch->tasks);
  if (status != IL_OK) return status;
  if (joint) s->noted = joint->noted;
  s->loss = il_run_number(run, form->place_loss);
  s->accuracy = number(run, form->place_accuracy);
  s->support_loss = number(run, form->place_support_loss);
  return IL_OK;
}

il_status il_meta_step_absent(il_meta_step *s, int variant, int64_t made) {
  return il_run_absent(form_of(s, variant, made)->run);
}

bool il_meta_step_finite(const il_meta_step *s) {
  int64_t at;
  return isfinite(s->loss) && il_buffers_not_finite(&s->learner->meta, &at) < 0 &&
         il_buffers_not_finite(&s->learner->carry, &at) < 0 &&
         il_buffers_not_finite(&s->outer, &at) < 0;
}

void il_meta_step_back(il_meta_step *s, const il_batch *batch, int64_t made) {
  il_run_back(form_of(s, batch->variant, made)->run);
}

il_status il_meta_step_trace(il_meta_step *s, const il_batch *batch, int64_t made,
                             il_traced *traced, const il_graph **g) {
  *g = il_function_graph(form_of(s, batch->variant, made)->function);
  return il_run_trace(bind(s, batch, made), batch->tasks, traced);
}

bool il_meta_step_bad_input(const il_meta_step *s, const il_batch *batch, int64_t made,
                            il_traced *traced) {
  const il_meta_step_form *form = form_of(s, batch->variant, made);
  const il_graph *g = il_function_graph(form->function);
  for (int task = 0; task < batch->tasks; task++)
    for (int i = 0; i < IL_BATCH_INPUTS; i++) {
      if (form->place_task[i] < 0 || !batch->input[i]) continue;
      const uint32_t id = g->inputs[form->place_task[i]].value.id;
      const size_t size = il_node_bytes(g->nodes[id]);
      if (il_trace_input(g, id, (const char *)batch->input[i] + size * (size_t)task, traced)) {
        traced->task = task;
        return true;
      }
    }
  return false;
}

il_status il_meta_step_check(il_meta_step *s, const il_batch *batch, il_plan_checked *checked) {
  return il_run_check(bind(s, batch, 0), batch->tasks < 2 ? batch->tasks : 2, checked);
}
