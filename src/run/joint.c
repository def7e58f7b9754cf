/* Runs over several ranks (see joint.h). */
#include "run/joint.h"

#include <string.h>

#include "base/error.h"
#include "base/room.h"
#include "base/team.h"
#include "run/execute.h"

enum {
  WHOLE = 128 << 10, /* bytes of all ranks' sums: below, passing them once costs less than twice */
  NOTE = 64          /* bytes at the end of each gathered part */
};

static size_t slice_begin(const il_plan *plan, const il_joint *j, int rank) {
  return il_tree_span_of(plan, rank, j->ranks->size).offset;
}

static void lay_out(il_joint *j, const il_plan *plan) {
  const il_subtrees *d = &j->subtrees;
  const int size = j->ranks->size, rank = j->ranks->rank;
  const size_t block = plan->mean_bytes;
  const size_t own = (size_t)(d->first[rank + 1] - d->first[rank]);
  const size_t slice = slice_begin(plan, j, rank + 1) - slice_begin(plan, j, rank);
  j->whole = size == 2 || (size_t)d->nodes * block <= WHOLE;
  for (int r = 0; r <= size; r++) {
    const size_t notes = (size_t)r * NOTE, first = (size_t)d->first[r];
    const int64_t task = (int64_t)d->begin[r] * j->width;
    j->rows[r] = (size_t)(task < j->tasks ? task : j->tasks) * plan->row_bytes;
    j->staged[r] = notes + (j->whole ? first * block : slice_begin(plan, j, r));
    j->send[r] = own * slice_begin(plan, j, r);
    j->receive[r] = first * slice;
  }
  for (int r = 0; r < size; r++)
    for (int n = d->first[r]; n < d->first[r + 1]; n++)
      j->node[n] = j->whole ? j->staged[r] + (size_t)(n - d->first[r]) * block : (size_t)n * slice;
  j->staged_bytes = j->staged[size];
  j->sent_bytes = j->whole ? 0 : j->send[size];
  j->received_bytes = j->whole ? 0 : il_aligned(j->receive[size]);
}

il_status il_joint_init(il_context *context, il_joint *j, const il_ranks *ranks,
                        const il_plan *plan, int tasks, int width) {
  *j = (il_joint){.ranks = ranks, .tasks = tasks, .width = width};
  const il_status status =
      il_subtrees_init(context, &j->subtrees, (tasks + width - 1) / width, ranks->size);
  if (status != IL_OK) return status;
  size_t **const list[] = {&j->send, &j->receive, &j->staged, &j->rows};
  bool made = true;
  for (size_t i = 0; i < sizeof list / sizeof *list; i++)
    made = (*list[i] = il_new(context, (size_t)ranks->size + 1, sizeof(size_t))) && made;
  j->node = il_new(context, (size_t)j->subtrees.nodes + 1, sizeof *j->node);
  if (made && j->node) {
    lay_out(j, plan);
    return IL_OK;
  }
  il_joint_free(j);
  return il_fail_memory(context, "what a run has with other ranks");
}

void il_joint_free(il_joint *j) {
  il_subtrees_free(&j->subtrees);
  il_release(j->send);
  il_release(j->receive);
  il_release(j->staged);
  il_release(j->rows);
  il_release(j->node);
  *j = (il_joint){0};
}

void il_joint_tasks(const il_joint *j, int *begin, int *end) {
  const int *first = j->subtrees.begin + j->ranks->rank;
  const int64_t from = (int64_t)first[0] * j->width, to = (int64_t)first[1] * j->width;
  *begin = (int)(from < j->tasks ? from : j->tasks);
  *end = (int)(to < j->tasks ? to : j->tasks);
}

il_tree il_joint_tree(const il_joint *j, const il_plan *plan, int threads) {
  const int lanes = plan->lanes;
  int begin, end;
  il_joint_tasks(j, &begin, &end);
  return il_tree_cut_part((j->tasks + lanes - 1) / lanes, begin / lanes, (end + lanes - 1) / lanes,
                          j->subtrees.grain * (j->width / lanes), threads);
}

/* ---- a run ---- */

typedef struct adding {
  const il_execution *run;
  char *nodes, *to;
  size_t bytes; /* of a node */
} adding;

/* Adds the nodes along the tree, and puts the mean where it belongs. */
static void add_part(void *argument, int worker) {
  const adding *a = argument;
  const il_joint *j = a->run->joint;
  const il_type real = a->run->plan->graph->real;
  const size_t lines = a->bytes / IL_WORKSPACE_ALIGNMENT;
  const size_t threads = (size_t)a->run->threads, part = (size_t)worker;
  const size_t begin = lines * part / threads * IL_WORKSPACE_ALIGNMENT,
               end = lines * (part + 1) / threads * IL_WORKSPACE_ALIGNMENT;
  const int64_t count = (int64_t)((end - begin) / il_type_size(real));
  char *base = a->nodes + begin;
  for (int m = 0; m < j->subtrees.nodes - 1; m++)
    il_kernel_accumulate(real, count, base + j->node[j->subtrees.merge[m].into],
                         base + j->node[j->subtrees.merge[m].from]);
  il_kernel_divide(real, count, base + j->node[0], (double)a->run->bindings->tasks);
  memcpy(a->to + begin, base + j->node[0], end - begin);
}

/* The sum of one of the own subtrees stands in the block of its first chunk. */
static const char *block_of(const il_execution *run, int node) {
  const il_joint *j = run->joint;
  const int leaf = j->subtrees.node[node] * (j->width / run->plan->lanes);
  return run->workspace + run->layout.blocks +
         (size_t)((leaf - run->tree.begin) / run->tree.chunk) * run->plan->mean_bytes;
}

static bool gather_staged(const il_execution *run) {
  il_joint *j = run->joint;
  char *staged = run->workspace + run->layout.staged;
  const int rank = j->ranks->rank;
  const int32_t note = (int32_t)j->note;
  memcpy(staged + j->staged[rank + 1] - NOTE, &note, sizeof note);
  if (!j->ranks->gather(j->ranks->user, staged, j->staged)) return false;
  j->noted = IL_JOINT_NOTHING;
  for (int r = 0; r < j->ranks->size; r++) {
    int32_t said;
    memcpy(&said, staged + j->staged[r + 1] - NOTE, sizeof said);
    if (said > (int32_t)j->noted) j->noted = (il_joint_note)said;
  }
  return true;
}

static bool means_whole(const il_execution *run) {
  const il_joint *j = run->joint;
  const il_subtrees *d = &j->subtrees;
  char *staged = run->workspace + run->layout.staged;
  for (int n = d->first[j->ranks->rank]; n < d->first[j->ranks->rank + 1]; n++)
    memcpy(staged + j->node[n], block_of(run, n), run->plan->mean_bytes);
  if (!gather_staged(run)) return false;
  adding a = {run, staged, run->workspace + run->layout.blocks, run->plan->mean_bytes};
  il_team_run(run->team, add_part, &a);
  return true;
}

static bool means_in_slices(const il_execution *run) {
  const il_joint *j = run->joint;
  const il_plan *plan = run->plan;
  const il_subtrees *d = &j->subtrees;
  const int rank = j->ranks->rank, size = j->ranks->size;
  char *staged = run->workspace + run->layout.staged, *send = run->workspace + run->layout.sent,
       *received = run->workspace + run->layout.received;
  for (int r = 0; r < size; r++) {
    const size_t from = slice_begin(plan, j, r), bytes = slice_begin(plan, j, r + 1) - from;
    for (int n = d->first[rank]; n < d->first[rank + 1]; n++, send += bytes)
      memcpy(send, block_of(run, n) + from, bytes);
  }
  if (!j->ranks->exchange(j->ranks->user, run->workspace + run->layout.sent, j->send, received,
                          j->receive))
    return false;
  const size_t from = slice_begin(plan, j, rank);
  adding a = {run, received, staged + j->staged[rank], slice_begin(plan, j, rank + 1) - from};
  il_team_run(run->team, add_part, &a);
  if (!gather_staged(run)) return false;
  for (int r = 0; r < size; r++)
    memcpy(run->workspace + run->layout.blocks + slice_begin(plan, j, r), staged + j->staged[r],
           j->staged[r + 1] - j->staged[r] - NOTE);
  return true;
}

bool il_joint_share(const il_execution *run) {
  const il_joint *j = run->joint;
  if (run->plan->row_bytes > 0 &&
      !j->ranks->gather(j->ranks->user, run->workspace + run->layout.rows, j->rows))
    return false;
  return j->whole ? means_whole(run) : means_in_slices(run);
}
