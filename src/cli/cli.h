/* What the subcommands share. The command line is the only place that prints, exits, or reads the
 * environment. */
#ifndef IL_CLI_CLI_H
#define IL_CLI_CLI_H

#include <argp.h>
#include <innerloop/innerloop.h>
#include <signal.h>
#include <stdio.h>

typedef struct command {
  const char *name, *doc;
  int (*run)(int argc, char **argv); /* argv[0] is "innerloop NAME"; gives the exit code */
  const struct argp *argp; /* what --help, the manual and completion say; NULL: it has actions */
  const struct command *actions;
} command;
/* Tables end with {0}. */
extern const command commands[], data_actions[];
/* NULL: none has this name. */
const command *find_command(const command *table, const char *name);
/* What may have been meant; NULL: none is near. */
const char *nearest_command(const command *table, const char *name);
extern const struct argp train_argp, fit_argp, improve_argp, compare_argp, sweep_argp, eval_argp,
    report_argp, adapt_argp, export_argp, predict_argp, convert_argp, presets_argp, check_argp,
    plan_argp, bench_argp, init_argp, grad_argp, info_argp;
extern const struct argp data_import_argp, data_info_argp, data_show_argp, data_export_argp,
    data_episodes_argp;

int run_train(int argc, char **argv);
int run_sweep(int argc, char **argv);
int run_eval(int argc, char **argv);
int run_report(int argc, char **argv);
int run_convert(int argc, char **argv);
int run_export(int argc, char **argv);
int run_adapt(int argc, char **argv);
int run_predict(int argc, char **argv);
int run_data(int argc, char **argv);
int run_presets(int argc, char **argv);
int run_info(int argc, char **argv);
int run_check(int argc, char **argv);
int run_grad(int argc, char **argv);
int run_init(int argc, char **argv);
int run_plan(int argc, char **argv);
int run_bench(int argc, char **argv);
int run_fit(int argc, char **argv);
int run_compare(int argc, char **argv);
int run_improve(int argc, char **argv);

/* Options that several subcommands take; their parser is a child of the subcommand's. */
typedef struct settings {
  const char *config; /* preset or file: the first argument */
  const char *set[64];
  int sets;
  const char *data;
  int threads;
} settings;
enum {
  OPTION_SET = 's',
  OPTION_DATA = 'd',
  OPTION_THREADS = 't',
  OPTION_JSON = 'j',
  OPTION_OUT = 'o',
  OPTION_MEMORY = 0x700
};
/* A file without a name, gone when it is closed or the process ends, however that happens: its descriptor and a path to it; −1
 * after an error. */
enum { NAMELESS_PATH = 32 };
int open_nameless(il_context *context, char path[NAMELESS_PATH]);
/* Handles the shared keys; ARGP_ERR_UNKNOWN for others. */
error_t parse_setting(settings *s, int key, char *arg, struct argp_state *state);
#define SET_OPTION                                                                                 \
  { "set", OPTION_SET, "KEY=VALUE", 0, "change a key of the configuration (repeatable)", 0 }
#define DATA_OPTION                                                                                \
  {                                                                                                \
    "data", OPTION_DATA, "PATH", 0,                                                                \
        "imported dataset, or what `data import` takes: it is imported once", 0                    \
  }
/* Threads and memory: two options. */
#define THREADS_OPTION                                                                             \
  {"threads", OPTION_THREADS, "N", 0, "worker threads (one per core); changes no result", 0}, {    \
    "memory", OPTION_MEMORY, "BYTES", 0,                                                           \
        "refuse what would take more memory, before it begins: 500M, 2G (any)", 0                  \
  }
#define JSON_OPTION                                                                                \
  { "json", OPTION_JSON, NULL, 0, "print JSON", 0 }
/* Parses with argp; wrong usage exits with 2. */
void parse(const struct argp *argp, int argc, char **argv, void *input);
/* A whole number of an option's argument, else wrong usage. */
long parse_number(struct argp_state *state, const char *option, const char *arg, long low,
                  long high);

/* The configuration with all settings applied (data resolved); NULL after an error. */
il_config *load_config(il_context *context, const settings *s);
/* Whether the source can take what --data names. */
bool data_fits(il_context *context, const char *source, const char *data);
/* The dataset file for a --data path: what is none itself is imported once into the cache. Malloc'ed. */
char *resolve_data(il_context *context, const char *path);
/* innerloop data import (cli/cli_import.c). */
int run_import(int argc, char **argv);
/* Imports with progress and the end asked for by signals; says on standard error what its owner should know, and the first
 * that were skipped, all of them in the file `skipped` where it is given. Then `out` and what it holds, to `result`. */
il_status import_shown(il_context *context, const char *source, const char *out,
                       il_import_options options, const char *skipped, FILE *result);
/* Prints the context's error, frees it, gives the exit code. */
int finish(il_context *context);
il_context *new_context(void);
int usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Flushes stdout; 1 with a sentence when it could not be written. */
int close_output(void);
/* SIGINT, SIGTERM, SIGHUP and SIGPIPE set the flag; SIGINT or SIGTERM again, more than a second later, ends the program
 * at once. */
const volatile sig_atomic_t *catch_signals(void);

/* ---- fit and compare (cli/load.c) ---- */
/* A file, Omniglot's folder, or "glyphs": 20 drawn characters of 20 writers. signals: for a net that takes them
 * (il_samples_open_signals). NULL after an error. */
il_samples *load_samples(il_context *context, const char *path, bool signals);
/* Training and test samples; test_path NULL: a share is held out. A file whose labels name more classes than `classes` is
 * refused; 0: more than CLASSES_USUALLY, or than CLASSES_ALWAYS and CLASSES_OF_ONE for each that occurs. False after an error; free both in any case. */
enum { CLASSES_USUALLY = 65536, CLASSES_ALWAYS = 1024, CLASSES_OF_ONE = 16 };
bool load_divided(il_context *context, const char *train_path, const char *test_path, bool signals,
                  double hold_out, int classes, uint64_t seed, il_samples **train,
                  il_samples **test);
double parse_real(struct argp_state *state, const char *option, const char *arg, double low,
                  double high);
/* The index of arg among names, else wrong usage. */
int parse_choice(struct argp_state *state, const char *option, const char *arg, int count,
                 const char *const *names);
/* "rotate,flip,crop" with the usual strengths. */
il_augment parse_augment(struct argp_state *state, const char *arg);

void print_json_string(const char *text);
/* How a configuration is written, apart from its keys; lines that begin with two spaces stay as they are. */
extern const char config_doc[];

/* innerloop help --man [PAGE] (cli/manual.c): the names of all pages of the manual, "innerloop-train.1" …, or one in roff. */
int print_manual(const char *page);
/* innerloop help --complete WORD… (cli/complete.c): what the last word, which may be empty, can become; the others are those
 * between the program's name and it. For the scripts in completion/. */
int print_completions(int count, char *const *word);

#endif
