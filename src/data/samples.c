/* Samples: plain labelled examples, their memory, their checks, and dividing them. */
#include "data/samples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/room.h"

typedef struct owned {
  il_samples samples; /* first: il_samples_free finds the rest */
  void *inputs, *answers;
} owned;

il_value il_inputs_seen(il_graph *g, il_value x) {
  if (!il_valid(x) || il_value_type(g, x) != IL_UINT8) return x;
  return il_scale(g, il_cast(g, x), IL_PIXEL_SCALE);
}

size_t il_samples_stride(const il_samples *samples) {
  return (size_t)il_shape_count(samples->example) * il_type_size(samples->type);
}

void il_samples_free(il_samples *samples) {
  if (!samples) return;
  owned *o = (owned *)samples;
  il_release(o->inputs);
  il_release(o->answers);
  free(o);
}

il_samples *il_samples_new(il_context *context, const il_samples *like, int64_t count) {
  owned *o = calloc(1, sizeof *o);
  size_t answers = like->label ? 1 : (size_t)like->outputs;
  if (o) {
    o->samples = *like;
    o->samples.count = count;
    o->inputs = il_new(context, (size_t)count + 1, il_samples_stride(like));
    o->answers = il_new(context, (size_t)count + 1, answers * sizeof(float));
    o->samples.inputs = o->inputs;
    o->samples.label = like->label ? o->answers : NULL;
    o->samples.target = like->label ? NULL : o->answers;
    if (o->inputs && o->answers) return &o->samples;
    il_samples_free(&o->samples);
  }
  il_fail_memory(context, "samples");
  return NULL;
}

il_samples_memory il_samples_room(il_samples *samples) {
  owned *o = (owned *)samples;
  return (il_samples_memory){.inputs = o->inputs,
                             .label = samples->label ? o->answers : NULL,
                             .target = samples->label ? NULL : o->answers};
}

void il_samples_copy(const il_samples *from, int64_t index, il_samples *to, int64_t at) {
  il_samples_memory room = il_samples_room(to);
  size_t stride = il_samples_stride(from), outputs = (size_t)from->outputs;
  memcpy(room.inputs + (size_t)at * stride, (const char *)from->inputs + (size_t)index * stride,
         stride);
  if (room.label)
    room.label[at] = from->label[index];
  else
    memcpy(room.target + (size_t)at * outputs, from->target + (size_t)index * outputs,
           outputs * sizeof(float));
}

static il_status check_answers(il_context *context, const char *name, const il_samples *s) {
  int most = s->outputs == 1 ? 2 : s->outputs;
  for (int64_t i = 0; s->label && i < s->count; i++)
    if (s->label[i] < 0 || s->label[i] >= most)
      return il_fail(context, IL_ERROR_DATA, "%s: label %lld is %d, expected 0 to %d", name,
                     (long long)i, (int)s->label[i], most - 1);
  for (int64_t i = 0; !s->label && i < s->count * s->outputs; i++)
    if (!(s->target[i] >= 0 && s->target[i] <= 1))
      return il_fail(context, IL_ERROR_DATA,
                     "%s: target %lld of example %lld is %g, expected a number from 0 to 1", name,
                     (long long)(i % s->outputs), (long long)(i / s->outputs),
                     (double)s->target[i]);
  return IL_OK;
}

il_status il_samples_check(il_context *context, const char *name, const il_samples *s) {
  if (s->count < 1 || s->count > INT32_MAX)
    return il_fail(context, IL_ERROR_DATA, "%s: found %lld examples, expected 1 to %d", name,
                   (long long)s->count, INT32_MAX);
  if (s->example.rank < 1 || s->example.rank > 3)
    return il_fail(context, IL_ERROR_DATA,
                   "%s: an example has %d dimensions, expected 1 (features), 2 (a signal) or 3 (an "
                   "image)",
                   name, s->example.rank);
  if (s->type != IL_FLOAT32 && s->type != IL_UINT8)
    return il_fail(context, IL_ERROR_DATA, "%s: inputs have type %s, expected f32 or u8", name,
                   il_type_name(s->type));
  if (!s->inputs || (!s->label && !s->target) || s->outputs < 1)
    return il_fail(context, IL_ERROR_DATA,
                   "%s: expected inputs, labels or targets, and at least one output", name);
  const float *x = s->type == IL_FLOAT32 ? s->inputs : NULL;
  for (int64_t i = 0, n = il_shape_count(s->example); x && i < n * s->count; i++)
    if (!isfinite(x[i]))
      return il_fail(context, IL_ERROR_DATA, "%s: input %lld of example %lld is %g", name,
                     (long long)(i % n), (long long)(i / n), (double)x[i]);
  return check_answers(context, name, s);
}

il_samples *il_samples_of_classes(il_context *context, const il_dataset *dataset, int classes,
                                  const int *cls) {
  int64_t count = 0;
  for (int c = 0; c < classes; c++) count += il_dataset_examples(dataset, cls[c]);
  int32_t none = 0;
  il_samples like = {
      .example = dataset->example, .type = dataset->type, .label = &none, .outputs = classes};
  il_samples *s = il_samples_new(context, &like, count);
  if (!s) return NULL;
  il_samples_memory room = il_samples_room(s);
  size_t bytes = il_samples_stride(s);
  for (int c = 0; c < classes; c++) {
    size_t examples = (size_t)il_dataset_examples(dataset, cls[c]);
    memcpy(room.inputs, il_dataset_example(dataset, cls[c], 0), examples * bytes);
    /* Samples have no scale of their own: floats are what nets see. */
    for (size_t i = 0; dataset->type == IL_FLOAT32 && i < examples * bytes / sizeof(float); i++)
      ((float *)(void *)room.inputs)[i] *= (float)dataset->scale;
    room.inputs += examples * bytes;
    for (size_t i = 0; i < examples; i++) *room.label++ = c;
  }
  return s;
}

il_samples *il_samples_subset(il_context *context, const il_samples *samples, int64_t count,
                              const int64_t *index) {
  il_samples *s = il_samples_new(context, samples, count);
  for (int64_t i = 0; s && i < count; i++) il_samples_copy(samples, index[i], s, i);
  return s;
}

/* Examples by label, then by place. */
typedef struct labelled_place {
  int32_t label;
  int64_t place;
} labelled_place;

static int by_label(const void *a, const void *b) {
  const labelled_place *x = a, *y = b;
  if (x->label != y->label) return x->label < y->label ? -1 : 1;
  return x->place < y->place ? -1 : x->place > y->place;
}

/* Marks which of the n examples of one group are held out, by drawing without replacement. */
static void mark_group(labelled_place *order, int64_t n, double test, il_random random,
                       char *held) {
  int64_t take = (int64_t)(test * (double)n + 0.5);
  if (take == 0 && n > 1) take = 1;
  if (take == n && n > 0) take = n - 1;
  for (int64_t i = 0; i < take; i++) {
    const int64_t j = i + (int64_t)il_random_below(&random, (uint32_t)(n - i));
    const labelled_place drawn = order[j];
    order[j] = order[i];
    order[i] = drawn;
    held[drawn.place] = 1;
  }
}

/* Class by class, but only those that occur: labels may be large. */
static void mark_held(const il_samples *s, double test, uint64_t seed, labelled_place *order,
                      char *held) {
  for (int64_t i = 0; i < s->count; i++) order[i] = (labelled_place){s->label ? s->label[i] : 0, i};
  qsort(order, (size_t)s->count, sizeof *order, by_label);
  const uint64_t stream = il_random_mix(seed, 0x686f6c64u /* "hold" */);
  for (int64_t first = 0, next; first < s->count; first = next) {
    for (next = first; next < s->count && order[next].label == order[first].label;) next++;
    mark_group(order + first, next - first, test,
               il_random_start(stream, (uint64_t)order[first].label), held);
  }
}

il_status il_samples_hold_out(il_context *context, const il_samples *samples, double test,
                              uint64_t seed, il_samples **kept, il_samples **held) {
  *kept = *held = NULL;
  if (!(test > 0 && test < 1))
    return il_fail(context, IL_ERROR_ARGUMENT,
                   "il_samples_hold_out: share %g, expected more than 0 and less than 1", test);
  char *mark = calloc((size_t)samples->count + 1, 1);
  labelled_place *order = calloc((size_t)samples->count + 1, sizeof *order);
  if (mark && order) {
    mark_held(samples, test, seed, order, mark);
    int64_t out = 0, in = 0;
    for (int64_t i = 0; i < samples->count; i++) out += mark[i];
    *held = il_samples_new(context, samples, out);
    *kept = il_samples_new(context, samples, samples->count - out);
    out = 0;
    for (int64_t i = 0; *kept && *held && i < samples->count; i++)
      il_samples_copy(samples, i, mark[i] ? *held : *kept, mark[i] ? out++ : in++);
  } else {
    il_fail_memory(context, "dividing samples");
  }
  free(order);
  free(mark);
  if (il_context_status(context) == IL_OK) return IL_OK;
  il_samples_free(*kept);
  il_samples_free(*held);
  *kept = *held = NULL;
  return il_context_status(context);
}
