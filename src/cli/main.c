/* innerloop: finds the subcommand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/cli_ranks.h"
#include "io/io.h"

const command commands[] = {
    {"train", "meta-train a preset or a configuration file", run_train, &train_argp, NULL},
    {"fit", "train a classifier on samples from a file, test and save it", run_fit, &fit_argp,
     NULL},
    {"improve", "a trained classifier on unseen classes, fine-tuned and meta-trained", run_improve,
     &improve_argp, NULL},
    {"compare", "plain, augmented, dropout and meta-learned training side by side", run_compare,
     &compare_argp, NULL},
    {"sweep", "train with several seeds and settings, one table", run_sweep, &sweep_argp, NULL},
    {"eval", "evaluate a run on its test tasks, under three protocols", run_eval, &eval_argp, NULL},
    {"report", "a page of what runs learned, with pictures", run_report, &report_argp, NULL},
    {"adapt", "show a run's learner a few examples of new classes", run_adapt, &adapt_argp, NULL},
    {"predict", "say which of these classes others belong to", run_predict, &predict_argp, NULL},
    {"export", "write a run's learner as one file, also for C programs", run_export, &export_argp,
     NULL},
    {"data", "import, describe and show datasets, write episode lists", run_data, NULL,
     data_actions},
    {"convert", "tensors between PyTorch, numpy and safetensors files; show a file", run_convert,
     &convert_argp, NULL},
    {"presets", "list the presets with the sources of their protocols", run_presets, &presets_argp,
     NULL},
    {"check", "compare the meta-gradient with finite differences", run_check, &check_argp, NULL},
    {"plan", "print the compiled plan of a meta-step", run_plan, &plan_argp, NULL},
    {"bench", "time the presets, or one step of a plan, on this machine", run_bench, &bench_argp,
     NULL},
    {"init", "write freshly drawn weights", run_init, &init_argp, NULL},
    {"grad", "meta-gradient of given weights and tasks, for other programs", run_grad, &grad_argp,
     NULL},
    {"info", "version, threads and how it was built", run_info, &info_argp, NULL},
    {0}};

const command *find_command(const command *table, const char *name) {
  while (table->name && strcmp(table->name, name)) table++;
  return table->name ? table : NULL;
}

const char *nearest_command(const command *table, const char *name) {
  const char *names[64];
  int count = 0;
  for (; table->name && count < 64; table++) names[count++] = table->name;
  return il_nearest(name, count, names);
}

static void help(FILE *out) {
  fprintf(out, "innerloop %s: a meta-learning engine\n\nUsage: innerloop COMMAND [ARGUMENT…]\n\n",
          INNERLOOP_VERSION);
  for (const command *c = commands; c->name; c++) fprintf(out, "  %-9s %s\n", c->name, c->doc);
  fprintf(out,
          "\n  innerloop COMMAND --help   explains a command\n"
          "  innerloop help config      lists all keys of a configuration\n"
          "  innerloop help --man PAGE  a page of the manual; without PAGE their names\n\n"
          "First try: innerloop train glyphs-5w1s-maml && innerloop eval runs/glyphs-5w1s-maml\n"
          "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted.\n");
}

static const command *find(const char *name) {
  const command *found = find_command(commands, name);
  if (found) return found;
  const char *near = nearest_command(commands, name);
  if (near)
    usage_error("unknown command \"%s\"; did you mean %s?", name, near);
  else
    usage_error("unknown command \"%s\"; `innerloop --help` lists them", name);
  return NULL;
}

static void print_config_help(void) {
  printf("%s\n\n", config_doc);
  for (int i = 0; i < il_config_keys(); i++) {
    char accepts[256];
    il_config_key key = il_config_key_at(i, accepts, sizeof accepts);
    printf("%s\n    %s\n    %s; default %s\n", key.key, key.doc, key.accepts,
           *key.fallback ? key.fallback : "none");
  }
}

static int run(const command *c, int argc, char **argv) {
  char name[64];
  const bool divides = c->run == run_train || c->run == run_eval || c->run == run_sweep;
  if (started_ranks() > 1 && !divides)
    return usage_error(
        "started as %d ranks; expected one for %s: train, eval and sweep are divided",
        started_ranks(), c->name);
  snprintf(name, sizeof name, "innerloop %s", c->name);
  argv[0] = name;
  int code = c->run(argc, argv);
  return code == 0 ? close_output() : code;
}

/* innerloop help …; gives the exit code. */
static int run_help(int argc, char **argv) {
  const char *word = argc > 0 ? argv[0] : NULL;
  if (!word) {
    help(stdout);
  } else if (!strcmp(word, "config")) {
    print_config_help();
  } else if (!strcmp(word, "--man")) {
    const int code = print_manual(argc > 1 ? argv[1] : NULL);
    if (code) return code;
  } else if (!strcmp(word, "--complete")) {
    const int code = print_completions(argc - 1, argv + 1);
    if (code) return code;
  } else {
    const command *c = find(word);
    const command *action = c && c->actions && argc > 1 ? find_command(c->actions, argv[1]) : NULL;
    char flag[] = "--help", *arguments[] = {flag, action ? argv[1] : flag, flag, NULL};
    return c ? run(c, action ? 3 : 2, arguments) : 2;
  }
  return close_output();
}

/* A file that became shorter while it was read: there is nothing to go on with, but a sentence can be said. Only calls
 * that a handler may make. */
static void on_lost_page(int number, siginfo_t *info, void *more) {
  (void)more;
  const char *path = il_file_mapped(info->si_addr);
  const char *const part[] = {
      "innerloop: ", path,
      ": became shorter while it was read; expected that it stays as it is as long as it is in use "
      "(a run goes on from its last checkpoint)\n"};
  if (!path) { /* not of our making */
    signal(number, SIG_DFL);
    return; /* and again */
  }
  for (size_t i = 0; i < sizeof part / sizeof *part; i++)
    if (write(STDERR_FILENO, part[i], strlen(part[i])) < 0) break;
  _exit(1);
}

/* The instruction set that the environment's INNERLOOP_ISA names; IL_OK without one. */
static il_status choose_isa(void) {
  const char *isa = getenv("INNERLOOP_ISA");
  if (!isa || !*isa) return IL_OK;
  il_context *context = new_context();
  const il_status status = il_isa_set_default(context, isa);
  if (status != IL_OK)
    fprintf(stderr, "innerloop: INNERLOOP_ISA: %s\n", il_context_message(context));
  il_context_free(context);
  return status;
}

int main(int argc, char **argv) {
  argp_err_exit_status = 2;
  if (started_rank() > 0) hush();
  sigaction(SIGBUS, &(struct sigaction){.sa_sigaction = on_lost_page, .sa_flags = SA_SIGINFO},
            NULL);
  if (argc < 2) {
    help(stderr);
    return 2;
  }
  const char *word = argv[1];
  if (!strcmp(word, "--version") || !strcmp(word, "-V")) {
    printf("innerloop %s\n", INNERLOOP_VERSION);
    return close_output();
  }
  bool asked = !strcmp(word, "help") || !strcmp(word, "--help") || !strcmp(word, "-h");
  if (asked) return run_help(argc - 2, argv + 2);
  const command *c = find(word);
  if (!c) return 2;
  const il_status status = choose_isa();
  return status == IL_OK ? run(c, argc - 1, argv + 1) : il_status_exit_code(status);
}
