/* What a configuration names, opened: its source of tasks, and its net for such tasks. */
#ifndef IL_CONFIG_TASKS_H
#define IL_CONFIG_TASKS_H

#include "config/config.h"
#include "data/source.h"

/* The configuration must outlive the tasks. NULL after an error. */
il_tasks *il_config_tasks(il_context *context, const il_config *config);
/* The same from a source that the configuration does not name. */
il_tasks *il_config_tasks_of(il_context *context, const il_config *config, const il_source *source,
                             const void *settings);
/* Test tasks alone, for which no class need train. divided: the configuration whose ways a split of kind auto goes by;
 * replayed: they will come from a list of episodes. */
il_tasks *il_config_test_tasks(il_context *context, const il_config *config,
                               const il_config *divided, bool replayed);
/* Tasks that can say what they look like, but may not be drawn: for looking at plans without a data set. */
il_tasks *il_config_shapes(il_context *context, const il_config *config);
/* The net for such tasks. */
il_net *il_config_net(il_context *context, const il_config *config, const il_task_shape *shape);

#endif
