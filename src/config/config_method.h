/* How a configuration trains: the records that it names, with their settings. */
#ifndef IL_CONFIG_METHOD_H
#define IL_CONFIG_METHOD_H

#include "config/config.h"
#include "meta/method.h"

/* Texts in it live as long as the configuration is not set. */
il_status il_config_method(const il_config *config, il_method *method);

/* Says outright what follows from other keys until somebody changes these: how many steps have rates of their own. */
il_status il_config_settle(il_config *config);

enum { IL_CONFIG_EVAL_STEPS = 16 };
/* The numbers of eval.steps into step; gives how many. il_config_validate has seen that they are fine. */
int il_config_eval_steps(const il_config *config, int step[IL_CONFIG_EVAL_STEPS]);
/* Whether eval.steps is a list of at most so many numbers, ascending. */
il_status il_config_check_eval_steps(const il_config *config);

/* Says in the configuration of a learner that tells all training classes apart how many there were; *ways becomes those of
 * a task. Of other learners it changes nothing. */
il_status il_config_classes(il_config *config, int classes, int *ways);

#endif
