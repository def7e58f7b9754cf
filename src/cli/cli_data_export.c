#include "cli/cli_data.h"
static const struct argp_option export_options[] = {{0}};
const struct argp export_argp = {export_options, parse_data_option, "", "", NULL, NULL, NULL};
il_status data_export(il_context *context, const data_input *in) {
  (void)in;
  return il_context_status(context);
}
