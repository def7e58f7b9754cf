/* innerloop presets. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "config/config_method.h"

static const struct argp_option options[] = {JSON_OPTION, {0}};
static error_t parse_option(int key, char *arg, struct argp_state *state) {
  (void)arg;
  if (key != OPTION_JSON) return ARGP_ERR_UNKNOWN;
  *(bool *)state->input = true;
  return 0;
}
const struct argp presets_argp = {
    options, parse_option,
    NULL,    "Lists the presets: what they train, and where their protocol comes from.",
    NULL,    NULL,
    NULL};

/* All keys, as a run's config.yaml has them. */
static void print_config(il_context *context, const char *name) {
  il_config *config = il_config_load(context, name);
  char *text = config && il_config_settle(config) == IL_OK ? il_config_dump(config) : NULL;
  print_json_string(text ? text : "");
  free(text);
  il_config_free(config);
}

int run_presets(int argc, char **argv) {
  bool json = false;
  il_context *context = new_context();
  parse(&presets_argp, argc, argv, &json);
  if (json) putchar('[');
  for (int i = 0; i < il_presets(); i++) {
    const il_preset *p = il_preset_at(i);
    if (json) {
      printf("%s{\"name\": ", i ? ",\n " : "");
      print_json_string(p->name);
      fputs(", \"note\": ", stdout);
      print_json_string(p->note);
      fputs(", \"source\": ", stdout);
      print_json_string(p->source);
      fputs(", \"settings\": [", stdout);
      for (const char *const *s = p->settings; *s; s++) {
        if (s != p->settings) fputs(", ", stdout);
        print_json_string(*s);
      }
      fputs("], \"config\": ", stdout);
      print_config(context, p->name);
      putchar('}');
    } else {
      printf("%s%s\n    %s\n    Source: %s\n", i ? "\n" : "", p->name, p->note, p->source);
    }
  }
  if (json) puts("]");
  return finish(context);
}
