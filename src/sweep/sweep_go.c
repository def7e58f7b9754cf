/* The runs of a sweep, one after the other: trained, evaluated, noted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/io.h"
#include "sweep/sweep.h"
#include "train/checkpoint.h"

typedef struct going {
  il_sweep *sweep;
  const il_sweep_go_options *options;
  int run;
} going;

static void tell(going *g, const il_progress *training) {
  const il_sweep_progress progress = {g->run, training};
  if (training) g->sweep->run[g->run].made = training->step;
  if (g->options->progress) g->options->progress(g->options->user, g->sweep, &progress);
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

il_status il_sweep_go(il_sweep *s, const il_sweep_go_options *options) {
  going g = {s, options, 0};
  const volatile sig_atomic_t *stop = options->stop;
  il_status first = IL_OK, status = il_folder_make(s->context, s->out);
  int failures = 0, told = 0;
  for (g.run = 0; g.run < s->runs && status == IL_OK; g.run++) {
    const il_sweep_run *run = &s->run[g.run];
    if (run->state == IL_SWEEP_DONE) continue;
    il_context *context = il_context_new();
    const il_status found = context ? one(&g, context) : IL_ERROR_MEMORY;
    if ((stop && *stop) || found == IL_ERROR_INTERRUPTED) {
      status = il_fail(s->context, IL_ERROR_INTERRUPTED,
                       "stopped in %s after %lld of %lld meta-steps; the same command continues",
                       run->folder, (long long)run->made, (long long)run->steps);
    } else if (!context) {
      status = il_fail_memory(s->context, "a context");
    } else if (found != IL_OK) {
      status = failed(&g, context);
      if (!failures++) {
        first = found;
        told = g.run;
      }
    }
    il_context_free(context);
    if (run->state == IL_SWEEP_DONE || run->state == IL_SWEEP_FAILED) {
      tell(&g, NULL);
      il_sweep_summarize(s);
      const il_status written = il_sweep_write(s);
      if (status == IL_OK) status = written;
    }
  }
  if (status == IL_OK) status = il_sweep_write(s); /* also where all was done before */
  if (status != IL_OK || !failures) return status;
  return il_fail(s->context, first, "%d of %d runs failed; the first: %s: %s", failures, s->runs,
                 s->run[told].name, s->run[told].failure);
}
