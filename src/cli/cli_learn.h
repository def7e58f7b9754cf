/* Options of plain and meta-learned training that fit, compare and improve share. */
#ifndef IL_CLI_LEARN_H
#define IL_CLI_LEARN_H

#include <innerloop/fit.h>

#include "cli/cli.h"

/* Keys for the subcommands' tables; each table says its own defaults. */
enum {
  OPTION_MODEL = 0x300,
  OPTION_NET,
  OPTION_WIDTH,
  OPTION_TEST,
  OPTION_HOLD_OUT,
  OPTION_MAX_CLASSES,
  OPTION_EPOCHS,
  OPTION_BATCH,
  OPTION_LR,
  OPTION_SEED,
  OPTION_AUGMENT,
  OPTION_WAYS,
  OPTION_QUERIES,
  OPTION_META_STEPS,
  OPTION_META_BATCH,
  OPTION_META_LR,
  OPTION_INNER_STEPS,
  OPTION_INNER_LR,
  OPTION_TASKS,
};

#define NET_OPTION                                                                                 \
  {                                                                                                \
    "net", OPTION_NET, "FILE.yaml", 0,                                                             \
        "the net, instead of --model: the layers that a configuration lists under model.layers", 0 \
  }

#define MAX_CLASSES_OPTION                                                                         \
  {                                                                                                \
    "max-classes", OPTION_MAX_CLASSES, "N", 0,                                                     \
        "refuse labels that name more classes than this (65536; where most do not occur 1024)", 0  \
  }

/* A net whose layers stand in a file. */
typedef struct net_file {
  const char *path;    /* NULL: --model */
  const char *besides; /* an option that says what the net is and was given too */
  il_config *config;   /* owns the layers */
} net_file;
/* Gives the layers to the model; where there is a path. Free the configuration in any case. */
il_status load_net(il_context *context, net_file *net, il_model_options *model);

/* Where the values go; what a subcommand has no option for may be NULL. */
typedef struct learning {
  settings *common;
  il_model_options *model;
  net_file *net;
  il_fit_options *fit;
  il_meta_options *meta;
  il_augment *augment;
  const char **test;
  double *hold_out;
  int *classes;
  int *tasks;
} learning;
/* Handles the keys above and --threads; ARGP_ERR_UNKNOWN for others. */
error_t parse_learning(const learning *to, int key, char *arg, struct argp_state *state);

#endif
