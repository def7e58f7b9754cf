/* Importing made files in tests: a folder of one's own, and what an import gave. */
#ifndef TESTS_IMPORTS_H
#define TESTS_IMPORTS_H

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <innerloop/import.h>
#include <innerloop/io.h>

static il_context *context;
static char folder[] = "/tmp/innerloop-import-XXXXXX";
static char source[256], out[256];
static il_import_report report;

static inline const char *in_folder(char to[256], const char *name) {
  snprintf(to, 256, "%s/%s", folder, name);
  return to;
}

static inline void write_source(const char *name, const char *text) {
  FILE *file = fopen(in_folder(source, name), "wb");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

/* Imports the source; the report stays until the next. */
static inline il_status import_it(const il_import_options *options) {
  il_import_report_free(&report);
  in_folder(out, "out.safetensors");
  return il_import(context, source, out, options, &report);
}

/* It fails with a sentence that names the file and has the words, and nothing is written. */
static inline void refused(const il_import_options *options, const char *words) {
  unlink(in_folder(out, "out.safetensors"));
  assert_int_not_equal(import_it(options), IL_OK);
  const char *message = il_context_message(context);
  if (!strstr(message, source) || !strstr(message, words))
    fail_msg("found \"%s\", expected the file and \"%s\"", message, words);
  assert_int_not_equal(access(out, F_OK), 0);
  il_context_clear(context);
}

static inline void noted(const char *words) {
  if (!strstr(report.notes, words)) fail_msg("found \"%s\", expected \"%s\"", report.notes, words);
}

static inline void imported(const il_import_options *options) {
  if (import_it(options) != IL_OK) fail_msg("%s", il_context_message(context));
}

static inline int set_up(void **state) {
  (void)state;
  context = il_context_new();
  return context && mkdtemp(folder) ? 0 : -1;
}

static inline int remove_one(const char *path, const struct stat *info, int type,
                             struct FTW *where) {
  (void)info;
  (void)type;
  (void)where;
  return remove(path);
}

static inline int tear_down(void **state) {
  (void)state;
  il_import_report_free(&report);
  nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  il_context_free(context);
  return 0;
}

#endif
