/* Which keys of a configuration count for nothing beside its others. They are refused: a wish that is ignored is worse than
 * an error. */
#ifndef IL_CONFIG_VAIN_H
#define IL_CONFIG_VAIN_H

#include "config/config.h"
#include "data/source.h"

/* Why a key does nothing for tasks of a source: "the tasks have no classes"; NULL: it does, or may. */
const char *il_config_vain(const il_source *source, int key);
/* The key whose value is why this one is not read: that which chose another algorithm, source, optimizer or way; -1: it is
 * read, or may be. */
int il_config_vain_by(const il_config *config, int key);
int il_config_vain_by_setting(const il_config *config, const char *setting); /* "inner.lr=0.1" */
/* Either of these, or that the algorithm makes no inner steps. */
bool il_config_unread(const il_config *config, int key);
/* Refuses what somebody asked for and nobody would read; an evaluation has its own rules. */
il_status il_config_check_asked(il_context *context, const il_config *config);

#endif
