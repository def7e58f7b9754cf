/* Configurations: reading, checking, suggesting, printing. All of it is driven by the table of keys. */
#include "base/room.h"
#include "config/config.h"

#include <innerloop/data.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "config/config_method.h"

static int distance(const char *a, const char *b) {
  enum { MOST = 48 };
  int line[MOST + 1], n = (int)strlen(a), m = (int)strlen(b);
  if (n > MOST || m > MOST) return MOST;
  for (int j = 0; j <= m; j++) line[j] = j;
  for (int i = 1; i <= n; i++) {
    int corner = line[0];
    line[0] = i;
    for (int j = 1; j <= m; j++) {
      int best = corner + (a[i - 1] != b[j - 1]);
      if (line[j] + 1 < best) best = line[j] + 1;
      if (line[j - 1] + 1 < best) best = line[j - 1] + 1;
      corner = line[j];
      line[j] = best;
    }
  }
  return line[m];
}

const char *il_nearest(const char *word, int count, const char *const *names) {
  const char *found = NULL;
  int best = 1 + (int)strlen(word) / 2;
  for (int i = 0; i < count; i++) {
    int d = distance(word, names[i]);
    /* "ways" is near "task.ways", however long the path. */
    const char *leaf = strrchr(names[i], '.');
    if (leaf && distance(word, leaf + 1) + 1 < d) d = distance(word, leaf + 1) + 1;
    if (d < best) {
      best = d;
      found = names[i];
    }
  }
  return found;
}

/* Fields read into structs; a configuration keeps the number of any kind. */
static bool read_value(const il_field *field, const char *text, il_config_value *value) {
  union {
    int64_t integer;
    double real;
    bool truth;
    int number, range[2];
    const char *text;
  } read;
  il_field alone = *field;
  alone.offset = 0;
  if (!il_field_read(&alone, text, &read)) return false;
  switch (field->kind) {
  case IL_FIELD_INT64: value->integer = read.integer; break;
  case IL_FIELD_INT32: value->integer = read.number; break;
  case IL_FIELD_DOUBLE: value->real = read.real; break;
  case IL_FIELD_BOOL: value->integer = read.truth; break;
  case IL_FIELD_ENUM: value->integer = read.number - (int)field->low; break;
  case IL_FIELD_TEXT: break;
  case IL_FIELD_RANGE:
    value->integer = read.range[0];
    value->real = read.range[1];
    break;
  }
  return true;
}

static il_status unknown(const il_config *config, const char *where, const char *key) {
  const int count = il_config_keys();
  const char **name = malloc((size_t)count * sizeof *name);
  if (!name) return il_fail_memory(config->context, "the names of keys");
  const size_t width = strlen(key);
  int inside = -1; /* a key of the group of that name */
  for (int i = 0; i < count; i++) {
    name[i] = il_config_key_name(i);
    if (inside < 0 && !strncmp(name[i], key, width) && name[i][width] == '.') inside = i;
  }
  const char *near = il_nearest(key, count, name);
  if (inside >= 0)
    il_fail(config->context, IL_ERROR_CONFIG,
            "%s\"%s\" is a group of keys, found a value of its own; expected values of its keys, "
            "such as %s",
            where, key, name[inside]);
  else if (near)
    il_fail(config->context, IL_ERROR_CONFIG, "%sunknown key \"%s\"; did you mean %s?", where, key,
            near);
  else
    il_fail(config->context, IL_ERROR_CONFIG,
            "%sunknown key \"%s\"; `innerloop help config` lists all keys", where, key);
  free(name);
  return IL_ERROR_CONFIG;
}

static il_status assign(il_config *config, const char *where, int index, const char *text) {
  const il_config_row row = il_config_row_at(index);
  il_config_value value = {0};
  if (!read_value(row.field, text, &value)) {
    char accepted[IL_FIELD_TEXT_SIZE];
    il_field_accepts(row.field, accepted, sizeof accepted);
    return il_fail(config->context, IL_ERROR_CONFIG, "%s%s: found \"%s\", expected %s", where,
                   il_config_key_name(index), text, accepted);
  }
  /* The configuration goes into checkpoints, whose texts are UTF-8. */
  if (!il_utf8(text, strlen(text)))
    return il_fail(
        config->context, IL_ERROR_CONFIG,
        "%s%s: \"%s\" is not UTF-8, as a checkpoint's texts must be; rename it, or name a "
        "symbolic link to it",
        where, il_config_key_name(index), text);
  value.text = il_arena_string(&config->arena, text);
  if (!value.text) return il_fail_memory(config->context, "a configuration value");
  value.asked = true;
  config->value[index] = value;
  return IL_OK;
}

void il_config_unask(il_config *config) {
  for (int i = 0, keys = il_config_keys(); i < keys; i++) config->value[i].asked = false;
}

il_status il_config_assign(il_config *config, const char *where, const char *key,
                           const char *text) {
  const int index = il_config_find(key);
  return index < 0 ? unknown(config, where, key) : assign(config, where, index, text);
}

il_config *il_config_new(il_context *context) {
  il_config *config = calloc(1, sizeof *config);
  if (!config) {
    il_fail_memory(context, "a configuration");
    return NULL;
  }
  config->context = context;
  const int keys = il_config_keys();
  config->value = il_arena_alloc(&config->arena, (size_t)keys * sizeof *config->value);
  if (!config->value) il_fail_memory(context, "a configuration");
  bool good = config->value != NULL;
  for (int i = 0; i < keys && good; i++)
    good = assign(config, "", i, il_config_row_at(i).field->fallback) == IL_OK;
  if (good) il_config_unask(config);
  if (good) return config;
  il_config_free(config);
  return NULL;
}

il_config *il_config_copy(il_context *context, const il_config *config) {
  il_config *copy = il_config_new(context);
  bool good = copy != NULL;
  for (int i = 0, keys = il_config_keys(); i < keys && good; i++) {
    copy->value[i] = config->value[i];
    copy->value[i].text = il_arena_string(&copy->arena, config->value[i].text);
    good = copy->value[i].text != NULL;
  }
  if (!good) {
    il_fail_memory(context, "a configuration");
    il_config_free(copy);
    return NULL;
  }
  copy->layers = config->layers;
  memcpy(copy->layer, config->layer, sizeof copy->layer);
  return copy;
}

void il_config_free(il_config *config) {
  if (!config) return;
  il_arena_free(&config->arena);
  free(config);
}

/* "[{kind: linear}]", as a file has it under model.layers. */
static il_status set_layers(il_config *config, const char *list) {
  static const char format[] = "model: {layers: %s}";
  const size_t room = strlen(list) + sizeof format;
  if (*list != '[')
    return il_fail(config->context, IL_ERROR_CONFIG,
                   "model.layers: found \"%.60s\", expected a list such as [{kind: linear, units: "
                   "40}, {kind: relu}, {kind: linear}]",
                   list);
  char *text = malloc(room);
  if (!text) return il_fail_memory(config->context, "the layers of a configuration");
  const int length = snprintf(text, room, format, list);
  const il_status status = il_config_read(config, "model.layers", text, (size_t)length);
  free(text);
  return status;
}

il_status il_config_set(il_config *config, const char *assignment) {
  const char *equals = strchr(assignment, '=');
  char key[128];
  if (!equals || equals == assignment || (size_t)(equals - assignment) >= sizeof key)
    return il_fail(config->context, IL_ERROR_CONFIG, "--set: found \"%s\", expected key=value",
                   assignment);
  snprintf(key, sizeof key, "%.*s", (int)(equals - assignment), assignment);
  if (!strcmp(key, "model.layers")) return set_layers(config, equals + 1);
  /* A net chosen by name replaces listed layers. */
  if (il_config_find(key) == IL_KEY_MODEL) config->layers = 0;
  return il_config_assign(config, "", key, equals + 1);
}

il_config *il_config_load(il_context *context, const char *name) {
  const il_preset *preset = il_preset_find(name);
  size_t size = 0;
  char *text = NULL;
  if (!preset) {
    const char *dot = strrchr(name, '.');
    if (!strchr(name, '/') && !(dot && (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml")))) {
      enum { MOST_PRESETS = 256 };
      const char *names[MOST_PRESETS], *near = NULL;
      const int count = il_presets() < MOST_PRESETS ? il_presets() : MOST_PRESETS;
      for (int i = 0; i < count; i++) names[i] = il_preset_at(i)->name;
      near = il_nearest(name, count, names);
      if (near)
        il_fail(context, IL_ERROR_CONFIG, "unknown preset \"%s\"; did you mean %s?", name, near);
      else
        il_fail(context, IL_ERROR_CONFIG,
                "unknown preset \"%s\"; `innerloop presets` lists them, files end in .yaml", name);
      return NULL;
    }
    text = il_config_slurp(context, name, &size);
    if (!text) return NULL;
  }
  il_config *config = il_config_new(context);
  if (config && (preset ? il_preset_apply(config, preset)
                        : il_config_read(config, name, text, size)) != IL_OK) {
    il_config_free(config);
    config = NULL;
  }
  free(text);
  return config;
}

il_config *il_config_parse(il_context *context, const char *name, const char *text) {
  il_config *config = il_config_new(context);
  if (config && il_config_read(config, name, text, strlen(text)) != IL_OK) {
    il_config_free(config);
    return NULL;
  }
  return config;
}

const char *il_config_get(const il_config *config, const char *key) {
  const int index = il_config_find(key);
  return index < 0 ? NULL : config->value[index].text;
}

il_status il_config_settings(const il_config *config, const char *prefix, const il_field *fields,
                             void *settings) {
  for (const il_field *f = fields; f && f->name; f++) {
    char key[IL_CONFIG_KEY_SIZE], before[IL_CONFIG_KEY_SIZE];
    snprintf(before, sizeof before, "%s.", prefix);
    snprintf(key, sizeof key, "%s.%s", prefix, f->name);
    const char *text = il_config_get(config, key);
    if (!text)
      return il_fail(config->context, IL_ERROR_ARGUMENT, "settings of %s: there is no key %s",
                     prefix, key);
    if (il_field_set(config->context, "", before, f, text, settings) != IL_OK)
      return il_context_status(config->context);
  }
  return IL_OK;
}

bool il_config_is(const il_config *config, il_key key, const char *choice) {
  return !strcmp(config->value[key].text, choice);
}

il_type il_config_type(const il_config *config) {
  return il_config_is(config, IL_KEY_PRECISION, "float64") ? IL_FLOAT64 : IL_FLOAT32;
}

/* What is not printed of a layer, has no bearing on it. */
static bool same_layers(const il_config *a, const il_config *b) {
  if (a->layers != b->layers) return false;
  char *text[2] = {NULL, NULL};
  size_t size[2] = {0, 0};
  bool same = true;
  for (int i = 0; i < 2 && a->layers; i++) {
    FILE *out = open_memstream(&text[i], &size[i]);
    if (out) il_config_print_layers(i ? b : a, out);
    if (!out || il_text_close(out, &text[i]) != 0) same = false;
  }
  same = same && size[0] == size[1] && (!a->layers || !memcmp(text[0], text[1], size[0]));
  free(text[0]);
  free(text[1]);
  return same;
}

static bool same_value(const il_field *field, const il_config_value *a, const il_config_value *b) {
  if (field->kind == IL_FIELD_TEXT) return !strcmp(a->text, b->text);
  return a->integer == b->integer && a->real == b->real;
}

bool il_config_is_default(const il_config *c, int key) {
  const il_field *field = il_config_row_at(key).field;
  il_config_value value = {.text = field->fallback};
  return read_value(field, field->fallback, &value) && same_value(field, &c->value[key], &value);
}

bool il_config_names_file(int key) {
  return key == IL_KEY_DATA || key == IL_KEY_SPLIT_FILE || key == IL_KEY_CLASS_WEIGHTS;
}

il_config *il_config_absolute(il_context *context, const il_config *config) {
  il_config *c = il_config_copy(context, config);
  for (int i = 0; c && i < il_config_keys(); i++) {
    const char *path = il_config_names_file(i) ? il_config_text(c, (il_key)i) : "";
    char *real =
        *path ? realpath(path, NULL) : NULL; /* what is not there is missed when it is opened */
    if (real && il_config_assign(c, "", il_config_key_name(i), real) != IL_OK) {
      il_config_free(c);
      c = NULL;
    }
    if (c) c->value[i].asked = config->value[i].asked;
    free(real);
  }
  return c;
}

int il_config_difference(const il_config *a, const il_config *b) {
  for (int i = 0, keys = il_config_keys(); i < keys; i++) {
    const il_config_row row = il_config_row_at(i);
    /* A rate that falls until the last meta-step is another one where there are more. */
    const bool steps = i == IL_KEY_STEPS && (il_config_is(a, IL_KEY_SCHEDULE, "constant") ||
                                             il_config_is(a, IL_KEY_SCHEDULE, "step"));
    /* Of files it is their contents that decide (il_tasks_content, il_tasks_division). */
    const bool files =
        il_config_names_file(i) && *il_config_text(a, (il_key)i) && *il_config_text(b, (il_key)i);
    bool free_to_change = steps || files || i == IL_KEY_DATA || i == IL_KEY_CHECKPOINT_EVERY ||
                          i == IL_KEY_LOG_EVERY || i == IL_KEY_LANES ||
                          i == IL_KEY_SKIP_NONFINITE || !strncmp(row.field->name, "eval.", 5);
    bool replaced =
        a->layers && (i == IL_KEY_MODEL || i == IL_KEY_FILTERS); /* not printed either */
    if (!free_to_change && !replaced && !same_value(row.field, &a->value[i], &b->value[i]))
      return i;
  }
  return same_layers(a, b) ? -1 : IL_KEY_MODEL;
}

il_status il_config_validate(const il_config *c) {
  const il_source *source = il_source_find(il_config_text(c, IL_KEY_SOURCE));
  bool file = il_config_is(c, IL_KEY_SPLIT, "file");
  if (source->classes && file && !*il_config_text(c, IL_KEY_SPLIT_FILE))
    return il_fail(
        c->context, IL_ERROR_CONFIG,
        "task.split_file: missing, but task.split is file; expected the path of a split");
  if (il_config_int(c, IL_KEY_TRAIN_WAYS) == 1)
    return il_fail(c->context, IL_ERROR_CONFIG,
                   "task.train_ways: found 1, expected 0 (as task.ways) or 2 and more");
  const int shots = il_config_int(c, IL_KEY_TRAIN_SHOTS),
            most = (int)il_config_real(c, IL_KEY_TRAIN_SHOTS),
            ways =
                (int)il_config_real(c, IL_KEY_TRAIN_WAYS) - il_config_int(c, IL_KEY_TRAIN_WAYS) + 1;
  if (ways > 1 && (int64_t)ways * (most - shots + 1) > IL_TASK_VARIANTS)
    return il_fail(
        c->context, IL_ERROR_CONFIG,
        "task.train_ways: found a range of %d numbers of classes, of %d numbers of shots "
        "each; expected at most %d in all",
        ways, most - shots + 1, (int)IL_TASK_VARIANTS);
  if (most - shots >= IL_TASK_VARIANTS)
    return il_fail(c->context, IL_ERROR_CONFIG,
                   "task.train_shots: found a range of %d numbers of shots, expected at most %d",
                   most - shots + 1, (int)IL_TASK_VARIANTS);
  return il_config_check_eval_steps(c);
}

/* YAML 1.1, 5.1 and 5.4: what is not printable may stand in no file, and a break of a line becomes a space. */
static bool stands_in_yaml(uint32_t c) {
  if (c == 0x2028 || c == 0x2029 || c == 0xfeff) return false;
  return (c >= 0x20 && c <= 0x7e) || (c >= 0xa0 && c <= 0xd7ff) || (c >= 0xe000 && c <= 0xfffd) ||
         c >= 0x10000;
}

static void print_text(FILE *out, const char *text) {
  fputc('"', out);
  for (const char *next = text; *text; text = next) {
    const uint32_t point = il_utf8_next(&next);
    if (point == '"' || point == '\\') fputc('\\', out);
    if (stands_in_yaml(point))
      fwrite(text, 1, (size_t)(next - text), out);
    else
      fprintf(out, point < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned)point);
  }
  fputc('"', out);
}

/* Length of "task" in "task.ways"; 0: the key is in no map. */
static int section_of(const char *key) {
  const char *dot = strchr(key, '.');
  return dot ? (int)(dot - key) : 0;
}

static bool same_section(const char *a, const char *b, int width) {
  return section_of(a) == width && !strncmp(a, b, (size_t)width);
}

static void print_key(const il_config *config, int i, FILE *out) {
  if (config->layers && i == IL_KEY_MODEL) il_config_print_layers(config, out);
  if (config->layers && (i == IL_KEY_MODEL || i == IL_KEY_FILTERS)) return;
  const char *name = il_config_key_name(i);
  const int width = section_of(name);
  fprintf(out, "%s%s: ", width ? "  " : "", width ? name + width + 1 : name);
  if (il_config_row_at(i).field->kind == IL_FIELD_TEXT)
    print_text(out, config->value[i].text);
  else
    fputs(config->value[i].text, out);
  fputc('\n', out);
}

char *il_config_dump(const il_config *config) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (!out) {
    il_fail_memory(config->context, "the text of a configuration");
    return NULL;
  }
  /* A map of YAML may stand there once: its keys follow each other, wherever their rows are. */
  for (int i = 0, keys = il_config_keys(); i < keys; i++) {
    const char *name = il_config_key_name(i);
    const int width = section_of(name);
    bool before = false;
    for (int k = 0; k < i && width; k++) before |= same_section(il_config_key_name(k), name, width);
    if (before) continue;
    if (!width) print_key(config, i, out);
    if (width) fprintf(out, "%.*s:\n", width, name);
    for (int k = i; k < keys && width; k++)
      if (same_section(il_config_key_name(k), name, width)) print_key(config, k, out);
  }
  if (il_text_close(out, &text) != 0) {
    il_fail_memory(config->context, "the text of a configuration");
    return NULL;
  }
  return text;
}
