/* innerloop grad and innerloop init: numbers that other programs compare with. */
#include <stdio.h>

#include "cli/cli.h"

typedef struct input {
  settings common;
  const char *weights, *tasks, *out;
  bool double_precision, json;
} input;

enum { OPTION_WEIGHTS = 256, OPTION_TASKS, OPTION_FLOAT64 };
static const struct argp_option grad_options[] = {
    SET_OPTION,
    {"weights", OPTION_WEIGHTS, "FILE", 0,
     "weights: safetensors in PyTorch's layout, or a state dict (.pth, .npz)", 0},
    {"tasks", OPTION_TASKS, "FILE", 0,
     "support_x [tasks, n, h, w, c], support_y [tasks, n], query_x, query_y", 0},
    {"out", OPTION_OUT, "FILE", 0, "where the mean meta-gradient goes", 0},
    {"float64", OPTION_FLOAT64, NULL, 0, "the same as --set precision=float64", 0},
    THREADS_OPTION,
    JSON_OPTION,
    {0}};
static const struct argp_option init_options[] = {
    SET_OPTION, {"out", OPTION_OUT, "FILE", 0, "where the weights go", 0}, {0}};

static bool other_format(const char *path) {
  const il_file_format format = il_file_format_of(path);
  return format && format != IL_FILE_SAFETENSORS;
}

static error_t parse_option(int key, char *arg, struct argp_state *state) {
  input *in = state->input;
  switch (key) {
  case OPTION_WEIGHTS: in->weights = arg; return 0;
  case OPTION_TASKS: in->tasks = arg; return 0;
  case OPTION_OUT: in->out = arg; return 0;
  case OPTION_FLOAT64: in->double_precision = true; return 0;
  case OPTION_JSON: in->json = true; return 0;
  case ARGP_KEY_END:
    if (!in->common.config) argp_error(state, "expected a preset or a configuration file");
    if (!in->out) argp_error(state, "--out is missing");
    if (other_format(in->out))
      argp_error(
          state,
          "--out %s: expected the name of a .safetensors; `innerloop convert` makes others of it",
          in->out);
    return 0;
  default: return parse_setting(&in->common, key, arg, state);
  }
}
const struct argp grad_argp = {
    grad_options,
    parse_option,
    "PRESET|CONFIG.yaml",
    "Computes the mean query loss and meta-gradient of given weights on given tasks. Images are u8 "
    "(scaled by 1/255) or reals; labels i32 or i64; targets reals.",
    NULL,
    NULL,
    NULL};
const struct argp init_argp = {init_options,
                               parse_option,
                               "PRESET|CONFIG.yaml",
                               "Writes freshly drawn weights, as `train` would start from.",
                               NULL,
                               NULL,
                               NULL};

int run_grad(int argc, char **argv) {
  input in = {0};
  parse(&grad_argp, argc, argv, &in);
  if (!in.weights || !in.tasks) return usage_error("grad: --weights and --tasks are both needed");
  il_context *context = new_context();
  il_config *config = load_config(context, &in.common);
  il_team *team = config ? il_team_new(context, in.common.threads) : NULL;
  if (team) {
    double loss = 0;
    if (in.double_precision) il_config_set(config, "precision=float64");
    if (il_gradient_of_file(context, config, in.weights, in.tasks, in.out, team, &loss) == IL_OK)
      printf(in.json ? "{\"loss\": %.17g}\n" : "loss %.17g\n", loss);
  }
  il_team_free(team);
  il_config_free(config);
  return finish(context);
}

int run_init(int argc, char **argv) {
  input in = {0};
  parse(&init_argp, argc, argv, &in);
  il_context *context = new_context();
  il_config *config = load_config(context, &in.common);
  if (config) il_write_initial(context, config, in.out);
  il_config_free(config);
  return finish(context);
}
