/* What a configuration names, opened: its source of tasks, and its net for such tasks. */
#ifndef IL_CONFIG_TASKS_H
#define IL_CONFIG_TASKS_H

#include "config/config.h"
#include "data/source.h"

/* queries: instead of task.queries; 0: that. The configuration must outlive the tasks. NULL after an error. */
il_tasks *il_config_tasks(il_context *context, const il_config *config, int queries);
/* Tasks that can say what they look like, but may not be drawn: for looking at plans without a data set. */
il_tasks *il_config_shapes(il_context *context, const il_config *config);
/* The net for such tasks. */
il_net *il_config_net(il_context *context, const il_config *config, const il_task_shape *shape);

#endif
