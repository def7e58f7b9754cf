/* Tasks as they stand in a file: nothing is drawn of them but which one trains. Tasks of equal sizes are one shape. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/random.h"
#include "data/dataset.h"
#include "data/named_split.h"
#include "data/source.h"
#include "data/task_file.h"

typedef struct settings {
  int classes;
} settings;

static const il_field fields[] = {
    IL_FIELD(settings, classes, IL_FIELD_INT32, "0", 0, 65536, "",
             "classes that a net for the tasks tells apart; 0: one more than the largest label of "
             "the file"),
    {0}};

typedef struct given {
  il_task_file *file;
  int outputs;
  int *list; /* tasks of the splits, one after the other; equal sizes side by side */
  int first[3], count[3];
  int variants[3], start[3][IL_TASK_VARIANTS + 1]; /* places in a split's part of the list */
  uint64_t seed;
} given;

static const il_given_task *task_at(const given *s, il_split split, int place) {
  return &s->file->task[s->list[s->first[split] + place]];
}

static int by_size(const void *a, const void *b, void *tasks) {
  const int i = *(const int *)a, j = *(const int *)b;
  const il_given_task *p = (const il_given_task *)tasks + i, *q = (const il_given_task *)tasks + j;
  if (p->support != q->support) return p->support < q->support ? -1 : 1;
  if (p->query != q->query) return p->query < q->query ? -1 : 1;
  if (p->ways != q->ways) return p->ways < q->ways ? -1 : 1;
  return i < j ? -1 : i > j;
}

static bool same_size(const il_given_task *p, const il_given_task *q) {
  return p->support == q->support && p->query == q->query && p->ways == q->ways;
}

static il_status sort(given *s, il_split split) {
  const il_task_file *f = s->file;
  qsort_r(s->list + s->first[split], (size_t)s->count[split], sizeof *s->list, by_size, f->task);
  int shapes = 0;
  for (int i = 0; i < s->count[split]; i++) {
    if (i && same_size(task_at(s, split, i - 1), task_at(s, split, i))) continue;
    if (shapes < IL_TASK_VARIANTS) s->start[split][shapes] = i;
    shapes++;
  }
  if (shapes > IL_TASK_VARIANTS)
    return il_fail(f->context, IL_ERROR_DATA,
                   "%s: the %d %s tasks come in %d sizes (support examples, query examples, "
                   "classes), and each is a plan of its own; expected at most %d",
                   f->path, s->count[split], il_split_name(split), shapes, (int)IL_TASK_VARIANTS);
  s->start[split][shapes] = s->count[split];
  s->variants[split] = shapes;
  return IL_OK;
}

/* A net has an output for every class up to the largest label: a small file makes no large net unasked. */
enum { OUTPUTS_ALWAYS = 1024, OUTPUTS_OF_ONE = 16 };
static bool few_outputs(const il_task_file *f) {
  int64_t labels = 0;
  for (int i = 0; i < f->count; i++) labels += f->task[i].support + f->task[i].query;
  return f->outputs <= OUTPUTS_ALWAYS || f->outputs / OUTPUTS_OF_ONE <= labels;
}

/* By the file, where it says; else as classes are divided. */
static il_status divide(given *s, const il_split_options *options) {
  const il_task_file *f = s->file;
  const char **name = malloc((size_t)f->count * sizeof *name);
  if (!name) return il_fail_memory(f->context, "the names of tasks");
  for (int i = 0; i < f->count; i++) name[i] = f->task[i].name;
  il_splits *splits =
      f->divided ? NULL : il_splits_of_names(f->context, f->path, f->count, name, options);
  free(name);
  if (!f->divided && !splits) return il_context_status(f->context);
  int at = 0;
  for (int split = IL_TRAIN; split <= IL_TEST; split++) {
    s->first[split] = at;
    for (int i = 0; f->divided && i < f->count; i++)
      if (f->task[i].split == split) s->list[at++] = i;
    for (int i = 0; splits && i < il_splits_count(splits, (il_split)split); i++)
      s->list[at++] = il_splits_class(splits, (il_split)split, i);
    s->count[split] = at - s->first[split];
  }
  il_splits_free(splits);
  il_status status = IL_OK;
  for (int split = IL_TRAIN; split <= IL_TEST && status == IL_OK; split++)
    status = sort(s, (il_split)split);
  return status;
}

static void close_source(void *data) {
  given *s = data;
  il_task_file_free(s->file);
  free(s->list);
  free(s);
}

static il_status open_file(il_context *context, given *s, const settings *set,
                           const il_source_options *o) {
  s->file = il_task_file_open(context, o->data);
  if (!s->file) return il_context_status(context);
  const il_task_file *f = s->file;
  s->outputs = f->outputs;
  if (!set->classes && !f->targets && !few_outputs(f))
    return il_fail(
        context, IL_ERROR_DATA,
        "%s: the largest label is %d, so that a net would tell %d classes apart, expected "
        "at most %d or %d for each label; number the classes of a task from 0, or set "
        "tasks.classes",
        o->data, f->outputs - 1, f->outputs, OUTPUTS_ALWAYS, OUTPUTS_OF_ONE);
  if (set->classes && !f->targets) s->outputs = set->classes;
  if (set->classes && (f->targets || set->classes < f->outputs))
    return il_fail(context, IL_ERROR_CONFIG, "tasks.classes: found %d, but %s has %s %d",
                   set->classes, o->data, f->targets ? "targets, numbers of each:" : "the label",
                   f->targets ? f->outputs : f->outputs - 1);
  s->list = malloc((size_t)f->count * sizeof *s->list);
  return s->list ? divide(s, &o->split) : il_fail_memory(context, "the list of tasks");
}

static void *open_source(il_context *context, const void *set, const il_source_options *o) {
  if (!o->data) {
    il_fail(context, IL_ERROR_CONFIG,
            "task.data: missing; --data names a file with support_x, support_y, query_x and "
            "query_y of tasks");
    return NULL;
  }
  given *s = calloc(1, sizeof *s);
  if (!s) {
    il_fail_memory(context, "a source of tasks");
    return NULL;
  }
  s->seed = o->seed;
  if (open_file(context, s, set, o) == IL_OK) return s;
  close_source(s);
  return NULL;
}

static int variants(void *data, il_split split) { return ((const given *)data)->variants[split]; }

static int tasks_of(const given *s, il_split split, int variant) {
  return s->start[split][variant + 1] - s->start[split][variant];
}

static double share(void *data, il_split split, int variant) {
  return tasks_of(data, split, variant);
}

static int64_t count(void *data, il_split split) { return ((const given *)data)->count[split]; }

static void describe(void *data, il_split split, int variant, il_task_shape *shape) {
  const given *s = data;
  const il_task_file *f = s->file;
  const il_given_task *t = task_at(s, split, s->start[split][variant]);
  *shape = (il_task_shape){.ways = t->ways,
                           .shots = t->support / t->ways,
                           .queries = t->query / t->ways,
                           .support = t->support,
                           .query = t->query,
                           .outputs = s->outputs,
                           .example = f->example,
                           .x = f->x,
                           .targets = f->targets,
                           .loss = f->targets ? IL_LOSS_MEAN_SQUARED_ERROR : IL_LOSS_CROSS_ENTROPY,
                           .scale = f->x == IL_UINT8 ? IL_PIXEL_SCALE : 1};
}

/* Training draws one with replacement; validation and test take them in turn. */
static il_status draw(void *data, il_task_id id, void *scratch, const il_task_memory *memory) {
  (void)scratch;
  const given *s = data;
  const il_task_file *f = s->file;
  const uint32_t all = (uint32_t)tasks_of(s, id.split, id.variant);
  il_random random = il_random_start(s->seed, id.index);
  const uint32_t which =
      id.split == IL_TRAIN ? il_random_below(&random, all) : (uint32_t)(id.index % all);
  const il_given_task *t = task_at(s, id.split, s->start[id.split][id.variant] + (int)which);
  const size_t x = (size_t)il_shape_count(f->example) * il_type_size(f->x);
  const size_t y = f->targets ? sizeof(float) * (size_t)f->outputs : sizeof(int32_t);
  for (int set = 0; set < 2; set++) {
    const size_t n = (size_t)(set ? t->query : t->support);
    memcpy(memory->x[set], t->x[set], n * x);
    memcpy(memory->y[set], t->y[set], n * y);
  }
  return IL_OK;
}

/* Shape, sizes, names, and an example of up to 64 of the tasks. */
static uint64_t content(void *data) {
  const il_task_file *f = ((const given *)data)->file;
  const int parts = f->count < 64 ? f->count : 64;
  const size_t x = (size_t)il_shape_count(f->example) * il_type_size(f->x);
  uint64_t hash = il_fingerprint_mix(IL_FINGERPRINT_START, f->example.dim,
                                     (size_t)f->example.rank * sizeof *f->example.dim);
  for (int i = 0; i < f->count; i++) {
    const il_given_task *t = &f->task[i];
    const int about[] = {t->split, t->support, t->query, t->ways};
    hash = il_fingerprint_mix(hash, about, sizeof about);
    hash = il_fingerprint_mix(hash, t->name, strlen(t->name) + 1);
  }
  for (int i = 0; i < parts; i++)
    hash = il_fingerprint_mix(hash, f->task[(int64_t)i * f->count / parts].x[0],
                              x < 65536 ? x : 65536);
  return hash;
}

static uint64_t division(void *data) {
  const given *s = data;
  const uint64_t hash = il_fingerprint_mix(IL_FINGERPRINT_START, s->count, sizeof s->count);
  const int all = s->count[0] + s->count[1] + s->count[2];
  return il_fingerprint_mix(hash, s->list, (size_t)all * sizeof *s->list);
}

static size_t bytes(void *data) {
  const il_task_file *f = ((const given *)data)->file;
  const size_t x = (size_t)il_shape_count(f->example) * il_type_size(f->x);
  size_t all = f->converted;
  for (int i = 0; i < f->count; i++) all += x * (size_t)(f->task[i].support + f->task[i].query);
  return all;
}

const il_source il_source_tasks = {.name = "tasks",
                                   .doc = "tasks as they stand in a file",
                                   .size = sizeof(settings),
                                   .fields = fields,
                                   .needs_data = true,
                                   .shape_of_data = true,
                                   .open = open_source,
                                   .describe = describe,
                                   .draw = draw,
                                   .close = close_source,
                                   .variants = variants,
                                   .share = share,
                                   .count = count,
                                   .content = content,
                                   .division = division,
                                   .bytes = bytes};
