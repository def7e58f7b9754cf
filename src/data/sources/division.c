/* Tasks cut from plain samples: by class (some classes, a few examples of each) or within all classes (two
 * disjoint random parts of all samples). */
#include "data/division.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "data/source.h"

static il_status check(il_context *context, const il_samples *s, const il_episodes *e) {
  if (e->kind != IL_EPISODES_BY_CLASS && e->kind != IL_EPISODES_ALL_CLASSES)
    return il_fail(context, IL_ERROR_ARGUMENT, "%d is no kind of episodes", (int)e->kind);
  if (e->shots < 1 || e->queries < 1 || e->shots > INT32_MAX / 2 || e->queries > INT32_MAX / 2)
    return il_fail(context, IL_ERROR_ARGUMENT,
                   "episodes of %d shots and %d queries: expected at least 1 of each", e->shots,
                   e->queries);
  if (e->kind == IL_EPISODES_BY_CLASS && (!s->label || s->outputs < 2))
    return il_fail(context, IL_ERROR_DATA,
                   "episodes by class need labels of at least 2 classes; the samples have %s",
                   s->label ? "one output" : "targets");
  bool square = s->example.rank == 3 && s->example.dim[0] == s->example.dim[1];
  if (e->rotate && (e->kind != IL_EPISODES_BY_CLASS || !square))
    return il_fail(context, IL_ERROR_DATA,
                   "episodes with turned classes need square images and go by class");
  if (e->kind == IL_EPISODES_ALL_CLASSES && e->shots + e->queries > s->count)
    return il_fail(context, IL_ERROR_DATA,
                   "episodes of %d + %d examples cannot be drawn from %lld samples", e->shots,
                   e->queries, (long long)s->count);
  return IL_OK;
}

/* Sorts the examples by class; classes without any are left out. */
static il_status sort(il_context *context, il_division *d) {
  const il_samples *s = d->samples;
  d->first = calloc((size_t)s->outputs + 1, sizeof *d->first);
  d->index = calloc((size_t)s->count + 1, sizeof *d->index);
  if (!d->first || !d->index) return il_fail_memory(context, "the classes of samples");
  int at = 0;
  for (int c = 0; c < s->outputs; c++) {
    d->first[d->classes] = at;
    for (int64_t i = 0; i < s->count; i++)
      if (s->label[i] == c) d->index[at++] = i;
    int found = at - d->first[d->classes];
    if (found == 0) continue;
    d->classes++;
    if (found < d->episodes.shots + d->episodes.queries)
      return il_fail(context, IL_ERROR_DATA,
                     "%d shots and %d queries cannot be drawn from class %d: it has %d examples",
                     d->episodes.shots, d->episodes.queries, c, found);
  }
  d->first[d->classes] = at;
  if (d->classes < d->episodes.ways || d->episodes.ways < 2)
    return il_fail(context, IL_ERROR_DATA,
                   "episodes of %d classes: expected 2 to the %d that the samples have",
                   d->episodes.ways, d->classes);
  return IL_OK;
}

il_division *il_division_new(il_context *context, const il_samples *samples,
                             const il_episodes *episodes, uint64_t seed) {
  if (check(context, samples, episodes) != IL_OK) return NULL;
  il_division *d = calloc(1, sizeof *d);
  if (!d) {
    il_fail_memory(context, "a division of samples");
    return NULL;
  }
  bool by_class = episodes->kind == IL_EPISODES_BY_CLASS;
  int sets = by_class ? episodes->ways : 1;
  *d = (il_division){.samples = samples,
                     .episodes = *episodes,
                     .support = sets * episodes->shots,
                     .query = sets * episodes->queries,
                     .outputs = by_class ? episodes->ways : samples->outputs,
                     .seed = seed};
  if (!by_class || sort(context, d) == IL_OK) return d;
  il_division_free(d);
  return NULL;
}

void il_division_free(il_division *d) {
  if (!d) return;
  free(d->first);
  free(d->index);
  free(d);
}

/* One bit for each thing that can be drawn: which were drawn already. */
size_t il_division_scratch(const il_division *d) { return (size_t)d->samples->count / 8 + 1; }

/* A number below bound whose bit is not set yet; sets it. */
static uint32_t draw_new(il_random *random, uint32_t bound, uint8_t *bits) {
  for (;;) {
    uint32_t v = il_random_below(random, bound);
    if (bits[v / 8] & 1u << v % 8) continue;
    bits[v / 8] |= (uint8_t)(1u << v % 8);
    return v;
  }
}

static void draw_class(const il_division *d, il_random *random, int cls, int way, uint8_t *bits,
                       int64_t *example, int32_t *label) {
  int shots = d->episodes.shots, queries = d->episodes.queries;
  uint32_t bound = (uint32_t)(d->first[cls + 1] - d->first[cls]);
  memset(bits, 0, bound / 8 + 1);
  for (int i = 0; i < shots + queries; i++) {
    int at = i < shots ? way * shots + i : d->support + way * queries + i - shots;
    example[at] = d->index[(uint32_t)d->first[cls] + draw_new(random, bound, bits)];
    if (label) label[at] = way;
  }
}

void il_division_draw(const il_division *d, uint64_t stream, uint64_t index, void *scratch,
                      int64_t *example, int32_t *label) {
  uint8_t *bits = scratch;
  il_random random = il_random_start(il_random_mix(d->seed, stream), index);
  if (d->episodes.kind == IL_EPISODES_ALL_CLASSES) {
    memset(bits, 0, il_division_scratch(d));
    for (int i = 0; i < d->support + d->query; i++)
      example[i] = draw_new(&random, (uint32_t)d->samples->count, bits);
    return;
  }
  /* Until its examples are drawn, way w keeps its class at the place of its first query. */
  int queries = d->episodes.queries;
  for (int w = 0; w < d->episodes.ways; w++) {
    int64_t cls = 0;
    bool again = true;
    while (again) {
      cls = (int64_t)il_random_below(&random, (uint32_t)d->classes);
      again = false;
      for (int k = 0; k < w; k++) again |= example[d->support + k * queries] == cls;
    }
    example[d->support + w * queries] = cls;
  }
  for (int w = 0; w < d->episodes.ways; w++)
    draw_class(d, &random, (int)example[d->support + w * queries], w, bits, example, label);
}

int il_division_turns(const il_division *d, uint64_t stream, uint64_t index, int way) {
  uint32_t words[4];
  if (!d->episodes.rotate) return 0;
  il_random_block(il_random_mix(il_random_mix(d->seed, stream), index), 0x7475726eu /* "turn" */,
                  (uint64_t)way, words);
  return (int)(words[0] % 4);
}

/* ---- as a source ---- */

static void *open_source(il_context *context, const void *settings, const il_source_options *o) {
  const il_samples_tasks *s = settings;
  il_division *d = il_division_new(context, s->samples, &s->episodes, o->seed);
  if (d) d->loss = s->loss;
  return d;
}

static void describe(void *data, il_split split, int variant, il_task_shape *shape) {
  (void)variant;
  (void)split;
  const il_division *d = data;
  const bool bytes = d->samples->type == IL_UINT8;
  *shape = (il_task_shape){.ways = d->outputs,
                           .shots = d->episodes.shots,
                           .queries = d->episodes.queries,
                           .support = d->support,
                           .query = d->query,
                           .outputs = d->outputs,
                           .example = d->samples->example,
                           .x = bytes ? IL_UINT8 : IL_FLOAT32,
                           .targets = !d->samples->label,
                           .loss = d->loss,
                           .scale = bytes ? IL_PIXEL_SCALE : 1};
}

/* Examples, labels, then what drawing needs. */
static size_t scratch_of(void *data) {
  const il_division *d = data;
  size_t examples = (size_t)d->support + (size_t)d->query;
  return (sizeof(int64_t) + sizeof(int32_t)) * examples + il_division_scratch(d);
}

static il_status draw(void *data, il_task_id id, void *scratch, const il_task_memory *task) {
  const il_division *d = data;
  const il_samples *s = d->samples;
  int examples = d->support + d->query;
  size_t stride = il_samples_stride(s), row = (size_t)d->outputs;
  int64_t *example = scratch;
  int32_t *label = (int32_t *)(example + examples);
  il_division_draw(d, (uint64_t)id.split, id.index, label + examples, example, label);
  bool own = d->episodes.kind == IL_EPISODES_ALL_CLASSES;
  for (int i = 0; i < examples; i++) {
    int query = i >= d->support;
    size_t to = (size_t)(query ? i - d->support : i), from = (size_t)example[i];
    const char *input = (const char *)s->inputs + from * stride;
    char *x = (char *)task->x[query] + to * stride;
    int turns = own ? 0 : il_division_turns(d, (uint64_t)id.split, id.index, label[i]);
    if (turns)
      il_image_turn(input, (int)s->example.dim[0],
                    (size_t)s->example.dim[2] * il_type_size(s->type), turns, x);
    else
      memcpy(x, input, stride);
    if (s->label)
      ((int32_t *)task->y[query])[to] = own ? s->label[from] : label[i];
    else
      memcpy((float *)task->y[query] + to * row, s->target + from * row, row * sizeof(float));
  }
  return IL_OK;
}

static void close_source(void *data) { il_division_free(data); }

const il_source il_source_samples = {.name = "samples",
                                     .doc = "tasks cut from plain samples",
                                     .size = sizeof(il_samples_tasks),
                                     .open = open_source,
                                     .describe = describe,
                                     .scratch = scratch_of,
                                     .draw = draw,
                                     .close = close_source};
