/* Shared by the subcommands: options, configuration, errors, output. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/cli_ranks.h"
#include "import/importer.h"

int usage_error(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("innerloop: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  return 2;
}

static size_t memory_limit; /* of --memory; 0: none */

il_context *new_context(void) {
  il_context *context = il_context_new();
  if (context && memory_limit) il_context_limit_memory(context, memory_limit);
  if (context) return context;
  fputs("innerloop: out of memory\n", stderr);
  exit(1);
}

int open_nameless(il_context *context, char path[NAMELESS_PATH]) {
  const int file = memfd_create("innerloop", MFD_CLOEXEC);
  if (file < 0)
    il_fail(context, IL_ERROR_FILE, "a temporary file in memory cannot be made: %s",
            strerror(errno));
  else
    snprintf(path, NAMELESS_PATH, "/proc/self/fd/%d", file);
  return file;
}

int finish(il_context *context) {
  il_status status = il_context_status(context);
  if (status != IL_OK && started_rank() == 0)
    fprintf(stderr, "innerloop: %s\n", il_context_message(context));
  il_context_free(context);
  return il_status_exit_code(status);
}

int close_output(void) {
  const bool before = ferror(stdout);
  clearerr(stdout);
  errno = 0;
  const bool now = fflush(stdout) != 0;
  if (!before && !now) return 0;
  if (now)
    fprintf(stderr, "innerloop: standard output cannot be written: %s\n", strerror(errno));
  else /* whose cause is not known any more */
    fputs("innerloop: standard output could not be written completely\n", stderr);
  return 1;
}

static volatile sig_atomic_t stop_asked, asked_at;
static void on_signal(int number) {
  const int error = errno;
  struct timespec now = {0};
  clock_gettime(CLOCK_MONOTONIC, &now);
  /* Asked twice: no patience for a checkpoint. What comes at once is the same wish, sent to a process and its group. */
  const bool again = stop_asked && (sig_atomic_t)now.tv_sec - asked_at > 1;
  if (again && (number == SIGINT || number == SIGTERM)) _exit(130);
  if (!stop_asked) asked_at = (sig_atomic_t)now.tv_sec;
  stop_asked = 1;
  errno = error;
}

const volatile sig_atomic_t *catch_signals(void) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, before;
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    /* nohup asked for it to be ignored. */
    if (numbers[i] == SIGHUP && sigaction(SIGHUP, NULL, &before) == 0 &&
        before.sa_handler == SIG_IGN)
      continue;
    sigaction(numbers[i], &action, NULL);
  }
  return &stop_asked;
}

long parse_number(struct argp_state *state, const char *option, const char *arg, long low,
                  long high) {
  char *end = NULL;
  errno = 0;
  long number = strtol(arg, &end, 10);
  if (!*arg || *end || errno || number < low || number > high)
    argp_error(state, "--%s: found \"%s\", expected an integer from %ld to %ld", option, arg, low,
               high);
  return number;
}

/* 1500, 20k, 500M, 2G, 1T: powers of 1000, as the figures in MB that are printed. */
static size_t parse_bytes(struct argp_state *state, const char *arg) {
  static const char units[] = "kMGT";
  char *end = NULL;
  errno = 0;
  unsigned long long bytes = strtoull(arg, &end, 10);
  const char *unit = *end ? strchr(units, *end == 'K' ? 'k' : *end) : NULL;
  bool good = *arg >= '0' && *arg <= '9' && !errno && (!*end || (unit && !end[1]));
  for (int i = 0; good && unit && i <= unit - units; i++)
    good = !__builtin_mul_overflow(bytes, 1000ull, &bytes);
  if (!good || bytes == 0 || bytes > SIZE_MAX)
    argp_error(state, "--memory: found \"%s\", expected a number of bytes such as 500M or 2G", arg);
  return (size_t)bytes;
}

error_t parse_setting(settings *s, int key, char *arg, struct argp_state *state) {
  switch (key) {
  case OPTION_SET:
    if (s->sets == 64)
      argp_error(state, "--set is given more than 64 times");
    else
      s->set[s->sets++] = arg;
    return 0;
  case OPTION_DATA: s->data = arg; return 0;
  case OPTION_THREADS: s->threads = (int)parse_number(state, "threads", arg, 1, 1024); return 0;
  case OPTION_MEMORY: memory_limit = parse_bytes(state, arg); return 0;
  case ARGP_KEY_ARG:
    if (s->config) return ARGP_ERR_UNKNOWN;
    s->config = arg;
    return 0;
  default: return ARGP_ERR_UNKNOWN;
  }
}

void parse(const struct argp *argp, int argc, char **argv, void *input) {
  const error_t failed =
      argp_parse(argp, argc, argv, 0, NULL, input); /* wrong usage has ended it */
  unhush();
  if (!failed) return;
  fprintf(stderr, "innerloop: the arguments cannot be read: %s\n", strerror(failed));
  exit(1);
}

static bool assign(il_config *config, const char *key, const char *text) {
  size_t size = strlen(key) + strlen(text) + 2;
  char *assignment = malloc(size);
  if (!assignment) return false;
  snprintf(assignment, size, "%s=%s", key, text);
  il_status status = il_config_set(config, assignment);
  free(assignment);
  return status == IL_OK;
}

/* What a source cannot take is said before it is imported. */
bool data_fits(il_context *context, const char *source, const char *data) {
  const char *kind = il_import_kind_of(data), *ready = kind ? NULL : il_import_ready(data);
  if (il_import_looked(context, data) != IL_OK) return false;
  const char *is = kind ? (strcmp(kind, "table") ? "dataset" : "table") : ready;
  const char *takes = strcmp(source, "omniglot") ? source : "dataset";
  if (!is || !strcmp(is, takes)) return true;
  /* Of imported datasets and tables the sources say it themselves. */
  if (ready && strcmp(ready, "tasks") != 0 && strcmp(takes, "tasks") != 0) return true;
  il_fail(context, IL_ERROR_CONFIG,
          "task.source: found %s, but %s has %s; expected task.source=%s or a preset with it",
          source, data,
          !strcmp(is, "dataset") ? "examples of classes"
          : !strcmp(is, "table") ? "a table of regression tasks"
                                 : "tasks as they are",
          is);
  return false;
}

/* A run's folder stands for its configuration. */
static il_config *load_named(il_context *context, const char *name) {
  struct stat info;
  char *file = NULL;
  if (stat(name, &info) != 0 || !S_ISDIR(info.st_mode)) return il_config_load(context, name);
  if (asprintf(&file, "%s/config.yaml", name) < 0) {
    il_fail(context, IL_ERROR_MEMORY, "out of memory for a path");
    return NULL;
  }
  il_config *config = il_config_load(context, file);
  free(file);
  return config;
}

il_config *load_config(il_context *context, const settings *s) {
  il_config *config = load_named(context, s->config);
  bool good = config != NULL;
  for (int i = 0; i < s->sets && good; i++) good = il_config_set(config, s->set[i]) == IL_OK;
  if (good && s->data) good = assign(config, "task.data", s->data);
  const char *data = good ? il_config_get(config, "task.data") : "";
  const char *source = good ? il_config_get(config, "task.source") : "";
  if (good && *data && il_source_find(source)->needs_data) {
    char *file = data_fits(context, source, data) ? resolve_data(context, data) : NULL;
    good = file && assign(config, "task.data", file);
    free(file);
  }
  if (good) return config;
  il_config_free(config);
  return NULL;
}

void print_json_string(const char *text) {
  /* Names of files are any bytes, JSON is UTF-8. */
  const bool good = il_utf8(text, strlen(text));
  putchar('"');
  for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
    if (*p == '"' || *p == '\\') putchar('\\');
    if (*p < 0x20)
      printf("\\u%04x", *p);
    else if (*p >= 0x80 && !good)
      fputs("\\ufffd", stdout);
    else
      putchar(*p);
  }
  putchar('"');
}

const char config_doc[] =
    "Keys of a configuration: in YAML as nested maps, on the command line as --set KEY=VALUE.\n"
    "A file may start from a preset with `preset: NAME`, and list layers under model.layers:\n"
    "  - {kind: conv, units: 64, kernel: 3, stride: 2, pad: 1, bias: false}\n"
    "kinds and their fields, each of which may be left out:\n"
    "  linear                              units (0: the net's outputs) bias init init_scale\n"
    "  conv (images), conv1d (signals)     units kernel stride pad dilation groups bias init "
    "init_scale\n"
    "  max_pool, avg_pool                  kernel stride pad; along time where it gets a signal\n"
    "  norm                                eps init init_scale\n"
    "  layer_norm instance_norm            affine eps; each example by itself: over all of an "
    "image or of the\n"
    "                                      features, over each step of a signal; over each "
    "channel\n"
    "  group_norm                          groups affine eps\n"
    "  task_norm                           eps; TaskNorm-I, for meta.query_statistics support\n"
    "  attention                           heads bias; of the steps of a signal or the pixels of "
    "an image\n"
    "  embedding                           units vocabulary; the first layer, of whole numbers "
    "from 0 to\n"
    "                                      vocabulary − 1 (tokens [t]), gives a signal [t,units]\n"
    "  gru                                 units bias sequence; of a signal: the last state, or "
    "with\n"
    "                                      sequence: true all of them\n"
    "  residual … add                      (none); adds the input of residual to what is between "
    "the two\n"
    "  residual … shortcut … add           (none); the layers behind shortcut take that input "
    "first\n"
    "  dropout                             rate\n"
    "  activation                          units rate; a learned function of one number, for "
    "hyper\n"
    "  relu tanh sigmoid mean_pool flatten (none)";
