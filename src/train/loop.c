/* The meta-training loop over a run's folder: start or resume, step, log, validate, checkpoint. */
#include <innerloop/train.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/locale.h"
#include "config/config_method.h"
#include "io/io.h"
#include "run/function.h"
#include "train/anomaly.h"
#include "train/average.h"
#include "train/board.h"
#include "train/checkpoint.h"
#include "train/curve.h"
#include "train/footprint.h"
#include "train/kept.h"
#include "train/metrics.h"
#include "train/run_lock.h"
#include "train/timing.h"
#include "train/together.h"
#include "train/trainer.h"

typedef struct run {
  il_context *context;
  const il_config *config;
  const il_train_options *options;
  const il_ranks *ranks; /* NULL: one process */
  int tasks;             /* of a meta-step that this rank computes */
  bool alone;            /* has an error that the other ranks do not know of */
  bool stopping;
  il_trainer trainer;
  bool squared_error; /* which has no accuracy */
  il_evaluator evaluator;
  il_metrics metrics;
  il_run_lock lock;
  il_board board;
  il_timing timing;
  int validation; /* tasks of one; 0: there is none */
  double *values; /* of validation tasks */
  il_patience patience;
  int64_t step, steps;
  il_anomalies anomalies;
  char *text; /* the configuration */
  char *checkpoint_path, *metrics_path, *config_path;
} run;

static void report(run *r, il_progress_kind kind, il_progress progress) {
  if (!r->options->progress || !il_ranks_first(r->ranks)) return;
  progress.kind = kind;
  progress.step = r->step;
  progress.steps = r->steps;
  progress.skipped = r->trainer.step.skipped;
  progress.squared_error = r->squared_error;
  progress.averaged = r->trainer.step.average.count > 0;
  r->options->progress(r->options->user, &progress);
}

/* ---- several ranks ----
 * They meet in every meta-step, and what one has to say goes with it as a note: that it was asked to stop, or that it has
 * failed, as rank 0 does when its disk is full. Beside that they meet where all of them know it: around validations and
 * checkpoints and at the end. A loss that is not finite they all see by themselves. */

/* An error that is this rank's alone. */
static il_status own(run *r, il_status status) {
  r->alone = r->ranks && status != IL_OK;
  return status;
}

static il_status meet(run *r, il_status status) {
  r->alone = false;
  return r->ranks ? il_ranks_agree(r->context, r->ranks) : status;
}

static bool asked_to_stop(const run *r) {
  const volatile sig_atomic_t *stop = r->options->stop;
  if (r->ranks) return il_meta_step_noted(&r->trainer.step) == IL_JOINT_STOP;
  return stop && *stop;
}

/* The others are in the next meta-step, or at its end already. */
static il_status part(run *r, il_status status) {
  if (!r->ranks || (status != IL_OK && status != IL_ERROR_INTERRUPTED && !r->alone)) return status;
  if (r->alone && r->step < r->steps && !r->stopping) {
    const int variant = il_tasks_variant_of(r->trainer.tasks, (uint64_t)r->step);
    const il_status told = il_meta_step_absent(&r->trainer.step, variant, r->step);
    if (told != IL_OK) return told;
  }
  return meet(r, status);
}

static int kept_of(const run *r) { return il_config_int(r->config, IL_KEY_CHECKPOINT_BEST); }

/* Whether checkpoints say how validations went. */
static const il_patience *validated(const run *r) {
  return kept_of(r) || il_config_long(r->config, IL_KEY_EVAL_PATIENCE) ? &r->patience : NULL;
}

/* The learner that has been validated, where it is one of the best. */
static il_status keep(run *r, double value) {
  if (!il_patience_keep(&r->patience, kept_of(r), r->step, value, r->squared_error)) return IL_OK;
  char *path = il_kept_path(r->context, r->options->out, r->step);
  const il_status status =
      path ? il_checkpoint_save(&r->trainer.step, r->trainer.tasks, r->step, NULL, r->text, path)
           : IL_ERROR_MEMORY;
  free(path);
  return status;
}

static int64_t patience_of(const run *r) { return il_config_long(r->config, IL_KEY_EVAL_PATIENCE); }

static bool ended(const run *r) { return il_patience_ended(&r->patience, patience_of(r)); }

/* Says why there are no more meta-steps. */
static il_status end(run *r) {
  char message[256];
  il_plain_text(message, sizeof message,
                "ended after meta-step %lld of %lld: %lld validations in a row were no better than "
                "%.4g%s after meta-step %lld (eval.patience)",
                (long long)r->step, (long long)r->steps, (long long)r->patience.since,
                r->squared_error ? r->patience.best : 100 * r->patience.best,
                r->squared_error ? "" : " %", (long long)r->patience.best_step);
  report(r, IL_PROGRESS_ENDED, (il_progress){.message = message});
  return IL_OK;
}

static il_status validate(run *r) {
  const int tasks = r->validation;
  il_average_exchange(&r->trainer.step);
  il_status status = il_evaluator_run(&r->evaluator, IL_VALIDATION, tasks, r->values);
  il_average_exchange(&r->trainer.step);
  if (status != IL_OK) return status;
  double mean, interval;
  il_evaluator_summary(&r->evaluator, tasks, r->values, 0, &mean, &interval);
  il_patience_take(&r->patience, r->step, mean, r->squared_error);
  if (!il_ranks_first(r->ranks)) return IL_OK;
  report(r, IL_PROGRESS_VALIDATION,
         (il_progress){.value = mean, .interval = interval, .tasks = tasks});
  status = il_metrics_validation(&r->metrics, r->step, r->squared_error ? "loss" : "accuracy", mean,
                                 interval);
  if (status == IL_OK) status = keep(r, mean);
  if (status == IL_OK && ended(r))
    status = il_metrics_ended(&r->metrics, r->step, r->patience.best_step, r->patience.since);
  if (status == IL_OK)
    status = il_board_validation(&r->board, r->step, r->squared_error, mean, interval);
  return own(r, status);
}

static il_status plot(run *r) {
  const bool plots = r->options->plot && il_ranks_first(r->ranks);
  return plots ? own(r, il_curve_plot(r->context, r->options->out)) : IL_OK;
}

/* The last checkpoint is always one that training can go on from. */
static il_status checkpoint(run *r) {
  int64_t at;
  const il_buffers *meta = &r->trainer.learner->meta;
  const int bad = il_buffers_not_finite(meta, &at);
  if (bad >= 0)
    return il_fail(r->context, IL_ERROR_DATA,
                   "number %lld of %s is not finite after meta-step %lld; the folder keeps the "
                   "checkpoint before it; a smaller outer.lr or inner.lr may keep it finite, "
                   "--detect-anomaly says where it arises",
                   (long long)at, meta->entry[bad].name, (long long)r->step);
  /* With other ranks, the error is told where they compare weights. */
  if (il_files_check(r->context) != IL_OK && !r->ranks) return IL_ERROR_FILE;
  il_status status = il_together_same(r->context, r->ranks, r->trainer.learner, r->step);
  if (status != IL_OK || !il_ranks_first(r->ranks)) return status;
  /* No cut of power leaves a checkpoint without the lines before it: a resumed run would not write them again. */
  status = il_metrics_sync(&r->metrics);
  if (status == IL_OK)
    status = il_checkpoint_save(&r->trainer.step, r->trainer.tasks, r->step, validated(r), r->text,
                                r->checkpoint_path);
  if (status == IL_OK && kept_of(r))
    status = il_kept_clean(r->context, r->options->out, &r->patience);
  if (status == IL_OK) report(r, IL_PROGRESS_CHECKPOINT, (il_progress){0});
  if (status == IL_OK) status = il_board_parameters(&r->board, &r->trainer.step, r->step);
  return own(r, status);
}

static il_status log_step(run *r) {
  const il_meta_step *s = &r->trainer.step;
  if (!il_ranks_first(r->ranks)) return IL_OK;
  il_status status = il_metrics_step(&r->metrics, r->step, s->loss, s->accuracy, s->support_loss,
                                     s->skipped, &s->learner->meta);
  if (status == IL_OK) status = il_board_step(&r->board, s, r->step);
  return own(r, status);
}

static il_status one_step(run *r) {
  const il_config *c = r->config;
  il_meta_step *s = &r->trainer.step;
  const il_batch *batch = il_feed_batch(&r->trainer.feed, r->options->team, r->step);
  il_timing_mark(&r->timing, IL_TIMED_EPISODES);
  if (!batch) return own(r, il_context_status(r->context));
  const volatile sig_atomic_t *stop = r->options->stop;
  il_meta_step_note(s, stop && *stop ? IL_JOINT_STOP : IL_JOINT_NOTHING);
  il_status status = il_meta_step_go(s, batch, r->step);
  if (status == IL_OK && il_meta_step_noted(s) == IL_JOINT_FAILED) return meet(r, status);
  const int64_t skipped = s->skipped;
  if (status == IL_OK) status = il_anomalies_look(&r->anomalies, s, batch, r->step);
  if (status == IL_OK && s->skipped == skipped) il_average_move(s, r->step);
  il_timing_mark(&r->timing, IL_TIMED_PLAN);
  if (status != IL_OK) return status;
  r->step++;
  report(r, IL_PROGRESS_STEP, (il_progress){.loss = s->loss, .accuracy = s->accuracy});
  bool last = r->step == r->steps;
  const bool logged = r->step % il_config_long(c, IL_KEY_LOG_EVERY) == 0 || last;
  if (logged) status = log_step(r);
  il_timing_mark(&r->timing, IL_TIMED_REPORTS);
  int64_t every = il_config_long(c, IL_KEY_EVAL_EVERY);
  const bool validated = r->validation && (r->step % every == 0 || last);
  if (validated) status = meet(r, status);
  if (status == IL_OK && validated) status = validate(r);
  last = last || ended(r);
  const bool saved = r->step % il_config_long(c, IL_KEY_CHECKPOINT_EVERY) == 0 || last;
  il_timing_mark(&r->timing, IL_TIMED_VALIDATION);
  if (saved) status = meet(r, status);
  if (status == IL_OK && saved) status = checkpoint(r);
  if (status == IL_OK && (validated || last)) status = plot(r); /* loses no steps where it fails */
  il_timing_mark(&r->timing, IL_TIMED_CHECKPOINTS);
  return status;
}

static il_status begin(run *r) {
  const il_train_options *o = r->options;
  il_status status = il_folder_make(r->context, o->out);
  if (status == IL_OK) status = il_run_lock_take(r->context, &r->lock, o->out);
  if (status != IL_OK) return status;
  il_atomic_clean(o->out);
  bool exists = access(r->checkpoint_path, F_OK) == 0;
  if (!exists && errno != ENOENT)
    return il_fail(r->context, IL_ERROR_FILE, "%s: cannot be written: %s", r->checkpoint_path,
                   strerror(errno));
  if (exists && !o->resume)
    return il_fail(
        r->context, IL_ERROR_CONFIG,
        "%s already holds a run; continue it with --resume, or choose another folder with --out",
        o->out);
  if (exists)
    status = il_checkpoint_resume(&r->trainer.step, r->trainer.tasks, r->config, r->checkpoint_path,
                                  &r->step, &r->patience);
  if (status != IL_OK) return status;
  if (r->step > r->steps)
    return il_fail(r->context, IL_ERROR_CONFIG,
                   "outer.steps: found %lld, but the checkpoint is at meta-step %lld",
                   (long long)r->steps, (long long)r->step);
  status = il_atomic_write(r->context, r->config_path, 1, &(il_piece){r->text, strlen(r->text)});
  if (status == IL_OK) status = il_metrics_open(&r->metrics, r->context, r->metrics_path, r->step);
  if (status == IL_OK && o->tensorboard && r->step < r->steps)
    status = il_board_open(&r->board, r->context, o->out, r->step, r->text);
  return status;
}

static il_status check(run *r) {
  il_plan_checked checked = {0};
  char message[200];
  il_trainer *t = &r->trainer;
  for (int v = 0; v < t->step.variants; v++) {
    il_plan_checked one;
    const il_batch *batch = il_feed_first(&t->feed, r->options->team, v);
    const il_status status =
        batch ? il_meta_step_check(&t->step, batch, &one) : il_context_status(r->context);
    if (status != IL_OK) return status;
    checked.equal += one.equal;
    checked.close += one.close;
  }
  int length = snprintf(message, sizeof message,
                        "plan and interpreter agree in every bit of %lld numbers of a meta-step",
                        (long long)checked.equal);
  if (checked.close)
    snprintf(message + length, sizeof message - (size_t)length,
             ", and to rounding in %lld of Winograd's convolutions", (long long)checked.close);
  report(r, IL_PROGRESS_CHECK, (il_progress){.message = message});
  return IL_OK;
}

/* Of a run that nothing validates: whether it can do what it is asked to. */
static il_status needs_validation(const run *r) {
  const char *key = kept_of(r) ? "checkpoint.best" : patience_of(r) ? "eval.patience" : NULL;
  if (!key) return IL_OK;
  return il_fail(
      r->context, IL_ERROR_CONFIG,
      "%s: found %s, but nothing validates; expected 0, or eval.every above 0 and classes "
      "that validate",
      key, il_config_get(r->config, key));
}

static il_status prepare(run *r) {
  const il_config *c = r->config;
  il_team *team = r->options->team;
  if (r->ranks && r->options->detect_anomaly)
    return il_fail(
        r->context, IL_ERROR_UNSUPPORTED,
        "--detect-anomaly: found %d ranks, expected one process, which has all tasks of a "
        "meta-step (resumed on one, the run makes the same meta-steps)",
        r->ranks->size);
  r->steps = il_config_long(c, IL_KEY_STEPS);
  r->anomalies = (il_anomalies){.detect = r->options->detect_anomaly,
                                .skip = il_config_int(c, IL_KEY_SKIP_NONFINITE)};
  r->text = il_config_dump(c);
  if (!r->text) return il_fail_memory(r->context, "the text of a configuration");
  r->checkpoint_path = il_run_path(r->context, r->options->out, "checkpoint.safetensors");
  r->metrics_path = il_run_path(r->context, r->options->out, "metrics.jsonl");
  r->config_path = il_run_path(r->context, r->options->out, "config.yaml");
  if (il_context_status(r->context) != IL_OK) return il_context_status(r->context);
  il_trainer *t = &r->trainer;
  il_status status =
      il_trainer_init_on(r->context, t, c, r->options->source, r->options->settings, team);
  if (status == IL_OK && r->options->profile)
    status = il_timing_init(&r->timing, &t->step, il_team_threads(team));
  if (status != IL_OK) return status;
  r->tasks = t->method.meta_batch;
  if (r->ranks) status = il_trainer_join(t, r->ranks, &r->tasks);
  if (status != IL_OK) return status;
  r->squared_error = il_tasks_shape(t->tasks, IL_TRAIN, 0)->loss == IL_LOSS_MEAN_SQUARED_ERROR;
  if (il_config_long(c, IL_KEY_EVAL_EVERY) == 0 || il_tasks_classes(t->tasks, IL_VALIDATION) == 0)
    return needs_validation(r);
  r->validation =
      il_evaluator_tasks(t->tasks, IL_VALIDATION, il_config_int(c, IL_KEY_EVAL_VALIDATION_TASKS));
  if (r->validation == 0) return needs_validation(r);
  r->values = calloc((size_t)r->validation, sizeof *r->values);
  if (!r->values) return il_fail_memory(r->context, "validation");
  status = il_evaluator_init(r->context, &r->evaluator, &t->method, t->learner, t->tasks,
                             IL_VALIDATION, 1, &t->method.statistics, 1, &t->method.inner.steps,
                             r->validation, team, NULL);
  r->evaluator.ranks = r->ranks;
  return status;
}

static void start_message(run *r) {
  char message[900];
  const il_tasks *tasks = r->trainer.tasks;
  il_plan_summary s = il_plan_summarize(il_meta_step_plan(&r->trainer.step));
  int64_t weights = 0;
  for (int i = 0; i < r->trainer.learner->meta_entries.count; i++)
    weights += il_shape_count(r->trainer.learner->meta_entries.entry[i].shape);
  const il_task_shape *shape = il_tasks_shape(tasks, IL_TRAIN, 0);
  const int forms = r->trainer.step.variants;
  const int test_ways = il_tasks_shape(tasks, IL_TEST, 0)->ways;
  const char *name = tasks->source->name, *algorithm = r->trainer.method.algorithm->name;
  char tested[32] = "", shots[48], ways[48];
  il_tasks_text(tasks, IL_TRAIN, shots, sizeof shots);
  const int most_ways = il_tasks_shape(tasks, IL_TRAIN, r->trainer.step.variants - 1)->ways;
  snprintf(ways, sizeof ways, "%d-way", shape->ways);
  if (most_ways > shape->ways) snprintf(ways, sizeof ways, "%d- to %d-way", shape->ways, most_ways);
  if (test_ways != shape->ways) snprintf(tested, sizeof tested, " (%d-way in test)", test_ways);
  if (il_tasks_classes(tasks, IL_TRAIN) < 0)
    snprintf(message, sizeof message, "%s on %s, %s", algorithm, name, shots);
  else if (forms > 1)
    snprintf(message, sizeof message, "%s on %s, %s, %s%s, %d/%d/%d classes", algorithm, name, ways,
             shots, tested, il_tasks_classes(tasks, IL_TRAIN),
             il_tasks_classes(tasks, IL_VALIDATION), il_tasks_classes(tasks, IL_TEST));
  else
    snprintf(message, sizeof message, "%s on %s, %d-way %d-shot%s, %d/%d/%d classes", algorithm,
             name, shape->ways, shape->shots, tested, il_tasks_classes(tasks, IL_TRAIN),
             il_tasks_classes(tasks, IL_VALIDATION), il_tasks_classes(tasks, IL_TEST));
  size_t at = strlen(message);
  il_plain_text(message + at, sizeof message - at,
                "; %lld weights, %s%.1f MFLOP a task, %d task%s a meta-step, %d thread%s",
                (long long)weights, forms > 1 ? "at most " : "", s.flops_task / 1e6,
                r->trainer.method.meta_batch, r->trainer.method.meta_batch == 1 ? "" : "s",
                il_team_threads(r->options->team),
                il_team_threads(r->options->team) == 1 ? "" : "s");
  at = strlen(message);
  if (tasks->pool)
    at += (size_t)snprintf(message + at, sizeof message - at, "; %llu fixed tasks train%s",
                           (unsigned long long)tasks->pool, forms > 1 ? ", of each shape" : "");
  if (r->ranks)
    snprintf(message + at, sizeof message - at, " on each of %d ranks, %d tasks here",
             r->ranks->size, r->tasks);
  if (r->trainer.step.average.count) {
    at += (size_t)il_plain_text(message + at, sizeof message - at,
                                "\nwhat validates and is kept is the average of the weights over "
                                "meta-steps (outer.ema %g)",
                                r->trainer.method.ema);
  }
  const int fused = il_config_int(r->config, IL_KEY_FUSED);
  if (fused > 1) {
    at = strlen(message);
    snprintf(message + at, sizeof message - at,
             "\n%d classes of the data make one class of an episode", fused);
  }
  for (int split = IL_TRAIN; split <= IL_TEST; split++) {
    char within[128];
    il_tasks_within_text(tasks, (il_split)split, within, sizeof within);
    at = strlen(message);
    if (*within)
      snprintf(message + at, sizeof message - at, "\neach %s episode is %s",
               il_split_name((il_split)split), within);
  }
  il_footprint memory = il_footprint_of(&r->trainer, &r->evaluator);
  at = strlen(message);
  message[at++] = '\n';
  il_footprint_text(&memory, message + at, sizeof message - at);
  at = strlen(message);
  if (il_tasks_classes(tasks, IL_VALIDATION) == 0)
    snprintf(
        message + at, sizeof message - at,
        "\nno class validates: nothing will tell when training begins to overfit the %d classes",
        il_tasks_classes(tasks, IL_TRAIN));
  report(r, IL_PROGRESS_START, (il_progress){.message = message});
}

static void profile(run *r, int64_t steps) {
  char *text = il_timing_print(&r->timing, r->context, steps);
  if (text) report(r, IL_PROGRESS_PROFILE, (il_progress){.message = text});
  free(text);
}

static il_status loop(run *r) {
  il_timing_begin(&r->timing);
  il_status status = IL_OK;
  while (r->step < r->steps && !ended(r) && status == IL_OK) {
    if (asked_to_stop(r)) {
      r->stopping = true;
      status = meet(r, status);
      if (status == IL_OK) status = checkpoint(r);
      if (status == IL_OK) status = plot(r);
      if (status != IL_OK) return status;
      return il_fail(
          r->context, IL_ERROR_INTERRUPTED,
          "stopped after %lld of %lld meta-steps; continue with: innerloop train --resume %s",
          (long long)r->step, (long long)r->steps, r->options->out);
    }
    status = one_step(r);
  }
  if (status == IL_OK && r->step < r->steps) {
    r->stopping = true; /* as all ranks do */
    status = end(r);
  }
  return status;
}

il_status il_train(il_context *context, const il_config *config, const il_train_options *options) {
  run r = {.context = context,
           .config = config,
           .options = options,
           .ranks = il_ranks_several(options->ranks)};
  if (!options->team)
    return il_fail(context, IL_ERROR_ARGUMENT, "il_train: found no team of threads, expected one");
  il_config *absolute = il_config_absolute(context, config);
  if (!absolute || il_config_settle(absolute) != IL_OK) {
    il_config_free(absolute);
    return il_context_status(context);
  }
  r.config = absolute;
  const bool leads = il_ranks_first(r.ranks);
  il_status status = prepare(&r);
  if (status == IL_OK) status = il_files_check(context);
  status = meet(&r, status);
  if (status == IL_OK) status = il_together_alike(context, r.ranks, r.config, r.trainer.tasks);
  if (status == IL_OK) status = meet(&r, leads ? begin(&r) : IL_OK);
  if (status == IL_OK && r.ranks)
    status = il_together_begin(&r.trainer.step, r.ranks, &r.step, &r.patience);
  if (status == IL_OK) start_message(&r);
  if (status == IL_OK && options->check) status = meet(&r, leads ? check(&r) : IL_OK);
  const int64_t first = r.step;
  const bool begun = status == IL_OK;
  if (begun && first == r.steps) status = plot(&r); /* of a run that is done */
  if (status == IL_OK) {
    status = loop(&r);
    if (r.timing.plan) profile(&r, r.step - first);
  }
  if (begun) status = part(&r, status);
  il_status closed;
  if (r.metrics.file) {
    closed = il_metrics_close(&r.metrics);
    if (status == IL_OK) status = closed;
  }
  closed = il_board_close(&r.board);
  if (status == IL_OK) status = closed;
  il_run_lock_release(&r.lock);
  il_timing_free(&r.timing);
  il_evaluator_free(&r.evaluator);
  free(r.values);
  il_trainer_free(&r.trainer);
  free(r.text);
  free(r.checkpoint_path);
  free(r.metrics_path);
  free(r.config_path);
  il_config_free(absolute);
  return status;
}
