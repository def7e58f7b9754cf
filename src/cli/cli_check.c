/* innerloop check: is the meta-gradient of this configuration right, and really of second order? */
#include <stdio.h>

#include "base/locale.h"
#include "cli/cli.h"

typedef struct input {
  settings common;
  bool json;
} input;

static const struct argp_option options[] = {
    SET_OPTION, DATA_OPTION, THREADS_OPTION, JSON_OPTION, {0}};
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
const struct argp check_argp = {
    options,
    parse_option,
    "PRESET|CONFIG.yaml",
    "Compares the meta-gradient of a configuration, in double, with central finite differences "
    "along "
    "random directions, with steps small enough that no relu or maximum switches; and says how "
    "much of it "
    "the first-order gradient leaves out. Exit code 1 when they disagree.",
    NULL,
    NULL,
    NULL};

int run_check(int argc, char **argv) {
  input in = {0};
  parse(&check_argp, argc, argv, &in);
  il_context *context = new_context();
  il_config *config = load_config(context, &in.common);
  il_team *team = config ? il_team_new(context, in.common.threads) : NULL;
  il_meta_check c = {0};
  if (team) il_check_meta_gradient(context, config, team, &c);
  if (c.directions && in.json) {
    printf("{\"agrees\": %s, \"undecided\": %s, \"directions\": %d, \"step\": %g, "
           "\"relative_error\": ",
           c.agrees ? "true" : "false", !c.agrees && c.units > 0 ? "true" : "false", c.directions,
           c.step);
    il_json_real(stdout, c.worst);
    printf(", \"units_switched\": %g, \"norm\": ", c.units);
    il_json_real(stdout, c.norm);
    fputs(", \"second_order_share\": ", stdout);
    il_json_real(stdout, c.second_share);
    puts("}");
  } else if (c.directions) {
    printf("finite differences  worst of %d directions: relative error %.2g, step %g, %g units "
           "switched\n",
           c.directions, c.worst, c.step, c.units);
    printf("second order        %.2f %% of the meta-gradient (norm %.4g) is beyond first order\n",
           100 * c.second_share, c.norm);
    if (c.pseudo)
      puts("the algorithm's direction is no derivative: its first inner step's gradient was "
           "compared");
    if (c.first_order)
      puts("first_order is true: training leaves that part out; the comparison above is of the "
           "full gradient");
    puts(c.agrees      ? "verdict             the meta-gradient agrees with finite differences"
         : c.units > 0 ? "verdict             undecided: units stand on their edge"
                       : "verdict             the meta-gradient DISAGREES with finite differences");
  }
  il_team_free(team);
  il_config_free(config);
  return finish(context);
}
