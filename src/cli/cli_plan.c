/* innerloop plan: the compiled meta-step of a configuration. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"

typedef struct input {
  settings common;
  bool json;
} input;

static const struct argp_option options[] = {SET_OPTION, DATA_OPTION, JSON_OPTION, {0}};
static error_t parse_option(int key, char *arg, struct argp_state *state) {
  input *in = state->input;
  if (key == OPTION_JSON) {
    in->json = true;
    return 0;
  }
  if (key == ARGP_KEY_END && !in->common.config)
    argp_error(state, "expected a preset or a configuration file");
  return parse_setting(&in->common, key, arg, state);
}
const struct argp plan_argp = {options,
                               parse_option,
                               "PRESET|CONFIG.yaml",
                               "Prints the plan of a meta-step: every kernel call with stage, "
                               "sizes, origin, buffer and FLOPs. --json "
                               "prints its totals.",
                               NULL,
                               NULL,
                               NULL};

int run_plan(int argc, char **argv) {
  input in = {0};
  parse(&plan_argp, argc, argv, &in);
  il_context *context = new_context();
  il_config *config = load_config(context, &in.common);
  il_plan_summary s = {0};
  char *text = config ? il_training_plan(context, config, &s) : NULL;
  if (text && in.json)
    printf("{\"steps_shared\": %lld, \"steps_task\": %lld, \"steps_after\": %lld, \"nodes\": %lld, "
           "\"flops_shared\": %.0f, \"flops_task\": %.0f, \"flops_after\": %.0f, \"bytes_shared\": "
           "%zu, "
           "\"bytes_task\": %zu}\n",
           (long long)s.steps_shared, (long long)s.steps_task, (long long)s.steps_after,
           (long long)s.nodes, s.flops_shared, s.flops_task, s.flops_after, s.bytes_shared,
           s.bytes_task);
  else if (text)
    fputs(text, stdout);
  free(text);
  il_config_free(config);
  return finish(context);
}
