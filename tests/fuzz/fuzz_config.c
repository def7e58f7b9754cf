/* Configurations as YAML, and as settings of a command line: what is accepted is printed so that it reads back the same.
 * An input that begins with '+' is settings, one a line, else it is YAML. */
#include <innerloop/config.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/input.h"

static void check(il_context *context, const il_config *config) {
  char *text = il_config_dump(config);
  FUZZ_EXPECT(text, "%s", il_context_message(context));
  il_context_clear(context);
  il_config *again = il_config_parse(context, "again", text);
  FUZZ_EXPECT(again, "%s\n%s", il_context_message(context), text);
  char *same = il_config_dump(again);
  FUZZ_EXPECT(same && !strcmp(text, same), "the same text\n%s\n%s", text, same);
  free(text);
  free(same);
  const il_status once = il_config_validate(config);
  il_context_clear(context);
  FUZZ_EXPECT(il_config_validate(again) == once, "both are possible, or none");
  il_config_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  if (!text) abort();
  if (size) memcpy(text, data, size);
  text[size] = 0;
  il_context *context = il_context_new();
  il_config *config;
  if (*text == '+') {
    config = il_config_new(context);
    for (char *line = text + 1, *next; config && line; line = next) {
      if ((next = strchr(line, '\n'))) *next++ = 0;
      if (il_config_set(config, line) != IL_OK)
        FUZZ_EXPECT(*il_context_message(context), "a sentence");
      il_context_clear(context);
    }
  } else {
    config = il_config_parse(context, "input", text);
    FUZZ_EXPECT(config || *il_context_message(context), "a sentence");
  }
  if (config) check(context, config);
  il_config_free(config);
  il_context_free(context);
  free(text);
  return 0;
}
