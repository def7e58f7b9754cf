/* Tables of text, imported; what is imported can be opened. The first byte says how, the rest is the file. */
#include <innerloop/data.h>
#include <innerloop/import.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/table_file.h"
#include "fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!size) return 0;
  static char out[4096];
  snprintf(out, sizeof out, "%s/out.safetensors", fuzz_folder());
  const unsigned how = *data;
  const bool table = how & 1;
  const il_import_options options = {
      .kind = table ? "table" : "csv",
      .strict = how & 2,
      .scale_auto = !table && how & 4,
      .standardize = table && how & 4,
      .header = (il_import_header)(how >> 3 & 3) % 3,
      .x = how & 32 ? "2,1" : NULL,
      .y = table || how & 64 ? "3" : NULL,
      .task = table ? how & 128 ? "4" : "task" : NULL,
  };
  il_context *context = il_context_new();
  il_import_report report = {0};
  const char *path = fuzz_file_in_folder("in.csv", data + 1, size - 1);
  if (il_import(context, path, out, &options, &report) == IL_OK) {
    if (table) {
      il_table *t = il_table_open(context, out);
      FUZZ_EXPECT(t, "%s", il_context_message(context));
      il_table_free(t);
    } else {
      il_dataset *d = il_dataset_open(context, out);
      FUZZ_EXPECT(d, "%s", il_context_message(context));
      il_dataset_free(d);
    }
  } else {
    FUZZ_EXPECT(*il_context_message(context), "a sentence");
  }
  il_import_report_free(&report);
  il_context_free(context);
  return 0;
}
