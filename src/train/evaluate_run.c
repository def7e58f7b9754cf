/* Evaluation of a run: the figures of each task, into a table and into RUN/eval.csv. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/room.h"
#include "base/locale.h"
#include "config/config_method.h"
#include "config/config_tasks.h"
#include "config/vain.h"
#include "data/episode.h"
#include "io/csv.h"
#include "io/io.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/opened.h"
#include "train/together.h"

const char *il_protocol_name(il_query_statistics statistics) {
  switch (statistics) {
  case IL_QUERY_STATISTICS_QUERY: return "transductive";
  case IL_QUERY_STATISTICS_SUPPORT: return "support";
  case IL_QUERY_STATISTICS_EACH: return "each";
  case IL_QUERY_STATISTICS_RUNNING: return "running";
  }
  return "?";
}

const char *il_protocol_heading(const char *name) {
  if (!strcmp(name, "support")) return "support statistics";
  if (!strcmp(name, "each")) return "one query at a time";
  if (!strcmp(name, "running")) return "running statistics";
  return strcmp(name, "query") ? name : "query set";
}

static const char *protocol_name(const il_evaluator *e, int column) {
  return e->norms ? il_protocol_name(e->protocol[column]) : "query";
}

/* The last column says what was tested, so that a file never passes for that of another evaluation. */
static il_status write_tasks(const il_evaluator *e, const char *run, int tasks, const char *tested,
                             const double *value) {
  char *text = NULL, *path = il_run_path(e->context, run, "eval.csv");
  size_t size = 0;
  FILE *out = path ? open_memstream(&text, &size) : NULL;
  if (!out) {
    free(path);
    return il_fail_memory(e->context, "the results of tasks");
  }
  fputs("task", out);
  for (int c = 0; c < e->columns; c++) fprintf(out, ",%s_%d", protocol_name(e, c), e->steps[c]);
  fputs(",tested", out);
  for (int t = 0; t < tasks; t++) {
    fprintf(out, "\n%d", t);
    for (int c = 0; c < e->columns; c++)
      il_plain_print(out, ",%.9g", value[(size_t)t * (size_t)e->columns + (size_t)c]);
    fputc(',', out);
    il_csv_print(out, tested);
  }
  fputc('\n', out);
  il_status status = il_text_close(out, &text) == 0
                         ? il_atomic_write(e->context, path, 1, &(il_piece){text, size})
                         : il_fail_memory(e->context, "the results of tasks");
  free(text);
  free(path);
  return status;
}

/* run NULL: no file. */
static il_status run_tasks(il_evaluator *e, const char *run, int tasks, il_evaluation *result) {
  double *value = calloc((size_t)tasks * (size_t)e->columns, sizeof *value);
  if (!value) return il_fail_memory(e->context, "the results of tasks");
  il_status status = il_files_check(e->context);
  if (status == IL_OK) status = il_evaluator_run(e, IL_TEST, tasks, value);
  if (status == IL_OK) status = il_files_check(e->context); /* else the figures are of zeros */
  result->tasks = tasks;
  result->count = e->columns;
  result->squared_error = e->squared_error;
  for (int c = 0; c < e->columns && status == IL_OK; c++) {
    il_evaluation_row *row = &result->row[c];
    *row = (il_evaluation_row){.protocol = protocol_name(e, c), .steps = e->steps[c]};
    il_evaluator_summary(e, tasks, value, c, &row->mean, &row->interval);
    if (tasks == 1) row->interval = (double)NAN;
  }
  if (status == IL_OK && run) status = write_tasks(e, run, tasks, result->tested, value);
  free(value);
  return status;
}

il_status il_evaluate_opened(il_context *context, il_opened *o, const char *run,
                             const il_listener *listener, il_team *team, const il_ranks *ranks,
                             il_evaluation *result) {
  static const il_query_statistics protocols[] = {
      IL_QUERY_STATISTICS_QUERY, IL_QUERY_STATISTICS_SUPPORT, IL_QUERY_STATISTICS_EACH,
      IL_QUERY_STATISTICS_RUNNING};
  int step[IL_CONFIG_EVAL_STEPS];
  const int steps = il_config_eval_steps(o->config, step);
  const int most = o->method.statistics == IL_QUERY_STATISTICS_RUNNING ? 4 : 3;
  il_evaluator e = {0};
  result->trained = o->trained;
  memcpy(result->tested, o->tested, sizeof result->tested);
  il_status status = il_evaluator_init(context, &e, &o->method, o->learner, o->tasks, IL_TEST, most,
                                       protocols, steps, step, o->count, team, listener);
  e.ranks = ranks;
  if (ranks) status = il_ranks_agree(context, ranks);
  if (status == IL_OK) status = run_tasks(&e, il_ranks_first(ranks) ? run : NULL, o->count, result);
  il_evaluator_free(&e);
  return status;
}

il_status il_evaluate(il_context *context, const char *run, const il_evaluate_options *options,
                      il_evaluation *result) {
  *result = (il_evaluation){0};
  if (!options->team)
    return il_fail(context, IL_ERROR_ARGUMENT,
                   "il_evaluate: found no team of threads, expected one");
  const il_ranks *ranks = il_ranks_several(options->ranks);
  il_opened o;
  il_status status = il_opened_init(context, &o, run, options);
  if (ranks) status = il_ranks_agree(context, ranks);
  if (status == IL_OK) status = il_together_alike(context, ranks, o.config, o.tasks);
  if (status == IL_OK) status = il_together_same(context, ranks, o.learner, o.trained);
  if (status == IL_OK)
    status = il_evaluate_opened(context, &o, run, NULL, options->team, ranks, result);
  if (ranks && status != IL_ERROR_RANKS) status = il_ranks_agree(context, ranks);
  il_opened_free(&o);
  return status;
}

il_status il_write_episodes(il_context *context, const il_config *config, il_split split,
                            uint64_t count, const char *path) {
  if (il_config_check_asked(context, config) != IL_OK) return il_context_status(context);
  il_tasks *tasks = split == IL_TEST ? il_config_test_tasks(context, config, config, false)
                                     : il_config_tasks(context, config);
  if (tasks && !tasks->source->sampler)
    il_fail(context, IL_ERROR_ARGUMENT, "%s tasks have no episode lists", tasks->source->name);
  else if (tasks && il_tasks_variants(tasks, split) > 1)
    il_fail(context, IL_ERROR_ARGUMENT,
            "the %s tasks have %d shapes, but an episode list is of one; set task.train_ways "
            "and task.train_shots to one number each",
            il_split_name(split), il_tasks_variants(tasks, split));
  else if (tasks)
    il_sampler_write_list(context, tasks->source->sampler(tasks->data, split), split, count, path);
  il_tasks_free(tasks);
  return il_context_status(context);
}
