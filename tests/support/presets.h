/* Presets for one's own data, whose tasks nobody knows without it. */
#ifndef TESTS_SUPPORT_PRESETS_H
#define TESTS_SUPPORT_PRESETS_H

#include <string.h>

#include "config/config_tasks.h"

/* Whether the shapes of the preset's tasks are known without data. */
static inline bool shapes_are_known(const char *preset) {
  il_context *context = il_context_new();
  il_config *config = il_config_load(context, preset);
  il_tasks *tasks = config ? il_config_shapes(context, config) : NULL;
  const bool known = !strstr(il_context_message(context), "task.data: missing");
  il_tasks_free(tasks);
  il_config_free(config);
  il_context_free(context);
  return known;
}

#endif
