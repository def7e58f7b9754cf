/* Labelled data sets out of files of tensors: names say which tensors are inputs and which the targets of the same
 * examples. */
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

#include <innerloop/io.h>

#include "base/locale.h"
#include "base/arena.h"
#include "base/error.h"
#include "graph/graph.h"

typedef enum role { NEITHER, INPUTS, TARGETS } role;

/* A tensor of the file with what its name says: the role, and the rest of the name, equal for those that belong
 * together. */
typedef struct place {
  const il_tensor *tensor;
  role role;
  char *rest;
} place;

typedef struct batch {
  const il_tensor *inputs, *targets;
  int64_t count;
  bool single; /* one example without a dimension for the batch */
} batch;

typedef struct reading {
  il_context *context;
  const char *path;
  const il_tensors *file;
  il_arena arena;
  place *place;
  batch *batch;
  int batches;
  il_labelled *result;
} reading;

static const struct {
  const char *word;
  role role;
} words[] = {{"inputs", INPUTS},   {"input", INPUTS},   {"x", INPUTS},       {"X", INPUTS},
             {"data", INPUTS},     {"images", INPUTS},  {"image", INPUTS},   {"features", INPUTS},
             {"targets", TARGETS}, {"target", TARGETS}, {"y", TARGETS},      {"Y", TARGETS},
             {"labels", TARGETS},  {"label", TARGETS},  {"classes", TARGETS}};

/* Finds the role in a name, from its end: a key that is one of the words, else the last index 0 or 1. */
static il_status find_role(reading *r, place *p) {
  const char *name = p->tensor->name, *begin = NULL, *end = NULL;
  size_t length = strlen(name);
  for (const char *at = name; *at;) {
    const char *key = *at == '.' || *at == '[' ? at + 1 : at;
    size_t size = strcspn(key, ".[");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
      if (*at != '[' && strlen(words[i].word) == size && !memcmp(key, words[i].word, size)) {
        p->role = words[i].role;
        begin = key;
        end = key + size;
      }
    at = key + size;
  }
  if (!begin && length >= 3 &&
      (!strcmp(name + length - 3, "[0]") || !strcmp(name + length - 3, "[1]"))) {
    begin = name + length - 3;
    end = name + length;
    p->role = begin[1] == '0' ? INPUTS : TARGETS;
  }
  if (!begin) return IL_OK;
  p->rest = il_arena_alloc(&r->arena, length + 1);
  if (!p->rest) return il_fail_memory(r->context, "names of a data set");
  memcpy(p->rest, name, (size_t)(begin - name));
  strcpy(p->rest + (begin - name), end);
  return IL_OK;
}

static il_shape without_first(il_shape shape) {
  if (shape.rank) memmove(shape.dim, shape.dim + 1, sizeof *shape.dim * (size_t)--shape.rank);
  return shape;
}

static bool whole(il_type type) {
  return type == IL_INT8 || type == IL_INT16 || type == IL_INT32 || type == IL_INT64 ||
         type == IL_UINT8 || type == IL_BOOL;
}

static il_status add_batch(reading *r, const il_tensor *inputs, const il_tensor *targets) {
  batch *b = &r->batch[r->batches];
  *b = (batch){.inputs = inputs, .targets = targets, .count = 1};
  il_shape example = inputs->shape, target = targets->shape;
  /* A number as target belongs to one example; [1] could be a batch of one. */
  b->single = target.rank == 0 && inputs->shape.rank > 0;
  if (!b->single) {
    if (!example.rank || !target.rank || example.dim[0] != target.dim[0])
      return il_fail(r->context, IL_ERROR_DATA,
                     "%s: \"%s\" has %lld examples, but \"%s\" has %lld targets", r->path,
                     inputs->name, (long long)(example.rank ? example.dim[0] : 0), targets->name,
                     (long long)(target.rank ? target.dim[0] : 0));
    b->count = example.dim[0];
    example = without_first(example);
    target = without_first(target);
  }
  il_labelled *d = r->result;
  if (r->batches == 0) {
    d->example = example;
    d->target = target;
    d->stored = inputs->type;
  }
  char found[128], expected[128];
  bool alike = il_shape_equal(example, d->example);
  if (!alike || !il_shape_equal(target, d->target))
    return il_fail(r->context, IL_ERROR_DATA,
                   "%s: \"%s\" has examples of shape %s, expected %s as in \"%s\"", r->path,
                   alike ? targets->name : inputs->name,
                   il_shape_text(alike ? target : example, found),
                   il_shape_text(alike ? d->target : d->example, expected),
                   alike ? r->batch[0].targets->name : r->batch[0].inputs->name);
  if (inputs->type != d->stored)
    return il_fail(r->context, IL_ERROR_DATA, "%s: \"%s\" has type %s, expected %s as in \"%s\"",
                   r->path, inputs->name, il_type_name(inputs->type), il_type_name(d->stored),
                   r->batch[0].inputs->name);
  if (whole(targets->type) != whole(r->batch[0].targets->type))
    return il_fail(r->context, IL_ERROR_DATA,
                   "%s: \"%s\" has type %s, but \"%s\" has %s: whole numbers and reals are mixed",
                   r->path, targets->name, il_type_name(targets->type), r->batch[0].targets->name,
                   il_type_name(r->batch[0].targets->type));
  if (__builtin_add_overflow(d->count, b->count, &d->count) || d->count > INT32_MAX)
    return il_fail(r->context, IL_ERROR_DATA, "%s has more than 2^31 examples", r->path);
  r->batches++;
  return IL_OK;
}

/* Pairs in the file's order: a batch's two tensors are neighbours, or one follows the other in a dict of lists. */
static int by_rest(const void *a, const void *b) {
  const place *x = *(const place *const *)a, *y = *(const place *const *)b;
  int order = strcmp(x->rest, y->rest);
  if (order) return order;
  return x->role != y->role ? (x->role > y->role ? 1 : -1) : (x > y) - (x < y);
}

/* Length of a name up to and with the first key that says what a set is for, "train" or "val_set"; 0: there is none. */
static size_t purpose(const char *name) {
  static const char *const purposes[] = {"train", "test", "val", "dev", "eval", "held", "hold"};
  for (const char *at = name; *at;) {
    const char *key = *at == '.' || *at == '[' ? at + 1 : at;
    size_t size = strcspn(key, ".[");
    for (size_t i = 0; *at != '[' && i < sizeof purposes / sizeof *purposes; i++)
      if (!il_word_order_within(key, purposes[i], strlen(purposes[i])))
        return (size_t)(key - name) + size;
    at = key + size;
  }
  return 0;
}

/* Training and test data must not be taken as one set. */
static il_status one_set(const reading *r, int count, const place *const *partner) {
  const char *first = NULL;
  for (int i = 0; i < count; i++) {
    if (!partner[i]) continue;
    const char *name = r->place[i].tensor->name;
    if (!first) first = name;
    int a = (int)purpose(first), b = (int)purpose(name);
    if (a == b && !memcmp(first, name, (size_t)a)) continue;
    return il_fail(
        r->context, IL_ERROR_DATA,
        "%s has several data sets, \"%.*s\" and \"%.*s\"; choose one by its key: %s:%.*s", r->path,
        a ? a : (int)strcspn(first, ".["), first, b ? b : (int)strcspn(name, ".["), name, r->path,
        a ? a : b, a ? first : name);
  }
  return IL_OK;
}

static il_status pair_up(reading *r, int count) {
  const place **sorted = il_arena_alloc(&r->arena, ((size_t)count + 1) * sizeof *sorted);
  const place **partner = il_arena_alloc(&r->arena, ((size_t)count + 1) * sizeof *partner);
  if (!sorted || !partner) return il_fail_memory(r->context, "a data set");
  int n = 0;
  for (int i = 0; i < count; i++)
    if (r->place[i].role) sorted[n++] = &r->place[i];
  qsort(sorted, (size_t)n, sizeof *sorted, by_rest);
  for (int i = 0; i < n; i += 2) {
    bool pair = i + 1 < n && !strcmp(sorted[i]->rest, sorted[i + 1]->rest) &&
                sorted[i]->role == INPUTS && sorted[i + 1]->role == TARGETS &&
                (i + 2 == n || strcmp(sorted[i + 1]->rest, sorted[i + 2]->rest) != 0);
    if (!pair)
      return il_fail(r->context, IL_ERROR_DATA,
                     "%s: \"%s\" belongs to no pair of one tensor of inputs and one of targets",
                     r->path, sorted[i]->tensor->name);
    partner[sorted[i] - r->place] = sorted[i + 1];
  }
  if (one_set(r, count, partner)) return il_context_status(r->context);
  for (int i = 0; i < count; i++)
    if (partner[i] && add_batch(r, r->place[i].tensor, partner[i]->tensor))
      return il_context_status(r->context);
  if (!r->batches)
    return il_fail(r->context, IL_ERROR_DATA,
                   "%s has no data set: expected pairs of inputs and targets, such as a list of "
                   "(inputs, targets) or a dict with these keys, found %d other tensors",
                   r->path, count);
  return IL_OK;
}

/* Whole numbers are labels where there is one per example. */
static il_status make_labels(reading *r) {
  il_labelled *d = r->result;
  d->largest = -1;
  if (!whole(r->batch[0].targets->type) || il_shape_count(d->target) != 1) return IL_OK;
  d->labels = malloc(((size_t)d->count + 1) * sizeof *d->labels);
  if (!d->labels) return il_fail_memory(r->context, "labels");
  int32_t *at = d->labels;
  for (int i = 0; i < r->batches; i++) {
    const il_tensor *t = r->batch[i].targets;
    for (int64_t k = 0; k < r->batch[i].count; k++) {
      int64_t label = t->type == IL_INT64   ? ((const int64_t *)t->data)[k]
                      : t->type == IL_INT32 ? ((const int32_t *)t->data)[k]
                      : t->type == IL_INT16 ? ((const int16_t *)t->data)[k]
                      : t->type == IL_INT8  ? ((const int8_t *)t->data)[k]
                                            : ((const uint8_t *)t->data)[k];
      if (label < 0 || label > INT32_MAX - 1)
        return il_fail(r->context, IL_ERROR_DATA,
                       "%s: in \"%s\", label %lld is %lld, expected a class from 0 up", r->path,
                       t->name, (long long)k, (long long)label);
      if (label > d->largest) d->largest = (int32_t)label;
      *at++ = (int32_t)label;
    }
  }
  return IL_OK;
}

static il_status copy_all(reading *r) {
  il_labelled *d = r->result;
  size_t size = il_type_size(d->real);
  size_t example = (size_t)il_shape_count(d->example), target = (size_t)il_shape_count(d->target);
  uint64_t inputs, targets;
  if (d->count < 1 || example < 1 || target < 1)
    return il_fail(r->context, IL_ERROR_DATA, "%s has no examples", r->path);
  if (__builtin_mul_overflow((uint64_t)d->count, (uint64_t)example * size, &inputs) ||
      __builtin_mul_overflow((uint64_t)d->count, (uint64_t)target * size, &targets))
    return il_fail(r->context, IL_ERROR_DATA, "%s is too large", r->path);
  char *in = d->inputs = malloc((size_t)inputs), *out = d->targets = malloc((size_t)targets);
  if (!in || !out) return il_fail_memory(r->context, "a data set");
  for (int i = 0; i < r->batches; i++) {
    il_tensor_reals(r->batch[i].inputs, d->real, in);
    il_tensor_reals(r->batch[i].targets, d->real, out);
    in += (size_t)r->batch[i].count * example * size;
    out += (size_t)r->batch[i].count * target * size;
  }
  return make_labels(r);
}

static il_status read_all(reading *r) {
  int count = il_tensors_count(r->file);
  r->place = il_arena_alloc(&r->arena, ((size_t)count + 1) * sizeof *r->place);
  r->batch = il_arena_alloc(&r->arena, ((size_t)count + 1) * sizeof *r->batch);
  r->result = calloc(1, sizeof *r->result);
  if (!r->place || !r->batch || !r->result) return il_fail_memory(r->context, "a data set");
  for (int i = 0; i < count; i++) {
    r->place[i].tensor = il_tensors_at(r->file, i);
    if (find_role(r, &r->place[i])) return il_context_status(r->context);
  }
  return pair_up(r, count);
}

il_labelled *il_labelled_of(il_context *context, const char *path, const il_tensors *file,
                            il_type real) {
  if (real != IL_FLOAT32 && real != IL_FLOAT64) {
    il_fail(context, IL_ERROR_ARGUMENT, "il_labelled_read: real %s, expected f32 or f64",
            il_type_name(real));
    return NULL;
  }
  reading r = {.context = context, .path = path, .file = file};
  il_status status = read_all(&r);
  if (!status) {
    r.result->real = real;
    r.result->channels_first = !strncmp(il_tensors_format(file), "PyTorch", 7);
    status = copy_all(&r);
  }
  il_arena_free(&r.arena);
  if (!status) return r.result;
  il_labelled_free(r.result);
  return NULL;
}

il_labelled *il_labelled_read(il_context *context, const char *path, il_type real) {
  il_tensors *file = il_tensors_open(context, path);
  il_labelled *labelled = file ? il_labelled_of(context, path, file, real) : NULL;
  il_tensors_close(file);
  return labelled;
}

void il_labelled_free(il_labelled *labelled) {
  if (!labelled) return;
  free(labelled->inputs);
  free(labelled->targets);
  free(labelled->labels);
  free(labelled);
}

il_status il_labelled_channels_last(il_context *context, il_labelled *d) {
  const int rank = d->example.rank;
  if (rank != 2 && rank != 3) return IL_OK;
  size_t size = il_type_size(d->real), channels = (size_t)d->example.dim[0];
  size_t pixels = (size_t)(d->example.dim[1] * (rank == 3 ? d->example.dim[2] : 1));
  char *turned = malloc((size_t)d->count * channels * pixels * size);
  if (!turned) return il_fail_memory(context, "a data set");
  const char *from = d->inputs;
  for (size_t n = 0; n < (size_t)d->count; n++)
    for (size_t c = 0; c < channels; c++)
      for (size_t p = 0; p < pixels; p++, from += size)
        memcpy(turned + ((n * pixels + p) * channels + c) * size, from, size);
  free(d->inputs);
  d->inputs = turned;
  d->example = rank == 3 ? IL_SHAPE(d->example.dim[1], d->example.dim[2], (int64_t)channels)
                         : IL_SHAPE(d->example.dim[1], (int64_t)channels);
  return IL_OK;
}
