/* innerloop data import: any kind of data that src/import/ knows, and what is said while and after it is imported. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/room.h"
#include "cli/cli.h"
#include "cli/ticker.h"
#include "io/io.h"

enum { SKIPS_SHOWN = 20, SIDE_MAX = 1024 };

typedef struct input {
  settings common; /* config: the source */
  const char *out, *skipped;
  il_import_options options;
} input;

enum {
  OPTION_KIND = 256,
  OPTION_SIZE,
  OPTION_GREY,
  OPTION_INVERT,
  OPTION_SCALE,
  OPTION_STRICT,
  OPTION_SKIPPED,
  OPTION_IMAGES,
  OPTION_SIGNALS,
  OPTION_CHANNELS,
  OPTION_X,
  OPTION_Y,
  OPTION_TASK,
  OPTION_STANDARDIZE,
  OPTION_HEADER
};

/* "84", or "60x100": height × width. */
static void parse_size(struct argp_state *state, const char *arg, il_import_options *o) {
  char *end;
  const long height = strtol(arg, &end, 10);
  long width = height;
  if (end != arg && *end == 'x') {
    const char *second = end + 1;
    width = strtol(second, &end, 10);
    if (end == second) width = 0;
  }
  if (*end || height < 1 || width < 1 || height > SIDE_MAX || width > SIDE_MAX)
    argp_error(state,
               "--size: found \"%s\", expected N or HxW, such as 84 or 60x100, sides of 1 to %d",
               arg, (int)SIDE_MAX);
  o->height = (int)height;
  o->width = (int)width;
}

static void parse_kind(struct argp_state *state, const char *arg, il_import_options *o) {
  const char *names[16];
  int kinds = il_import_kinds();
  for (int i = 0; i < kinds && i < 16; i++) names[i] = il_import_kind_name(i);
  /* cppcheck-suppress uninitvar ; the loop above fills those that there are */
  o->kind = names[parse_choice(state, "kind", arg, kinds, names)];
}

static void parse_scale(struct argp_state *state, const char *arg, il_import_options *o) {
  o->scale_auto = !strcmp(arg, "auto");
  if (!o->scale_auto) o->scale = parse_real(state, "scale", arg, 1e-30, 1e30);
}

static void parse_channels(struct argp_state *state, const char *arg, il_import_options *o) {
  static const char *const places[] = {"first", "last"};
  o->channels =
      parse_choice(state, "channels", arg, 2, places) ? IL_CHANNELS_LAST : IL_CHANNELS_FIRST;
}

static void parse_header(struct argp_state *state, const char *arg, il_import_options *o) {
  static const char *const answers[] = {"yes", "no"};
  o->header = parse_choice(state, "header", arg, 2, answers) ? IL_HEADER_NO : IL_HEADER_YES;
}

static error_t parse_option(int key, char *arg, struct argp_state *state) {
  input *in = state->input;
  il_import_options *o = &in->options;
  switch (key) {
  case OPTION_OUT: in->out = arg; return 0;
  case OPTION_KIND: parse_kind(state, arg, o); return 0;
  case OPTION_SIZE: parse_size(state, arg, o); return 0;
  case OPTION_GREY: o->grey = true; return 0;
  case OPTION_INVERT: o->invert = true; return 0;
  case OPTION_STRICT: o->strict = true; return 0;
  case OPTION_SCALE: parse_scale(state, arg, o); return 0;
  case OPTION_IMAGES: o->layout = IL_LAYOUT_IMAGES; return 0;
  case OPTION_SIGNALS: o->layout = IL_LAYOUT_SIGNALS; return 0;
  case OPTION_CHANNELS: parse_channels(state, arg, o); return 0;
  case OPTION_HEADER: parse_header(state, arg, o); return 0;
  case OPTION_X: o->x = arg; return 0;
  case OPTION_Y: o->y = arg; return 0;
  case OPTION_TASK: o->task = arg; return 0;
  case OPTION_STANDARDIZE: o->standardize = true; return 0;
  case OPTION_SKIPPED: in->skipped = arg; return 0;
  case ARGP_KEY_END:
    if (!in->common.config) argp_error(state, "the source of the data is missing");
    if (!in->out) argp_error(state, "--out is missing");
    return 0;
  default: return parse_setting(&in->common, key, arg, state);
  }
}

static const struct argp_option options[] = {
    {"out", OPTION_OUT, "FILE", 0, "dataset file to write", 0},
    {"kind", OPTION_KIND, "KIND", 0, "what SRC is (by what is found there); see below", 0},
    {"size", OPTION_SIZE, "N|HxW", 0,
     "height and width that all pictures get: the largest rectangle of that shape around the "
     "centre, resized. Without it pictures of one size up to 128 keep it, others become 84x84; "
     "Omniglot's become 28x28",
     0},
    {"grey", OPTION_GREY, NULL, 0, "pictures: one channel (they have three unless all are grey)",
     0},
    {"invert", OPTION_INVERT, NULL, 0, "pictures: dark becomes bright", 0},
    {"scale", OPTION_SCALE, "X|auto", 0,
     "arrays, tables: nets see numbers times X (1/255 for bytes, else 1); auto: 1 over the "
     "deviation of all numbers",
     0},
    {"images", OPTION_IMAGES, NULL, 0,
     "arrays: [n,h,w] and [n,h,w,channels] are images; without it [n,h,w] is of bytes only, and "
     "reals of three dimensions are signals",
     0},
    {"signals", OPTION_SIGNALS, NULL, 0, "arrays: [n,time] and [n,time,channels] are signals", 0},
    {"channels", OPTION_CHANNELS, "first|last", 0,
     "arrays: where channels stand (first in PyTorch's files, else last)", 0},
    {"x", OPTION_X, "KEY", 0,
     "arrays: key of the inputs; tables: columns of inputs, as a,b,c or 1,2,3", 0},
    {"y", OPTION_Y, "KEY", 0,
     "arrays: key of the labels, or their file beside a .npy file; tables: the column of classes, "
     "or of outputs",
     0},
    {"task", OPTION_TASK, "COLUMN", 0,
     "tables for regression: what says which task a row belongs to", 0},
    {"standardize", OPTION_STANDARDIZE, NULL, 0,
     "tables for regression: inputs and outputs to mean 0 and deviation 1", 0},
    {"header", OPTION_HEADER, "yes|no", 0,
     "tables: whether the first line has names (it is looked at)", 0},
    {"strict", OPTION_STRICT, NULL, 0, "refuse and write nothing where something would be skipped",
     0},
    {"skipped", OPTION_SKIPPED, "FILE", 0, "write all that was skipped, with reasons, to FILE", 0},
    {0}};

/* The kinds of data behind the options. */
static char *list_kinds(int key, const char *text, void *unused) {
  (void)unused;
  if (key != ARGP_KEY_HELP_POST_DOC) return (char *)(uintptr_t)text;
  char *list = NULL;
  size_t size;
  FILE *stream = open_memstream(&list, &size);
  if (!stream) return NULL;
  fputs("Kinds of SRC:\n", stream);
  for (int i = 0; i < il_import_kinds(); i++)
    fprintf(stream, "  %-9s %s\n", il_import_kind_name(i), il_import_kind_doc(i));
  il_text_close(stream, &list);
  return list;
}

const struct argp data_import_argp = {
    options,
    parse_option,
    "SRC",
    "Makes one dataset file of SRC. Numbers and pixels stay as they "
    "are; only Omniglot's drawings are inverted, to ink on black.\v",
    NULL,
    list_kinds,
    NULL};

/* ---- importing with words ---- */

typedef struct shown {
  ticker ticker;
  const char *source;
  int64_t done;
} shown;

static void show_progress(void *user, int64_t done, int64_t all) {
  shown *s = user;
  const double part = all > 0 ? (double)done / (double)all : 0;
  if (done < s->done) ticker_restart(&s->ticker); /* a second walk, which takes longer */
  s->done = done;
  tick(&s->ticker, part, "importing %s: %lld of %lld", s->source, (long long)done, (long long)all);
}

static void print_skips(const il_import_report *report, const char *file) {
  const char *line = report->skips;
  int64_t shown_lines = 0;
  for (; *line && shown_lines < SKIPS_SHOWN; shown_lines++) {
    const size_t length = strcspn(line, "\n");
    fprintf(stderr, "skipped %.*s\n", (int)length, line);
    line += length + (line[length] == '\n');
  }
  if (!*line) return;
  fprintf(stderr, "skipped %lld more: ", (long long)(report->skipped - shown_lines));
  if (file)
    fprintf(stderr, "see %s\n", file);
  else
    fputs("`innerloop data import … --skipped FILE` writes all\n", stderr);
}

static void print_result(const il_import_report *r, const char *out, FILE *to) {
  const il_shape *e = &r->example;
  if (!strcmp(r->kind, "table")) {
    fprintf(to, "%s: %d tasks, %lld rows", out, r->classes, (long long)r->examples);
    if (r->skipped) fprintf(to, "; %lld skipped", (long long)r->skipped);
    fputc('\n', to);
    return;
  }
  const long long dim[3] = {(long long)e->dim[0], (long long)e->dim[1], (long long)e->dim[2]};
  fprintf(to, "%s: %d classes, %lld ", out, r->classes, (long long)r->examples);
  if (e->rank == 3)
    fprintf(to, "pictures of %lld×%lld, %s", dim[0], dim[1],
            dim[2] == 1   ? "grey"
            : dim[2] == 3 ? "colour"
                          : "");
  else if (e->rank == 2)
    fprintf(to, "signals of %lld steps, %lld channel%s", dim[0], dim[1], dim[1] == 1 ? "" : "s");
  else
    fprintf(to, "examples of %lld feature%s", dim[0], dim[0] == 1 ? "" : "s");
  if (r->skipped)
    fprintf(to, "; %lld %sskipped", (long long)r->skipped,
            strcmp(r->kind, "pictures") ? ""
            : r->skipped == 1           ? "file "
                                        : "files ");
  fputc('\n', to);
}

il_status import_shown(il_context *context, const char *source, const char *out,
                       il_import_options o, const char *skipped, FILE *result) {
  shown s = {.source = source};
  il_import_report report;
  struct sigaction before[2];
  sigaction(SIGINT, NULL, &before[0]);
  sigaction(SIGTERM, NULL, &before[1]);
  o.stop = catch_signals();
  if (isatty(STDERR_FILENO)) { /* nothing in a pipe */
    o.progress = show_progress;
    o.user = &s;
  }
  il_status status = il_import(context, source, out, &o, &report);
  ticker_clear(&s.ticker);
  sigaction(SIGINT, &before[0], NULL);
  sigaction(SIGTERM, &before[1], NULL);
  if (report.notes && !status) fputs(report.notes, stderr);
  if (report.skips) print_skips(&report, skipped);
  if (skipped && report.skips) {
    const il_status written =
        il_atomic_write(context, skipped, 1, &(il_piece){report.skips, report.skips_length});
    if (!status) status = written;
  }
  if (!status) print_result(&report, out, result);
  il_import_report_free(&report);
  return status;
}

int run_import(int argc, char **argv) {
  input in = {0};
  parse(&data_import_argp, argc, argv, &in);
  il_context *context = new_context();
  import_shown(context, in.common.config, in.out, in.options, in.skipped, stdout);
  return finish(context);
}
