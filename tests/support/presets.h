/* Presets for one's own data, whose tasks nobody knows without it. */
#ifndef TESTS_SUPPORT_PRESETS_H
#define TESTS_SUPPORT_PRESETS_H

#include "config/config_tasks.h"

/* Whether the shapes of the preset's tasks are known without data. */
static inline bool shapes_are_known(const char *preset) {
  il_context *context = il_context_new();
  il_config *config = il_config_load(context, preset);
  const bool known = !il_source_find(il_config_get(config, "task.source"))->shape_of_data;
  il_config_free(config);
  il_context_free(context);
  return known;
}

#endif
