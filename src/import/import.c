/* The table of importers, and choosing one. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
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

static const il_importer *recognise(const char *source) {
  struct stat info;
  if (stat(source, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) return NULL;
  for (int i = 0; i < il_import_kinds(); i++)
    if (importers[i]->recognises(source)) return importers[i];
  return NULL;
}

const char *il_import_kind_of(const char *source) {
  const il_importer *importer = recognise(source);
  return importer ? importer->name : NULL;
}

static const il_importer *choose(il_context *context, const char *source, const char *kind) {
  const il_importer *importer = NULL;
  const char *ready = il_import_ready(source);
  if (!kind && !ready) importer = recognise(source);
  if (il_import_looked(context, source)) return NULL;
  if (ready) {
    il_fail(context, IL_ERROR_DATA,
            "%s %s and needs no import: train with task.source=%s, --data %s", source,
            strcmp(ready, "tasks") ? "was imported already" : "has tasks as they are", ready,
            source);
    return NULL;
  }
  for (int i = 0; kind && i < il_import_kinds(); i++)
    if (!strcmp(importers[i]->name, kind)) importer = importers[i];
  if (!importer && kind)
    il_fail(context, IL_ERROR_ARGUMENT, "\"%s\" is no kind of data that can be imported", kind);
  else if (!importer)
    il_fail(
        context, IL_ERROR_DATA,
        "%s: no kind of data that can be imported; expected what `innerloop data import --help` "
        "lists",
        source);
  return importer;
}

static il_status begin_report(il_context *context, il_import_report *report) {
  *report = (il_import_report){.skips = calloc(1, 1), .notes = calloc(1, 1)};
  return report->skips && report->notes ? IL_OK : il_fail_memory(context, "a report");
}

il_status il_import(il_context *context, const char *source, const char *out,
                    const il_import_options *options, il_import_report *report) {
  if (begin_report(context, report) != IL_OK) return IL_ERROR_MEMORY;
  il_import_look_error(); /* what stayed of another look */
  struct stat info, there;
  char *file = il_import_file_of(source);
  if (!file) return il_fail_memory(context, "a path");
  if (stat(file, &info) != 0)
    il_fail(context, IL_ERROR_FILE, "%s: %s", source, strerror(errno));
  else if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) /* a pipe would wait for ever */
    il_fail(context, IL_ERROR_FILE, "%s is no regular file or folder", source);
  else if (stat(out, &there) == 0 && there.st_dev == info.st_dev && there.st_ino == info.st_ino &&
           !S_ISDIR(info.st_mode))
    il_fail(context, IL_ERROR_ARGUMENT, "%s is the source itself, expected another file to write",
            out);
  free(file);
  if (!isfinite(options->scale))
    il_fail(context, IL_ERROR_ARGUMENT, "%s: the scale is %g, expected a number", source,
            options->scale);
  if (il_context_status(context)) return il_context_status(context);
  const char *kind = options->kind ? options->kind : options->task ? "table" : NULL;
  const il_importer *importer = choose(context, source, kind);
  if (!importer || il_import_options_check(context, importer, source, options))
    return il_context_status(context);
  report->kind = importer->name;
  return importer->import(context, source, out, options, report);
}

il_status il_import_step(il_context *context, const il_import_options *options, int64_t done,
                         int64_t all) {
  if (options->progress) options->progress(options->user, done, all);
  if (!options->stop || !*options->stop) return IL_OK;
  return il_fail(context, IL_ERROR_INTERRUPTED,
                 "stopped before the import was complete; nothing was written");
}

bool il_import_utf8(const char *text) {
  json_t *json = json_string(text);
  json_decref(json);
  return json != NULL;
}

/* Room grows in powers of two, so that it need not be kept: it is the next one above the length. */
static il_status append_line(il_context *context, char **text, size_t *length, const char *line) {
  const size_t more = strlen(line) + 1;
  size_t had = 1, room = 1;
  while (had < *length + 1) had *= 2;
  while (room < *length + more + 1) room *= 2;
  if (room > had) {
    char *grown = realloc(*text, room);
    if (!grown) return il_fail_memory(context, "a report");
    *text = grown;
  }
  memcpy(*text + *length, line, more - 1);
  *length += more;
  memcpy(*text + *length - 1, "\n", 2);
  return IL_OK;
}

/* As it is where it is text, else with \xNN for what no terminal should get. */
static char *escaped(const char *name) {
  const bool text = il_import_utf8(name);
  char *out = malloc(4 * strlen(name) + 1), *to = out;
  for (const unsigned char *p = (const unsigned char *)name; out && *p; p++)
    if (*p < 32 || *p == 127 || (*p > 127 && !text))
      to += sprintf(to, "\\x%02x", *p);
    else
      *to++ = (char)*p;
  if (out) *to = 0;
  return out;
}

il_status il_import_skip(il_context *context, const il_import_options *options,
                         il_import_report *report, const char *name, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char *reason = NULL, *line = NULL, *shown = escaped(name);
  if (vasprintf(&reason, format, arguments) < 0) reason = NULL;
  va_end(arguments);
  if (!shown || !reason || asprintf(&line, "%s: %s", shown, reason) < 0) line = NULL;
  il_status status;
  if (!line) {
    status = il_fail_memory(context, "a report");
  } else if (options->strict) {
    status = il_fail(context, IL_ERROR_DATA, "%s (strict: nothing is skipped)", line);
  } else {
    report->skipped++;
    status = append_line(context, &report->skips, &report->skips_length, line);
  }
  free(line);
  free(reason);
  free(shown);
  return status;
}

il_status il_import_note(il_context *context, il_import_report *report, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char *line = NULL;
  if (vasprintf(&line, format, arguments) < 0) line = NULL;
  va_end(arguments);
  il_status status = line ? append_line(context, &report->notes, &report->notes_length, line)
                          : il_fail_memory(context, "a report");
  free(line);
  return status;
}

il_status il_import_commit(il_dataset_writer *writer, il_import_report *report, int64_t files) {
  report->classes = il_dataset_writer_classes(writer);
  report->examples = il_dataset_writer_examples(writer);
  report->example = il_dataset_writer_shape(writer);
  return il_dataset_writer_commit(writer, files, report->skipped);
}

void il_import_report_free(il_import_report *report) {
  free(report->skips);
  free(report->notes);
  *report = (il_import_report){0};
}
