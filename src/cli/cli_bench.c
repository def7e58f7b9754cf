/* innerloop bench: meta-steps of the presets, or one problem of a plan on all of its kernels. */
#include <innerloop/measure.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

typedef struct input {
  settings common;
  const char *problem;
  double seconds;
  bool why, json;
} input;

enum { OPTION_PROBLEM = 'p', OPTION_WHY = 'w', OPTION_SECONDS = 256 };
static const struct argp_option options[] = {
    {"problem", OPTION_PROBLEM, "LINE", 0, "time this problem, or line of a printed plan", 0},
    {"why", OPTION_WHY, NULL, 0, "say of each better kernel why it was refused", 0},
    {"seconds", OPTION_SECONDS, "S", 0, "how long to measure each preset or problem (2)", 0},
    SET_OPTION,
    DATA_OPTION,
    THREADS_OPTION,
    JSON_OPTION,
    {0}};

static error_t parse_option(int key, char *arg, struct argp_state *state) {
  input *in = state->input;
  switch (key) {
  case OPTION_PROBLEM: in->problem = arg; return 0;
  case OPTION_WHY: in->why = true; return 0;
  case OPTION_SECONDS: in->seconds = (double)parse_number(state, "seconds", arg, 1, 3600); return 0;
  case OPTION_JSON: in->json = true; return 0;
  case ARGP_KEY_END:
    if (in->problem && (in->common.config || in->common.sets || in->common.data))
      argp_error(state, "--problem is measured without a preset, --set and --data");
    if (in->problem && in->common.threads > 1) argp_error(state, "--problem runs on one thread");
    if (in->why && !in->problem && !in->common.config)
      argp_error(state, "--why needs a preset, a configuration file or --problem");
    if (in->why && !in->problem && in->json) argp_error(state, "--why of a plan is text only");
    return 0;
  default: return parse_setting(&in->common, key, arg, state);
  }
}
const struct argp bench_argp = {
    options,
    parse_option,
    "[PRESET|CONFIG.yaml]",
    "Times meta-steps of all presets on this machine, or of the given one; with --problem, one "
    "step of a "
    "plan on every kernel that takes it and on the plain loop, whose bytes must be the same."
    "\vExamples:\n  innerloop bench\n  innerloop bench omniglot-5w1s-maml --threads 1\n"
    "  innerloop bench --problem \"conv n25 h14 w14 c64 k64 f3x3 s2,2 p1,1\" --why\n"
    "Omniglot's place is taken by drawn characters of the same size unless --data is given.",
    NULL,
    NULL,
    NULL};

/* ---- meta-steps ---- */
static void print_step(const input *in, const char *name, const il_measured_step *s, double peak,
                       bool first) {
  const double rate = s->seconds > 0 ? s->flops / s->seconds : 0;
  if (in->json) {
    fputs(first ? "\n  {\"name\": " : ",\n  {\"name\": ", stdout);
    print_json_string(name);
    printf(", \"seconds\": %.9g, \"lowest\": %.9g, \"episodes\": %.9g, \"steps\": %lld, \"flops\": "
           "%.0f, "
           "\"bytes\": %zu, \"plan_seconds\": %.9g, \"drawn\": %s}",
           s->seconds, s->lowest, s->episodes, (long long)s->steps, s->flops, s->bytes,
           s->plan_seconds, s->drawn ? "true" : "false");
  } else {
    printf("%-26s %10.3f %10.3f %10.3f %9.1f %7.1f %9.1f %9.1f%s\n", name, 1e3 * s->seconds,
           1e3 * s->lowest, 1e3 * s->episodes, 1e-9 * rate, 100 * rate / peak,
           1e-6 * (double)s->bytes, 1e3 * s->plan_seconds, s->drawn ? "  drawn" : "");
  }
  fflush(stdout);
}

static void measure_steps(il_context *context, const input *in, il_team *team) {
  const double peak = il_measure_peak(team);
  const int threads = il_team_threads(team), count = in->common.config ? 1 : il_presets();
  if (in->json)
    printf("{\"threads\": %d, \"peak_flops\": %.6g, \"steps\": [", threads, peak);
  else
    printf("peak of %d thread%s: %.1f GFLOP/s, float32 multiply-adds; meta-steps with their "
           "episodes:\n"
           "%-26s %10s %10s %10s %9s %7s %9s %9s\n",
           threads, threads == 1 ? "" : "s", 1e-9 * peak, "", "median ms", "lowest ms", "episodes",
           "GFLOP/s", "% peak", "MB", "plan ms");
  for (int i = 0; i < count && il_context_status(context) == IL_OK; i++) {
    settings s = in->common;
    if (!s.config) s.config = il_preset_at(i)->name;
    il_measured_step step;
    il_config *config = load_config(context, &s);
    if (config && !in->common.config && !*il_config_get(config, "task.data") &&
        il_source_find(il_config_get(config, "task.source"))->shape_of_data) {
      il_config_free(config); /* one for data of one's own */
      continue;
    }
    if (config && il_measure_step(context, config, team, in->seconds, &step) == IL_OK)
      print_step(in, s.config, &step, peak, i == 0);
    il_config_free(config);
  }
  if (in->json) puts("]}");
}

/* ---- a problem ---- */
static void print_row(const il_measured_problem *p, const il_measured_row *r, double peak) {
  const double rate = r->seconds > 0 ? p->flops / r->seconds : 0;
  char bytes[32] = "same bytes";
  if (!r->right)
    strcpy(bytes, "OTHER BYTES");
  else if (!r->equal)
    snprintf(bytes, sizeof bytes, "differs by %.1e", r->difference);
  printf("%c %-24s %-8s %12.2f %12.2f %9.1f %7.1f %8.1f   %s\n", r->chosen ? '>' : ' ', r->kernel,
         r->isa, 1e6 * r->seconds, 1e6 * r->lowest, 1e-9 * rate, 100 * rate / peak,
         r->seconds > 0 ? 1e-9 * (double)p->bytes / r->seconds : 0, bytes);
}

static void print_problem(const input *in, const il_measured_problem *p, double peak) {
  int refused = 0;
  printf("%s\n%.0f FLOP, %zu bytes; peak of one thread %.1f GFLOP/s\n"
         "  %-24s %-8s %12s %12s %9s %7s %8s\n",
         p->text, p->flops, p->bytes, 1e-9 * peak, "kernel (> is taken)", "set", "median us",
         "lowest us", "GFLOP/s", "% peak", "GB/s");
  for (int i = 0; i < p->rows; i++) {
    const il_measured_row *r = &p->row[i];
    if (!r->refusal)
      print_row(p, r, peak);
    else if (in->why)
      printf("  %-24s %-8s refused: it %s\n", r->kernel, r->isa, r->refusal);
    refused += r->refusal != NULL;
  }
  if (refused && !in->why)
    printf("refused by %d of the kernels for this operation; --why says why\n", refused);
}

static void print_problem_json(const il_measured_problem *p, double peak) {
  fputs("{\"problem\": ", stdout);
  print_json_string(p->text);
  printf(", \"flops\": %.0f, \"bytes\": %zu, \"peak_flops\": %.6g, \"kernels\": [", p->flops,
         p->bytes, peak);
  for (int i = 0; i < p->rows; i++) {
    const il_measured_row *r = &p->row[i];
    fputs(i ? ",\n  {\"kernel\": " : "\n  {\"kernel\": ", stdout);
    print_json_string(r->kernel);
    fputs(", \"isa\": ", stdout);
    print_json_string(r->isa);
    if (r->refusal) {
      fputs(", \"refused\": ", stdout);
      print_json_string(r->refusal);
      putchar('}');
      continue;
    }
    printf(
        ", \"chosen\": %s, \"seconds\": %.9g, \"lowest\": %.9g, \"prepare\": %.9g, \"equal\": %s, "
        "\"difference\": %.3g, \"right\": %s}",
        r->chosen ? "true" : "false", r->seconds, r->lowest, r->prepare,
        r->equal ? "true" : "false", r->difference, r->right ? "true" : "false");
  }
  puts("]}");
}

/* 1 when a kernel gives a wrong result. */
static int measure_problem(il_context *context, const input *in) {
  il_measured_problem *p = calloc(1, sizeof *p);
  il_team *team = il_team_new(context, 1);
  int code = 0;
  if (p && team && il_measure_problem(context, in->problem, in->seconds, p) == IL_OK) {
    const double peak = il_measure_peak(team);
    if (in->json)
      print_problem_json(p, peak);
    else
      print_problem(in, p, peak);
    for (int i = 0; i < p->rows; i++) code |= !p->row[i].refusal && !p->row[i].right;
  }
  il_team_free(team);
  free(p);
  return code;
}

static void print_why(il_context *context, const input *in) {
  il_config *config = load_config(context, &in->common);
  char *text = config ? il_measure_why(context, config) : NULL;
  if (text)
    fputs(*text ? text : "every step of the plan takes the first kernel of its operation\n",
          stdout);
  free(text);
  il_config_free(config);
}

int run_bench(int argc, char **argv) {
  input in = {.seconds = 2};
  parse(&bench_argp, argc, argv, &in);
  il_context *context = new_context();
  int code = 0;
  if (in.problem) {
    code = measure_problem(context, &in);
  } else if (in.why) {
    print_why(context, &in);
  } else {
    il_team *team = il_team_new(context, in.common.threads);
    if (team) measure_steps(context, &in, team);
    il_team_free(team);
  }
  const int failed = finish(context);
  return failed ? failed : code;
}
