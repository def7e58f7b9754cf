/* Graphs as text: what reads prints the same, and what is small enough plans and runs. */
#include <innerloop/plan.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/input.h"

static bool small(const il_graph *g) {
  int64_t all = 0;
  for (uint32_t id = 1; id <= il_graph_size(g); id++) {
    const int64_t count = il_shape_count(il_value_shape(g, (il_value){id}));
    if (count < 0 || count > 10000 || (all += count) > 100000) return false;
  }
  return il_graph_size(g) < 1000 && il_graph_inputs(g) < 64 && il_graph_outputs(g) < 64;
}

/* Loops of so few steps that all of them end soon; loops in loops multiply. */
static bool short_loops(const char *text) {
  int bodies = 0;
  for (const char *at = text; (at = strstr(at, "\nbody ")) != NULL; at++) bodies++;
  for (const char *at = text; (at = strstr(at, " count=")) != NULL; at++)
    if (strspn(at + 7, "0123456789") > 1) return false;
  return bodies < 6;
}

static void run(il_graph *g) {
  void *in[64], *out[64];
  for (int i = 0; i < il_graph_inputs(g); i++)
    in[i] = calloc(8, (size_t)il_shape_count(il_value_shape(g, il_graph_input(g, i))) * 2 + 1);
  for (int i = 0; i < il_graph_outputs(g); i++)
    out[i] = calloc(8, (size_t)il_shape_count(il_value_shape(g, il_graph_output(g, i))) * 2 + 1);
  il_plan *plan = il_plan_build(g, NULL);
  if (plan) {
    void *workspace = aligned_alloc(64, (il_plan_workspace(plan, 2, 1) + 127) / 64 * 64);
    il_plan_run(plan, NULL, workspace,
                &(il_bindings){2, (const void *const *)in, (void *const *)out});
    free(workspace);
  }
  il_plan_free(plan);
  for (int i = 0; i < il_graph_inputs(g); i++) free(in[i]);
  for (int i = 0; i < il_graph_outputs(g); i++) free(out[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  if (!text) abort();
  if (size) memcpy(text, data, size);
  text[size] = 0;
  il_context *context = il_context_new();
  il_graph *g = il_graph_parse(context, text);
  FUZZ_EXPECT(g || *il_context_message(context), "a sentence");
  if (g) {
    char *printed = il_graph_dump(g);
    FUZZ_EXPECT(printed, "%s", il_context_message(context));
    il_graph *again = il_graph_parse(context, printed);
    FUZZ_EXPECT(again, "%s\n%s", il_context_message(context), printed);
    char *same = il_graph_dump(again);
    FUZZ_EXPECT(same && !strcmp(printed, same), "the same text\n%s\n%s", printed, same);
    const bool runs = small(g) && short_loops(printed);
    free(printed);
    free(same);
    il_graph_free(again);
    if (runs) run(g);
  }
  il_graph_free(g);
  il_context_free(context);
  free(text);
  return 0;
}
