/* Meta-steps of a configuration on the machine at hand, and why its plan did not take better kernels. */
#include <innerloop/measure.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/room.h"
#include "plan/plan.h"
#include "run/profile.h"
#include "train/footprint.h"

enum { MOST = 4096, LEAST = 3 };

static double seconds_since(int64_t start) { return 1e-9 * (double)(il_profile_now() - start); }

/* Drawn characters in Omniglot's place: the plan is the same, so are the arithmetic and its time. */
static il_status draw_instead(il_config *config) {
  static const char *const settings[] = {"task.source=glyphs",         "glyphs.side=28",
                                         "glyphs.channels=1",          "glyphs.alphabets=6",
                                         "glyphs.classes=20",          "glyphs.writers=20",
                                         "task.split=random",          "task.train_classes=60",
                                         "task.validation_classes=30", "task.test_classes=30"};
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
    if (il_config_set(config, settings[i]) != IL_OK) return IL_ERROR_CONFIG;
  return IL_OK;
}

static int by_size(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static il_status steps(il_trainer *t, il_team *team, double seconds, il_measured_step *result) {
  double *time = calloc(2 * (size_t)MOST, sizeof *time);
  if (!time) return il_fail_memory(t->step.context, "a measurement");
  double *drawn = time + MOST;
  il_status status = IL_OK;
  const int64_t begun = il_profile_now();
  /* The first meta-step touches its memory for the first time and does not count. */
  for (int64_t step = 0; status == IL_OK && result->steps < MOST; step++) {
    if (result->steps >= LEAST && seconds_since(begun) > seconds) break;
    const int64_t start = il_profile_now();
    const il_batch *batch = il_feed_batch(&t->feed, team, step);
    const double episodes = seconds_since(start);
    status = batch ? il_meta_step_go(&t->step, batch, step) : il_context_status(t->step.context);
    if (step == 0) continue;
    drawn[result->steps] = episodes;
    time[result->steps++] = seconds_since(start);
  }
  if (status == IL_OK) {
    const size_t count = (size_t)result->steps;
    qsort(time, count, sizeof *time, by_size);
    qsort(drawn, count, sizeof *drawn, by_size);
    result->seconds = time[count / 2];
    result->lowest = time[0];
    result->episodes = drawn[count / 2];
  }
  free(time);
  return status;
}

static il_status measure(il_context *context, const il_config *config, il_team *team,
                         double seconds, il_measured_step *result) {
  il_trainer t;
  /* Once without data, whose drawing is not what a plan costs. */
  const int64_t start = il_profile_now();
  const bool planned = il_trainer_init(context, &t, config, NULL) == IL_OK;
  result->plan_seconds = seconds_since(start);
  il_trainer_free(&t);
  if (planned && il_trainer_init(context, &t, config, team) == IL_OK) {
    const il_footprint memory = il_footprint_of(&t, NULL);
    /* The mean over the shapes of tasks; of an algorithm that changes, as it is when steps are timed: at first. */
    for (int v = 0; v < t.step.variants; v++) {
      const il_plan_summary s = il_plan_summarize(il_function_plan(t.step.form[v].function));
      result->flops += il_tasks_share(t.tasks, IL_TRAIN, v) *
                       (s.flops_shared + t.method.meta_batch * s.flops_task + s.flops_after);
    }
    result->bytes = il_footprint_total(&memory);
    steps(&t, team, seconds, result);
  }
  il_trainer_free(&t);
  return il_context_status(context);
}

il_status il_measure_step(il_context *context, const il_config *config, il_team *team,
                          double seconds, il_measured_step *result) {
  *result = (il_measured_step){0};
  const il_source *source = il_source_find(il_config_text(config, IL_KEY_SOURCE));
  result->drawn =
      source->needs_data && !source->shape_of_data && !*il_config_text(config, IL_KEY_DATA);
  if (!result->drawn) return measure(context, config, team, seconds, result);
  char *text = il_config_dump(config);
  il_config *copy = text ? il_config_parse(context, "measured", text) : NULL;
  if (copy && draw_instead(copy) == IL_OK) measure(context, copy, team, seconds, result);
  il_config_free(copy);
  free(text);
  return il_context_status(context);
}

/* ---- why ---- */
static void why(FILE *out, const il_kernel_set *set, const il_call *call) {
  const il_kernel *const *row = set->row;
  const il_kernel *taken = call->kind == IL_CALL_KERNEL ? call->kernel : NULL;
  bool first = true;
  for (int i = 0; i < set->rows && row[i] != taken; i++) {
    if (row[i]->op != call->problem.op || row[i]->type != call->problem.type ||
        row[i]->lanes != call->problem.lanes)
      continue;
    if (first) {
      char text[IL_PROBLEM_TEXT];
      il_problem_text(&call->problem, text, sizeof text);
      fprintf(out, "%s\n  takes %s\n", text, taken ? taken->name : "the reference loop");
    }
    first = false;
    fprintf(out, "  not %s: it %s\n", row[i]->name, il_kernel_refusal(row[i], &call->problem));
  }
}

static bool seen_before(const il_plan *plan, int stage, int64_t index) {
  char text[IL_PROBLEM_TEXT], other[IL_PROBLEM_TEXT];
  il_problem_text(&plan->list[stage].call[index].problem, text, sizeof text);
  for (int w = 0; w <= stage; w++)
    for (int64_t i = 0; i < (w < stage ? plan->list[w].count : index); i++) {
      if (plan->list[w].call[i].problem.op != plan->list[stage].call[index].problem.op) continue;
      il_problem_text(&plan->list[w].call[i].problem, other, sizeof other);
      if (strcmp(text, other) == 0) return true;
    }
  return false;
}

char *il_measure_why(il_context *context, const il_config *config) {
  il_trainer t;
  char *text = NULL;
  size_t size = 0;
  FILE *out = NULL;
  if (il_trainer_init(context, &t, config, NULL) == IL_OK) {
    out = open_memstream(&text, &size);
    if (!out) il_fail_memory(context, "the text of a plan");
  }
  const il_plan *plan = out ? il_meta_step_plan(&t.step) : NULL;
  for (int w = 0; out && w < 3; w++)
    for (int64_t i = 0; i < plan->list[w].count; i++) {
      const il_call *call = &plan->list[w].call[i];
      /* Of copies and operations without kernels there is nothing to choose. */
      if (call->kind == IL_CALL_COPY || !call->problem.type || call->problem.op == IL_OP_NONE)
        continue;
      if (!seen_before(plan, w, i)) why(out, plan->kernels, call);
    }
  if (out && il_text_close(out, &text) != 0) il_fail_memory(context, "the text of a plan");
  il_trainer_free(&t);
  return text;
}
