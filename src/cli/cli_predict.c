/* innerloop predict: an adapted learner is asked which class things belong to. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli.h"
#include "import/importer.h"
#include "cli/cli_predict.h"
#include "image/image_read.h"
#include "import/listing.h"
#include "io/csv.h"

enum { OPTION_TOP = 256, OPTION_CSV, OPTION_REJECT };

static const struct argp_option options[] = {
    {"top", OPTION_TOP, "K", 0, "the K likeliest classes of each (1)", 0},
    {"reject", OPTION_REJECT, "P", OPTION_ARG_OPTIONAL,
     "say \"none of these\" below probability P; without P, below what 95 of 100 right answers on "
     "the support set had",
     0},
    {"csv", OPTION_CSV, NULL, 0, "print CSV", 0},
    JSON_OPTION,
    THREADS_OPTION,
    {0}};

static error_t parse_option(int key, char *arg, struct argp_state *state) {
  input *in = state->input;
  switch (key) {
  case OPTION_TOP: in->top = (int)parse_number(state, "top", arg, 1, 1000000); return 0;
  case OPTION_REJECT:
    in->reject = true;
    if (arg) in->least = parse_real(state, "reject", arg, 1e-9, 1);
    return 0;
  case OPTION_CSV: in->format = FORMAT_CSV; return 0;
  case OPTION_JSON: in->format = FORMAT_JSON; return 0;
  case ARGP_KEY_ARG:
    if (!in->common.config) {
      in->common.config = arg;
    } else {
      if (in->count == (int)(sizeof in->asked / sizeof *in->asked))
        argp_error(state, "more than %d things to ask about; name their folder instead", in->count);
      in->asked[in->count++] = arg;
    }
    return 0;
  case ARGP_KEY_END:
    if (!in->count)
      argp_error(state, "expected a model of `innerloop adapt` and what to ask about");
    return 0;
  default: return parse_setting(&in->common, key, arg, state);
  }
}

const struct argp predict_argp = {
    options,
    parse_option,
    "MODEL PICTURE|FOLDER|FILE|-…",
    "Says which class each picture belongs to, and how sure that is: pictures (PNG, JPEG), folders "
    "and zips "
    "of them, or examples in a file of arrays (x, or its only tensor: .npz, .npy, .safetensors, "
    ".pt) or, features and signals of one channel, in the rows of a CSV. - reads one such "
    "picture or file from standard input. Each is asked about alone: its answer does not depend on "
    "the others.",
    NULL,
    NULL,
    NULL};

/* ---- answers ---- */

static void sort_classes(answers *a, const float *p) {
  const int n = il_adapted_classes(a->model);
  for (int i = 0; i < n; i++) {
    int at = i;
    while (at > 0 && p[a->order[at - 1]] < p[i]) {
      a->order[at] = a->order[at - 1];
      at--;
    }
    a->order[at] = i;
  }
}

/* An answer is one line, and no name changes the terminal. */
static void print_name(const char *name) {
  for (const unsigned char *p = (const unsigned char *)name; *p; p++)
    if (*p < 0x20 || *p == 0x7f)
      printf("\\x%02x", *p);
    else
      putchar(*p);
}

void print_answer(answers *a, const char *name, const float *p) {
  const int classes = il_adapted_classes(a->model),
            top = a->in->top < classes ? a->in->top : classes;
  sort_classes(a, p);
  const bool none = (double)p[a->order[0]] < a->least;
  switch (a->in->format) {
  case FORMAT_TEXT:
    print_name(name);
    if (none) printf("  none of these; nearest");
    for (int k = 0; k < top; k++) {
      fputs("  ", stdout);
      print_name(il_adapted_class_name(a->model, a->order[k]));
      printf(" %.1f %%", 100 * (double)p[a->order[k]]);
    }
    putchar('\n');
    break;
  case FORMAT_CSV:
    if (a->given == 0) {
      printf("input,rejected");
      for (int k = 0; k < top; k++) printf(",class_%d,probability_%d", k + 1, k + 1);
      putchar('\n');
    }
    il_csv_print(stdout, name);
    printf(",%s", none ? "true" : "false");
    for (int k = 0; k < top; k++) {
      putchar(',');
      il_csv_print(stdout, il_adapted_class_name(a->model, a->order[k]));
      printf(",%.9g", (double)p[a->order[k]]);
    }
    putchar('\n');
    break;
  case FORMAT_JSON:
    printf("%s\n  {\"input\": ", a->given ? "," : "");
    print_json_string(name);
    printf(", \"rejected\": %s, \"classes\": [", none ? "true" : "false");
    for (int k = 0; k < top; k++) {
      printf("%s{\"class\": ", k ? ", " : "");
      print_json_string(il_adapted_class_name(a->model, a->order[k]));
      printf(", \"probability\": %.9g}", (double)p[a->order[k]]);
    }
    printf("]}");
    break;
  }
  a->given++;
}

void unreadable(answers *a, const char *name, const char *reason) {
  fprintf(stderr, "innerloop: %s: %s\n", name, reason);
  a->unreadable++;
}

/* ---- pictures ---- */

static size_t picture_size(const answers *a) {
  return (size_t)il_shape_count(il_adapted_example(a->model));
}

static void ask_waiting(answers *a) {
  const size_t classes = (size_t)il_adapted_classes(a->model);
  if (a->waiting && il_context_status(a->context) == IL_OK &&
      il_adapted_predict(a->model, a->waiting, a->pixels, a->probability) == IL_OK)
    for (int i = 0; i < a->waiting; i++)
      print_answer(a, a->name[i], a->probability + (size_t)i * classes);
  for (int i = 0; i < a->waiting; i++) free(a->name[i]);
  a->waiting = 0;
}

static void ask_picture(answers *a, const char *name, il_bytes *bytes) {
  const il_shape e = il_adapted_example(a->model);
  char reason[IL_PICTURE_REASON] = "";
  if (e.rank != 3 || il_adapted_type(a->model) != IL_UINT8) {
    il_fail(a->context, IL_ERROR_DATA, "%s: the learner takes no pictures, but arrays", name);
    return;
  }
  uint8_t *x = a->pixels + (size_t)a->waiting * picture_size(a);
  if (il_picture_read(a->context, bytes, (int)e.dim[0], (int)e.dim[1], (int)e.dim[2], x, reason) !=
      IL_OK) {
    if (il_context_status(a->context) == IL_OK) unreadable(a, name, reason);
    return;
  }
  for (size_t i = 0; il_adapted_inverted(a->model) && i < picture_size(a); i++)
    x[i] = (uint8_t)(255 - x[i]);
  a->name[a->waiting] = strdup(name);
  if (!a->name[a->waiting])
    il_fail_memory(a->context, "the name of a picture");
  else if (++a->waiting == AT_ONCE)
    ask_waiting(a);
}

static int64_t read_stream(void *user, void *to, size_t size) {
  FILE *file = user;
  const size_t got = fread(to, 1, size, file);
  return ferror(file) ? -1 : (int64_t)got;
}

static void ask_stream(answers *a, const char *name, FILE *file) {
  il_bytes *bytes = calloc(1, sizeof *bytes);
  if (!bytes) {
    il_fail_memory(a->context, "a picture");
    return;
  }
  bytes->read = read_stream;
  bytes->user = file;
  ask_picture(a, name, bytes);
  free(bytes);
}

static void ask_folder(answers *a, const char *path) {
  il_listing l;
  il_bytes *bytes = calloc(1, sizeof *bytes);
  if (!bytes) {
    il_fail_memory(a->context, "a picture");
    return;
  }
  const bool open = il_listing_open(&l, a->context, path) == IL_OK;
  size_t files = 0;
  for (size_t i = 0; open && i < l.count && il_context_status(a->context) == IL_OK; i++) {
    char *name = NULL;
    if (l.file[i].empty) continue;
    files++;
    if (asprintf(&name, "%s/%s", path, l.file[i].name) < 0) {
      il_fail_memory(a->context, "the name of a picture");
      break;
    }
    if (l.file[i].problem) {
      unreadable(a, name, l.file[i].problem);
    } else if (!il_listing_begin(&l, &l.file[i])) {
      unreadable(a, name, l.reason);
    } else {
      memset(bytes, 0, sizeof *bytes);
      bytes->read = il_listing_read;
      bytes->user = &l;
      ask_picture(a, name, bytes);
    }
    il_listing_end(&l);
    free(name);
  }
  if (open && files == 0) unreadable(a, path, "has no files");
  il_listing_close(&l);
  free(bytes);
}

/* A file under the name that answers have. */
static void ask_file(answers *a, const char *name, const char *path) {
  const il_shape e = il_adapted_example(a->model);
  const bool pictures = e.rank == 3 && il_adapted_type(a->model) == IL_UINT8;
  if (il_import_is_tensors(path) || !pictures) {
    ask_waiting(a); /* answers come in the order of what was asked */
    ask_rows(a, name, path);
    return;
  }
  FILE *file = fopen(path, "rbe");
  if (!file) {
    unreadable(a, name, strerror(errno));
    return;
  }
  ask_stream(a, name, file);
  fclose(file);
}

/* Standard input can be read once only, and arrays are mapped: it becomes a file that is gone afterwards. */
static void ask_standard_input(answers *a) {
  char path[NAMELESS_PATH], block[1 << 14];
  const int descriptor = open_nameless(a->context, path);
  if (descriptor < 0) return;
  const int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  FILE *file = copy >= 0 ? fdopen(copy, "wb") : NULL;
  size_t got = 0;
  bool good = file != NULL;
  while (good && (got = fread(block, 1, sizeof block, stdin)) > 0)
    good = fwrite(block, 1, got, file) == got;
  const int failed = ferror(stdin) ? errno : 0;
  if (file && fclose(file) != 0) good = false;
  if (!file && copy >= 0) close(copy);
  if (failed)
    unreadable(a, "-", strerror(failed));
  else if (good)
    ask_file(a, "-", path);
  else
    il_fail(a->context, IL_ERROR_FILE, "standard input cannot be kept: %s", strerror(errno));
  close(descriptor);
}

/* Of pictures, in a zip. */
static bool is_archive(const char *path) {
  const char *kind = il_import_kind_of(path);
  return kind && (!strcmp(kind, "pictures") || !strcmp(kind, "omniglot"));
}

static void ask_whole_file(answers *a, const char *path) { ask_file(a, path, path); }

static void ask(answers *a, const char *path) {
  struct stat info;
  if (!strcmp(path, "-"))
    ask_standard_input(a);
  else if (stat(path, &info) != 0)
    unreadable(a, path, strerror(errno));
  else if (S_ISDIR(info.st_mode))
    ask_folder(a, path);
  else {
    const bool archive = is_archive(path);
    const int error = il_import_look_error();
    if (error)
      unreadable(a, path, strerror(error));
    else
      (archive ? ask_folder : ask_whole_file)(a, path);
  }
}

static void predict(answers *a) {
  const input *in = a->in;
  const size_t classes = (size_t)il_adapted_classes(a->model);
  il_adapted_report r;
  il_adapted_describe(a->model, &r);
  a->least = in->least;
  if (in->reject && in->least <= 0) {
    a->least = r.reject;
    if (r.reject > 0)
      fprintf(
          stderr,
          "none of these below %.1f %%: 95 of 100 right answers on the support set were surer\n",
          100 * r.reject);
    else
      il_fail(
          a->context, IL_ERROR_DATA,
          "--reject: the support set was too small to find a threshold; give one, --reject=0.5");
  }
  a->probability = malloc(AT_ONCE * classes * sizeof *a->probability);
  a->order = malloc(classes * sizeof *a->order);
  a->pixels = malloc(AT_ONCE * picture_size(a));
  if (!a->probability || !a->order || !a->pixels) il_fail_memory(a->context, "the answers");
  if (in->format == FORMAT_JSON) putchar('[');
  for (int i = 0; i < in->count && il_context_status(a->context) == IL_OK; i++)
    ask(a, in->asked[i]);
  ask_waiting(a);
  if (in->format == FORMAT_JSON) puts("\n]");
  free(a->probability);
  free(a->order);
  free(a->pixels);
}

int run_predict(int argc, char **argv) {
  static input in; /* its list is long */
  in = (input){.top = 1};
  parse(&predict_argp, argc, argv, &in);
  il_context *context = new_context();
  il_team *team = il_team_new(context, in.common.threads);
  answers a = {.context = context, .in = &in};
  a.model = team ? il_adapted_open(context, in.common.config, team) : NULL;
  if (a.model && il_adapted_classes(a.model) == 0)
    il_fail(context, IL_ERROR_UNSUPPORTED,
            "%s: the learner predicts numbers, which `innerloop predict` does not print; expected "
            "one that learned classes",
            in.common.config);
  else if (a.model)
    predict(&a);
  il_adapted_free(a.model);
  il_team_free(team);
  const int code = finish(context);
  return code ? code : a.unreadable ? 1 : 0;
}
