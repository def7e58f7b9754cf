/* innerloop data: info, show, episodes; import is cli_import.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "io/io.h"

typedef struct input {
  settings common; /* config: the file, folder or preset */
  const char *out;
  int classes, count;
  il_split split;
  bool json;
} input;

enum { OPTION_CLASSES = 256, OPTION_SPLIT, OPTION_COUNT };

static error_t parse_option(int key, char *arg, struct argp_state *state) {
  input *in = state->input;
  switch (key) {
  case OPTION_OUT: in->out = arg; return 0;
  case OPTION_CLASSES: in->classes = (int)parse_number(state, "classes", arg, 1, 200); return 0;
  case OPTION_COUNT: in->count = (int)parse_number(state, "count", arg, 1, 10000000); return 0;
  case OPTION_JSON: in->json = true; return 0;
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

/* A source that has a data set without a file, with its usual settings; a folder, or a file. */
static il_dataset *open_any(il_context *context, const char *name) {
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

/* Height, width, channels; of what is no image, its numbers in a row. */
static void image_size(const il_dataset *d, int size[3]) {
  const il_shape shape = il_dataset_shape(d);
  size[0] = shape.rank == 3 ? (int)shape.dim[0] : 1;
  size[1] = shape.rank == 3 ? (int)shape.dim[1] : (int)il_shape_count(shape);
  size[2] = shape.rank == 3 ? (int)shape.dim[2] : 1;
}

static const struct argp_option info_options[] = {JSON_OPTION, {0}};
static const struct argp info_argp = {
    info_options, parse_option, "FILE|glyphs", "Describes a dataset.", NULL, NULL, NULL};

static il_status info(il_context *context, const input *in) {
  il_dataset *d = open_any(context, in->common.config);
  if (!d) return il_context_status(context);
  int size[3], classes = il_dataset_classes(d), fewest = 0, most = 0, sets = 0;
  long long examples = 0;
  const char *set[16];
  int of_set[16] = {0};
  image_size(d, size);
  for (int i = 0; i < classes; i++) {
    int count = il_dataset_examples(d, i), k = 0;
    examples += count;
    if (i == 0 || count < fewest) fewest = count;
    if (count > most) most = count;
    const char *origin = il_dataset_class_origin(d, i);
    while (k < sets && strcmp(set[k], origin)) k++;
    if (k == sets && sets < 16) set[sets++] = origin;
    if (k < 16) of_set[k]++;
  }
  if (in->json) {
    printf("{\"classes\": %d, \"examples\": %lld, \"examples_of_a_class\": [%d, %d], "
           "\"image\": [%d, %d, %d]}\n",
           classes, examples, fewest, most, size[0], size[1], size[2]);
  } else {
    printf("classes   %d\nexamples  %lld, %d to %d of a class\nimages    %d × %d, %d channel%s\n",
           classes, examples, fewest, most, size[0], size[1], size[2], size[2] == 1 ? "" : "s");
    for (int k = 0; k < sets && *set[0]; k++)
      printf("set       %s: %d classes\n", set[k], of_set[k]);
    printf("first     %s\nlast      %s\n", il_dataset_class_name(d, 0),
           il_dataset_class_name(d, classes - 1));
  }
  il_dataset_free(d);
  return IL_OK;
}

static const struct argp_option show_options[] = {
    {"out", OPTION_OUT, "FILE.png", 0, "picture to write", 0},
    {"classes", OPTION_CLASSES, "N", 0, "rows of the picture (20)", 0},
    {0}};
static const struct argp show_argp = {
    show_options,  parse_option,
    "FILE|glyphs", "Draws a contact sheet: a row for each of the first classes.",
    NULL,          NULL,
    NULL};

static il_status show(il_context *context, const input *in) {
  il_dataset *d = open_any(context, in->common.config);
  if (!d) return il_context_status(context);
  int size[3], rows = in->classes ? in->classes : 20, columns = 0;
  image_size(d, size);
  if (rows > il_dataset_classes(d)) rows = il_dataset_classes(d);
  for (int i = 0; i < rows; i++)
    if (il_dataset_examples(d, i) > columns) columns = il_dataset_examples(d, i);
  if (columns > 20) columns = 20;
  int height = rows * (size[0] + 2), width = columns * (size[1] + 2), channels = size[2];
  uint8_t *sheet = calloc((size_t)height * (size_t)width + 1, 1);
  if (!sheet) fputs("innerloop: out of memory\n", stderr);
  for (int r = 0; sheet && r < rows; r++) {
    for (int c = 0; c < columns && c < il_dataset_examples(d, r); c++) {
      const uint8_t *image = il_dataset_example(d, r, c);
      for (int y = 0; y < size[0]; y++)
        for (int x = 0; x < size[1]; x++)
          sheet[(size_t)(r * (size[0] + 2) + y) * (size_t)width + (size_t)(c * (size[1] + 2) + x)] =
              image[(y * size[1] + x) * channels];
    }
  }
  if (sheet) il_png_write_grey(context, in->out, height, width, sheet);
  free(sheet);
  il_dataset_free(d);
  return il_context_status(context);
}

static const struct argp_option episodes_options[] = {
    SET_OPTION,
    DATA_OPTION,
    {"out", OPTION_OUT, "FILE", 0, "episode list to write", 0},
    {"split", OPTION_SPLIT, "SPLIT", 0, "train, validation or test (test)", 0},
    {"count", OPTION_COUNT, "N", 0, "episodes (1000)", 0},
    {0}};
static const struct argp episodes_argp = {episodes_options,
                                          parse_option,
                                          "PRESET|CONFIG.yaml",
                                          "Writes the first episodes of a split as text, for "
                                          "`innerloop eval --episodes` and other programs.",
                                          NULL,
                                          NULL,
                                          NULL};

static il_status episodes(il_context *context, const input *in) {
  il_config *config = load_config(context, &in->common);
  if (config)
    il_write_episodes(context, config, in->split, in->count ? (uint64_t)in->count : 1000, in->out);
  il_config_free(config);
  return il_context_status(context);
}

static const struct {
  const char *name;
  const struct argp *argp;
  bool needs_out;
  il_status (*run)(il_context *, const input *);
} actions[] = {{"info", &info_argp, false, info},
               {"show", &show_argp, true, show},
               {"episodes", &episodes_argp, true, episodes}};

int run_data(int argc, char **argv) {
  const char *const names[] = {"import", "info", "show", "episodes"};
  if (argc < 2) return usage_error("data: expected import, info, show or episodes");
  if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-?")) {
    puts(
        "Usage: innerloop data import SRC --out FILE [--size HxW] [--grey] [--strict] …\n"
        "       innerloop data info FILE|glyphs [--json]\n"
        "       innerloop data show FILE|glyphs --out PICTURE.png [--classes N]\n"
        "       innerloop data episodes PRESET|CONFIG.yaml --out LIST [--split SPLIT] [--count N]\n"
        "Each explains itself with --help.");
    return 0;
  }
  if (!strcmp(argv[1], "import")) return run_import(argc - 1, argv + 1);
  int action = 0;
  while (action < 3 && strcmp(argv[1], actions[action].name)) action++;
  if (action == 3) {
    const char *near = il_nearest(argv[1], 4, names);
    return usage_error("data: unknown action \"%s\"; %s%s%s", argv[1],
                       near ? "did you mean " : "expected import, info, show or episodes",
                       near ? near : "", near ? "?" : "");
  }
  input in = {.split = IL_TEST};
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
