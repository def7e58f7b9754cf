/* innerloop fit --algorithm greedy: the four steps on samples, one share of the parameters after another. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/cli_fit_greedy.h"
#include "cli/ticker.h"
#include "plot/plot.h"

enum {
  OPTION_STEPS = 0x500,
  OPTION_TOLERANCE,
  OPTION_HELD_OUT,
  OPTION_CANDIDATES,
  OPTION_DRAWS,
  OPTION_WALK_STEPS,
  OPTION_WALK_LR,
  OPTION_BURN_IN,
  OPTION_RANK,
  OPTION_SPREAD,
  OPTION_PRIOR,
  OPTION_METRICS,
  OPTION_PLOT,
  OPTION_KEEP
};
static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "With --algorithm greedy (docs/greedy.md):", 2},
    {"held-out", OPTION_HELD_OUT, "SHARE", 0,
     "share of the training samples whose loss gives the gradient; the rest makes the candidates "
     "(0.5)",
     2},
    {"candidates", OPTION_CANDIDATES, "laplace|swag|sgld|ensemble", 0,
     "where they come from (laplace)", 2},
    {"draws", OPTION_DRAWS, "N", 0, "candidates of a step (8)", 2},
    {"fraction", OPTION_FRACTION, "LIST", 0,
     "shares of the parameters that a step may update; with several, one run and table row each, "
     "and the model with the lowest held-out loss is saved (1)",
     2},
    GREEDY_OPTIONS,
    {"steps", OPTION_STEPS, "N", 0, "at most so many steps (100)", 2},
    {"tolerance", OPTION_TOLERANCE, "X", 0, "stop when no parameter changes by more (1e-5)", 2},
    {"walk-steps", OPTION_WALK_STEPS, "N", 0,
     "swag, ensemble: steps of SGD; sgld: steps between candidates (20)", 2},
    {"walk-lr", OPTION_WALK_LR, "RATE", 0, "learning rate of these steps (0.01; sgld: 1e-4)", 2},
    {"burn-in", OPTION_BURN_IN, "N", 0, "sgld: steps before the first candidate (100)", 2},
    {"rank", OPTION_RANK, "N", 0, "swag: deviations kept (8)", 2},
    {"spread", OPTION_SPREAD, "SD", 0, "ensemble: scatter of the members' starts (0.1)", 2},
    {"prior", OPTION_PRIOR, "X", 0, "laplace, sgld: precision of the prior (100)", 2},
    {"metrics", OPTION_METRICS, "FILE", 0, "record p, Q, F and G of each step (metrics.jsonl)", 2},
    {"plot", OPTION_PLOT, "FILE", 0, "and draw them, as PNG", 2},
    {"keep-choice", OPTION_KEEP, NULL, 0, "choose in the first step only, then update the same", 2},
    {0}};

static error_t parse_option(int key, char *arg, struct argp_state *state) {
  static const char *const kinds[] = {"laplace", "swag", "sgld", "ensemble"};
  greedy_input *in = state->input;
  il_greedy_options *o = &in->fit.greedy;
  il_candidates_options *c = &o->candidates;
  switch (key) {
  case OPTION_FRACTION:
    in->fractions = parse_list(state, "fraction", arg, IL_GREEDY_FRACTIONS, in->fraction, 1e-9, 1);
    break;
  case OPTION_STEPS: o->steps = (int)parse_number(state, "steps", arg, 1, 100000000); break;
  case OPTION_TOLERANCE: o->tolerance = parse_real(state, "tolerance", arg, 0, 1e9); break;
  case OPTION_HELD_OUT: in->fit.held_out = parse_real(state, "held-out", arg, 0.001, 0.999); break;
  case OPTION_CANDIDATES:
    c->kind = (il_candidates_kind)(1 + parse_choice(state, "candidates", arg, 4, kinds));
    break;
  case OPTION_DRAWS: c->count = (int)parse_number(state, "draws", arg, 2, 100000); break;
  case OPTION_WALK_STEPS: c->steps = (int)parse_number(state, "walk-steps", arg, 0, 1000000); break;
  case OPTION_WALK_LR: c->lr = parse_real(state, "walk-lr", arg, 1e-12, 1e6); break;
  case OPTION_BURN_IN: c->burn_in = (int)parse_number(state, "burn-in", arg, 0, 1000000); break;
  case OPTION_RANK: c->rank = (int)parse_number(state, "rank", arg, 2, 1000); break;
  case OPTION_SPREAD: c->spread = parse_real(state, "spread", arg, 0, 1e6); break;
  case OPTION_PRIOR: c->prior = parse_real(state, "prior", arg, 1e-12, 1e12); break;
  case OPTION_METRICS: in->fit.metrics = arg; break;
  case OPTION_PLOT: in->plot = arg; break;
  case OPTION_KEEP: o->keep_choice = true; break;
  case ARGP_KEY_END:
    if (in->given && !in->asked) argp_error(state, "--%s: needs --algorithm greedy", in->given);
    if (in->asked && c->batch && c->kind == IL_CANDIDATES_LAPLACE)
      argp_error(state,
                 "--batch: laplace looks at the whole training part; the other candidates walk in "
                 "mini-batches");
    if (in->asked && in->plain)
      argp_error(state,
                 "--%s: belongs to plain training; --algorithm greedy takes steps on the whole "
                 "held-out part (--steps, --tolerance)",
                 in->plain);
    if (c->lr == 0) c->lr = c->kind == IL_CANDIDATES_SGLD ? 1e-4 : 0.01;
    return 0;
  default: {
    error_t error = parse_greedy(&o->rule, key, arg, state);
    if (error) return error;
  }
  }
  if (!in->given) in->given = option_name(options, key);
  return 0;
}
const struct argp fit_greedy_argp = {options, parse_option, NULL, NULL, NULL, NULL, NULL};

greedy_input fit_greedy_defaults(void) {
  greedy_input in = {.fit = il_fit_greedy_defaults(), .fractions = 1, .fraction = {1}};
  in.fit.metrics = "metrics.jsonl";
  in.fit.greedy.candidates.lr = 0; /* until the kind is known */
  return in;
}

/* p, Q, F and G over the steps of each fraction. */
enum { QUANTITIES = 4 };
typedef struct curves {
  const greedy_input *in;
  ticker ticker;
  int step; /* the last that is done */
  int line; /* at hand */
  int count[IL_GREEDY_FRACTIONS], room[IL_GREEDY_FRACTIONS];
  double *value[QUANTITIES][IL_GREEDY_FRACTIONS];
} curves;

/* Without memory the picture ends early; the record in the file does not. */
static void keep(curves *c, const double quantity[QUANTITIES]) {
  int line = c->line, n = c->count[line];
  if (n == c->room[line]) {
    int room = n ? 2 * n : 64;
    for (int q = 0; q < QUANTITIES; q++) {
      double *more = realloc(c->value[q][line], (size_t)room * sizeof *more);
      if (!more) return;
      c->value[q][line] = more;
    }
    c->room[line] = room;
  }
  for (int q = 0; q < QUANTITIES; q++) c->value[q][line][n] = quantity[q];
  c->count[line]++;
}

static il_status draw(il_context *context, const greedy_input *in, const curves *c) {
  static const char *const title[QUANTITIES] = {
      "p: mean log density of the candidates", "Q: mean log joint density with the held-out part",
      "F: mean variance of a parameter", "G: length of the expected gradient"};
  char name[IL_GREEDY_FRACTIONS][32];
  il_plot_line line[IL_GREEDY_FRACTIONS];
  il_plot_panel panel[QUANTITIES];
  for (int i = 0; i < in->fractions; i++) {
    snprintf(name[i], sizeof name[i], "fraction %g", in->fraction[i]);
    line[i] = (il_plot_line){name[i], c->count[i]};
  }
  for (int q = 0; q < QUANTITIES; q++)
    panel[q] = (il_plot_panel){title[q], q >= 2, (const double *const *)c->value[q]};
  return il_plot_lines(context, in->plot, "The four quantities of the greedy algorithm", "step",
                       in->fractions, line, QUANTITIES, panel);
}

/* How far a fraction is, at the latest: it may settle before. */
static void show_progress(curves *c, int64_t done, int64_t all) {
  char fraction[32] = "", walk[64] = "";
  int steps = c->in->fit.greedy.steps;
  if (c->in->fractions > 1)
    snprintf(fraction, sizeof fraction, "fraction %g, ", c->in->fraction[c->line]);
  if (all)
    snprintf(walk, sizeof walk, ", candidates: %lld of %lld steps", (long long)done,
             (long long)all);
  double within = all ? (double)done / (double)all : 0;
  tick(&c->ticker, (c->step + within) / steps, "%sstep %d of %d%s", fraction, c->step + (all > 0),
       steps, walk);
}

static void show_walk(void *user, int64_t done, int64_t all) {
  curves *c = user;
  if (c->step < c->in->fit.greedy.steps) show_progress(c, done, all);
}

static void show(void *user, const il_greedy_report *r) {
  curves *c = user;
  keep(c, (double[]){r->mean_log_p, r->mean_log_q, r->variance_mean, r->gradient_length});
  c->step = r->step;
  if (c->in->fractions > 1) {
    show_progress(c, 0, 0);
    return;
  }
  ticker_clear(&c->ticker);
  printf("Step %d - Loss: %.4f  log p %.6g  log Q %.6g  F %.3g  G %.3g  changed %.3g\n", r->step,
         r->loss, r->mean_log_p, r->mean_log_q, r->variance_mean, r->gradient_length, r->change);
  fflush(stdout);
}

static void print_row(const greedy_input *in, int index, const il_greedy_result *r,
                      double accuracy) {
  if (index == 0)
    printf("\nfraction  steps           touched %%      bytes  operations  held-out loss       "
           "test accuracy %%\n");
  if (*r->left_out)
    printf("%8g  left out: %s\n", in->fraction[index], r->left_out);
  else
    printf("%8g  %5d %-8s  %9.2f  %9llu  %10.3g  %7.4f → %7.4f  %15.2f\n", in->fraction[index],
           r->steps, r->settled ? "settled" : "", 100.0 * (double)r->touched / (double)r->scalars,
           (unsigned long long)r->most_bytes, (double)r->most_operations, r->first_loss,
           r->last_loss, 100 * accuracy);
  fflush(stdout);
}

/* A fraction in which nothing fits is a row, as long as others have one. */
static il_status one(il_context *context, greedy_input *in, curves *c, il_model *model,
                     const il_samples *train, const il_samples *test, il_greedy_result *r) {
  il_greedy_options *o = &in->fit.greedy;
  il_test_result t = {0};
  c->step = 0;
  ticker_restart(&c->ticker);
  o->rule.fraction = in->fraction[c->line];
  in->fit.append = c->line > 0;
  il_status status = il_fit_greedy(context, model, train, &in->fit, r);
  ticker_clear(&c->ticker);
  if (*r->left_out && in->fractions > 1) il_context_clear(context);
  if (status == IL_OK) il_test(context, model, test, o->loss, o->team, &t);
  if (il_context_status(context) == IL_OK) print_row(in, c->line, r, t.accuracy);
  return status; /* of training: what was learned is kept, whatever the test says */
}

/* *model becomes the fraction's whose held-out loss is lowest; test samples have no say in this. */
static void run_fractions(il_context *context, greedy_input *in, curves *c, il_model **model,
                          const il_samples *train, const il_samples *test) {
  il_model *start = il_model_copy(context, *model);
  int best = -1, *line = &c->line;
  double lowest = 0;
  il_greedy_result r = {0};
  for (*line = 0; start && *line < in->fractions && il_context_status(context) == IL_OK; ++*line) {
    il_model *m = il_model_copy(context, start);
    if (!m) break;
    il_status status = one(context, in, c, m, train, test, &r);
    bool better = status == IL_OK && (best < 0 || r.last_loss < lowest);
    if (better || (status == IL_ERROR_INTERRUPTED && best < 0)) {
      il_model_free(*model);
      *model = m;
      in->trained = true;
    } else {
      il_model_free(m);
    }
    if (!better) continue;
    best = *line;
    lowest = r.last_loss;
  }
  il_model_free(start);
  if (best < 0 && il_context_status(context) == IL_OK)
    il_fail(context, IL_ERROR_ARGUMENT, "greedy: %s", r.left_out);
  if (best >= 0 && in->fractions > 1)
    printf("\nlowest held-out loss: fraction %g (%.4f); this model is kept\n", in->fraction[best],
           lowest);
}

il_status fit_greedy(il_context *context, greedy_input *in, il_model **model,
                     const il_samples *train, const il_samples *test) {
  il_greedy_options *o = &in->fit.greedy;
  curves c = {.in = in};
  o->progress = show;
  o->walking = show_walk;
  o->user = &c;
  run_fractions(context, in, &c, model, train, test);
  if (il_context_status(context) == IL_OK)
    printf("\np, Q, F and G of each step: %s\n", in->fit.metrics);
  if (in->plot && il_context_status(context) == IL_OK && draw(context, in, &c) == IL_OK)
    printf("and drawn: %s\n", in->plot);
  for (int q = 0; q < QUANTITIES; q++)
    for (int i = 0; i < IL_GREEDY_FRACTIONS; i++) free(c.value[q][i]);
  return il_context_status(context);
}
