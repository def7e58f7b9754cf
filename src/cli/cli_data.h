/* What the actions of `innerloop data` share. */
#ifndef IL_CLI_CLI_DATA_H
#define IL_CLI_CLI_DATA_H

#include "cli/cli.h"

typedef struct data_input {
  settings common; /* config: the file, folder or preset */
  const char *out, *to;
  int classes, count;
  il_split split;
  bool json;
} data_input;

enum { OPTION_CLASSES = 256, OPTION_SPLIT, OPTION_COUNT, OPTION_TO };

il_status data_info(il_context *context, const data_input *in);
il_status data_show(il_context *context, const data_input *in);
il_status data_export(il_context *context, const data_input *in);

error_t parse_data_option(int key, char *arg, struct argp_state *state);
/* A source that has a data set without a file, with its usual settings; or an imported file. */
il_dataset *open_dataset_any(il_context *context, const char *name);

#endif
