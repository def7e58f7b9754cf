/* Runs a plan beside the reference interpreter, value by value, and stops at the first that differs. */
#include <innerloop/grad.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/element.h"
#include "run/execute.h"

/* Where the elements of a found value stand, in elements from its address. */
typedef struct il_found {
  char *data;
  int64_t begin, stride;
} il_found;

typedef struct il_checker {
  const il_plan *plan;
  il_reference *reference;
  int task; /* -1: a shared value */
  il_plan_checked checked;
  il_status status;
} il_checker;

/* A task's lane is its place in its group; before and after the lanes its values are its own. */
static il_found found_of(const il_checker *c, const il_call *call, int k, char *const *bases) {
  const int lanes = c->plan->lanes, lane = call->lanes ? c->task % lanes : 0;
  const int slot = call->out[k].slot;
  const bool laid = call->lanes && (slot == IL_SLOT_TASK || slot == IL_SLOT_LEAF);
  il_found f = {bases[slot] + call->out[k].offset, laid ? lane : 0, laid ? lanes : 1};
  if (call->kind == IL_CALL_TAKE) f.data += (size_t)lane * call->bytes;
  return f;
}

/* Two NaNs are equal whatever their payload: which one an operation returns is not fixed by IEEE 754. */
static bool same(il_type type, const il_found *a, const void *b, int64_t i) {
  const size_t size = il_type_size(type);
  const int64_t at = a->begin + i * a->stride;
  if (memcmp(a->data + (size_t)at * size, (const char *)b + (size_t)i * size, size) == 0)
    return true;
  return isnan(il_element(type, a->data, at)) && isnan(il_element(type, b, i));
}
static double found_element(il_type type, const il_found *a, int64_t i) {
  return il_element(type, a->data, a->begin + i * a->stride);
}

/* Rows of the class "winograd" round otherwise: they have to be close, measured by the largest value. Then the
 * reference's value takes the place of theirs, so that all that follows is compared to the bit. */
static const double CLOSE = 2e-5;
static bool close_enough(const il_call *call, il_found *found, const float *expected,
                         int64_t count) {
  if (!call->kernel || strcmp(call->kernel->bit_class, "winograd") != 0) return false;
  double largest = 0;
  for (int64_t i = 0; i < count; i++)
    if (fabs((double)expected[i]) > largest) largest = fabs((double)expected[i]);
  for (int64_t i = 0; i < count; i++)
    if (!(fabs(found_element(IL_FLOAT32, found, i) - (double)expected[i]) <= CLOSE * largest))
      return false;
  float *data = (float *)(void *)found->data + found->begin;
  for (int64_t i = 0; i < count; i++) data[i * found->stride] = expected[i];
  return true;
}

static void report(il_checker *c, const il_call *call, uint32_t id, const il_found *found,
                   const void *expected) {
  const il_graph *g = c->plan->graph;
  const il_node *node = g->nodes[id];
  const int64_t count = il_shape_count(node->shape);
  int64_t worst = 0, different = 0;
  double distance = -1;
  for (int64_t i = 0; i < count; i++) {
    if (same(node->type, found, expected, i)) continue;
    different++;
    const double d =
        fabs(found_element(node->type, found, i) - il_element(node->type, expected, i));
    if (!(d <= distance)) {
      distance = d;
      worst = i;
    }
  }
  char origin[256], shape[96], task[32] = "shared";
  il_value_origin(g, (il_value){id}, origin, sizeof origin);
  if (c->task >= 0) snprintf(task, sizeof task, "task %d", c->task);
  c->status = il_fail(
      g->context, IL_ERROR_MISMATCH,
      "value %%%u (%s%s%s, %s, %s) differs from the reference in %lld of %lld elements; "
      "worst is element %lld: found %.9g, expected %.9g; kernel %s",
      id, il_op_name(node->op), *origin ? ", " : "", origin, il_shape_text(node->shape, shape),
      task, (long long)different, (long long)count, (long long)worst,
      found_element(node->type, found, worst), il_element(node->type, expected, worst),
      call->kernel ? call->kernel->name : "reference");
}

static bool after_call(void *argument, const il_call *call, char *const *bases) {
  il_checker *c = argument;
  for (int k = 0; k < call->outs; k++) {
    const uint32_t id = call->out_node[k];
    const il_node *node = c->plan->graph->nodes[id];
    const void *expected = il_reference_value(c->reference, (il_value){id});
    il_found found = found_of(c, call, k, bases);
    if (!expected) continue;
    const int64_t count = il_shape_count(node->shape);
    if (close_enough(call, &found, expected, count)) {
      c->checked.close += count;
      continue;
    }
    for (int64_t i = 0; i < count; i++) {
      if (same(node->type, &found, expected, i)) continue;
      report(c, call, id, &found, expected);
      return false;
    }
    c->checked.equal += count;
  }
  return true;
}

static bool before_task(void *argument, int task) {
  il_checker *c = argument;
  c->task = task;
  c->status = il_reference_task(c->reference, task);
  return c->status == IL_OK;
}

static void check(il_checker *c, il_execution *run) {
  c->status = il_reference_before(c->reference);
  if (c->status != IL_OK || !il_execution_shared(run, IL_BEFORE)) return;
  for (int chunk = 0; chunk < run->tree.chunks; chunk++)
    if (!il_execution_chunk(run, 0, chunk)) return;
  c->task = -1;
  c->status = il_reference_after(c->reference);
  if (c->status != IL_OK) return;
  if (c->plan->mean_bytes > 0)
    il_tree_finish(c->plan, &run->tree, run->bindings->tasks, run->workspace + run->layout.blocks,
                   0, 1);
  il_execution_shared(run, IL_AFTER);
}

/* The first call whose kernel is of that class, also within loops, or within them alone; NULL: none. */
static const il_call *of_class(const il_plan *plan, const char *bit_class, bool loops_alone) {
  for (int when = 0; when < IL_LISTS; when++)
    for (int64_t i = 0; i < plan->list[when].count; i++) {
      const il_call *call = &plan->list[when].call[i];
      if (call->kind == IL_CALL_LOOP)
        call = of_class(((const il_loop_plan *)call->table)->step, bit_class, false);
      else if (loops_alone || !call->kernel || !strstr(call->kernel->bit_class, bit_class))
        call = NULL;
      if (call) return call;
    }
  return NULL;
}

il_status il_plan_check(const il_plan *plan, const il_bindings *bindings,
                        il_plan_checked *checked) {
  il_context *context = plan->graph->context;
  const il_call *other = of_class(plan, "no-fma", false);
  if (other)
    return il_fail(
        context, IL_ERROR_UNSUPPORTED,
        "il_plan_check: kernel %s of instruction set %s has no fused multiply-add and need not "
        "equal the reference",
        other->kernel->name, plan->kernels->isa);
  if (of_class(plan, "winograd", true))
    return il_fail(context, IL_ERROR_UNSUPPORTED,
                   "il_plan_check: a loop has Winograd's convolutions inside, and its value need "
                   "not equal the reference; expected none (plan.winograd=off)");
  const size_t bytes = il_plan_workspace(plan, bindings->tasks, 1);
  void *workspace = aligned_alloc(IL_WORKSPACE_ALIGNMENT, il_aligned(bytes));
  il_checker c = {.plan = plan, .task = -1};
  c.reference = il_reference_new(plan->graph, bindings);
  if (!workspace || !c.reference) {
    free(workspace);
    il_reference_free(c.reference);
    return il_fail_memory(context, "the run beside the reference");
  }
  il_execution run = il_execution_start(plan, 1, workspace, bindings, NULL);
  run.after_call = after_call;
  run.before_task = before_task;
  run.argument = &c;
  check(&c, &run);
  if (checked) *checked = c.checked;
  il_reference_free(c.reference);
  free(workspace);
  return c.status;
}
