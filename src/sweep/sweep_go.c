/* The runs of a sweep, one after the other: trained, evaluated, noted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/io.h"
#include "ranks/ranks.h"
#include "sweep/sweep.h"
#include "train/checkpoint.h"

typedef struct going {
  il_sweep *sweep;
  const il_sweep_go_options *options;
  const il_ranks *ranks; /* NULL: one */
  int run;
} going;

static void tell(going *g, const il_progress *training) {
  const il_sweep_progress progress = {g->run, training};
  if (training) g->sweep->run[g->run].made = training->step;
  if (g->options->progress && il_ranks_first(g->ranks))
    g->options->progress(g->options->user, g->sweep, &progress);
}

static void tell_training(void *user, const il_progress *progress) { tell(user, progress); }

/* Errors of a run are its own: each has a context. */
static il_status train(going *g, il_context *context) {
  const il_sweep_run *run = &g->sweep->run[g->run];
  il_config *config = il_config_parse(context, run->name, g->sweep->text[g->run]);
  if (!config) return il_context_status(context);
  const il_train_options o = {.out = run->folder,
                              .team = g->options->team,
                              .resume = true,
                              .tensorboard = g->options->tensorboard,
                              .progress = tell_training,
                              .user = g,
                              .stop = g->options->stop};
  const il_status status = il_train(context, config, &o);
  il_config_free(config);
  return status;
}

static il_status evaluate(going *g, il_context *context) {
  il_sweep *s = g->sweep;
  il_evaluation evaluation;
  const il_evaluate_options o = {.team = g->options->team};
  const il_status status = il_evaluate(context, s->run[g->run].folder, &o, &evaluation);
  if (status != IL_OK) return status;
  il_sweep_take(s, g->run, &evaluation);
  return il_sweep_record_write(s, g->run, &evaluation);
}

static il_status one(going *g, il_context *context) {
  il_sweep_run *run = &g->sweep->run[g->run];
  tell(g, NULL);
  /* Of a run that is trained, this writes the configuration that the evaluation reads. */
  il_status status = train(g, context);
  if (status != IL_OK) return status;
  run->state = IL_SWEEP_TRAINED;
  tell(g, NULL);
  status = evaluate(g, context);
  if (status == IL_OK) run->state = IL_SWEEP_DONE;
  return status;
}

static il_status failed(going *g, il_context *context) {
  il_sweep_run *run = &g->sweep->run[g->run];
  run->state = IL_SWEEP_FAILED;
  run->failure = il_arena_string(&g->sweep->arena, il_context_message(context));
  return run->failure ? IL_OK : il_fail_memory(g->sweep->context, "a sweep's failure");
}

/* ---- several ranks ---- */

typedef struct made { /* of a run, for the other ranks */
  int32_t run, state, status;
  int64_t made;
  char failure[488];
} made;

/* Deals out the runs that are left, one after the other, as rank 0 sees them: rank[run], −1: it is done. */
static il_status deal(const going *g, int *rank) {
  const il_sweep *s = g->sweep;
  int next = 0;
  for (int r = 0; r < s->runs; r++) {
    const bool left = s->run[r].state != IL_SWEEP_DONE;
    rank[r] = left && g->ranks ? next++ % g->ranks->size : left ? 0 : -1;
  }
  return il_ranks_spread(s->context, g->ranks, rank, (size_t)s->runs * sizeof *rank);
}

/* What another rank's run came to: its figures lie in its folder. */
static il_status learn(il_sweep *s, const made *m) {
  il_sweep_run *run = &s->run[m->run];
  il_evaluation evaluation;
  run->state = (il_sweep_state)m->state;
  run->made = m->made;
  if (run->state == IL_SWEEP_DONE) {
    if (!il_sweep_record_read(s, m->run, &evaluation))
      return il_fail(s->context, IL_ERROR_FILE,
                     "%s/eval.json: cannot be read; expected a folder that all ranks see",
                     run->folder);
    il_sweep_take(s, m->run, &evaluation);
  } else if (run->state == IL_SWEEP_FAILED) {
    run->failure = il_arena_string(&s->arena, m->failure);
    if (!run->failure) return il_fail_memory(s->context, "a sweep's failure");
  }
  return IL_OK;
}

/* Every rank's runs, to all. status: [runs] how they ended. */
static il_status exchange(const going *g, const int *rank, int32_t *status) {
  il_sweep *s = g->sweep;
  const int size = g->ranks->size, own = g->ranks->rank;
  size_t *begin = calloc((size_t)size + 1, sizeof *begin);
  made *all = calloc((size_t)s->runs + 1, sizeof *all);
  if (!begin || !all) il_fail_memory(s->context, "a sweep's runs");
  il_status found = il_ranks_agree(s->context, g->ranks);
  int count = 0;
  for (int r = 0; r < size && found == IL_OK; r++) {
    for (int i = 0; i < s->runs; i++) {
      if (rank[i] != r) continue;
      made *m = &all[count++];
      if (r != own) continue;
      *m = (made){.run = i, .state = s->run[i].state, .status = status[i], .made = s->run[i].made};
      snprintf(m->failure, sizeof m->failure, "%s", s->run[i].failure ? s->run[i].failure : "");
    }
    begin[r + 1] = (size_t)count * sizeof *all;
  }
  if (found == IL_OK) found = il_ranks_gather(s->context, g->ranks, all, begin);
  for (int i = 0; i < count && found == IL_OK; i++) {
    status[all[i].run] = all[i].status;
    if (rank[all[i].run] != own) found = learn(s, &all[i]);
  }
  if (found != IL_ERROR_RANKS) found = il_ranks_agree(s->context, g->ranks);
  free(begin);
  free(all);
  return found;
}

/* ---- together ---- */

/* This rank's runs; status: [runs] how they ended. */
static il_status make(going *g, const int *rank, int32_t *ended) {
  il_sweep *s = g->sweep;
  const volatile sig_atomic_t *stop = g->options->stop;
  il_status status = il_folder_make(s->context, s->out);
  for (g->run = 0; g->run < s->runs && status == IL_OK; g->run++) {
    const il_sweep_run *run = &s->run[g->run];
    if (rank[g->run] != (g->ranks ? g->ranks->rank : 0)) continue;
    il_context *context = il_context_new();
    const il_status found = context ? one(g, context) : IL_ERROR_MEMORY;
    if ((stop && *stop) || found == IL_ERROR_INTERRUPTED) {
      status = il_fail(s->context, IL_ERROR_INTERRUPTED,
                       "stopped in %s after %lld of %lld meta-steps; the same command continues",
                       run->folder, (long long)run->made, (long long)run->steps);
    } else if (!context) {
      status = il_fail_memory(s->context, "a context");
    } else if (found != IL_OK) {
      status = failed(g, context);
      ended[g->run] = (int32_t)found;
    }
    il_context_free(context);
    if (run->state == IL_SWEEP_DONE || run->state == IL_SWEEP_FAILED) {
      tell(g, NULL);
      if (g->ranks) continue;
      il_sweep_summarize(s);
      const il_status written = il_sweep_write(s);
      if (status == IL_OK) status = written;
    }
  }
  return status;
}

il_status il_sweep_go(il_sweep *s, const il_sweep_go_options *options) {
  going g = {s, options, il_ranks_several(options->ranks), 0};
  int *rank = calloc((size_t)s->runs + 1, sizeof *rank);
  int32_t *ended = calloc((size_t)s->runs + 1, sizeof *ended);
  il_status status = rank && ended ? IL_OK : il_fail_memory(s->context, "a sweep's runs");
  if (g.ranks) status = il_ranks_agree(s->context, g.ranks);
  if (status == IL_OK) status = deal(&g, rank);
  if (status == IL_OK) {
    status = make(&g, rank, ended);
    if (g.ranks) status = exchange(&g, rank, ended);
  }
  int failures = 0, told = 0;
  for (int r = s->runs - 1; r >= 0 && status == IL_OK; r--)
    if (ended[r]) {
      failures++;
      told = r;
    }
  const il_status first = ended ? (il_status)ended[told] : IL_OK;
  free(rank);
  free(ended);
  if (g.ranks && status == IL_OK) il_sweep_summarize(s);
  /* Also where all was done before. */
  if (status == IL_OK && il_ranks_first(g.ranks)) status = il_sweep_write(s);
  if (status != IL_OK || !failures) return status;
  return il_fail(s->context, first, "%d of %d runs failed; the first: %s: %s", failures, s->runs,
                 s->run[told].name, s->run[told].failure);
}
