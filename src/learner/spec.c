/* Specs of learners: tables of fields, printed and read line by line. */
#include "learner/spec.h"

#include <innerloop/field.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/room.h"
#include "nn/net.h"

enum { MOST_LAYERS = 4096, MOST_SIDE = 1 << 28 };

/* Beside the settings of the algorithm ("NAME.FIELD") and of the inner optimizer ("inner.FIELD"). */
typedef struct head {
  const char *algorithm, *optimizer, *adapts, *learned, *example;
  int revision, steps, batch, in_turn, loop, statistics, precision, loss, ways, support, outputs;
  int64_t seed;
  double lr, l2, clip, scale;
  bool first_order, factored, winograd, targets, adapted;
} head;

#define ROW(name, member, kind, fallback, low, high, choices)                                      \
  { name, kind, offsetof(head, member), 1, fallback, low, high, choices, "" }
static const il_field table[] = {
    ROW("meta.algorithm", algorithm, IL_FIELD_TEXT, "", 0, 0, ""),
    ROW("meta.revision", revision, IL_FIELD_INT32, "1", 1, 1e6, ""),
    ROW("meta.query_statistics", statistics, IL_FIELD_ENUM, "query", 1, 4,
        "query|support|each|running"),
    ROW("inner.steps", steps, IL_FIELD_INT32, "0", 0, 1000, ""),
    ROW("inner.batch", batch, IL_FIELD_INT32, "0", 0, 65536, ""),
    ROW("inner.order", in_turn, IL_FIELD_ENUM, "random", 0, 1, "random|listed"),
    ROW("inner.lr", lr, IL_FIELD_DOUBLE, "0", 0, 1e6, ""),
    ROW("inner.l2", l2, IL_FIELD_DOUBLE, "0", 0, 1e6, ""),
    ROW("inner.clip", clip, IL_FIELD_DOUBLE, "0", 0, 1e30, ""),
    ROW("inner.first_order", first_order, IL_FIELD_BOOL, "false", 0, 1, ""),
    ROW("inner.loop", loop, IL_FIELD_ENUM, "unroll", 0, 2, "unroll|keep|remake"),
    ROW("inner.adapts", adapts, IL_FIELD_TEXT, "", 0, 0, ""),
    ROW("inner.learned", learned, IL_FIELD_TEXT, "", 0, 0, ""),
    ROW("inner.optimizer", optimizer, IL_FIELD_TEXT, "sgd", 0, 0, ""),
    ROW("seed", seed, IL_FIELD_INT64, "1", 0, 9e18, ""),
    ROW("precision", precision, IL_FIELD_ENUM, "float32", 1, 2, "float32|float64"),
    ROW("plan.factored", factored, IL_FIELD_BOOL, "true", 0, 1, ""),
    ROW("plan.winograd", winograd, IL_FIELD_BOOL, "true", 0, 1, ""),
    ROW("loss", loss, IL_FIELD_ENUM, "cross_entropy", 1, 3,
        "cross_entropy|mean_squared_error|binary_cross_entropy"),
    ROW("targets", targets, IL_FIELD_BOOL, "false", 0, 1, ""),
    ROW("example", example, IL_FIELD_TEXT, "", 0, 0, ""),
    ROW("scale", scale, IL_FIELD_DOUBLE, "1", -1e30, 1e30, ""),
    ROW("ways", ways, IL_FIELD_INT32, "1", 1, 1 << 20, ""),
    ROW("support", support, IL_FIELD_INT32, "1", 1, 1 << 20, ""),
    ROW("outputs", outputs, IL_FIELD_INT32, "1", 1, 1 << 20, ""),
    ROW("adapted", adapted, IL_FIELD_BOOL, "false", 0, 1, ""),
    {0}};

#define LAYER(member, kind, fallback, low, high, choices)                                          \
  IL_FIELD(il_layer, member, kind, fallback, low, high, choices, "")
static const il_field layer_table[] = {
    LAYER(kind, IL_FIELD_ENUM, "linear", 1, IL_LAYER_ACTIVATION,
          "linear|conv|norm|relu|tanh|sigmoid|max_pool|mean_pool|flatten|dropout|conv1d|"
          "layer_norm|instance_norm|group_norm|task_norm|residual|shortcut|add|attention|"
          "avg_pool|embedding|gru|activation"),
    LAYER(units, IL_FIELD_INT32, "0", 0, 1 << 28, ""),
    LAYER(kernel, IL_FIELD_INT32, "0", 0, 1 << 20, ""),
    LAYER(stride, IL_FIELD_INT32, "0", 0, 1 << 20, ""),
    LAYER(pad, IL_FIELD_INT32, "0", 0, 1 << 20, ""),
    LAYER(bias, IL_FIELD_BOOL, "false", 0, 1, ""),
    LAYER(eps, IL_FIELD_DOUBLE, "0", 0, 1e6, ""),
    LAYER(rate, IL_FIELD_DOUBLE, "0", 0, 1, ""),
    LAYER(groups, IL_FIELD_INT32, "0", 0, 1 << 28, ""),
    LAYER(dilation, IL_FIELD_INT32, "0", 0, 1 << 20, ""),
    LAYER(heads, IL_FIELD_INT32, "0", 0, 1 << 28, ""),
    LAYER(affine, IL_FIELD_BOOL, "false", 0, 1, ""),
    LAYER(vocabulary, IL_FIELD_INT32, "0", 0, 1 << 24, ""),
    LAYER(sequence, IL_FIELD_BOOL, "false", 0, 1, ""),
    {0}};

/* ---- printing ---- */

typedef struct page {
  il_context *context;
  char *at;
  size_t length, room;
} page;

__attribute__((format(printf, 2, 3))) static void say(page *t, const char *format, ...) {
  for (int again = 0; again < 2; again++) {
    va_list arguments;
    va_start(arguments, format);
    const int n = vsnprintf(t->at ? t->at + t->length : NULL, t->at ? t->room - t->length : 0,
                            format, arguments);
    va_end(arguments);
    if (n < 0 || (!t->at && t->room)) return; /* no memory before */
    if (t->at && (size_t)n < t->room - t->length) {
      t->length += (size_t)n;
      return;
    }
    t->room = 2 * t->room + (size_t)n + 256;
    char *more = il_grow(t->context, t->at, t->room);
    if (!more) {
      il_fail_memory(t->context, "the text of a learner");
      il_release(t->at);
      t->at = NULL;
      return;
    }
    t->at = more;
  }
}

static void say_fields(page *t, const char *prefix, const il_field *fields, const void *settings) {
  for (const il_field *f = fields; f && f->name; f++) {
    char value[IL_FIELD_TEXT_SIZE];
    const char *own = value;
    if (f->kind == IL_FIELD_TEXT)
      memcpy(&own, (const char *)settings + f->offset, sizeof own);
    else
      il_field_print(f, settings, value, sizeof value);
    say(t, "%s%s %s\n", prefix, f->name, own ? own : "");
  }
}

char *il_spec_print(il_context *context, const il_method *m, const il_net *net,
                    const il_task_shape *s, bool adapted) {
  char example[128], prefix[64];
  int at = snprintf(example, sizeof example, "%s", s->x == IL_UINT8 ? "u8" : "f32");
  for (int i = 0; i < s->example.rank; i++)
    at +=
        snprintf(example + at, sizeof example - (size_t)at, " %lld", (long long)s->example.dim[i]);
  const head h = {.algorithm = m->algorithm->name,
                  .optimizer = m->inner.optimizer->name,
                  .adapts = m->inner.adapts,
                  .learned = m->inner.learned,
                  .example = example,
                  .revision = m->algorithm->revision,
                  .steps = m->inner.steps,
                  .batch = m->inner.batch,
                  .in_turn = m->inner.in_turn,
                  .statistics = (int)m->statistics,
                  .precision = (int)m->real,
                  .loss = (int)s->loss,
                  .ways = s->ways > 0 ? s->ways : 1,
                  .support = s->support,
                  .outputs = s->outputs,
                  .seed = (int64_t)m->seed,
                  .lr = m->inner.lr,
                  .l2 = m->inner.l2,
                  .clip = m->inner.clip,
                  .scale = s->scale,
                  .first_order = m->inner.first_order,
                  .loop = (int)m->inner.loop,
                  .factored = m->function.factored,
                  .winograd = !m->function.plan.direct,
                  .targets = s->targets,
                  .adapted = adapted};
  page t = {.context = context};
  say_fields(&t, "", table, &h);
  snprintf(prefix, sizeof prefix, "%s.", m->algorithm->name);
  say_fields(&t, prefix, m->algorithm->fields, m->algorithm_settings);
  say_fields(&t, "inner.", m->inner.optimizer->fields, m->inner_settings);
  for (int i = 0; i < il_net_layers(net); i++) {
    const il_layer *layer = il_net_layer(net, i);
    for (const il_field *f = layer_table; f->name; f++) {
      char value[IL_FIELD_TEXT_SIZE];
      il_field_print(f, layer, value, sizeof value);
      if (f == layer_table)
        say(&t, "layer %s", value);
      else if (strcmp(value, f->fallback))
        say(&t, " %s=%s", f->name, value);
    }
    say(&t, "\n");
  }
  return t.at;
}

/* ---- reading ---- */

static il_status unknown(il_context *context, const char *name) {
  return il_fail(context, IL_ERROR_FORMAT,
                 "the learner: its setting \"%.60s\" is not known to this version of innerloop, "
                 "which so cannot do what it was trained to",
                 name);
}

static il_status set(il_context *context, const char *prefix, const il_field *f, const char *value,
                     void *settings) {
  return il_field_set(context, "the learner: ", prefix, f, value, settings);
}

/* "conv units=64 kernel=3". */
static il_status read_layer(il_context *context, char *line, il_spec *spec, int index) {
  il_layer *layer = &spec->layer[index];
  il_fields_default(layer_table, layer);
  char *rest = line, *word = strsep(&rest, " ");
  if (set(context, "layer ", layer_table, word, layer) != IL_OK) return il_context_status(context);
  while ((word = strsep(&rest, " "))) {
    char *value = strchr(word, '=');
    if (value) *value++ = 0;
    const il_field *f = value ? il_field_find(layer_table + 1, word) : NULL;
    if (!f) return unknown(context, word);
    if (set(context, "layer ", f, value, layer) != IL_OK) return il_context_status(context);
  }
  return IL_OK;
}

/* "u8 28 28 1". */
static bool read_example(const char *at, il_task_shape *s) {
  const bool bytes = !strncmp(at, "u8 ", 3);
  if (!bytes && strncmp(at, "f32 ", 4)) return false;
  s->x = bytes ? IL_UINT8 : IL_FLOAT32;
  at += bytes ? 2 : 3;
  for (s->example.rank = 0; *at == ' ' && s->example.rank < 3; s->example.rank++) {
    char *end;
    const long long side = at[1] >= '1' && at[1] <= '9' ? strtoll(at + 1, &end, 10) : 0;
    if (side < 1 || side > MOST_SIDE) return false;
    s->example.dim[s->example.rank] = side;
    at = end;
  }
  return !*at;
}

/* What decides which other lines there may be. */
static il_status take_records(il_context *context, const head *h, il_spec *spec) {
  const il_algorithm *algorithm = il_algorithm_find(h->algorithm);
  const il_optimizer *optimizer = il_optimizer_find(h->optimizer);
  if (!algorithm || algorithm->revision != h->revision)
    return il_fail(context, IL_ERROR_FORMAT,
                   "the learner: was trained by \"%.40s\", revision %d, which this version of "
                   "innerloop does not have",
                   h->algorithm, h->revision);
  if (!optimizer)
    return il_fail(context, IL_ERROR_FORMAT, "the learner: no optimizer is called \"%.40s\"",
                   h->optimizer);
  il_method_defaults(&spec->method);
  il_method_algorithm(&spec->method, algorithm);
  il_method_inner(&spec->method, optimizer);
  return IL_OK;
}

static il_status read_setting(il_context *context, const char *name, const char *value, head *h,
                              il_spec *spec, bool records) {
  const il_field *f = il_field_find(table, name);
  if (f) return records ? IL_OK : set(context, "", f, value, h);
  if (!records) return IL_OK;
  const il_method *m = &spec->method;
  const size_t own = strlen(m->algorithm->name);
  if (!strncmp(name, m->algorithm->name, own) && name[own] == '.' &&
      (f = il_field_find(m->algorithm->fields, name + own + 1)))
    return set(context, "", f, value, spec->method.algorithm_settings);
  if (!strncmp(name, "inner.", 6) && (f = il_field_find(m->inner.optimizer->fields, name + 6)))
    return set(context, "inner.", f, value, spec->method.inner_settings);
  return unknown(context, name);
}

static void fill(il_spec *spec, const head *h) {
  il_method *m = &spec->method;
  m->inner.steps = m->algorithm->step ? h->steps : 0;
  m->inner.batch = h->batch;
  m->inner.in_turn = h->in_turn;
  m->inner.lr = h->lr;
  m->inner.l2 = h->l2;
  m->inner.clip = h->clip;
  m->inner.first_order = h->first_order;
  m->inner.loop = (il_inner_loop)h->loop;
  m->inner.adapts = h->adapts;
  m->inner.learned = h->learned;
  m->statistics = (il_query_statistics)h->statistics;
  m->seed = (uint64_t)h->seed;
  m->real = (il_type)h->precision;
  m->function = (il_function_options){.plan = {.direct = !h->winograd}, .factored = h->factored};
  spec->adapted = h->adapted;
  spec->shape.ways = h->ways;
  spec->shape.support = h->support;
  spec->shape.query = 1;
  spec->shape.outputs = h->outputs;
  spec->shape.loss = (il_loss)h->loss;
  spec->shape.targets = h->targets;
  spec->shape.scale = h->scale;
}

il_status il_spec_read(il_context *context, char *text, il_spec *spec) {
  *spec = (il_spec){0};
  head h = {0};
  il_fields_default(table, &h);
  int layers = 0, lines = 0;
  for (char *rest = text, *line; (line = strsep(&rest, "\n")); lines++)
    layers += !strncmp(line, "layer ", 6);
  if (layers < 1 || layers > MOST_LAYERS)
    return il_fail(context, IL_ERROR_FORMAT, "the learner: its net has %d layers", layers);
  spec->layer = il_new(context, (size_t)layers, sizeof *spec->layer);
  if (!spec->layer) return il_fail_memory(context, "the layers of a learner");
  /* The first time for our own names, the second for those of the records that these name. */
  for (int turn = 0; turn < 2; turn++) {
    char *line = text, *next;
    for (int i = 0; i < lines; i++, line = next) {
      next = line + strlen(line) + 1;
      if (!strncmp(line, "layer ", 6)) {
        if (turn && read_layer(context, line + 6, spec, spec->layers++) != IL_OK)
          return il_context_status(context);
        continue;
      }
      if (!*line) continue;
      char *value = strchr(line, ' ');
      if (!value) return unknown(context, line);
      *value = 0;
      const il_status status = read_setting(context, line, value + 1, &h, spec, turn);
      *value = ' ';
      if (status != IL_OK) return status;
    }
    if (!turn && take_records(context, &h, spec) != IL_OK) return il_context_status(context);
  }
  fill(spec, &h);
  if (!read_example(h.example, &spec->shape))
    return il_fail(context, IL_ERROR_FORMAT,
                   "the learner: an example is \"%.60s\", expected such as \"u8 28 28 1\"",
                   h.example);
  return IL_OK;
}
