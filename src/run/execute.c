/* Runs a plan: what is shared, the tasks on the team, their means, what follows. Allocates nothing. */
#include "run/execute.h"

#include <string.h>

#include "base/float_mode.h"
#include "base/team.h"
#include "kernels/lanes.h"
#include "run/repeat.h"

typedef struct il_operands {
  const void *in[IL_CALL_MAX_INS];
  void *out[IL_TILE_MAX_RESULTS];
} il_operands;

static void run_one(const il_plan *plan, const il_call *call, const il_operands *o, void *scratch) {
  if (call->kind == IL_CALL_KERNEL) {
    call->kernel->run(&call->problem, call->table, o->in, o->out, scratch);
  } else {
    const il_node *node = plan->graph->nodes[call->node];
    plan->graph->ops[node->op]->reference(plan->graph, node, o->in, o->out[0]);
  }
}

static size_t value_size(const il_plan *plan, uint32_t id, int64_t *count) {
  const il_node *node = plan->graph->nodes[id];
  *count = il_shape_count(node->shape);
  return il_type_size(node->type);
}

/* Task after task: each one's operands are copied out of the lanes, its results into them. */
static void run_each(const il_plan *plan, const il_call *call, const il_operands *lanes,
                     char *scratch) {
  il_operands one = *lanes;
  int64_t count;
  char *at = scratch;
  for (int i = 0; i < call->ins; i++)
    if (!(call->shared >> i & 1)) {
      one.in[i] = at;
      at += il_aligned(value_size(plan, call->in_node[i], &count) * (size_t)count);
    }
  for (int i = 0; i < call->outs; i++) {
    one.out[i] = at;
    at += il_aligned(value_size(plan, call->out_node[i], &count) * (size_t)count);
  }
  for (int lane = 0; lane < IL_LANES; lane++) {
    char *to = scratch;
    for (int i = 0; i < call->ins; i++)
      if (!(call->shared >> i & 1)) {
        const size_t size = value_size(plan, call->in_node[i], &count);
        il_lanes_take(size, count, lane, to, lanes->in[i]);
        to += il_aligned(size * (size_t)count);
      }
    run_one(plan, call, &one, at);
    for (int i = 0; i < call->outs; i++) {
      const size_t size = value_size(plan, call->out_node[i], &count);
      il_lanes_put(size, count, lane, lanes->out[i], one.out[i]);
    }
  }
}

/* Lanes without a task repeat the group's last one. */
static void put_input(const il_plan *plan, const il_call *call, const il_operands *o, int live) {
  int64_t count;
  const size_t size = value_size(plan, call->node, &count);
  for (int lane = 0; lane < IL_LANES; lane++)
    il_lanes_put(size, count, lane, o->out[0],
                 (const char *)o->in[0] + (size_t)(lane < live ? lane : live - 1) * call->bytes);
}

static void take_output(const il_plan *plan, const il_call *call, const il_operands *o, int live) {
  int64_t count;
  const size_t size = value_size(plan, call->node, &count);
  for (int lane = 0; lane < live; lane++)
    il_lanes_take(size, count, lane, (char *)o->out[0] + (size_t)lane * call->bytes, o->in[0]);
}

void il_call_run(const il_plan *plan, const il_call *call, char *const *bases, void *scratch,
                 int live) {
  il_operands o;
  for (int i = 0; i < call->ins; i++) o.in[i] = bases[call->in[i].slot] + call->in[i].offset;
  for (int i = 0; i < call->outs; i++) o.out[i] = bases[call->out[i].slot] + call->out[i].offset;
  switch (call->kind) {
  case IL_CALL_COPY: memcpy(o.out[0], o.in[0], call->bytes); return;
  case IL_CALL_PUT: put_input(plan, call, &o, live); return;
  case IL_CALL_TAKE: take_output(plan, call, &o, live); return;
  case IL_CALL_LOOP: il_loop_run(call->table, o.in, o.out[0], scratch); return;
  default:
    if (call->each)
      run_each(plan, call, &o, scratch);
    else
      run_one(plan, call, &o, scratch);
  }
}

static int groups_of(const il_plan *plan, int tasks) {
  return (tasks + plan->lanes - 1) / plan->lanes;
}

static il_layout layout_of(const il_plan *plan, const il_tree *tree, const il_joint *joint,
                           int threads) {
  il_layout l = {0};
  const uint64_t workers = (uint64_t)threads; /* 64 bits wherever it runs: no sum overflows */
  const size_t slots =
      (size_t)(IL_SLOT_INPUTS + plan->graph->input_count + plan->graph->output_count);
  l.stack_bytes = (size_t)tree->depth * plan->mean_bytes;
  l.base_bytes = il_aligned(slots * sizeof(char *));
  l.scratch = il_aligned(plan->arena_bytes[0]);
  l.blocks = l.scratch + workers * plan->scratch_bytes;
  /* The mean's own place is needed also by a rank without tasks. */
  l.stacks = l.blocks + (uint64_t)(tree->chunks > 0 ? tree->chunks : 1) * plan->mean_bytes;
  l.leaves = l.stacks + workers * l.stack_bytes;
  l.leaf_bytes = plan->lanes > 1 ? plan->mean_bytes * (size_t)plan->lanes : 0;
  l.rows = l.leaves + workers * l.leaf_bytes;
  l.tasks = l.rows + (uint64_t)tree->leaves * plan->row_bytes; /* with products, a leaf is a task */
  l.bases = l.tasks + workers * il_aligned(plan->arena_bytes[1]);
  l.sent = l.bases + workers * l.base_bytes;
  l.received = l.sent + (joint ? joint->sent_bytes : 0);
  l.staged = l.received + (joint ? joint->received_bytes : 0);
  l.total = l.staged + (joint ? joint->staged_bytes : 0);
  return l;
}

static size_t whole_bytes(const il_layout *layout) {
  return layout->total < IL_MOST_BYTES ? (size_t)layout->total : IL_MOST_BYTES;
}

size_t il_plan_workspace(const il_plan *plan, int tasks, int threads) {
  if (threads < 1) threads = 1;
  if (tasks < 1) tasks = 1;
  const il_tree tree = il_tree_cut(groups_of(plan, tasks), threads);
  const il_layout layout = layout_of(plan, &tree, NULL, threads);
  return whole_bytes(&layout);
}

size_t il_joint_workspace(const il_joint *joint, const il_plan *plan, int threads) {
  const il_tree tree = il_joint_tree(joint, plan, threads);
  const il_layout layout = layout_of(plan, &tree, joint, threads);
  return whole_bytes(&layout);
}

static char **bases_of(const il_execution *run, int worker) {
  return (char **)(void *)(run->workspace + run->layout.bases +
                           (size_t)worker * run->layout.base_bytes);
}

static void set_bases(il_execution *run, int worker) {
  const il_plan *plan = run->plan;
  char **bases = bases_of(run, worker);
  bases[IL_SLOT_SHARED] = run->workspace + run->layout.shared;
  bases[IL_SLOT_TASK] =
      run->workspace + run->layout.tasks + (size_t)worker * il_aligned(plan->arena_bytes[1]);
  bases[IL_SLOT_LEAF] = bases[IL_SLOT_MEANS] = run->workspace + run->layout.blocks;
  bases[IL_SLOT_ROWS] = run->workspace + run->layout.rows;
  /* The bindings' inputs are read only; one array of bases serves reading and writing. */
  char **slot = bases + IL_SLOT_INPUTS;
  for (int i = 0; i < plan->graph->input_count; i++)
    memcpy(slot++, &run->bindings->inputs[i], sizeof *slot);
  for (int i = 0; i < plan->graph->output_count; i++)
    memcpy(slot++, &run->bindings->outputs[i], sizeof *slot);
}

static void set_task(const il_execution *run, char **bases, int task) {
  const il_plan *plan = run->plan;
  const size_t index = (size_t)task;
  char **slot = bases + IL_SLOT_INPUTS;
  bases[IL_SLOT_ROWS] = run->workspace + run->layout.rows + index * plan->row_bytes;
  for (int i = 0; i < plan->graph->input_count; i++, slot++)
    if (plan->input_task[i]) {
      memcpy(slot, &run->bindings->inputs[i], sizeof *slot);
      *slot += index * plan->input_bytes[i];
    }
  for (int i = 0; i < plan->graph->output_count; i++, slot++)
    if (plan->output_task[i])
      *slot = (char *)run->bindings->outputs[i] + index * plan->output_bytes[i];
}

void *il_execution_scratch(const il_execution *run, int worker) {
  return run->workspace + run->layout.scratch + (size_t)worker * run->plan->scratch_bytes;
}

static void run_call(const il_execution *run, int which, const il_call *call, char *const *bases,
                     void *scratch, int live) {
  if (which == IL_PER_TASK || which == IL_SINGLE || !il_share_run(run, call, bases))
    il_call_run(run->plan, call, bases, scratch, live);
}

static void run_timed(const il_execution *run, int which, int worker, int live) {
  const il_call_list *list = &run->plan->list[which];
  char *const *bases = bases_of(run, worker);
  void *scratch = il_execution_scratch(run, worker);
  il_profile_entry *entry = il_profile_entries(run->profile, worker, which);
  int64_t before = il_profile_now();
  for (int64_t i = 0; i < list->count; i++) {
    run_call(run, which, &list->call[i], bases, scratch, live);
    before = il_profile_add(&entry[i], before);
    /* Its operations are counted for one task, so it counts as often as there are tasks. */
    if (list->call[i].kind == IL_CALL_PRODUCT) entry[i].count += run->bindings->tasks - 1;
  }
}

static bool run_list(const il_execution *run, int which, int worker, int live) {
  if (run->profile) {
    run_timed(run, which, worker, live);
    return true;
  }
  const il_call_list *list = &run->plan->list[which];
  char *const *bases = bases_of(run, worker);
  void *scratch = il_execution_scratch(run, worker);
  for (int64_t i = 0; i < list->count; i++) {
    run_call(run, which, &list->call[i], bases, scratch, live);
    if (run->after_call && !run->after_call(run->argument, &list->call[i], bases)) return false;
  }
  return true;
}

bool il_execution_shared(il_execution *run, il_when when) {
  set_bases(run, 0);
  return run_list(run, when, 0, 1);
}

static int64_t numbers(const il_plan *plan) {
  return (int64_t)(plan->mean_bytes / il_type_size(plan->graph->real));
}

/* One run of the tasks' calls serves the group; who watches them sees one run per task. */
static bool run_lanes(il_execution *run, int worker, int first, int live, char *leaf) {
  char *lanes = run->workspace + run->layout.leaves + (size_t)worker * run->layout.leaf_bytes;
  char **bases = bases_of(run, worker);
  set_task(run, bases, first);
  bases[IL_SLOT_LEAF] = lanes;
  for (int task = first; task < first + live; task++) {
    if (run->before_task && !run->before_task(run->argument, task)) return false;
    if (!run_list(run, IL_PER_TASK, worker, live)) return false;
    if (!run->before_task) break;
  }
  il_lanes_sum(run->plan->graph->real, numbers(run->plan), live, lanes, leaf);
  return true;
}

/* Tasks one at a time, into the block of the tree that is theirs together. */
static bool run_singles(il_execution *run, int worker, int which, int first, int live, char *leaf) {
  il_tree_walk walk = {.blocks = {leaf}};
  char *blocks = run->workspace + run->layout.leaves + (size_t)worker * run->layout.leaf_bytes;
  for (int i = 1; i < live; i++) walk.blocks[i] = blocks + (size_t)(i - 1) * run->plan->mean_bytes;
  char **bases = bases_of(run, worker);
  for (int i = 0; i < live; i++) {
    if (run->before_task && !run->before_task(run->argument, first + i)) return false;
    set_task(run, bases, first + i);
    bases[IL_SLOT_LEAF] = il_tree_leaf(&walk);
    if (!run_list(run, which, worker, 1)) return false;
    il_tree_add(run->plan, &walk, i + 1);
  }
  il_tree_close(run->plan, &walk);
  return true;
}

bool il_execution_chunk(il_execution *run, int worker, int chunk) {
  const il_plan *plan = run->plan;
  il_tree_walk walk = {
      .blocks = {run->workspace + run->layout.blocks + (size_t)chunk * plan->mean_bytes}};
  char *stack = run->workspace + run->layout.stacks + (size_t)worker * run->layout.stack_bytes;
  for (int i = 0; i < run->tree.depth; i++)
    walk.blocks[1 + i] = stack + (size_t)i * plan->mean_bytes;
  set_bases(run, worker);
  const int tasks = run->bindings->tasks, begin = run->tree.begin + chunk * run->tree.chunk;
  for (int i = 0; i < run->tree.chunk && begin + i < run->tree.end; i++) {
    const int first = (begin + i) * plan->lanes,
              live = tasks - first < plan->lanes ? tasks - first : plan->lanes;
    char *leaf = il_tree_leaf(&walk);
    const bool done = plan->lanes == 1 ? run_singles(run, worker, IL_PER_TASK, first, 1, leaf)
                      : live <= IL_FEW_TASKS
                          ? run_singles(run, worker, IL_SINGLE, first, live, leaf)
                          : run_lanes(run, worker, first, live, leaf);
    if (!done) return false;
    il_tree_add(plan, &walk, i + 1);
  }
  il_tree_close(plan, &walk);
  return true;
}

static void tasks_job(void *argument, int worker) {
  il_execution *run = argument;
  for (;;) {
    const int chunk = atomic_fetch_add_explicit(&run->next, 1, memory_order_relaxed);
    if (chunk >= run->tree.chunks) break;
    il_execution_chunk(run, worker, chunk);
  }
  if (run->meanwhile.work) run->meanwhile.work(run->meanwhile.argument, worker);
}

static void means_job(void *argument, int worker) {
  const il_execution *run = argument;
  const int64_t before = run->profile ? il_profile_now() : 0;
  char *blocks = run->workspace + run->layout.blocks;
  if (run->joint)
    il_tree_sum(run->plan, &run->tree, blocks, worker, run->threads);
  else
    il_tree_finish(run->plan, &run->tree, run->bindings->tasks, blocks, worker, run->threads);
  if (run->profile) il_profile_add(il_profile_means(run->profile, worker), before);
}

il_execution il_execution_start(const il_plan *plan, int threads, void *workspace,
                                const il_bindings *bindings, il_joint *joint) {
  il_execution run = {.plan = plan,
                      .bindings = bindings,
                      .workspace = workspace,
                      .threads = threads,
                      .joint = joint};
  run.tree = joint ? il_joint_tree(joint, plan, threads)
                   : il_tree_cut(groups_of(plan, bindings->tasks), threads);
  run.layout = layout_of(plan, &run.tree, joint, threads);
  return run;
}

il_status il_plan_run(const il_plan *plan, il_team *team, void *workspace,
                      const il_bindings *bindings) {
  return il_plan_run_profiled(plan, team, workspace, bindings, NULL);
}

il_status il_plan_run_profiled(const il_plan *plan, il_team *team, void *workspace,
                               const il_bindings *bindings, il_profile *profile) {
  return il_plan_run_meanwhile(plan, team, workspace, bindings, profile, &(il_meanwhile){0}, NULL);
}

/* Nothing is written to what callers share: the plan, its graph and the graph's context. */
static bool runnable(il_context *context, const void *workspace, const il_bindings *bindings) {
  const bool aligned = (uintptr_t)workspace % IL_WORKSPACE_ALIGNMENT == 0;
  if (context && bindings->tasks < 1)
    il_fail(context, IL_ERROR_ARGUMENT, "il_plan_run: found %d tasks, expected at least 1",
            bindings->tasks);
  else if (context && !aligned)
    il_fail(context, IL_ERROR_ARGUMENT, "il_plan_run: the workspace must be aligned to %d bytes",
            IL_WORKSPACE_ALIGNMENT);
  return bindings->tasks >= 1 && aligned;
}

static bool share(const il_execution *run) {
  const int64_t before = run->profile ? il_profile_now() : 0;
  const bool shared = il_joint_share(run);
  if (run->profile) il_profile_add(il_profile_ranks(run->profile), before);
  return shared;
}

il_status il_plan_run_absent(const il_plan *plan, il_team *team, void *workspace,
                             const il_bindings *bindings, il_joint *joint) {
  il_execution run = il_execution_start(plan, il_team_threads(team), workspace, bindings, joint);
  run.team = team;
  joint->note = IL_JOINT_FAILED;
  return il_joint_share(&run) ? IL_OK : il_ranks_lost(il_team_context(team), joint->ranks);
}

il_status il_plan_run_meanwhile(const il_plan *plan, il_team *team, void *workspace,
                                const il_bindings *bindings, il_profile *profile,
                                const il_meanwhile *meanwhile, il_joint *joint) {
  if (!runnable(il_team_context(team), workspace, bindings)) return IL_ERROR_ARGUMENT;
  il_execution run = il_execution_start(plan, il_team_threads(team), workspace, bindings, joint);
  run.team = team;
  run.profile = profile;
  run.meanwhile = *meanwhile;
  const il_float_mode mode = il_float_plain();
  const int64_t start = profile ? il_profile_now() : 0;
  il_execution_shared(&run, IL_BEFORE);
  if (plan->list[IL_PER_TASK].count > 0) il_team_run(team, tasks_job, &run);
  if (plan->mean_bytes > 0) il_team_run(team, means_job, &run);
  if (joint && !share(&run)) return il_ranks_lost(il_team_context(team), joint->ranks);
  il_execution_shared(&run, IL_AFTER);
  if (profile) il_profile_run(profile, run.threads, start);
  il_float_restore(mode);
  return IL_OK;
}
