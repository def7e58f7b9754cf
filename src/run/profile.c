/* Where a plan's time goes: entries per worker while it runs (profile.h), added up and sorted for print. */
#include "base/room.h"
#include "base/locale.h"
#include "run/profile.h"

#include <innerloop/grad.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEANS = IL_LISTS, RANKS, STAGES };

struct il_profile {
  const il_plan *plan;
  int threads;
  int64_t first[STAGES + 1]; /* of a worker's entries: the lists, then the means */
  int64_t stride;            /* entries from one worker to the next: whole cache lines */
  il_profile_entry *entry;
  int64_t runs, nanoseconds, capacity; /* whole runs; their time; their time times their threads */
};

il_profile *il_profile_new(const il_plan *plan, int threads) {
  il_profile *p = calloc(1, sizeof *p);
  if (!p) goto failed;
  p->plan = plan;
  p->threads = threads < 1 ? 1 : threads;
  for (int stage = 0; stage < STAGES; stage++)
    p->first[stage + 1] = p->first[stage] + (stage >= MEANS ? 1 : plan->list[stage].count);
  const size_t bytes = il_aligned((size_t)p->first[STAGES] * sizeof *p->entry);
  p->stride = (int64_t)(bytes / sizeof *p->entry);
  p->entry = aligned_alloc(IL_WORKSPACE_ALIGNMENT, bytes * (size_t)p->threads);
  if (!p->entry) goto failed;
  memset(p->entry, 0, bytes * (size_t)p->threads);
  return p;
failed:
  free(p);
  il_fail_memory(plan->graph->context, "a profile");
  return NULL;
}

void il_profile_free(il_profile *profile) {
  if (!profile) return;
  free(profile->entry);
  free(profile);
}

il_profile_entry *il_profile_entries(il_profile *p, int worker, int list) {
  return p->entry + worker * p->stride + p->first[list];
}
il_profile_entry *il_profile_means(il_profile *p, int worker) {
  return p->entry + worker * p->stride + p->first[MEANS];
}
il_profile_entry *il_profile_ranks(il_profile *p) { return p->entry + p->first[RANKS]; }
void il_profile_run(il_profile *p, int threads, int64_t start) {
  const int64_t time = il_profile_now() - start;
  p->runs++;
  p->nanoseconds += time;
  p->capacity += time * threads;
}

/* What is printed in one line: a call, all calls of a kernel, the rest. */
typedef struct il_share {
  const char *kernel;
  const il_call *call;
  int64_t nanoseconds, count, members;
  double flops, bytes;
} il_share;

static int by_time(const void *a, const void *b) {
  const il_share *x = a, *y = b;
  return (x->nanoseconds < y->nanoseconds) - (x->nanoseconds > y->nanoseconds);
}

static void add(il_share *to, const il_share *from) {
  to->nanoseconds += from->nanoseconds;
  to->count += from->count;
  to->members += from->members;
  to->flops += from->flops;
  to->bytes += from->bytes;
}

static il_share share_of(const il_profile *p, int stage, int64_t i) {
  il_share s = {.kernel = stage == RANKS ? "sums with other ranks" : "mean over tasks",
                .members = stage != RANKS};
  for (int worker = 0; worker < p->threads; worker++) {
    const il_profile_entry *e = p->entry + worker * p->stride + p->first[stage] + i;
    s.nanoseconds += e->nanoseconds;
    s.count += e->count;
  }
  if (stage >= MEANS) return s;
  s.call = &p->plan->list[stage].call[i];
  s.kernel = il_call_kernel(s.call);
  const double times = (double)s.count * (stage == IL_PER_TASK ? p->plan->lanes : 1);
  s.flops = il_call_flops(p->plan, s.call) * times;
  s.bytes = (double)il_call_bytes(p->plan, s.call) * times;
  return s;
}

/* Empty where there is nothing to divide by, or nothing counted. */
static void rate(FILE *file, double amount, int64_t nanoseconds) {
  if (amount > 0 && nanoseconds > 0)
    il_plain_print(file, "%9.1f", amount / (double)nanoseconds);
  else
    fprintf(file, "%9s", "");
}

static void print_share(FILE *file, const il_profile *p, const il_share *s, int64_t total) {
  const double runs = p->runs ? (double)p->runs : 1;
  il_plain_print(file, "%6.1f %% %9.4f ms %9.1f",
                 total ? 100.0 * (double)s->nanoseconds / (double)total : 0,
                 1e-6 * (double)s->nanoseconds / runs, (double)s->count / runs);
  rate(file, s->flops, s->nanoseconds);
  rate(file, s->bytes, s->nanoseconds);
}

static void print_call(FILE *file, const il_profile *p, const il_share *s, int64_t total) {
  print_share(file, p, s, total);
  if (!s->call) {
    fprintf(file, "  %s\n", s->kernel);
    return;
  }
  char problem[IL_PROBLEM_TEXT], origin[160];
  il_call_text(p->plan, s->call, problem, sizeof problem);
  il_value_origin(p->plan->graph, (il_value){s->call->node}, origin, sizeof origin);
  fprintf(file, "  %-22s %s%*s | %s\n", s->kernel, origin, il_text_padding(origin, 34), "",
          problem);
}

static void print_kernels(FILE *file, const il_profile *p, il_share *share, int64_t count,
                          int64_t total) {
  /* By kernel: the shares are sorted by time, so equal names are joined into the first. */
  int64_t kernels = 0;
  for (int64_t i = 0; i < count; i++) {
    int64_t k = 0;
    while (k < kernels && strcmp(share[k].kernel, share[i].kernel) != 0) k++;
    if (k < kernels)
      add(&share[k], &share[i]);
    else
      share[kernels++] = share[i];
  }
  qsort(share, (size_t)kernels, sizeof *share, by_time);
  fputs("\nby kernel\n", file);
  for (int64_t k = 0; k < kernels; k++) {
    if (!share[k].nanoseconds) continue;
    print_share(file, p, &share[k], total);
    fprintf(file, "  %-22s in %lld steps of the plan\n", share[k].kernel,
            (long long)share[k].members);
  }
}

static void print_stages(FILE *file, const il_profile *p, const int64_t *stage, int64_t total) {
  static const char *const name[STAGES] = {"shared, before the tasks",
                                           "tasks",
                                           "shared, after the mean: outer update",
                                           "tasks of groups with few, one at a time",
                                           "last part of the mean over tasks",
                                           "sums with other ranks"};
  fputs("\nby stage\n", file);
  for (int i = 0; i < STAGES; i++) {
    if (i == IL_SINGLE && !p->plan->list[i].count) continue;
    if (i == RANKS && !p->entry[p->first[RANKS]].count) continue;
    il_plain_print(file, "%6.1f %% %9.4f ms  %s\n",
                   total ? 100.0 * (double)stage[i] / (double)total : 0,
                   1e-6 * (double)stage[i] / (double)(p->runs ? p->runs : 1), name[i]);
  }
  const int64_t idle = p->capacity - total;
  il_plain_print(file, "%6s   %9.4f ms  workers waiting, sums over tasks, %.1f %% of their time\n",
                 "", 1e-6 * (double)idle / (double)(p->runs ? p->runs : 1),
                 p->capacity ? 100.0 * (double)idle / (double)p->capacity : 0);
}

char *il_profile_print(const il_profile *p, int lines) {
  const int64_t count = p->first[STAGES];
  char *text = NULL;
  size_t size = 0;
  FILE *file = NULL;
  il_share *share = calloc((size_t)count, sizeof *share);
  if (share) file = open_memstream(&text, &size);
  if (!file) goto failed;
  int64_t at = 0, total = 0, stage[STAGES] = {0};
  for (int s = 0; s < STAGES; s++)
    for (int64_t i = 0; i < p->first[s + 1] - p->first[s]; i++) {
      share[at] = share_of(p, s, i);
      stage[s] += share[at].nanoseconds;
      total += share[at++].nanoseconds;
    }
  qsort(share, (size_t)count, sizeof *share, by_time);
  il_plain_print(
      file,
      "profile of %lld runs of the plan, %.4f ms each; all figures for one run, summed over the "
      "workers\n%8s %12s %9s %8s %8s  %s\n",
      (long long)p->runs, p->runs ? 1e-6 * (double)p->nanoseconds / (double)p->runs : 0, "share",
      "time", "calls", "GFLOP/s", "GB/s", "kernel, origin | problem");
  il_share rest = {0};
  for (int64_t i = 0; i < count; i++) {
    if (i < lines && share[i].nanoseconds)
      print_call(file, p, &share[i], total);
    else
      add(&rest, &share[i]);
  }
  if (rest.members) {
    print_share(file, p, &rest, total);
    fprintf(file, "  the other %lld steps of the plan\n", (long long)rest.members);
  }
  print_kernels(file, p, share, count, total);
  print_stages(file, p, stage, total);
  free(share);
  if (il_text_close(file, &text) == 0) return text;
  il_fail_memory(p->plan->graph->context, "the text of a profile");
  return NULL;
failed:
  free(share);
  il_fail_memory(p->plan->graph->context, "the text of a profile");
  return NULL;
}
