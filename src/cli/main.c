/* innerloop: finds the subcommand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

const command commands[] = {
    {"train", "meta-train a preset or a configuration file", run_train},
    {"fit", "train a classifier on samples from a file, test and save it", run_fit},
    {"improve", "a trained classifier on unseen classes, fine-tuned and meta-trained", run_improve},
    {"compare", "plain, augmented, dropout and meta-learned training side by side", run_compare},
    {"eval", "evaluate a run on its test tasks, under three protocols", run_eval},
    {"adapt", "show a run's learner a few examples of new classes", run_adapt},
    {"predict", "say which of these classes others belong to", run_predict},
    {"data", "import, describe and show datasets, write episode lists", run_data},
    {"convert", "tensors between PyTorch, numpy and safetensors files; show a file", run_convert},
    {"presets", "list the presets with the sources of their protocols", run_presets},
    {"check", "compare the meta-gradient with finite differences", run_check},
    {"plan", "print the compiled plan of a meta-step", run_plan},
    {"bench", "time the presets, or one step of a plan, on this machine", run_bench},
    {"init", "write freshly drawn weights", run_init},
    {"grad", "meta-gradient of given weights and tasks, for other programs", run_grad},
    {"info", "version, threads and how it was built", run_info},
};
const int command_count = sizeof commands / sizeof *commands;

static void help(FILE *out) {
  fprintf(out, "innerloop %s: a meta-learning engine\n\nUsage: innerloop COMMAND [ARGUMENT…]\n\n",
          INNERLOOP_VERSION);
  for (int i = 0; i < command_count; i++)
    fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].doc);
  fprintf(out,
          "\n  innerloop COMMAND --help   explains a command\n"
          "  innerloop help config      lists all keys of a configuration\n\n"
          "First try: innerloop train glyphs-5w1s-maml && innerloop eval runs/glyphs-5w1s-maml\n"
          "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted.\n");
}

static const command *find(const char *name) {
  for (int i = 0; i < command_count; i++)
    if (!strcmp(commands[i].name, name)) return &commands[i];
  const char *names[32];
  for (int i = 0; i < command_count; i++) names[i] = commands[i].name;
  const char *near = il_nearest(name, command_count, names);
  if (near)
    usage_error("unknown command \"%s\"; did you mean %s?", name, near);
  else
    usage_error("unknown command \"%s\"; `innerloop --help` lists them", name);
  return NULL;
}

static int run(const command *c, int argc, char **argv) {
  char name[64];
  snprintf(name, sizeof name, "innerloop %s", c->name);
  argv[0] = name;
  int code = c->run(argc, argv);
  return code == 0 ? close_output() : code;
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
  if (asked && argc > 2 && !strcmp(argv[2], "config")) {
    print_config_help();
    return close_output();
  }
  if (asked && argc > 2) {
    const command *c = find(argv[2]);
    char flag[] = "--help", *arguments[] = {argv[0], flag, NULL};
    return c ? run(c, 2, arguments) : 2;
  }
  if (asked) {
    help(stdout);
    return close_output();
  }
  const command *c = find(word);
  if (!c) return 2;
  const il_status status = choose_isa();
  return status == IL_OK ? run(c, argc - 1, argv + 1) : il_status_exit_code(status);
}
