/* Inside of a configuration: one value per key (keys.h), and the list of layers. */
#ifndef IL_CONFIG_CONFIG_H
#define IL_CONFIG_CONFIG_H

#include <innerloop/config.h>
#include <innerloop/plan.h>
#include <innerloop/meta.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/error.h"
#include "config/keys.h"

/* text is what was given; number its value (INT, REAL, BOOL, and the choice's index of an ENUM); a RANGE goes from
 * integer to real. */
typedef struct il_config_value {
  const char *text;
  int64_t integer;
  double real;
  bool
      asked; /* somebody set it: neither a preset did, nor a file that says most keys, such as a run's */
} il_config_value;

enum { IL_CONFIG_LAYERS = 64 };
struct il_config {
  il_context *context;
  il_arena arena;
  il_config_value *value; /* [il_config_keys()] */
  int layers;             /* 0: model.preset */
  il_layer layer[IL_CONFIG_LAYERS];
};

static inline int64_t il_config_long(const il_config *c, il_key key) {
  return c->value[key].integer;
}
static inline int il_config_int(const il_config *c, il_key key) {
  return (int)c->value[key].integer;
}
static inline double il_config_real(const il_config *c, il_key key) { return c->value[key].real; }
static inline const char *il_config_text(const il_config *c, il_key key) {
  return c->value[key].text;
}
bool il_config_is(const il_config *config, il_key key, const char *choice);
il_type il_config_type(const il_config *config);
/* Sets one key; where: "file.yaml:3: " or "". */
il_status il_config_assign(il_config *config, const char *where, const char *key, const char *text);
/* Reads a YAML text into the configuration. */
il_status il_config_read(il_config *config, const char *name, const char *text, size_t size);
/* The layers as YAML, appended to a stream. */
void il_config_print_layers(const il_config *config, FILE *out);
/* What has its value now was not asked for by anybody. */
void il_config_unask(il_config *config);
/* Whole file, zero-terminated, malloc'ed; refuses more than 1 MiB. */
char *il_config_slurp(il_context *context, const char *path, size_t *size);
const il_preset *il_preset_find(const char *name);
il_status il_preset_apply(il_config *config, const il_preset *preset);
/* Whether a key has its default's value, however it is written. */
bool il_config_is_default(const il_config *config, int key);
/* Whether a key's text is the path of a file that a run reads. */
bool il_config_names_file(int key);
/* A copy whose files have absolute paths, so that a run is opened from wherever; NULL after an error. */
il_config *il_config_absolute(il_context *context, const il_config *config);
/* The first key whose values differ, of those that decide what is computed; -1: none. Layers, where they are listed:
 * IL_KEY_MODEL. */
int il_config_difference(const il_config *a, const il_config *b);

/* Fills the settings of a record from the keys prefix.FIELD; texts live until their key is set again. */
il_status il_config_settings(const il_config *config, const char *prefix, const il_field *fields,
                             void *settings);

#endif
