/* Options of plain and meta-learned training that fit, compare and improve share. */
#include "cli/cli_learn.h"

#include <stdlib.h>

#include "config/config.h"

il_status load_net(il_context *context, net_file *net, il_model_options *model) {
  if (!net->path) return IL_OK;
  if (net->besides)
    return il_fail(context, IL_ERROR_CONFIG,
                   "--net %s and %s both say what the net is; expected one of them", net->path,
                   net->besides);
  size_t size = 0;
  char *text = il_config_slurp(context, net->path, &size);
  net->config = text ? il_config_new(context) : NULL;
  if (net->config && il_config_read(net->config, net->path, text, size) == IL_OK) {
    model->layers = net->config->layers;
    model->layer = net->config->layer;
    if (!model->layers)
      il_fail(context, IL_ERROR_CONFIG,
              "%s: found no model.layers, expected a list of layers such as {kind: linear}; nets "
              "that have a name are chosen by --model",
              net->path);
  }
  free(text);
  return il_context_status(context);
}

error_t parse_learning(const learning *to, int key, char *arg, struct argp_state *state) {
  il_fit_options *fit = to->fit;
  il_meta_options *meta = to->meta;
  switch (key) {
  case OPTION_MODEL:
    to->model->kind = arg;
    to->net->besides = "--model";
    return 0;
  case OPTION_NET: to->net->path = arg; return 0;
  case OPTION_WIDTH:
    to->net->besides = "--hidden";
    to->model->hidden = (int)parse_number(state, "hidden", arg, 1, 65536);
    return 0;
  case OPTION_TEST: *to->test = arg; return 0;
  case OPTION_HOLD_OUT: *to->hold_out = parse_real(state, "hold-out", arg, 0.001, 0.999); return 0;
  case OPTION_MAX_CLASSES:
    *to->classes = (int)parse_number(state, "max-classes", arg, 1, INT32_MAX);
    return 0;
  case OPTION_EPOCHS: fit->epochs = (int)parse_number(state, "epochs", arg, 0, 1000000); return 0;
  case OPTION_BATCH: fit->batch = (int)parse_number(state, "batch", arg, 1, 65536); return 0;
  case OPTION_LR: fit->lr = parse_real(state, "lr", arg, 0, 1e6); return 0;
  case OPTION_SEED: fit->seed = (uint64_t)parse_number(state, "seed", arg, 0, INT64_MAX); return 0;
  case OPTION_AUGMENT:
    *to->augment = parse_augment(state, arg);
    fit->augment = to->augment;
    return 0;
  case OPTION_WAYS: meta->episodes.ways = (int)parse_number(state, "ways", arg, 2, 1000); return 0;
  case OPTION_QUERIES:
    meta->episodes.queries = (int)parse_number(state, "queries", arg, 1, 65536);
    return 0;
  case OPTION_META_STEPS:
    meta->steps = parse_number(state, "meta-steps", arg, 0, 1000000000);
    return 0;
  case OPTION_META_BATCH:
    meta->meta_batch = (int)parse_number(state, "meta-batch", arg, 1, 65536);
    return 0;
  case OPTION_META_LR: meta->lr = parse_real(state, "meta-lr", arg, 0, 1e6); return 0;
  case OPTION_INNER_STEPS:
    meta->inner_steps = (int)parse_number(state, "inner-steps", arg, 0, 100);
    return 0;
  case OPTION_INNER_LR: meta->inner_lr = parse_real(state, "inner-lr", arg, 0, 1e6); return 0;
  case OPTION_TASKS: *to->tasks = (int)parse_number(state, "tasks", arg, 2, 10000000); return 0;
  case OPTION_THREADS:
  case OPTION_MEMORY: return parse_setting(to->common, key, arg, state);
  default: return ARGP_ERR_UNKNOWN;
  }
}
