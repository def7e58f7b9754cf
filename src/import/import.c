/* The table of importers, and choosing one. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "import/importer.h"

static const il_importer *const importers[] = {
#define IL_IMPORTER(name) &il_importer_##name,
#include "import/importer.def"
#undef IL_IMPORTER
};

int il_import_kinds(void) { return (int)(sizeof importers / sizeof *importers); }
const char *il_import_kind_name(int index) { return importers[index]->name; }
const char *il_import_kind_doc(int index) { return importers[index]->doc; }

static const il_importer *choose(il_context *context, const char *source, const char *kind) {
  for (int i = 0; i < il_import_kinds(); i++)
    if (kind ? !strcmp(importers[i]->name, kind) : importers[i]->recognises(source))
      return importers[i];
  if (kind)
    il_fail(context, IL_ERROR_ARGUMENT, "\"%s\" is no kind of data that can be imported", kind);
  else
    il_fail(
        context, IL_ERROR_DATA,
        "%s: no kind of data that can be imported; expected what `innerloop data import --help` "
        "lists",
        source);
  return NULL;
}

il_status il_import(il_context *context, const char *source, const char *out,
                    const il_import_options *options, il_import_report *report) {
  *report = (il_import_report){0};
  struct stat info;
  if (stat(source, &info) != 0)
    return il_fail(context, IL_ERROR_FILE, "%s: %s", source, strerror(errno));
  const il_importer *importer = choose(context, source, options->kind);
  if (!importer) return il_context_status(context);
  report->kind = importer->name;
  return importer->import(context, source, out, options, report);
}

il_status il_import_step(il_context *context, const il_import_options *options, int64_t done,
                         int64_t all) {
  if (options->progress) options->progress(options->user, done, all);
  if (!options->stop || !*options->stop) return IL_OK;
  return il_fail(context, IL_ERROR_INTERRUPTED,
                 "stopped after %" PRId64 " of %" PRId64 " examples; nothing was written", done,
                 all);
}

void il_import_report_free(il_import_report *report) {
  free(report->skips);
  *report = (il_import_report){0};
}
