/* Random graphs: what any plan computes equals what the interpreter does in every bit, and a graph printed reads back.
 * Which NaN a result is, is not promised. */
#include <innerloop/plan.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "fuzz/random_graph.h"

enum { MOST = 256 };
typedef struct buffers {
  int inputs, outputs;
  void *in[MOST], *out[MOST];
  size_t bytes[MOST];
  il_bindings bindings;
} buffers;

static double number(il_random *random, unsigned mood) {
  static const double special[] = {0, -0.0, 1, -1, 1e-40, -3e38, 3e38, 1e-320};
  const double x = 2 * il_random_uniform01(random) - 1;
  if (mood & 1 && !il_random_below(random, 6)) return special[il_random_below(random, 8)];
  if (mood & 2 && !il_random_below(random, 9))
    return il_random_below(random, 2) ? (double)NAN : (double)INFINITY;
  return mood & 4 ? floor(4 * x) : x;
}

static void fill(void *to, il_type type, size_t count, il_random *random, unsigned mood) {
  for (size_t k = 0; k < count; k++)
    if (type == IL_FLOAT32)
      ((float *)to)[k] = (float)number(random, mood);
    else if (type == IL_FLOAT64)
      ((double *)to)[k] = number(random, mood);
    else if (type == IL_INT32)
      ((int32_t *)to)[k] = (int32_t)il_random_below(random, 12) - 2;
    else
      ((uint8_t *)to)[k] = (uint8_t)il_random_below(random, 256);
}

static size_t room_of(const il_graph *g, il_value v, int tasks) {
  return (size_t)il_shape_count(il_value_shape(g, v)) *
         (size_t)(il_value_stage(g, v) == IL_TASK ? tasks : 1);
}

static buffers *allocate(const il_graph *g, int tasks, unsigned mood) {
  buffers *b = calloc(1, sizeof *b);
  if (!b) abort();
  b->inputs = il_graph_inputs(g);
  b->outputs = il_graph_outputs(g);
  FUZZ_EXPECT(b->inputs <= MOST && b->outputs <= MOST, "%d inputs", b->inputs);
  il_random random = il_random_start(mood, 5);
  for (int i = 0; i < b->inputs; i++) {
    const il_value v = il_graph_input(g, i);
    const il_type type = il_value_type(g, v);
    const size_t count = room_of(g, v, tasks);
    b->in[i] = malloc(count * il_type_size(type));
    fill(b->in[i], type, count, &random, mood);
  }
  for (int i = 0; i < b->outputs; i++) {
    const il_value v = il_graph_output(g, i);
    b->bytes[i] = room_of(g, v, tasks) * il_type_size(il_value_type(g, v));
    b->out[i] = malloc(b->bytes[i]);
    memset(b->out[i], 0x5a, b->bytes[i]);
  }
  b->bindings = (il_bindings){tasks, (const void *const *)b->in, (void *const *)b->out};
  return b;
}

static void release(buffers *b) {
  for (int i = 0; i < b->inputs; i++) free(b->in[i]);
  for (int i = 0; i < b->outputs; i++) free(b->out[i]);
  free(b);
}

static bool equal(il_type type, const void *a, const void *b, size_t bytes) {
  const size_t size = il_type_size(type);
  for (size_t i = 0; i < bytes / size; i++) {
    const char *x = (const char *)a + i * size, *y = (const char *)b + i * size;
    if (!memcmp(x, y, size)) continue;
    if (type == IL_FLOAT32 && isnan(*(const float *)x) && isnan(*(const float *)y)) continue;
    if (type == IL_FLOAT64 && isnan(*(const double *)x) && isnan(*(const double *)y)) continue;
    return false;
  }
  return true;
}

static void check_plan(il_context *context, il_graph *g, const il_plan_options *options,
                       int threads, unsigned mood, const buffers *expected) {
  il_plan *plan = il_plan_build(g, options);
  FUZZ_EXPECT(plan, "%s", il_context_message(context));
  const int tasks = expected->bindings.tasks;
  buffers *found = allocate(g, tasks, mood);
  il_team *team = threads > 1 ? il_team_new(context, threads) : NULL;
  const size_t bytes = il_plan_workspace(plan, tasks, threads);
  void *workspace = aligned_alloc(IL_WORKSPACE_ALIGNMENT, (bytes + 127) / 64 * 64);
  memset(workspace, 0xff, bytes); /* NaN: nothing may rely on zeroed memory */
  FUZZ_EXPECT(il_plan_run(plan, team, workspace, &found->bindings) == IL_OK, "%s",
              il_context_message(context));
  for (int i = 0; i < found->outputs; i++) {
    const il_value v = il_graph_output(g, i);
    if (equal(il_value_type(g, v), expected->out[i], found->out[i], found->bytes[i])) continue;
    char *text = il_graph_dump(g), *schedule = il_plan_print(plan);
    fprintf(stderr, "%s\n%s\n", text, schedule);
    FUZZ_EXPECT(
        false, "output %s of %d tasks, equal to the interpreter's; fusion %d, lanes %d, %d threads",
        il_graph_output_name(g, i), tasks, !options->no_fusion, (int)options->lanes, threads);
  }
  free(workspace);
  il_team_free(team);
  release(found);
  il_plan_free(plan);
}

static void check_text(il_context *context, const il_graph *g) {
  char *text = il_graph_dump(g);
  FUZZ_EXPECT(text, "%s", il_context_message(context));
  il_graph *again = il_graph_parse(context, text);
  FUZZ_EXPECT(again, "%s\n%s", il_context_message(context), text);
  char *same = il_graph_dump(again);
  FUZZ_EXPECT(same && !strcmp(text, same), "the same text\n%s\n%s", text, same);
  free(text);
  free(same);
  il_graph_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 8) return 0;
  fuzz_choices choices = {data, data + size};
  const unsigned how = fuzz_byte(&choices), mood = fuzz_byte(&choices) & 15u;
  const int tasks = 1 + fuzz_below(&choices, 9), threads = 1 + (how & 1) * fuzz_below(&choices, 3);
  il_context *context = il_context_new();
  il_graph *g = fuzz_graph_of(context, how & 2 ? IL_FLOAT64 : IL_FLOAT32, &choices);
  if (g) {
    check_text(context, g);
    FUZZ_EXPECT(il_graph_without_leaves(g) == IL_OK, "%s", il_context_message(context));
    if (how & 4) FUZZ_EXPECT(il_graph_factor(g) == IL_OK, "%s", il_context_message(context));
    buffers *expected = allocate(g, tasks, mood);
    FUZZ_EXPECT(il_reference_run(g, &expected->bindings) == IL_OK, "%s",
                il_context_message(context));
    for (int i = 0; i < 2; i++) {
      const il_plan_options options = {.no_fusion = i,
                                       .direct = true,
                                       .lanes = (how & 8) != 0 ? IL_LANES_CHOOSE
                                                : i            ? IL_LANES_NEVER
                                                               : IL_LANES_ALWAYS,
                                       .isa = how & 16 ? "portable" : NULL};
      il_plan_options other = options;
      il_plan *known = how & 16 ? il_plan_build(g, &options) : NULL;
      if (!known) other.isa = NULL; /* this build has none */
      il_plan_free(known);
      il_context_clear(context);
      check_plan(context, g, &other, threads, mood, expected);
    }
    release(expected);
  }
  il_graph_free(g);
  il_context_free(context);
  return 0;
}
