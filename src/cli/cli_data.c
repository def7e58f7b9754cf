/* innerloop data: its options and actions, and episodes, which is short; import is cli_import.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/cli_data.h"

error_t parse_data_option(int key, char *arg, struct argp_state *state) {
  data_input *in = state->input;
  switch (key) {
  case OPTION_OUT: in->out = arg; return 0;
  case OPTION_CLASSES: in->classes = (int)parse_number(state, "classes", arg, 1, 200); return 0;
  case OPTION_COUNT: in->count = (int)parse_number(state, "count", arg, 1, 10000000); return 0;
  case OPTION_JSON: in->json = true; return 0;
  case OPTION_TO: in->to = arg; return 0;
  case OPTION_SPLIT:
    for (int s = IL_TRAIN; s <= IL_TEST; s++) {
      if (strcmp(arg, il_split_name((il_split)s))) continue;
      in->split = (il_split)s;
      return 0;
    }
    argp_error(state, "--split: found \"%s\", expected train, validation or test", arg);
    return 0;
  case ARGP_KEY_END:
    if (!in->common.config) argp_error(state, "an argument is missing");
    return 0;
  default: return parse_setting(&in->common, key, arg, state);
  }
}

il_dataset *open_dataset_any(il_context *context, const char *name) {
  const il_source *source = il_source_find(name);
  if (source && source->dataset && !source->needs_data) {
    void *chosen = calloc(1, source->size + 1);
    if (chosen) il_fields_default(source->fields, chosen);
    il_dataset *d = chosen ? source->dataset(context, chosen, NULL) : NULL;
    free(chosen);
    return d;
  }
  char *file = resolve_data(context, name);
  il_dataset *d = file ? il_dataset_open(context, file) : NULL;
  free(file);
  return d;
}

static const struct argp_option episodes_options[] = {
    SET_OPTION,
    DATA_OPTION,
    {"out", OPTION_OUT, "FILE", 0, "episode list to write", 0},
    {"split", OPTION_SPLIT, "SPLIT", 0, "train, validation or test (test)", 0},
    {"count", OPTION_COUNT, "N", 0, "episodes (1000)", 0},
    {0}};
static const struct argp episodes_argp = {episodes_options,
                                          parse_data_option,
                                          "PRESET|CONFIG.yaml",
                                          "Writes the first episodes of a split as text, for "
                                          "`innerloop eval --episodes` and other programs.",
                                          NULL,
                                          NULL,
                                          NULL};

static il_status episodes(il_context *context, const data_input *in) {
  il_config *config = load_config(context, &in->common);
  if (config)
    il_write_episodes(context, config, in->split, in->count ? (uint64_t)in->count : 1000, in->out);
  il_config_free(config);
  return il_context_status(context);
}

static const data_action actions[] = {{"info", &info_argp, false, data_info},
                                      {"show", &show_argp, true, data_show},
                                      {"export", &export_argp, true, data_export},
                                      {"episodes", &episodes_argp, true, episodes}};
enum { ACTIONS = sizeof actions / sizeof *actions };

int run_data(int argc, char **argv) {
  static const char expected[] = "expected import, info, show, export or episodes";
  const char *names[ACTIONS + 1] = {"import"};
  for (int i = 0; i < ACTIONS; i++) names[i + 1] = actions[i].name;
  if (argc < 2) return usage_error("data: %s", expected);
  if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-?")) {
    puts(
        "Usage: innerloop data import SRC --out FILE [--size HxW] [--grey] [--signals] [--strict] "
        "…\n"
        "       innerloop data info FILE|FOLDER|glyphs [--json]\n"
        "       innerloop data show FILE|glyphs --out PICTURE.png [--classes N]\n"
        "       innerloop data export FILE|glyphs --out FOLDER|FILE.npz|FILE.safetensors\n"
        "       innerloop data episodes PRESET|CONFIG.yaml --out LIST [--split SPLIT] [--count N]\n"
        "Each explains itself with --help.");
    return 0;
  }
  if (!strcmp(argv[1], "import")) return run_import(argc - 1, argv + 1);
  int action = 0;
  while (action < ACTIONS && strcmp(argv[1], actions[action].name)) action++;
  if (action == ACTIONS) {
    const char *near = il_nearest(argv[1], ACTIONS + 1, names);
    return usage_error("data: unknown action \"%s\"; %s%s%s", argv[1],
                       near ? "did you mean " : expected, near ? near : "", near ? "?" : "");
  }
  data_input in = {.split = IL_TEST};
  char name[64];
  snprintf(name, sizeof name, "innerloop data %s", actions[action].name);
  argv[1] = name;
  parse(actions[action].argp, argc - 1, argv + 1, &in);
  if (actions[action].needs_out && !in.out)
    return usage_error("data %s: --out is missing", actions[action].name);
  il_context *context = new_context();
  actions[action].run(context, &in);
  return finish(context);
}
