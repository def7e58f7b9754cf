/* Configurations: every key has a type, a default and a range (src/config/keys.h). And the presets that come along. */
#ifndef INNERLOOP_CONFIG_H
#define INNERLOOP_CONFIG_H

#include "base.h"
#include "nn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A configuration: a value for every key. */
typedef struct il_config il_config;
IL_API il_config *il_config_new(il_context *context); /* all defaults */
/* A preset's name or the path of a YAML file (which may name its base: "preset: NAME"). */
IL_API il_config *il_config_load(il_context *context, const char *name);
/* YAML text; name is for error sentences. */
IL_API il_config *il_config_parse(il_context *context, const char *name, const char *text);
/* Another one of the same values. NULL after an error. */
IL_API il_config *il_config_copy(il_context *context, const il_config *config);
/* Accepts NULL. */
IL_API void il_config_free(il_config *config);
/* "task.ways=20". An unknown key is refused with the nearest known one. */
IL_API il_status il_config_set(il_config *config, const char *assignment);
/* Lists the layers of the net (model.layers), in place of a net by name. Each has to be one that YAML can list; of a norm,
 * init is one unless it is uniform. After an error the configuration is as it was. */
IL_API il_status il_config_set_layers(il_config *config, int layers, const il_layer *layer);
/* What keys say about each other. */
IL_API il_status il_config_validate(const il_config *config);
/* A key's value as text, valid until it is set; NULL: no such key. */
IL_API const char *il_config_get(const il_config *config, const char *key);
/* Every key with its value, as YAML that il_config_parse reads back; malloc'ed. */
IL_API char *il_config_dump(const il_config *config);

/* What a key is. */
typedef struct il_config_key {
  const char *key, *fallback; /* fallback: the default, as text */
  const char *accepts;        /* "integer from 1 to 1000", "random | official | …" */
  const char *doc;            /* what it does, in a few words */
} il_config_key;
/* How many keys there are. */
IL_API int il_config_keys(void);
/* Fills text (size bytes) with what the key accepts; key->accepts points at it. */
IL_API il_config_key il_config_key_at(int index, char *text, size_t size);

/* A configuration that comes along, under a name. */
typedef struct il_preset {
  const char *name;            /* what il_config_load takes */
  const char *note, *source;   /* what it is; where its protocol comes from and how it differs */
  const char *const *settings; /* "key=value", ends with NULL */
} il_preset;
/* How many presets there are. */
IL_API int il_presets(void);
/* The index-th of them, from 0. */
IL_API const il_preset *il_preset_at(int index);

/* The entry of names nearest to word by edit distance; NULL: none is near. */
IL_API const char *il_nearest(const char *word, int count, const char *const *names);

#ifdef __cplusplus
}
#endif
#endif
