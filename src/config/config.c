/* Configuration keys: reading, checking, suggesting, printing. All of it is driven by config.def. */
#include "config/config.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum kind { INT, REAL, BOOL, ENUM, TEXT } kind;
typedef struct row {
  const char *name;
  kind kind;
  const char *fallback;
  double low, high;
  const char *choices, *doc;
} row;
static const row rows[IL_KEY_COUNT] = {
#define IL_KEY(id, name, kind, fallback, low, high, choices, doc)                                  \
  {name, kind, fallback, low, high, choices, doc},
#include "config.def"
#undef IL_KEY
};

const char *il_config_key_name(int key) { return rows[key].name; }
int il_config_keys(void) { return IL_KEY_COUNT; }

static void describe(const row *r, char *text, size_t size) {
  switch (r->kind) {
  case INT: snprintf(text, size, "an integer from %.0f to %.0f", r->low, r->high); break;
  case REAL: snprintf(text, size, "a number from %g to %g", r->low, r->high); break;
  case BOOL: snprintf(text, size, "true or false"); break;
  case ENUM: snprintf(text, size, "one of %s", r->choices); break;
  case TEXT: snprintf(text, size, "text"); break;
  }
}

il_config_key il_config_key_at(int index, char *text, size_t size) {
  describe(&rows[index], text, size);
  return (il_config_key){rows[index].name, rows[index].fallback, text, rows[index].doc};
}

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

static int choice_index(const char *choices, const char *text) {
  size_t length = strlen(text);
  int index = 0;
  for (const char *at = choices; *at; index++) {
    size_t width = strcspn(at, "|");
    if (width == length && !strncmp(at, text, length)) return index;
    at += width + (at[width] == '|');
  }
  return -1;
}

static bool read_value(const row *r, const char *text, il_config_value *value) {
  char *end = NULL;
  errno = 0;
  switch (r->kind) {
  case INT:
    value->integer = strtoll(text, &end, 10);
    value->real = (double)value->integer;
    break;
  case REAL: value->real = strtod(text, &end); break;
  case BOOL:
    value->integer = !strcmp(text, "true");
    return value->integer || !strcmp(text, "false");
  case ENUM: value->integer = choice_index(r->choices, text); return value->integer >= 0;
  case TEXT: return true;
  }
  return *text && !*end && !errno && isfinite(value->real) && value->real >= r->low &&
         value->real <= r->high;
}

il_status il_config_assign(il_config *config, const char *where, const char *key,
                           const char *text) {
  int index = 0;
  while (index < IL_KEY_COUNT && strcmp(rows[index].name, key)) index++;
  if (index == IL_KEY_COUNT) {
    const char *names[IL_KEY_COUNT];
    for (int i = 0; i < IL_KEY_COUNT; i++) names[i] = rows[i].name;
    const char *near = il_nearest(key, IL_KEY_COUNT, names);
    if (near)
      return il_fail(config->context, IL_ERROR_CONFIG, "%sunknown key \"%s\"; did you mean %s?",
                     where, key, near);
    return il_fail(config->context, IL_ERROR_CONFIG,
                   "%sunknown key \"%s\"; `innerloop help config` lists all keys", where, key);
  }
  il_config_value value = {0};
  if (!read_value(&rows[index], text, &value)) {
    char accepted[256];
    describe(&rows[index], accepted, sizeof accepted);
    return il_fail(config->context, IL_ERROR_CONFIG, "%s%s: found \"%s\", expected %s", where, key,
                   text, accepted);
  }
  value.text = il_arena_string(&config->arena, text);
  if (!value.text) return il_fail_memory(config->context, "a configuration value");
  config->value[index] = value;
  return IL_OK;
}

il_config *il_config_new(il_context *context) {
  il_config *config = calloc(1, sizeof *config);
  if (!config) {
    il_fail_memory(context, "a configuration");
    return NULL;
  }
  config->context = context;
  for (int i = 0; i < IL_KEY_COUNT; i++) {
    if (il_config_assign(config, "", rows[i].name, rows[i].fallback) != IL_OK) {
      il_config_free(config);
      return NULL;
    }
  }
  return config;
}

void il_config_free(il_config *config) {
  if (!config) return;
  il_arena_free(&config->arena);
  free(config);
}

il_status il_config_set(il_config *config, const char *assignment) {
  const char *equals = strchr(assignment, '=');
  char key[128];
  if (!equals || equals == assignment || (size_t)(equals - assignment) >= sizeof key)
    return il_fail(config->context, IL_ERROR_CONFIG, "--set: found \"%s\", expected key=value",
                   assignment);
  snprintf(key, sizeof key, "%.*s", (int)(equals - assignment), assignment);
  /* A net chosen by name replaces listed layers. */
  if (!strcmp(key, rows[IL_KEY_MODEL].name)) config->layers = 0;
  return il_config_assign(config, "", key, equals + 1);
}

il_config *il_config_load(il_context *context, const char *name) {
  const il_preset *preset = il_preset_find(name);
  size_t size = 0;
  char *text = NULL;
  if (!preset) {
    const char *dot = strrchr(name, '.');
    if (!strchr(name, '/') && !(dot && (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml")))) {
      const char *names[32], *near = NULL;
      int count = il_presets() < 32 ? il_presets() : 32;
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
  for (int i = 0; i < IL_KEY_COUNT; i++)
    if (!strcmp(rows[i].name, key)) return config->value[i].text;
  return NULL;
}

bool il_config_is(const il_config *config, il_key key, const char *choice) {
  return !strcmp(config->value[key].text, choice);
}

il_type il_config_type(const il_config *config) {
  return il_config_is(config, IL_KEY_PRECISION, "float64") ? IL_FLOAT64 : IL_FLOAT32;
}

il_maml il_config_maml(const il_config *c) {
  return (il_maml){.inner_steps = il_config_int(c, IL_KEY_INNER_STEPS),
                   .inner_lr = il_config_real(c, IL_KEY_INNER_LR),
                   .first_order = il_config_int(c, IL_KEY_FIRST_ORDER),
                   .loss = il_config_is(c, IL_KEY_SOURCE, "sinusoid") ? IL_LOSS_MEAN_SQUARED_ERROR
                                                                      : IL_LOSS_CROSS_ENTROPY,
                   .query_statistics = il_config_is(c, IL_KEY_QUERY_STATISTICS, "support")
                                           ? IL_QUERY_STATISTICS_SUPPORT
                                       : il_config_is(c, IL_KEY_QUERY_STATISTICS, "each")
                                           ? IL_QUERY_STATISTICS_EACH
                                           : IL_QUERY_STATISTICS_QUERY};
}

il_plan_options il_config_plan(const il_config *c) {
  return (il_plan_options){.lanes = il_config_is(c, IL_KEY_LANES, "never")    ? IL_LANES_NEVER
                                    : il_config_is(c, IL_KEY_LANES, "always") ? IL_LANES_ALWAYS
                                                                              : IL_LANES_CHOOSE,
                           .direct = il_config_is(c, IL_KEY_WINOGRAD, "off"),
                           .tasks = il_config_int(c, IL_KEY_META_BATCH)};
}

il_status il_config_validate(const il_config *c) {
  bool sinusoid = il_config_is(c, IL_KEY_SOURCE, "sinusoid");
  if (sinusoid && !c->layers && !il_config_is(c, IL_KEY_MODEL, "mlp"))
    return il_fail(
        c->context, IL_ERROR_CONFIG,
        "model.preset: found %s, but task.source sinusoid has single numbers, not images; "
        "expected mlp",
        il_config_text(c, IL_KEY_MODEL));
  bool file = il_config_is(c, IL_KEY_SPLIT, "file");
  if (!sinusoid && file && !*il_config_text(c, IL_KEY_SPLIT_FILE))
    return il_fail(
        c->context, IL_ERROR_CONFIG,
        "task.split_file: missing, but task.split is file; expected the path of a split");
  return IL_OK;
}

int il_config_difference(const il_config *a, const il_config *b) {
  for (int i = 0; i < IL_KEY_COUNT; i++) {
    bool free_to_change = i == IL_KEY_STEPS || i == IL_KEY_DATA || i == IL_KEY_CHECKPOINT_EVERY ||
                          i == IL_KEY_LOG_EVERY || i == IL_KEY_LANES ||
                          !strncmp(rows[i].name, "eval.", 5);
    if (free_to_change) continue;
    if (rows[i].kind == REAL ? a->value[i].real != b->value[i].real
                             : strcmp(a->value[i].text, b->value[i].text))
      return i;
  }
  if (a->layers != b->layers ||
      memcmp(a->layer, b->layer, (size_t)a->layers * sizeof(il_layer)) != 0)
    return IL_KEY_MODEL;
  return -1;
}

static void print_text(FILE *out, const char *text) {
  fputc('"', out);
  for (const char *p = text; *p; p++) {
    unsigned char byte = (unsigned char)*p;
    if (byte == '"' || byte == '\\') fputc('\\', out);
    if (byte < 0x20)
      fprintf(out, "\\x%02x", byte);
    else
      fputc(byte, out);
  }
  fputc('"', out);
}

char *il_config_dump(const il_config *config) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (!out) {
    il_fail_memory(config->context, "the text of a configuration");
    return NULL;
  }
  char section[64] = "";
  for (int i = 0; i < IL_KEY_COUNT; i++) {
    const char *dot = strchr(rows[i].name, '.');
    int width = dot ? (int)(dot - rows[i].name) : 0;
    if (dot && ((int)strlen(section) != width || strncmp(section, rows[i].name, (size_t)width))) {
      snprintf(section, sizeof section, "%.*s", width, rows[i].name);
      fprintf(out, "%s:\n", section);
    }
    if (config->layers && i == IL_KEY_MODEL) il_config_print_layers(config, out);
    if (config->layers && (i == IL_KEY_MODEL || i == IL_KEY_FILTERS)) continue;
    fprintf(out, "%s%s: ", dot ? "  " : "", dot ? dot + 1 : rows[i].name);
    if (rows[i].kind == TEXT)
      print_text(out, config->value[i].text);
    else
      fputs(config->value[i].text, out);
    fputc('\n', out);
  }
  if (fclose(out) != 0) {
    free(text);
    il_fail_memory(config->context, "the text of a configuration");
    return NULL;
  }
  return text;
}
