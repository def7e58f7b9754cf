/* Which keys of a configuration count for nothing beside its others. They are refused: a wish that is ignored is worse than
 * an error. */
#ifndef IL_CONFIG_VAIN_H
#define IL_CONFIG_VAIN_H

#include "config/config.h"
#include "data/source.h"

/* Why a key does nothing for tasks of a source: "the tasks have no classes"; NULL: it does, or may. */
const char *il_config_vain(const il_source *source, int key);
/* Refuses a setting "KEY=VALUE" of a configuration in which another key's value leaves it unread. what: "an evaluation". */
il_status il_config_check_change(il_context *context, const il_config *config, const char *setting,
                                 const char *what);
/* Whether nobody reads it: the source, the algorithm or another key's value leaves it out. */
bool il_config_unread(const il_config *config, int key);
/* Refuses what somebody asked for and nobody would read; an evaluation has its own rules. */
il_status il_config_check_asked(il_context *context, const il_config *config);

#endif
