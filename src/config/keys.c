/* The table of keys, put together from config.def and from the tables of records. A record's fields become keys here
 * and nowhere else. */
#include "config/keys.h"

#include <innerloop/train.h>
#include <stdio.h>
#include <string.h>

#include "data/source.h"

static const char source_names[] = ""
#define IL_SOURCE(name) "|" #name
#include "data/sources.def"
#undef IL_SOURCE
    ;
#define SOURCES (source_names + 1)
#define ALGORITHMS "maml"

#define INT IL_FIELD_INT64
#define REAL IL_FIELD_DOUBLE
#define BOOL IL_FIELD_BOOL
#define ENUM IL_FIELD_ENUM
#define TEXT IL_FIELD_TEXT
static const il_field fixed[] = {
#define IL_KEY(id, name, kind, fallback, low, high, choices, doc)                                  \
  {name, kind, 0, 1, fallback, low, high, choices, doc},
#include "config.def"
#undef IL_KEY
    {0}};

bool il_config_group_at(int index, il_config_group *group) {
  if (index < il_sources()) {
    const il_source *source = il_source_at(index);
    *group = (il_config_group){source->name, source->fields};
    return true;
  }
  return false;
}

/* Whether the key stands in config.def, or in a group before that one. */
static bool seen_before(const char *prefix, const char *name, int group) {
  const size_t width = strlen(prefix);
  for (const il_field *f = fixed; f->name; f++)
    if (!strncmp(f->name, prefix, width) && f->name[width] == '.' &&
        !strcmp(f->name + width + 1, name))
      return true;
  il_config_group other;
  for (int i = 0; i < group && il_config_group_at(i, &other); i++)
    if (!strcmp(other.prefix, prefix) && il_field_find(other.fields, name)) return true;
  return false;
}

/* Walks over the keys of records up to number `index`; returns how many there were. */
static int walk(int index, il_config_row *row) {
  int count = 0;
  il_config_group group;
  for (int i = 0; il_config_group_at(i, &group); i++)
    for (const il_field *f = group.fields; f && f->name; f++) {
      if (seen_before(group.prefix, f->name, i)) continue;
      *row = (il_config_row){group.prefix, f};
      if (count++ == index) return count;
    }
  return count;
}

int il_config_keys(void) {
  il_config_row row;
  return IL_KEY_COUNT + walk(-1, &row);
}

il_config_row il_config_row_at(int index) {
  il_config_row row = {"", index < IL_KEY_COUNT ? &fixed[index] : NULL};
  if (index >= IL_KEY_COUNT) walk(index - IL_KEY_COUNT, &row);
  return row;
}

const char *il_config_key_name(int key, char text[IL_CONFIG_KEY_SIZE]) {
  const il_config_row row = il_config_row_at(key);
  snprintf(text, IL_CONFIG_KEY_SIZE, "%s%s%s", row.prefix, *row.prefix ? "." : "", row.field->name);
  return text;
}

int il_config_find(const char *key) {
  char name[IL_CONFIG_KEY_SIZE];
  for (int i = 0, count = il_config_keys(); i < count; i++)
    if (!strcmp(il_config_key_name(i, name), key)) return i;
  return -1;
}

il_config_key il_config_key_at(int index, char *text, size_t size) {
  const il_config_row row = il_config_row_at(index);
  char accepts[IL_FIELD_TEXT_SIZE], name[IL_CONFIG_KEY_SIZE];
  il_field_accepts(row.field, accepts, sizeof accepts);
  /* The name of a record's key stands nowhere as a whole: it lies behind what is accepted. */
  const int width = snprintf(text, size, "%s%c%s", accepts, 0, il_config_key_name(index, name));
  const size_t at = strlen(accepts) + 1;
  const bool fits = (size_t)width < size;
  return (il_config_key){index < IL_KEY_COUNT ? row.field->name : fits ? text + at : "",
                         row.field->fallback, text, row.field->doc};
}
