/* What plans cost, counted and never timed: operations, calls, buffers and bytes of all presets and of the
 * benchmark's workloads, against tests/plan/figures.txt. The figures are the same on every machine: scratch, which
 * depends on the width of vectors, is left out.
 * A change that is meant: build/tests/test_figures --write, and say in the commit what got better. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <innerloop/train.h>

#include "plan/plan.h"
#include "support/presets.h"
#include "train/evaluate.h"
#include "train/trainer.h"

static const char path[] = TEST_DATA "/plan/figures.txt";
static const char head[] = "# Figures of plans, the same on every machine; written by "
                           "`build/tests/test_figures --write`.\n"
                           "# FLOP, kernel calls and buffers of what is shared before the tasks, "
                           "of one task, of what is shared after their\n"
                           "# mean. Bytes of the arenas (shared, task), of the means, and of the "
                           "workspace for all tasks on two threads,\n"
                           "# without the kernels' scratch.\n";

typedef struct il_workload {
  const char *name, *preset;
  const char *settings[12];
  int evaluation; /* inner steps of an evaluation; 0: a training step */
} il_workload;

#define GLYPHS                                                                                     \
  "task.source=glyphs", "glyphs.alphabets=2", "task.train_classes=16",                             \
      "task.validation_classes=12", "task.test_classes=12"
static const il_workload workloads[] = {
    {"W1-1step", "sinusoid-10shot-maml", {NULL}, 0},
    {"W1-5steps", "sinusoid-10shot-maml", {"inner.steps=5"}, 0},
    {"W2", "omniglot-fc-5w1s-maml", {NULL}, 0},
    {"W3", "omniglot-5w1s-maml", {NULL}, 0},
    {"W4", "omniglot-20w1s-maml", {NULL}, 0},
    {"W5",
     "omniglot-5w1s-maml",
     {"model.preset=conv4", "model.filters=64", "task.queries=15", "inner.steps=5",
      "outer.meta_batch=8"},
     0},
    {"W6",
     "glyphs-5w1s-maml",
     {"glyphs.side=84", "glyphs.channels=3", "model.preset=conv4", "model.filters=32",
      "task.shots=5", "task.queries=15", "inner.steps=5", "outer.meta_batch=4"},
     0},
    {"W7", "omniglot-5w1s-maml", {"inner.first_order=true"}, 0},
    {"W8", "omniglot-5w1s-maml", {GLYPHS}, 10},
    {"W3-sgd", "omniglot-5w1s-maml", {"outer.optimizer=sgd"}, 0},
    {"W3-float64", "omniglot-5w1s-maml", {"precision=float64"}, 0},
};

static int64_t buffers(const il_call_list *list) {
  int64_t count = 0;
  for (int64_t i = 0; i < list->count; i++)
    for (int k = 0; k < list->call[i].outs; k++)
      count += list->call[i].out[k].slot < IL_SLOT_INPUTS;
  return count;
}

static void write_plan(FILE *out, const char *name, const il_plan *plan, int tasks) {
  const il_plan_summary s = il_plan_summarize(plan);
  const size_t workspace = il_plan_workspace(plan, tasks, 2) - 2 * plan->scratch_bytes;
  fprintf(
      out,
      "%-26s %12.0f %16.0f %9.0f   %8lld %9lld %8lld   %4lld %5lld %4lld   %10zu %10zu %9zu  %5d "
      "%10zu\n",
      name, s.flops_shared, s.flops_task, s.flops_after, (long long)s.steps_shared,
      (long long)s.steps_task, (long long)s.steps_after, (long long)buffers(&plan->list[IL_BEFORE]),
      (long long)buffers(&plan->list[IL_PER_TASK]), (long long)buffers(&plan->list[IL_AFTER]),
      s.bytes_shared, s.bytes_task, plan->mean_bytes, tasks, workspace);
}

static void write_workload(FILE *out, const il_workload *w) {
  il_context *context = il_context_new();
  il_config *config = il_config_load(context, w->preset);
  for (int i = 0; config && w->settings[i]; i++) il_config_set(config, w->settings[i]);
  const bool evaluation = w->evaluation > 0;
  il_team *team = il_team_new(context, 2);
  il_trainer t = {0};
  if (config && team) il_trainer_init(context, &t, config, evaluation ? team : NULL);
  if (il_context_status(context) == IL_OK && evaluation) {
    il_evaluator e = {0};
    il_evaluator_init(context, &e, &t.method, t.learner, t.tasks, IL_TEST, 1, &t.method.statistics,
                      1, &w->evaluation, 32, team, NULL);
    if (e.form) write_plan(out, w->name, il_function_plan(e.form[0].function), 32);
    il_evaluator_free(&e);
  } else if (t.step.form) {
    write_plan(out, w->name, il_meta_step_plan(&t.step), t.method.meta_batch);
  }
  if (il_context_status(context) != IL_OK) fail_msg("%s: %s", w->name, il_context_message(context));
  il_trainer_free(&t);
  il_team_free(team);
  il_config_free(config);
  il_context_free(context);
}

static void write_figures(FILE *out) {
  fputs(head, out);
  fprintf(out, "%-26s %12s %16s %9s   %8s %9s %8s   %4s %5s %4s   %10s %10s %9s  %5s %10s\n",
          "# plan", "FLOP", "of a task", "after", "calls", "of a task", "after", "bufs", "task",
          "aft.", "arena", "of a task", "means", "tasks", "workspace");
  for (int i = 0; i < il_presets(); i++) {
    const il_workload preset = {.name = il_preset_at(i)->name, .preset = il_preset_at(i)->name};
    if (shapes_are_known(preset.name)) write_workload(out, &preset);
  }
  for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++)
    write_workload(out, &workloads[i]);
}

/* The line of the same name in the committed text. */
static const char *line_of(const char *text, const char *line) {
  const size_t name = strcspn(line, " \n") + 1;
  for (const char *at = text; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
    if (!strncmp(at, line, name)) return at;
  return NULL;
}

static void test_figures(void **state) {
  (void)state;
  char *found = NULL, *committed = NULL;
  size_t size = 0, length = 0;
  FILE *out = open_memstream(&found, &size);
  assert_non_null(out);
  write_figures(out);
  fclose(out);
  FILE *in = fopen(path, "r");
  if (!in) fail_msg("%s cannot be opened; build/tests/test_figures --write makes it", path);
  if (getdelim(&committed, &length, 0, in) < 0) fail_msg("%s cannot be read", path);
  fclose(in);
  const bool same = strcmp(found, committed) == 0;
  int lines = 0;
  for (char *line = found, *end; (end = strchr(line, '\n')); line = end + 1) {
    lines++;
    const char *old = line_of(committed, line);
    const int now = (int)(end - line), before = old ? (int)strcspn(old, "\n") : 0;
    if (same || *line == '#' || (old && now == before && !strncmp(line, old, (size_t)now)))
      continue;
    printf("committed  %.*s\nnow        %.*s\n", before, old ? old : "", now, line);
  }
  free(found);
  free(committed);
  if (!same)
    fail_msg("plans differ from the committed figures; if that is meant, run "
             "build/tests/test_figures --write and say in the commit why");
  printf("%d lines of figures\n", lines);
  assert_true(lines > 15);
}

int main(int argc, char **argv) {
  if (argc == 2 && !strcmp(argv[1], "--write")) {
    FILE *out = fopen(path, "w");
    if (!out) return 1;
    write_figures(out);
    return fclose(out) != 0;
  }
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_figures)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
