/* One caller's use of a function: room to run in, bound memory, errors. */
#include <stdio.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "base/room.h"
#include "base/team.h"
#include "run/function.h"

enum { MOST_ATTACHED = 8 };
typedef struct attached {
  il_buffers *buffers;
  int *input, *output; /* [count] places; −1: the function does not take it */
  bool turns;
} attached;

struct il_run {
  il_context *context;
  const il_function *function;
  il_team *team;
  int tasks; /* that there is room for */
  size_t bytes;
  void *workspace;
  bool borrowed;      /* the workspace is another run's */
  const void **input; /* bound, by place */
  void **output;
  double *cell; /* one for each input, then each output; as float in float32 graphs */
  int attached;
  attached attach[MOST_ATTACHED];
  il_profile *profile;
  il_meanwhile meanwhile;
  il_joint joint; /* zeroed: there is one rank */
};

static bool is_number(const il_graph *g, il_value value) {
  const il_node *node = il_node_of(g, value);
  return node->when != IL_PER_TASK && node->type == g->real && il_shape_count(node->shape) == 1;
}

il_run *il_run_new(il_context *context, const il_function *f, il_team *team, int tasks) {
  if (!team)
    il_fail(context, IL_ERROR_ARGUMENT, "il_run_new: found no team of threads, expected one");
  return team ? il_run_over(context, f, team, tasks, NULL) : NULL;
}

static size_t whole(size_t bytes) {
  return (bytes + IL_WORKSPACE_ALIGNMENT) / IL_WORKSPACE_ALIGNMENT * IL_WORKSPACE_ALIGNMENT;
}

/* What a refusal suggests: fewer threads, fewer tasks at once, tasks not side by side in lanes. */
static void suggest(const il_plan *plan, int tasks, int threads, size_t left, char *text,
                    size_t size) {
  int fewer = threads - 1, some = 0;
  size_t at = 0;
  text[0] = 0;
  while (fewer > 0 && il_plan_workspace(plan, tasks, fewer) > left) fewer--;
  for (int step = tasks / 2; step > 0; step /= 2)
    while (some + step < tasks && il_plan_workspace(plan, some + step, threads) <= left)
      some += step;
  if (fewer > 0)
    at += (size_t)snprintf(text + at, size - at, "; %d %s would fit (--threads)", fewer,
                           fewer > 1 ? "threads" : "thread");
  if (some > 0)
    at += (size_t)snprintf(text + at, size - at,
                           "%s %d tasks at once would fit (in training outer.meta_batch)",
                           at ? ", or" : ";", some);
  const size_t lanes = plan->arena_bytes[1] / (size_t)plan->lanes,
               saved = (plan->arena_bytes[1] - lanes) * (size_t)threads,
               needs = il_plan_workspace(plan, tasks, threads);
  if (plan->lanes > 1 && needs - saved <= left)
    at += (size_t)snprintf(text + at, size - at,
                           "%s %.1f MB without lanes would fit (plan.lanes=never)",
                           at ? ", or" : ";", 1e-6 * (double)(needs - saved));
  if (!at) snprintf(text, size, "; fewer threads or tasks would not fit either");
}

static bool fits(il_context *context, const il_run *r) {
  const size_t left = il_room_left(context), held = left < SIZE_MAX ? context->room->held : 0;
  const int threads = il_team_threads(r->team);
  char advice[320];
  if (r->bytes <= left) return true;
  suggest(r->function->plan, r->tasks, threads, left, advice, sizeof advice);
  il_fail(context, IL_ERROR_MEMORY,
          "%.1f MB of memory are needed, the limit is %.1f MB: %.1f for the workspace of the plan "
          "(%d %s on %d %s), %.1f for what is there already (data, weights, graph, plan)%s",
          1e-6 * (double)(held + r->bytes), 1e-6 * (double)(held + left), 1e-6 * (double)r->bytes,
          r->tasks, r->tasks > 1 ? "tasks" : "task", threads, threads > 1 ? "threads" : "thread",
          1e-6 * (double)held, advice);
  return false;
}

il_run *il_run_over(il_context *context, const il_function *f, il_team *team, int tasks,
                    void *workspace) {
  if (!f) return NULL;
  const il_graph *g = f->graph;
  const size_t inputs = (size_t)g->input_count, outputs = (size_t)g->output_count;
  il_run *r = il_new(context, 1, sizeof *r);
  if (!r) {
    il_fail_memory(context, "a run");
    return NULL;
  }
  *r = (il_run){.context = context, .function = f, .team = team, .tasks = tasks};
  r->bytes = whole(il_plan_workspace(f->plan, tasks, il_team_threads(team)));
  r->borrowed = workspace != NULL;
  if (!workspace && !fits(context, r)) {
    il_run_free(r);
    return NULL;
  }
  r->workspace = workspace ? workspace : il_new_aligned(context, r->bytes);
  r->input = il_new(context, inputs + 1, sizeof *r->input);
  r->output = il_new(context, outputs + 1, sizeof *r->output);
  r->cell = il_new(context, inputs + outputs + 1, sizeof *r->cell);
  if (!r->workspace || !r->input || !r->output || !r->cell) {
    il_fail_memory(context, "the workspace of a plan");
    il_run_free(r);
    return NULL;
  }
  for (int i = 0; i < g->input_count; i++)
    if (is_number(g, g->inputs[i].value)) r->input[i] = &r->cell[i];
  for (int o = 0; o < g->output_count; o++)
    if (is_number(g, g->outputs[o].value)) r->output[o] = &r->cell[g->input_count + o];
  return r;
}

void il_run_free(il_run *r) {
  if (!r) return;
  for (int a = 0; a < r->attached; a++) {
    il_release(r->attach[a].input);
    il_release(r->attach[a].output);
  }
  if (!r->borrowed) il_release(r->workspace);
  il_joint_free(&r->joint);
  il_release(r->input);
  il_release(r->output);
  il_release(r->cell);
  il_release(r);
}

void il_run_lend(il_run *from, il_run *to) {
  if (!to->borrowed) il_release(to->workspace);
  to->workspace = from->workspace;
  to->borrowed = true;
  to->bytes = 0;
}

il_status il_run_join(il_run *r, const il_ranks *ranks, int width) {
  const il_plan *plan = r->function->plan;
  const il_status status = il_joint_init(r->context, &r->joint, ranks, plan, r->tasks, width);
  if (status != IL_OK) return status;
  if (!r->borrowed) il_release(r->workspace);
  r->borrowed = false;
  r->bytes = il_aligned(il_joint_workspace(&r->joint, plan, il_team_threads(r->team)) + 1);
  r->workspace = il_new_aligned(r->context, r->bytes);
  return r->workspace ? IL_OK : il_fail_memory(r->context, "the workspace of a plan");
}

il_joint *il_run_joint(il_run *r) { return r->joint.ranks ? &r->joint : NULL; }

il_status il_run_absent(il_run *r) {
  const il_bindings bindings = {r->tasks, r->input, r->output};
  return il_plan_run_absent(r->function->plan, r->team, r->workspace, &bindings, &r->joint);
}

size_t il_run_bytes(const il_run *r) { return r->bytes; }
void il_run_profile(il_run *r, il_profile *profile) { r->profile = profile; }
void il_run_meanwhile(il_run *r, il_meanwhile meanwhile) { r->meanwhile = meanwhile; }

void il_run_input(il_run *r, int place, const void *memory) {
  if (place >= 0) r->input[place] = memory;
}

void il_run_output(il_run *r, int place, void *memory) {
  if (place >= 0) r->output[place] = memory;
}

void il_run_set(il_run *r, int place, double number) {
  if (place < 0) return;
  if (r->function->graph->real == IL_FLOAT64)
    r->cell[place] = number;
  else
    memcpy(&r->cell[place], &(float){(float)number}, sizeof(float));
}

double il_run_number(const il_run *r, int place) {
  if (place < 0) return 0;
  const double *cell = &r->cell[r->function->graph->input_count + place];
  if (r->function->graph->real == IL_FLOAT64) return *cell;
  float number;
  memcpy(&number, cell, sizeof number);
  return (double)number;
}

il_status il_run_buffers(il_run *r, il_buffers *b, const char *prefix) {
  const il_function *f = r->function;
  if (r->attached == MOST_ATTACHED)
    return il_fail(r->context, IL_ERROR_ARGUMENT, "il_run_buffers: more than %d lists of buffers",
                   MOST_ATTACHED);
  attached a = {.buffers = b};
  a.input = il_new(r->context, (size_t)b->count + 1, sizeof *a.input);
  a.output = il_new(r->context, (size_t)b->count + 1, sizeof *a.output);
  if (!a.input || !a.output) {
    il_release(a.input);
    il_release(a.output);
    return il_fail_memory(r->context, "the names of buffers");
  }
  int moved = 0;
  for (int i = 0; i < b->count; i++) {
    char name[256];
    snprintf(name, sizeof name, "%s%s", prefix, b->entry[i].name);
    a.input[i] = il_function_input(f, name);
    const il_node *node =
        a.input[i] < 0 ? NULL : il_node_of(f->graph, f->graph->inputs[a.input[i]].value);
    if (node && (node->when == IL_PER_TASK || node->type != b->type ||
                 !il_shape_equal(node->shape, b->entry[i].shape))) {
      char expected[96], found[96];
      il_release(a.input);
      il_release(a.output);
      return il_fail(r->context, IL_ERROR_SHAPE,
                     "il_run_buffers: \"%s\" has memory for %s %s; the function takes %s %s%s",
                     name, il_type_name(b->type), il_shape_text(b->entry[i].shape, found),
                     il_type_name(node->type), il_shape_text(node->shape, expected),
                     node->when == IL_PER_TASK ? " of each task" : "");
    }
    a.output[i] = a.input[i] < 0 ? -1 : f->next[a.input[i]];
    moved += a.output[i] >= 0;
  }
  a.turns = moved > 0;
  r->attach[r->attached++] = a;
  if (a.turns && (moved < b->count || !b->side[1]))
    return il_fail(
        r->context, IL_ERROR_ARGUMENT,
        "il_run_buffers: the function has next values for %d of %d entries; expected for "
        "all or none, and memory for both sides",
        moved, b->count);
  return IL_OK;
}

static il_status bind(il_run *r, int tasks) {
  const il_graph *g = r->function->graph;
  if (tasks < 1 || tasks > r->tasks)
    return il_fail(r->context, IL_ERROR_ARGUMENT, "il_run_go: found %d tasks, expected 1 to %d",
                   tasks, r->tasks);
  if (r->joint.ranks && tasks != r->tasks)
    return il_fail(r->context, IL_ERROR_ARGUMENT,
                   "il_run_go: found %d tasks over ranks, expected %d", tasks, r->tasks);
  for (int k = 0; k < r->attached; k++) {
    const attached *a = &r->attach[k];
    const il_buffers *b = a->buffers;
    for (int i = 0; i < b->count; i++) {
      il_run_input(r, a->input[i], b->side[b->now][i]);
      if (a->turns) il_run_output(r, a->output[i], b->side[1 - b->now][i]);
    }
  }
  for (int i = 0; i < g->input_count; i++)
    if (!r->input[i])
      return il_fail(r->context, IL_ERROR_ARGUMENT, "il_run_go: the input \"%s\" has no memory",
                     g->inputs[i].name);
  for (int o = 0; o < g->output_count; o++)
    if (!r->output[o])
      return il_fail(r->context, IL_ERROR_ARGUMENT, "il_run_go: the output \"%s\" has no memory",
                     g->outputs[o].name);
  return IL_OK;
}

il_status il_run_go(il_run *r, int tasks) {
  il_status status = bind(r, tasks);
  const il_bindings bindings = {tasks, r->input, r->output};
  if (status == IL_OK)
    status = il_plan_run_meanwhile(r->function->plan, r->team, r->workspace, &bindings, r->profile,
                                   &r->meanwhile, il_run_joint(r));
  for (int k = 0; k < r->attached && status == IL_OK; k++)
    if (r->attach[k].turns) r->attach[k].buffers->now ^= 1;
  return status;
}

void il_run_back(il_run *r) {
  for (int k = 0; k < r->attached; k++)
    if (r->attach[k].turns) r->attach[k].buffers->now ^= 1;
}

il_status il_run_trace(il_run *r, int tasks, il_traced *traced) {
  const il_status status = bind(r, tasks);
  return status == IL_OK
             ? il_trace(r->function->graph, &(il_bindings){tasks, r->input, r->output}, traced)
             : status;
}

il_status il_run_check(il_run *r, int tasks, il_plan_checked *checked) {
  il_status status = bind(r, tasks);
  if (status == IL_OK)
    status = il_plan_check(r->function->plan, &(il_bindings){tasks, r->input, r->output}, checked);
  return status;
}
