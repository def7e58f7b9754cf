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
    {"split", OPTION_SPLIT, "train|validation|test", 0, "whose episodes (test)", 0},
    {"count", OPTION_COUNT, "N", 0, "episodes (1000)", 0},
    {0}};
const struct argp data_episodes_argp = {episodes_options,
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

/* `run` is what the action does with its options. */
static int run_action(const struct argp *argp, int argc, char **argv, bool needs_out,
                      il_status (*run)(il_context *, const data_input *)) {
  data_input in = {.split = IL_TEST};
  parse(argp, argc, argv, &in);
  if (needs_out && !in.out)
    return usage_error("%s: --out is missing", argv[0] + sizeof "innerloop");
  il_context *context = new_context();
  run(context, &in);
  return finish(context);
}
static int run_info_of(int argc, char **argv) {
  return run_action(&data_info_argp, argc, argv, false, data_info);
}
static int run_show(int argc, char **argv) {
  return run_action(&data_show_argp, argc, argv, true, data_show);
}
static int run_data_export(int argc, char **argv) {
  return run_action(&data_export_argp, argc, argv, true, data_export);
}
static int run_episodes(int argc, char **argv) {
  return run_action(&data_episodes_argp, argc, argv, true, episodes);
}

const command data_actions[] = {
    {"import", "make one dataset file of pictures, arrays or tables", run_import, &data_import_argp,
     NULL},
    {"info", "describe a dataset", run_info_of, &data_info_argp, NULL},
    {"show", "draw examples of a dataset's classes", run_show, &data_show_argp, NULL},
    {"export", "write a dataset for other programs", run_data_export, &data_export_argp, NULL},
    {"episodes", "write the first episodes of a split as a list", run_episodes, &data_episodes_argp,
     NULL},
    {0}};

static void help(void) {
  puts("Usage: innerloop data ACTION [ARGUMENT…]\n");
  for (const command *a = data_actions; a->name; a++)
    printf("  %-9s %-9s %s\n", a->name, a->argp->args_doc, a->doc);
  puts("\n  innerloop data ACTION --help   explains an action");
}

int run_data(int argc, char **argv) {
  static const char expected[] = "expected import, info, show, export or episodes";
  if (argc < 2) return usage_error("data: %s", expected);
  if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-?")) {
    help();
    return 0;
  }
  const command *action = find_command(data_actions, argv[1]);
  if (!action) {
    const char *near = nearest_command(data_actions, argv[1]);
    return usage_error("data: unknown action \"%s\"; %s%s%s", argv[1],
                       near ? "did you mean " : expected, near ? near : "", near ? "?" : "");
  }
  char name[64];
  snprintf(name, sizeof name, "innerloop data %s", action->name);
  argv[1] = name;
  return action->run(argc - 1, argv + 1);
}
