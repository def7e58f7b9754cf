/* innerloop fit: trains a classifier on samples from a file, tests it, saves it. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli_fit_greedy.h"
#include "data/division.h"
#include "fit/model.h"
#include "cli/cli_learn.h"

typedef struct input {
  settings common;
  const char *train, *test, *init, *out;
  il_model_options model;
  net_file net;
  il_fit_options fit;
  il_augment augment;
  double hold_out;
  int classes;
  bool meta, force;
  bool kept; /* the model has been saved */
  il_meta_options learn;
  int tasks;
  greedy_input greedy;
} input;

enum {
  OPTION_TRAIN = 256,
  OPTION_INIT,
  OPTION_OPTIMIZER,
  OPTION_LOSS,
  OPTION_DROPOUT,
  OPTION_PARTS,
  OPTION_META,
  OPTION_EPISODES,
  OPTION_SHOTS,
  OPTION_FIRST_ORDER,
  OPTION_ALGORITHM,
  OPTION_FORCE
};
static const struct argp_option options[] = {
    {"train", OPTION_TRAIN, "DATA", 0,
     "samples to train on: what torch.save wrote (batches, dicts, TensorDataset), .npz, "
     "safetensors, an imported dataset, Omniglot's folder, or the word glyphs; FILE:KEY takes what "
     "stands under a key of a file",
     0},
    {"test", OPTION_TEST, "DATA", 0, "samples to test on", 0},
    {"hold-out", OPTION_HOLD_OUT, "SHARE", 0,
     "without --test: this share of each class is tested and not trained on (0.25)", 0},
    MAX_CLASSES_OPTION,
    {"model", OPTION_MODEL, "linear|mlp|omniglot_fc|omniglot_conv|conv4|conv1d|resnet12", 0,
     "the net; mlp: linear, relu, linear; conv1d: for signals (mlp)", 0},
    NET_OPTION,
    {"hidden", OPTION_WIDTH, "N", 0, "width of mlp's hidden layer (64); filters of the others", 0},
    {"init", OPTION_INIT, "FILE", 0, "start from these parameters, which also size the model", 0},
    {"loss", OPTION_LOSS, "cross_entropy|binary_cross_entropy", 0,
     "cross_entropy (raw scores; default with labels), or binary_cross_entropy (the scores go "
     "through a sigmoid; default with targets)",
     0},
    {"epochs", OPTION_EPOCHS, "N", 0, "passes over the training samples (5)", 0},
    {"batch", OPTION_BATCH, "N", 0, "examples of a mini-batch (32)", 0},
    {"optimizer", OPTION_OPTIMIZER, "adam|sgd|momentum", 0, "what moves the parameters (adam)", 0},
    {"lr", OPTION_LR, "RATE", 0, "learning rate (0.001)", 0},
    {"dropout", OPTION_DROPOUT, "RATE", 0, "dropout before linear layers but a first one (0)", 0},
    {"augment", OPTION_AUGMENT, "LIST", 0,
     "images are varied anew in each epoch: rotate, flip, flip-vertical, crop, affine, erase, "
     "shift, jitter, gain, elastic; separated by commas",
     0},
    {"parts", OPTION_PARTS, "N", 0,
     "compute a mini-batch in N parts, each with its own norm statistics (0: as the net needs)", 0},
    {"seed", OPTION_SEED, "N", 0, "seed of everything that is drawn (1)", 0},
    {"out", OPTION_OUT, "FILE", 0, "where the model is saved (model.safetensors)", 0},
    {"force", OPTION_FORCE, NULL, 0, "overwrite the file of --out (greedy: and of --metrics)", 0},
    {"algorithm", OPTION_ALGORITHM, "plain|greedy", 0,
     "greedy: update only the parameters with the largest expected held-out gradient (plain)", 0},
    THREADS_OPTION,
    {NULL, 0, NULL, 0, "Meta-learning, after the epochs:", 1},
    {"meta", OPTION_META, NULL, 0, "meta-train on tasks cut from the training samples", 0},
    {"episodes", OPTION_EPISODES, "all-classes|by-class", 0,
     "all-classes: each task has two disjoint random parts of the samples; by-class: each task has "
     "a "
     "few examples of some classes, renumbered (all-classes)",
     0},
    {"ways", OPTION_WAYS, "N", 0, "by-class: classes of a task (5)", 0},
    {"shots", OPTION_SHOTS, "N", 0,
     "examples that update the parameters: all-classes: in all (32), by-class: per class (1)", 0},
    {"queries", OPTION_QUERIES, "N", 0,
     "examples that supply the gradient: all-classes: in all (32), by-class: per class (1)", 0},
    {"meta-steps", OPTION_META_STEPS, "N", 0, "meta-steps (500)", 0},
    {"meta-batch", OPTION_META_BATCH, "N", 0, "tasks of a meta-step (8)", 0},
    {"meta-lr", OPTION_META_LR, "RATE", 0, "learning rate of the meta-steps, with Adam (0.001)", 0},
    {"inner-steps", OPTION_INNER_STEPS, "N", 0, "steps of adaptation (5)", 0},
    {"inner-lr", OPTION_INNER_LR, "RATE", 0, "learning rate of adaptation (0.1)", 0},
    {"first-order", OPTION_FIRST_ORDER, NULL, 0, "leave out the derivative of the inner gradient",
     0},
    {"tasks", OPTION_TASKS, "N", 0, "by-class: tasks that are tested (200)", 0},
    {0}};

static const il_optimizer *parse_optimizer(struct argp_state *state, const char *arg) {
  const char *names[16];
  const int count = il_optimizers() < 16 ? il_optimizers() : 16;
  for (int i = 0; i < count; i++) names[i] = il_optimizer_at(i)->name;
  return il_optimizer_at(parse_choice(state, "optimizer", arg, count, names));
}

static error_t parse_option(int key, char *arg, struct argp_state *state) {
  static const char *const losses[] = {"cross_entropy", "binary_cross_entropy"};
  static const il_loss loss_of[] = {IL_LOSS_CROSS_ENTROPY, IL_LOSS_BINARY_CROSS_ENTROPY};
  static const char *const algorithms[] = {"plain", "greedy"};
  static const char *const episodes[] = {"by-class", "all-classes"};
  input *in = state->input;
  il_meta_options *meta = &in->learn;
  if (key == OPTION_EPOCHS || key == OPTION_OPTIMIZER || key == OPTION_PARTS ||
      key == OPTION_DROPOUT || key == OPTION_AUGMENT)
    in->greedy.plain = option_name(options, key);
  switch (key) {
  case OPTION_META: in->meta = true; return 0;
  case OPTION_FORCE: in->force = true; return 0;
  case OPTION_EPISODES:
    meta->episodes.kind = (il_episode_kind)(1 + parse_choice(state, "episodes", arg, 2, episodes));
    return 0;
  case OPTION_SHOTS:
    meta->episodes.shots = (int)parse_number(state, "shots", arg, 1, 65536);
    return 0;
  case OPTION_FIRST_ORDER: meta->first_order = true; return 0;
  case OPTION_TRAIN: in->train = arg; return 0;
  case OPTION_INIT: in->init = arg; return 0;
  case OPTION_OUT: in->out = arg; return 0;
  case OPTION_PARTS: in->fit.parts = (int)parse_number(state, "parts", arg, 0, 1024); return 0;
  case OPTION_DROPOUT: in->model.dropout = parse_real(state, "dropout", arg, 0, 0.999); return 0;
  case OPTION_LOSS: in->fit.loss = loss_of[parse_choice(state, "loss", arg, 2, losses)]; return 0;
  case OPTION_OPTIMIZER: in->fit.optimizer = parse_optimizer(state, arg); return 0;
  case OPTION_ALGORITHM:
    in->greedy.asked = parse_choice(state, "algorithm", arg, 2, algorithms);
    return 0;
  case ARGP_KEY_INIT: state->child_inputs[0] = &in->greedy; return 0;
  case ARGP_KEY_END:
    if (!in->train) argp_error(state, "--train is missing");
    if (il_file_format_of(in->out) == IL_FILE_NPY)
      argp_error(state, "--out: a .npy file holds one tensor; expected .safetensors, .pth or .npz");
    return 0;
  default: {
    error_t error = parse_learning(&(learning){.common = &in->common,
                                               .model = &in->model,
                                               .net = &in->net,
                                               .fit = &in->fit,
                                               .meta = meta,
                                               .augment = &in->augment,
                                               .test = &in->test,
                                               .hold_out = &in->hold_out,
                                               .classes = &in->classes,
                                               .tasks = &in->tasks},
                                   key, arg, state);
    if (key == OPTION_BATCH) in->greedy.fit.greedy.candidates.batch = in->fit.batch;
    if (key == OPTION_LR) in->greedy.fit.greedy.lr = in->fit.lr;
    return error;
  }
  }
}
static const struct argp_child children[] = {{&fit_greedy_argp, 0, NULL, 0}, {0}};
const struct argp fit_argp = {
    options,
    parse_option,
    "",
    "Trains a model on labelled samples in mini-batches, prints the mean loss of each epoch and "
    "the "
    "accuracy on the test samples, and saves the model in PyTorch's layout. Ctrl-C stops and saves "
    "what was learned so far.\v"
    "Example:\n  innerloop fit --model mlp --train glyphs --epochs 5",
    children,
    NULL,
    NULL};

static void show(void *user, const il_fit_progress *p) {
  (void)user;
  printf("Epoch %d - Loss: %.4f\n", p->epoch, p->loss);
  fflush(stdout);
}

/* Labels 0 and 1 fit a net of one score; a net may know more classes than the samples show. */
static void adjust_outputs(il_samples *samples, const il_model *model) {
  const il_net *net = il_model_net(model);
  il_shape last = il_net_parameter_shape(net, il_net_parameters(net) - 1);
  int outputs = (int)last.dim[last.rank - 1];
  if (samples->label && (outputs > samples->outputs || (outputs == 1 && samples->outputs == 2)))
    samples->outputs = outputs;
}

static void show_meta(void *user, const il_meta_progress *p) {
  (void)user;
  printf("Meta-step %lld of %lld - Query loss: %.4f", (long long)p->step, (long long)p->steps,
         p->loss);
  if (!isnan(p->accuracy)) printf(", query accuracy: %.1f %%", 100 * p->accuracy);
  putchar('\n');
  fflush(stdout);
}

static il_status test_on(il_context *context, const input *in, const char *when,
                         const il_model *model, const il_samples *test) {
  il_test_result r;
  if (il_test(context, model, test, in->fit.loss, in->fit.team, &r) != IL_OK)
    return il_context_status(context);
  printf("Accuracy of the model on the test set%s: %.2f %% (%lld of %lld%s)\n", when,
         100 * r.accuracy, (long long)r.correct, (long long)r.total, test->label ? "" : " numbers");
  return IL_OK;
}

/* Whatever fails after training, its result is in the file by then. */
static il_status keep(input *in, const il_model *model) {
  il_status status = il_model_save(model, in->out);
  in->kept = status == IL_OK;
  return status;
}

/* After training, which may have been stopped: saves, and goes on with the status of training. */
static il_status keep_trained(input *in, il_status trained, const il_model *model) {
  if (trained != IL_OK && trained != IL_ERROR_INTERRUPTED) return trained;
  il_status status = keep(in, model);
  return status == IL_OK ? trained : status;
}

/* The model keeps its outputs: meta-trained, then adapted to the training samples. */
static il_status meta_all_classes(il_context *context, input *in, il_model *model,
                                  const il_samples *train, const il_samples *test) {
  il_status status = keep_trained(in, il_meta_fit(context, model, train, &in->learn), model);
  if (status == IL_OK) status = test_on(context, in, ", meta-trained", model, test);
  if (status == IL_OK)
    status = keep_trained(in, il_adapt(context, model, train, &in->learn), model);
  return status == IL_OK ? test_on(context, in, ", meta-trained and adapted", model, test) : status;
}

static il_status test_tasks(il_context *context, const input *in, const char *what,
                            const il_model *model, const il_samples *test) {
  double mean, interval;
  il_status status = il_meta_test(context, model, test, &in->learn, in->tasks, &mean, &interval);
  if (status == IL_OK)
    printf("Accuracy on %d tasks of %d test classes, %s and adapted: %.2f ± %.2f %%\n", in->tasks,
           in->learn.episodes.ways, what, 100 * mean, 100 * interval);
  return status;
}

/* A new last layer for tasks of `ways` classes; the same adaptation before and after. */
static il_status meta_by_class(il_context *context, input *in, il_model **model,
                               const il_samples *train, const il_samples *test) {
  il_model *headed = il_model_with_head(context, *model, in->learn.episodes.ways, in->learn.seed);
  if (!headed) return il_context_status(context);
  il_model_free(*model);
  *model = headed;
  il_status status = test_tasks(context, in, "as trained so far", headed, test);
  if (status == IL_OK)
    status = keep_trained(in, il_meta_fit(context, headed, train, &in->learn), headed);
  return status == IL_OK ? test_tasks(context, in, "meta-trained", headed, test) : status;
}

/* ---- what would fail after training is found before it ---- */

static il_status refuse_existing(il_context *context, const char *option, const char *path) {
  if (access(path, F_OK) != 0) return IL_OK;
  return il_fail(context, IL_ERROR_CONFIG,
                 "%s exists; --force overwrites it, %s FILE writes elsewhere", path, option);
}

static il_status check_folder(il_context *context, const char *path) {
  const char *slash = strrchr(path, '/');
  char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
  if (!folder) return il_fail_memory(context, "a path");
  if (access(folder, W_OK | X_OK) != 0)
    il_fail(context, IL_ERROR_FILE, "%s cannot be written: %s: %s", path, folder, strerror(errno));
  free(folder);
  return il_context_status(context);
}

static il_status check_files(il_context *context, const input *in) {
  const char *metrics = in->greedy.asked ? in->greedy.fit.metrics : NULL;
  il_status status = in->force ? IL_OK : refuse_existing(context, "--out", in->out);
  if (status == IL_OK && metrics && !in->force)
    status = refuse_existing(context, "--metrics", metrics);
  if (status == IL_OK) status = check_folder(context, in->out);
  return status == IL_OK && metrics ? check_folder(context, metrics) : status;
}

static il_status check_tasks(il_context *context, const input *in, const il_samples *samples) {
  il_division *d = il_division_new(context, samples, &in->learn.episodes, in->learn.seed);
  il_division_free(d);
  return il_context_status(context);
}

/* The test samples as the trained model will see them. */
static il_status check_samples(il_context *context, const input *in, il_model *model,
                               const il_samples *train, const il_samples *test) {
  const char *name = in->test ? in->test : in->train;
  if (il_samples_fit_net(context, in->train, train, model) != IL_OK)
    return il_context_status(context);
  if (!train->label != !test->label)
    return il_fail(context, IL_ERROR_DATA, "%s has %s, but the samples to train on have %s", name,
                   test->label ? "labels" : "targets", train->label ? "labels" : "targets");
  il_model_inputs inputs = model->inputs;
  if (in->fit.epochs > 0 || in->greedy.asked || in->meta) model->inputs = il_inputs_of(train);
  il_samples_fit_net(context, name, test, model);
  model->inputs = inputs;
  if (in->meta && il_context_status(context) == IL_OK) check_tasks(context, in, train);
  if (in->meta && in->learn.episodes.kind == IL_EPISODES_BY_CLASS &&
      il_context_status(context) == IL_OK)
    check_tasks(context, in, test);
  return il_context_status(context);
}

/* Reals and pixels are one scale where the reals lie in [0, 1]; that is said. */
static void say_scale(const input *in, const il_samples *train, const il_samples *test) {
  if (!in->test || train->type == test->type) return;
  bool pixels = train->type == IL_UINT8;
  printf("%s has pixels, which are divided by 255; %s has reals in [0, 1], taken as they are\n",
         pixels ? in->train : in->test, pixels ? in->test : in->train);
}

static il_status train_and_test(il_context *context, input *in, il_model **model,
                                const il_samples *train, const il_samples *test) {
  il_status status;
  if (in->greedy.asked) {
    status = fit_greedy(context, &in->greedy, model, train, test);
    if (in->greedy.trained) keep(in, *model);
    status = il_context_status(context);
  } else {
    status = keep_trained(in, il_fit(context, *model, train, &in->fit), *model);
    if (status == IL_OK) status = test_on(context, in, "", *model, test);
  }
  if (!in->meta || status != IL_OK) return status;
  return in->learn.episodes.kind == IL_EPISODES_BY_CLASS
             ? meta_by_class(context, in, model, train, test)
             : meta_all_classes(context, in, *model, train, test);
}

static void fit(il_context *context, input *in, il_samples *train, il_samples *test) {
  il_model *model = in->init ? il_model_open(context, &in->model, in->init, train->example)
                             : il_model_new(context, &in->model, train->example, train->outputs);
  if (!model) return;
  adjust_outputs(train, model);
  adjust_outputs(test, model);
  if (check_samples(context, in, model, train, test) == IL_OK) {
    say_scale(in, train, test);
    train_and_test(context, in, &model, train, test);
    if (in->kept) printf("saved %s\n", in->out);
  }
  il_model_free(model);
}

/* What depends on other options. */
static void complete(input *in, const il_samples *train) {
  if (!in->fit.loss)
    in->fit.loss = train->label ? IL_LOSS_CROSS_ENTROPY : IL_LOSS_BINARY_CROSS_ENTROPY;
  bool by_class = in->learn.episodes.kind == IL_EPISODES_BY_CLASS;
  il_episodes *e = &in->learn.episodes;
  if (!e->shots) e->shots = by_class ? 1 : 32;
  if (!e->queries) e->queries = by_class ? 1 : 32;
  in->learn.loss = in->fit.loss;
  in->learn.seed = in->fit.seed;
  in->learn.team = in->fit.team;
  in->learn.stop = in->fit.stop;
  in->learn.progress = show_meta;
  il_greedy_options *greedy = &in->greedy.fit.greedy;
  greedy->loss = in->fit.loss;
  greedy->seed = in->fit.seed;
  greedy->team = in->fit.team;
  greedy->stop = in->fit.stop;
}

int run_fit(int argc, char **argv) {
  input in = {.model = {.kind = "mlp"},
              .fit = il_fit_defaults(),
              .out = "model.safetensors",
              .learn = il_meta_defaults(),
              .tasks = 200,
              .hold_out = 0.25,
              .greedy = fit_greedy_defaults()};
  in.fit.loss = 0;
  in.learn.episodes = (il_episodes){IL_EPISODES_ALL_CLASSES, 5, 0, 0, false};
  parse(&fit_argp, argc, argv, &in);
  il_context *context = new_context();
  in.model.seed = in.fit.seed;
  in.fit.team = il_team_new(context, in.common.threads);
  in.fit.progress = show;
  in.fit.stop = catch_signals();
  il_samples *train = NULL, *test = NULL;
  if (in.fit.team && check_files(context, &in) == IL_OK &&
      load_net(context, &in.net, &in.model) == IL_OK &&
      load_divided(context, in.train, in.test, il_model_of_signals(&in.model), in.hold_out,
                   in.classes, in.fit.seed, &train, &test)) {
    complete(&in, train);
    fit(context, &in, train, test);
  }
  il_samples_free(train);
  il_samples_free(test);
  il_config_free(in.net.config);
  il_team_free(in.fit.team);
  return finish(context);
}
