/* The table of keys, put together from config.def and from the tables of records. A record's fields become keys here
 * and nowhere else. */
#include "config/keys.h"

#include <innerloop/meta.h>
#include <assert.h>
#include <innerloop/config.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "data/source.h"

static const char source_names[] = ""
#define IL_SOURCE(name) "|" #name
#include "data/sources.def"
#undef IL_SOURCE
    ;
static const char algorithm_names[] = ""
#define IL_ALGORITHM(name) "|" #name
#include "meta/algorithms.def"
#undef IL_ALGORITHM
    ;
static const char optimizer_names[] = ""
#define IL_OPTIMIZER(name) "|" #name
#include "optim/optimizers.def"
#undef IL_OPTIMIZER
    ;
#define SOURCES (source_names + 1)
#define ALGORITHMS (algorithm_names + 1)
#define OPTIMIZERS (optimizer_names + 1)

#define INT IL_FIELD_INT64
#define REAL IL_FIELD_DOUBLE
#define BOOL IL_FIELD_BOOL
#define ENUM IL_FIELD_ENUM
#define TEXT IL_FIELD_TEXT
#define RANGE IL_FIELD_RANGE
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
  index -= il_sources();
  if (index < il_algorithms()) {
    const il_algorithm *algorithm = il_algorithm_at(index);
    *group = (il_config_group){algorithm->name, algorithm->fields};
    return true;
  }
  index -= il_algorithms();
  if (index < 2 * il_optimizers()) {
    *group = (il_config_group){index % 2 ? "outer" : "inner", il_optimizer_at(index / 2)->fields};
    return true;
  }
  if (index == 2 * il_optimizers()) {
    *group = (il_config_group){"augment", il_augment_fields};
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

/* Put together once, when the first key is asked for; constant from then on. */
enum { MOST = 1024 };
static struct key {
  il_config_row row;
  char name[IL_CONFIG_KEY_SIZE];
} keys[MOST];
static int count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void add(const char *prefix, const il_field *field) {
  struct key *key = &keys[count++];
  key->row = (il_config_row){prefix, field};
  int length =
      snprintf(key->name, sizeof key->name, "%s%s%s", prefix, *prefix ? "." : "", field->name);
  assert(count < MOST && length < (int)sizeof key->name);
}

static void put_together(void) {
  il_config_group group;
  for (const il_field *f = fixed; f->name; f++) add("", f);
  for (int i = 0; il_config_group_at(i, &group); i++)
    for (const il_field *f = group.fields; f && f->name; f++)
      if (!seen_before(group.prefix, f->name, i)) add(group.prefix, f);
}

int il_config_keys(void) {
  pthread_once(&once, put_together);
  return count;
}

il_config_row il_config_row_at(int index) {
  pthread_once(&once, put_together);
  return keys[index].row;
}

const char *il_config_key_name(int key) {
  pthread_once(&once, put_together);
  return keys[key].name;
}

int il_config_find(const char *key) {
  for (int i = 0, all = il_config_keys(); i < all; i++)
    if (!strcmp(keys[i].name, key)) return i;
  return -1;
}

il_config_key il_config_key_at(int index, char *text, size_t size) {
  const il_field *field = il_config_row_at(index).field;
  il_field_accepts(field, text, size);
  return (il_config_key){keys[index].name, field->fallback, text, field->doc};
}
