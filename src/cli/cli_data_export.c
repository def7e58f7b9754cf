/* innerloop data export: what was imported, for other programs and back again. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_data.h"
#include "cli/ticker.h"
#include "import/export.h"
#include "import/importer.h"

static const struct argp_option export_options[] = {
    {"out", OPTION_OUT, "PATH", 0, "a new folder, or a file .npz or .safetensors", 0},
    {"to", OPTION_TO, "folder|npz|safetensors", 0, "what PATH becomes (by its ending)", 0},
    {0}};
const struct argp data_export_argp = {
    export_options,
    parse_data_option,
    "FILE|glyphs",
    "Writes an imported data set as a folder of PNGs, or as arrays x, y and class_names; a table "
    "for "
    "regression as arrays x, y and task. Importing that again gives the same.",
    NULL,
    NULL,
    NULL};

typedef struct shown {
  ticker ticker;
  const char *out;
} shown;

static void show_progress(void *user, int64_t done, int64_t all) {
  shown *s = user;
  const double part = (double)done / (double)all;
  tick(&s->ticker, part, "writing %s: %.0f %%", s->out, 100 * part);
}

static void export_table(il_context *context, const data_input *in, const il_export_options *o) {
  il_table *t = il_table_open(context, in->common.config);
  if (t && il_table_export(context, t, in->out, o) == IL_OK)
    printf("%s: %d tasks, %d rows\n", in->out, t->tasks, (int)t->start[t->tasks]);
  il_table_free(t);
}

il_status data_export(il_context *context, const data_input *in) {
  shown s = {.out = in->out};
  il_export_options o = {.to = in->to, .stop = catch_signals()};
  const char *name = in->common.config, *ready = il_import_ready(name);
  if (isatty(STDERR_FILENO)) {
    o.progress = show_progress;
    o.user = &s;
  }
  if (ready && !strcmp(ready, "table")) {
    export_table(context, in, &o);
    return il_context_status(context);
  }
  il_dataset *d = open_dataset_any(context, name);
  const il_status status = d ? il_dataset_export(d, in->out, &o) : il_context_status(context);
  ticker_clear(&s.ticker);
  if (!status)
    printf("%s: %d classes, %d examples\n", in->out, d->classes, (int)d->start[d->classes]);
  il_dataset_free(d);
  return status;
}
