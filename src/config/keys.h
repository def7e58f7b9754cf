/* Which keys a configuration has: the rows of config.def, and the fields of records under the record's prefix. */
#ifndef IL_CONFIG_KEYS_H
#define IL_CONFIG_KEYS_H

#include <innerloop/field.h>

typedef enum il_key {
#define IL_KEY(id, name, kind, fallback, low, high, choices, doc) IL_KEY_##id,
#include "config.def"
#undef IL_KEY
  IL_KEY_COUNT /* keys of records come after these */
} il_key;

/* Fields whose keys are prefix.FIELD. Where fields of one name come under one prefix, they are one key, and the first
 * table has its default, its range and its words. */
typedef struct il_config_group {
  const char *prefix;
  const il_field *fields;
} il_config_group;
/* The groups of all records; false beyond the last. */
bool il_config_group_at(int index, il_config_group *group);

typedef struct il_config_row {
  const char *prefix; /* "" for rows of config.def, whose names are whole keys */
  const il_field *field;
} il_config_row;
/* index below il_config_keys(). */
il_config_row il_config_row_at(int index);
/* -1: no such key. */
int il_config_find(const char *key);

enum { IL_CONFIG_KEY_SIZE = 96 };
const char *il_config_key_name(int key);

#endif
