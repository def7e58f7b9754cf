/* innerloop improve: a trained classifier, fine-tuned and meta-trained, on unseen classes and its own. */
#include <innerloop/study.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_learn.h"
#include "cli/ticker.h"

typedef struct input {
  settings common;
  const char *data, *out;
  net_file net;
  il_improve_options improve;
  bool json;
} input;

enum { OPTION_INIT = 256, OPTION_CLASSES, OPTION_NO_ROTATE };
static const struct argp_option options[] = {
    {"init", OPTION_INIT, "FILE", 0,
     "parameters of a classifier trained elsewhere, on all but the last quarter of each class", 0},
    {"model", OPTION_MODEL, "omniglot_conv|conv4|omniglot_fc|mlp|conv1d|resnet12", 0,
     "the net; conv1d: for signals (omniglot_conv)", 0},
    NET_OPTION,
    {"hidden", OPTION_WIDTH, "N", 0, "filters (64)", 0},
    {"classes", OPTION_CLASSES, "N", 0, "classes of the classifier (all of the background set)", 0},
    {"epochs", OPTION_EPOCHS, "N", 0, "epochs of its plain training (10)", 0},
    {"batch", OPTION_BATCH, "N", 0, "examples of its mini-batches (128)", 0},
    {"lr", OPTION_LR, "RATE", 0, "its learning rate, with Adam (0.003)", 0},
    {"meta-steps", OPTION_META_STEPS, "N", 0, "meta-steps from its weights (1500)", 0},
    {"meta-batch", OPTION_META_BATCH, "N", 0, "tasks of a meta-step (16)", 0},
    {"meta-lr", OPTION_META_LR, "RATE", 0, "learning rate of the meta-steps, with Adam (0.001)", 0},
    {"inner-lr", OPTION_INNER_LR, "RATE", 0, "learning rate within a task (0.4)", 0},
    {"inner-steps", OPTION_INNER_STEPS, "N", 0, "steps within a task of meta-training (1)", 0},
    {"ways", OPTION_WAYS, "N", 0, "classes of a task (5)", 0},
    {"queries", OPTION_QUERIES, "N", 0, "queries per class while meta-training (3)", 0},
    {"no-rotate", OPTION_NO_ROTATE, NULL, 0,
     "meta-train on upright classes only (each class of a task is turned by 0 to 3 quarter turns)",
     0},
    {"tasks", OPTION_TASKS, "N", 0, "test tasks (1000)", 0},
    {"seed", OPTION_SEED, "N", 0, "seed of everything that is drawn (1)", 0},
    {"out", OPTION_OUT, "FILE", 0, "save the meta-trained model", 0},
    THREADS_OPTION,
    JSON_OPTION,
    {0}};

static error_t parse_option(int key, char *arg, struct argp_state *state) {
  input *in = state->input;
  il_improve_options *o = &in->improve;
  switch (key) {
  case OPTION_INIT: o->init = arg; return 0;
  case OPTION_OUT: in->out = arg; return 0;
  case OPTION_JSON: in->json = true; return 0;
  case OPTION_CLASSES: o->classes = (int)parse_number(state, "classes", arg, 2, 100000); return 0;
  case OPTION_NO_ROTATE: o->meta.episodes.rotate = false; return 0;
  case ARGP_KEY_ARG:
    if (in->data) return ARGP_ERR_UNKNOWN;
    in->data = arg;
    return 0;
  case ARGP_KEY_END:
    if (!in->data) argp_error(state, "the dataset is missing");
    return 0;
  default:
    return parse_learning(&(learning){.common = &in->common,
                                      .model = &o->model,
                                      .net = &in->net,
                                      .fit = &o->fit,
                                      .meta = &o->meta,
                                      .tasks = &o->tasks},
                          key, arg, state);
  }
}
const struct argp improve_argp = {
    options,
    parse_option,
    "DATA",
    "Trains a classifier plainly on the background classes of DATA (or takes it from --init), then "
    "compares two ways to unseen classes with 1 and 5 examples each: fine-tuning it, and "
    "meta-training from its weights on the same examples before the same adaptation; and says what "
    "became of its own classes. DATA: Omniglot's folder, an imported dataset, or glyphs.\v"
    "Example:\n  innerloop improve omniglot --seed 1",
    NULL,
    NULL,
    NULL};

static void show(void *user, const il_improve_progress *p) {
  ticker *t = user;
  if (p->done == 0) ticker_restart(t);
  double done = p->of ? (double)p->done / (double)p->of : 0;
  if (p->of)
    tick(t, done, "%s: %lld of %lld %s", p->stage, (long long)p->done, (long long)p->of, p->piece);
  else
    tick(t, done, "%s", p->stage);
}

static void print_table(const il_improve_result *r, int ways, int tasks) {
  printf("classifier of %d classes: %lld examples train it, %lld test it: accuracy %.2f %%\n\n",
         r->classes, (long long)r->train, (long long)r->test, 100 * r->original);
  printf("unseen classes, %d-way, %d tasks of %d classes (rate and steps chosen on %d others)\n",
         ways, tasks, r->unseen_test, r->unseen_validation);
  for (int k = 0; k < 2; k++) {
    const il_improve_adapted *a = &r->plain[k], *b = &r->meta[k];
    printf("  %d shot%s  fine-tuned                    %6.2f ± %.2f %%  (%d step%s of %g)\n",
           a->shots, k ? "s" : " ", 100 * a->mean, 100 * a->interval, a->steps,
           a->steps == 1 ? "" : "s", a->lr);
    printf("           %5lld meta-steps, then adapted %6.2f ± %.2f %%  (%d step%s of %g)\n",
           (long long)r->meta_steps, 100 * b->mean, 100 * b->interval, b->steps,
           b->steps == 1 ? "" : "s", b->lr);
  }
  printf("\noriginal classes after meta-training\n"
         "  under the old last layer               %6.2f %%\n"
         "  under a new last layer                 %6.2f %%  (the same without meta-training: %.2f "
         "%%)\n",
         100 * r->original_old_head, 100 * r->original_new_head, 100 * r->original_new_head_plain);
  printf("\nplain training %.0f s, meta-training %.0f s, all %.0f s\n", r->seconds_plain,
         r->seconds_meta, r->seconds);
}

static void print_json(const il_improve_result *r, uint64_t seed, int tasks) {
  printf(
      "{\"seed\": %llu, \"classes\": %d, \"original\": %.6g, \"meta_steps\": %lld, \"tasks\": %d, "
      "\"original_old_head\": %.6g, \"original_new_head\": %.6g, "
      "\"original_new_head_plain\": %.6g, \"adapted\": [",
      (unsigned long long)seed, r->classes, r->original, (long long)r->meta_steps, tasks,
      r->original_old_head, r->original_new_head, r->original_new_head_plain);
  for (int k = 0; k < 4; k++) {
    const il_improve_adapted *a = k % 2 ? &r->meta[k / 2] : &r->plain[k / 2];
    printf("%s{\"from\": \"%s\", \"shots\": %d, \"steps\": %d, \"lr\": %g, \"accuracy\": %.6g, "
           "\"interval\": %.6g}",
           k ? ", " : "", k % 2 ? "meta" : "plain", a->shots, a->steps, a->lr, a->mean,
           a->interval);
  }
  printf("], \"seconds\": %.3g}\n", r->seconds);
}

static il_dataset *open_dataset(il_context *context, const char *name) {
  if (!strcmp(name, "glyphs"))
    return il_dataset_glyphs(context, &(il_glyphs){12, 10, 20, 28, 1, 1});
  char *file = resolve_data(context, name);
  il_dataset *d = file ? il_dataset_open(context, file) : NULL;
  free(file);
  return d;
}

int run_improve(int argc, char **argv) {
  input in = {.improve = il_improve_defaults()};
  il_improve_options *o = &in.improve;
  ticker shown = {0};
  o->progress = show;
  o->user = &shown;
  parse(&improve_argp, argc, argv, &in);
  il_context *context = new_context();
  o->model.seed = o->meta.seed = o->fit.seed;
  o->fit.team = o->meta.team = il_team_new(context, in.common.threads);
  o->fit.stop = o->meta.stop = catch_signals();
  il_dataset *dataset = o->fit.team && load_net(context, &in.net, &o->model) == IL_OK
                            ? open_dataset(context, in.data)
                            : NULL;
  il_improve_result result;
  il_model *model = NULL;
  il_status status = dataset ? il_improve(context, dataset, o, &result, &model) : IL_ERROR_DATA;
  ticker_clear(&shown);
  if (status == IL_OK) {
    if (in.json)
      print_json(&result, o->fit.seed, o->tasks);
    else
      print_table(&result, o->meta.episodes.ways, o->tasks);
    if (in.out) il_model_save(model, in.out);
  }
  il_model_free(model);
  il_dataset_free(dataset);
  il_config_free(in.net.config);
  il_team_free(o->fit.team);
  return finish(context);
}
