/* innerloop eval --adapt greedy: what sparse adaptation costs and reaches beside the full update. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/locale.h"
#include "cli/cli_eval.h"

static void print_json(const il_greedy_evaluation *e) {
  printf("{\"step\": %lld, \"tasks\": %d, \"tested\": ", (long long)e->trained, e->tasks);
  print_json_string(e->tested);
  printf(", \"parameters\": %lld, \"results\": [", (long long)e->scalars);
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
      printf(", \"inner_steps\": %d, \"%s\": ", f->steps, e->squared_error ? "loss" : "accuracy");
      il_json_real(stdout, f->mean);
      fputs(", \"interval\": ", stdout);
      il_json_real(stdout, f->interval);
      fputs(", \"difference\": ", stdout);
      il_json_real(stdout, f->difference);
      fputs(", \"difference_interval\": ", stdout);
      il_json_real(stdout, f->difference_interval);
      printf(", \"touched\": %.9g, \"bytes\": %.9g, \"most_bytes\": "
             "%llu, \"operations\": %.9g}",
             row->share, row->bytes, (unsigned long long)row->most_bytes, row->operations);
    }
  }
  puts("\n]}");
}

static void print_table(const il_greedy_evaluation *e) {
  double factor = e->squared_error ? 1 : 100;
  int places = e->squared_error ? 4 : 2;
  print_heading(e->squared_error, e->trained, e->tasks);
  printf(";\n%s;\n"
         "difference: to the full update after as many steps, paired by task;\n"
         "bytes, operations: of a sparse inner step, as docs/greedy.md counts them\n\n",
         e->tested);
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
      char interval[32];
      print_interval(interval, sizeof interval, places, factor * f->interval);
      printf("  %11d  %.*f%s", f->steps, places, factor * f->mean, interval);
      print_interval(interval, sizeof interval, places, factor * f->difference_interval);
      if (r) printf("  %+8.*f%s", places, factor * f->difference, interval);
      putchar('\n');
    }
  }
}

static bool parse_steps(const char *text, il_greedy_evaluate_options *o) {
  for (o->steps = 0; o->steps < IL_GREEDY_STEPS; text++) {
    char *end;
    const long step = strtol(text, &end, 10);
    if (*text < '0' || *text > '9' || step > 1000 || (o->steps && step <= o->step[o->steps - 1]))
      return false;
    o->step[o->steps++] = (int)step;
    if (!*end) return true;
    if (*end != ',') return false;
    text = end;
  }
  return false;
}

void eval_greedy(il_context *context, const eval_input *in, const char *data, il_team *team) {
  il_greedy_evaluate_options o = il_greedy_evaluate_defaults();
  o.data = data;
  o.settings = in->setting;
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
  if (in->inner_steps && !parse_steps(in->inner_steps, &o)) {
    il_fail(context, IL_ERROR_CONFIG,
            "--inner-steps: found \"%s\", expected 1 to %d ascending whole numbers from 0 to 1000, "
            "comma between, such as 1,5",
            in->inner_steps, (int)IL_GREEDY_STEPS);
    return;
  }
  il_greedy_evaluation e;
  if (il_evaluate_greedy(context, in->common.config, &o, &e) != IL_OK) return;
  if (in->json)
    print_json(&e);
  else
    print_table(&e);
}
