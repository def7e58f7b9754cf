/* innerloop eval --adapt greedy: what sparse adaptation costs and reaches beside the full update. */
#include <stdio.h>

#include "cli/cli_eval.h"

static void print_json(const il_greedy_evaluation *e) {
  printf("{\"step\": %lld, \"tasks\": %d, \"parameters\": %lld, \"results\": [",
         (long long)e->trained, e->tasks, (long long)e->scalars);
  for (int r = 0; r < e->rows; r++) {
    const il_greedy_row *row = &e->row[r];
    if (*row->left_out)
      printf(",\n  {\"fraction\": %.9g, \"left_out\": \"%s\"}", row->fraction, row->left_out);
    for (int i = 0; i < e->steps && !*row->left_out; i++) {
      const il_greedy_figure *f = &row->figure[i];
      printf("%s\n  {\"fraction\": ", r || i ? "," : "");
      if (r)
        printf("%.9g", row->fraction);
      else
        printf("\"full\"");
      printf(", \"inner_steps\": %d, \"%s\": %.9g, \"interval\": %.9g, \"difference\": %.9g, "
             "\"difference_interval\": %.9g, \"touched\": %.9g, \"bytes\": %.9g, \"most_bytes\": "
             "%llu, \"operations\": %.9g}",
             f->steps, e->squared_error ? "loss" : "accuracy", f->mean, f->interval, f->difference,
             f->difference_interval, row->share, row->bytes, (unsigned long long)row->most_bytes,
             row->operations);
    }
  }
  puts("\n]}");
}

static void print_table(const il_greedy_evaluation *e) {
  double factor = e->squared_error ? 1 : 100;
  int places = e->squared_error ? 4 : 2;
  printf("%s after %lld meta-steps, %d test tasks, ± 95 %% interval over tasks;\n"
         "difference: to the full update after as many steps, paired by task;\n"
         "bytes, operations: of a sparse inner step, as docs/greedy.md counts them\n\n",
         e->squared_error ? "mean squared error" : "accuracy in %", (long long)e->trained,
         e->tasks);
  printf("fraction  touched %%      bytes  operations  inner steps  %s       difference\n",
         e->squared_error ? "squared error" : "accuracy     ");
  for (int r = 0; r < e->rows; r++) {
    const il_greedy_row *row = &e->row[r];
    if (*row->left_out) printf("%8g  left out: %s\n", row->fraction, row->left_out);
    for (int i = 0; i < e->steps && !*row->left_out; i++) {
      const il_greedy_figure *f = &row->figure[i];
      if (i)
        printf("%8s  %9s  %9s  %10s", "", "", "", "");
      else if (r)
        printf("%8g  %9.2f  %9.0f  %10.3g", row->fraction, 100 * row->share, row->bytes,
               row->operations);
      else
        printf("%8s  %9.2f  %9.0f  %10.3g", "full", 100 * row->share, row->bytes, row->operations);
      printf("  %11d  %.*f ± %.*f", f->steps, places, factor * f->mean, places,
             factor * f->interval);
      if (r)
        printf("  %+8.*f ± %.*f", places, factor * f->difference, places,
               factor * f->difference_interval);
      putchar('\n');
    }
  }
}

void eval_greedy(il_context *context, const eval_input *in, const char *data, il_team *team) {
  il_greedy_evaluate_options o = il_greedy_evaluate_defaults();
  o.data = data;
  o.tasks = in->tasks;
  o.episodes = in->episodes;
  o.team = team;
  o.rule = in->rule;
  if (in->fractions) {
    o.fractions = in->fractions;
    for (int i = 0; i < in->fractions; i++) o.fraction[i] = in->fraction[i];
  } else if (o.rule.count || o.rule.budget_bytes || o.rule.budget_operations) {
    o.fractions = 1; /* another limit says enough */
  }
  if (in->steps) {
    o.steps = in->steps;
    for (int i = 0; i < in->steps; i++) o.step[i] = in->step[i];
  }
  il_greedy_evaluation e;
  if (il_evaluate_greedy(context, in->common.config, &o, &e) != IL_OK) return;
  if (in->json)
    print_json(&e);
  else
    print_table(&e);
}
