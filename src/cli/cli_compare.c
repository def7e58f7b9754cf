/* innerloop compare: plain, augmented, dropout and meta-learned training side by side. */
#include <innerloop/study.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/cli_learn.h"
#include "fit/model.h"

typedef struct input {
  settings common;
  const char *train, *test, *out;
  il_augment augment;
  net_file net;
  il_compare_options compare;
  double hold_out;
  int classes;
  bool json;
} input;

enum { OPTION_SEEDS = 256, OPTION_STEPS };
static const struct argp_option options[] = {
    {"test", OPTION_TEST, "DATA", 0, "samples to test on", 0},
    {"hold-out", OPTION_HOLD_OUT, "SHARE", 0,
     "without --test: this share of each class is tested and not trained on (0.25)", 0},
    MAX_CLASSES_OPTION,
    {"model", OPTION_MODEL, "linear|mlp|omniglot_fc|omniglot_conv|conv4|conv1d|resnet12", 0,
     "the net; conv1d: for signals (mlp)", 0},
    NET_OPTION,
    {"hidden", OPTION_WIDTH, "N", 0, "width of mlp's hidden layer (64); filters of the others", 0},
    {"seeds", OPTION_SEEDS, "N", 0, "runs of each row (5)", 0},
    {"steps", OPTION_STEPS, "N", 0, "budget of each run, in mini-batches (500)", 0},
    {"batch", OPTION_BATCH, "N", 0, "examples of a mini-batch (32)", 0},
    {"lr", OPTION_LR, "RATE", 0, "learning rate of Adam (0.001)", 0},
    {"meta-lr", OPTION_META_LR, "RATE", 0, "the same of the meta-steps (0.001)", 0},
    {"inner-lr", OPTION_INNER_LR, "RATE", 0, "learning rate of adaptation (0.1)", 0},
    {"inner-steps", OPTION_INNER_STEPS, "N", 0, "steps of adaptation (1)", 0},
    {"augment", OPTION_AUGMENT, "LIST", 0,
     "variations of the augmented row: rotate, flip, flip-vertical, crop, affine, erase, shift, "
     "jitter, gain, elastic (crop,affine)",
     0},
    {"out", OPTION_OUT, "FILE.png", 0, "where the plot is written (compare.png)", 0},
    THREADS_OPTION,
    JSON_OPTION,
    {0}};

static error_t parse_option(int key, char *arg, struct argp_state *state) {
  input *in = state->input;
  il_compare_options *o = &in->compare;
  switch (key) {
  case OPTION_OUT: in->out = arg; return 0;
  case OPTION_JSON: in->json = true; return 0;
  case OPTION_SEEDS:
    o->seeds = (int)parse_number(state, "seeds", arg, 1, IL_COMPARE_SEEDS);
    return 0;
  case OPTION_STEPS: o->fit.steps = parse_number(state, "steps", arg, 1, 1000000000); return 0;
  case ARGP_KEY_ARG:
    if (in->train) return ARGP_ERR_UNKNOWN;
    in->train = arg;
    return 0;
  case ARGP_KEY_END:
    if (!in->train) argp_error(state, "the samples to train on are missing");
    return 0;
  default:
    return parse_learning(&(learning){.common = &in->common,
                                      .model = &o->model,
                                      .net = &in->net,
                                      .fit = &o->fit,
                                      .meta = &o->meta,
                                      .augment = &in->augment,
                                      .test = &in->test,
                                      .hold_out = &in->hold_out,
                                      .classes = &in->classes},
                          key, arg, state);
  }
}
const struct argp compare_argp = {
    options,
    parse_option,
    "DATA",
    "Trains the same net on the same samples in six ways: plain, augmented, with dropout 0.1, 0.2 "
    "and 0.5, and meta-learned (each task updates on one part of the samples and is measured on "
    "another), each with as many examples through the net; prints a table with 95 % intervals over "
    "seeds and draws it.\v"
    "Example:\n  innerloop compare glyphs --seeds 5 --out compare.png",
    NULL,
    NULL,
    NULL};

static void show(void *user, const char *row, int seed, double accuracy) {
  (void)user;
  fprintf(stderr, "\r\033[K%s, seed %d: %.2f %%", row, seed + 1, 100 * accuracy);
}

static void print_table(const il_compare_result *r, bool json) {
  if (!json) printf("%-14s %-20s %10s %12s %9s\n", "", "accuracy", "steps", "examples", "seconds");
  for (int k = 0; k < IL_COMPARE_ROWS; k++) {
    const il_compare_row *row = &r->row[k];
    if (json && row->left_out)
      printf("{\"row\": \"%s\", \"left_out\": \"%s\"}\n", row->name, row->left_out);
    else if (json)
      printf("{\"row\": \"%s\", \"accuracy\": %.6g, \"interval\": %.6g, \"seeds\": %d, \"steps\": "
             "%lld, \"examples\": %lld, \"seconds\": %.4g}\n",
             row->name, row->mean, row->interval, r->seeds, (long long)row->steps,
             (long long)row->examples, row->seconds);
    else if (row->left_out)
      printf("%-14s left out: %s\n", row->name, row->left_out);
    else
      printf("%-14s %6.2f ± %5.2f %% %13lld %12lld %9.2f\n", row->name, 100 * row->mean,
             100 * row->interval, (long long)row->steps, (long long)row->examples, row->seconds);
  }
}

int run_compare(int argc, char **argv) {
  input in = {.out = "compare.png", .hold_out = 0.25};
  in.augment = (il_augment){.crop = 2, .degrees = 10, .shift = 0.1, .scale = 0.1};
  in.compare = il_compare_defaults();
  parse(&compare_argp, argc, argv, &in);
  il_context *context = new_context();
  il_compare_options *o = &in.compare;
  o->fit.augment = &in.augment;
  /* A meta-step divides one mini-batch: a part updates, the other supplies the gradient. */
  o->meta.episodes.shots = (o->fit.batch + 1) / 2;
  o->meta.episodes.queries = o->fit.batch > 1 ? o->fit.batch / 2 : 1;
  o->fit.team = o->meta.team = il_team_new(context, in.common.threads);
  o->fit.stop = o->meta.stop = catch_signals();
  if (isatty(STDERR_FILENO)) o->progress = show;
  il_samples *train = NULL, *test = NULL;
  if (o->fit.team && load_net(context, &in.net, &o->model) == IL_OK &&
      load_divided(context, in.train, in.test, il_model_of_signals(&o->model), in.hold_out,
                   in.classes, o->fit.seed, &train, &test)) {
    if (!train->label) o->fit.loss = o->meta.loss = IL_LOSS_BINARY_CROSS_ENTROPY;
    il_compare_result result;
    il_status status = il_compare(context, train, test, o, &result);
    if (o->progress) fputs("\r\033[K", stderr);
    if (status == IL_OK) print_table(&result, in.json);
    if (status == IL_OK) il_compare_plot(context, &result, in.out);
  }
  il_samples_free(train);
  il_samples_free(test);
  il_config_free(in.net.config);
  il_team_free(o->fit.team);
  return finish(context);
}
