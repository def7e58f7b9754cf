/* Reads tasks out of the tensors of a file (see task_file.h). Tensors belong together by what is left of their names
 * without support_x, support_y, query_x, query_y. */
#include "data/task_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"
#include "io/tensors.h"

enum {
  SUPPORT_X,
  SUPPORT_Y,
  QUERY_X,
  QUERY_Y,
  KEYS,
  MOST_CLASSES = 65536,
  MOST_EXAMPLES = 1 << 24
};
static const char *const key_name[KEYS] = {"support_x", "support_y", "query_x", "query_y"};

/* One of the four. */
typedef struct part {
  const char *group; /* "" "train" "task3" "[3]" "train[3]" */
  int key;
  const il_tensor *tensor;
} part;

/* What the four of a group are: one task, or tasks on top of each other. */
typedef struct group {
  const char *name;
  const il_tensor *tensor[KEYS];
  int lead, tasks, n[2]; /* lead: dimensions before the examples' own */
  const char *data[KEYS];
  size_t stride[KEYS]; /* bytes of one task */
} group;

/* The key that a name ends in, before an index of a list: "a.support_x" and "a.support_x[3]". −1: none. */
static int find_key(const char *name, size_t *before, const char **after) {
  const char *bracket = strrchr(name, '[');
  size_t length = strlen(name);
  *after = name + length;
  if (bracket && length && name[length - 1] == ']' && bracket > name &&
      strspn(bracket + 1, "0123456789") == strlen(bracket) - 2) {
    length = (size_t)(bracket - name);
    *after = bracket;
  }
  for (int k = 0; k < KEYS; k++) {
    const size_t width = strlen(key_name[k]);
    if (length < width || strncmp(name + length - width, key_name[k], width)) continue;
    *before = length - width;
    if (*before == 0) return k;
    if (name[*before - 1] != '.') continue;
    --*before;
    return k;
  }
  return -1;
}

static int by_group(const void *a, const void *b) {
  const part *p = a, *q = b;
  const int order = strverscmp(p->group, q->group);
  return order ? order : p->key - q->key;
}

static il_status collect(il_task_file *f, part **parts, int *count) {
  const int all = il_tensors_count(f->file);
  *parts = malloc(((size_t)all + 1) * sizeof **parts);
  *count = 0;
  for (int i = 0; *parts && i < all; i++) {
    const il_tensor *t = il_tensors_at(f->file, i);
    size_t before = 0;
    const char *after;
    const int key = find_key(t->name, &before, &after);
    if (key < 0) continue;
    char *name = il_arena_alloc(&f->arena, before + strlen(after) + 1);
    if (!name) return il_fail_memory(f->context, "the names of tasks");
    memcpy(name, t->name, before);
    strcpy(name + before, after);
    (*parts)[(*count)++] = (part){name, key, t};
  }
  if (!*parts) return il_fail_memory(f->context, "the tensors of tasks");
  qsort(*parts, (size_t)*count, sizeof **parts, by_group);
  if (*count) return IL_OK;
  return il_fail(f->context, IL_ERROR_DATA,
                 "%s has no tasks: expected tensors support_x, support_y, query_x and query_y, "
                 "stacked or under a name for each task",
                 f->path);
}

/* ---- what the four must be ---- */

static il_status refuse(const il_task_file *f, const il_tensor *t, const char *expected) {
  char shape[96];
  return il_fail(f->context, IL_ERROR_DATA, "%s: \"%s\" has type %s and shape %s, expected %s",
                 f->path, t->name, il_type_name(t->type), il_shape_text(t->shape, shape), expected);
}

static bool whole(const il_tensor *t) {
  return t->type == IL_INT8 || t->type == IL_INT16 || t->type == IL_INT32 || t->type == IL_INT64 ||
         t->type == IL_UINT8;
}

/* "train", "train.task3", "train[3]" */
static int split_of(const char *name) {
  for (int s = IL_TRAIN; s <= IL_TEST; s++) {
    const char *word = il_split_name((il_split)s);
    const size_t width = strlen(word);
    if (!strncmp(name, word, width) && (!name[width] || name[width] == '.' || name[width] == '['))
      return s;
  }
  return -1;
}

/* Whether y are labels or targets, and how many tasks lie on top of each other. */
static il_status check_y(il_task_file *f, group *g) {
  const il_tensor *y = g->tensor[SUPPORT_Y];
  const bool targets = il_tensor_is_real(y);
  if (!targets && !whole(y)) return refuse(f, y, "whole numbers (labels) or reals (targets)");
  if (f->count == 0) f->targets = targets;
  const int split = split_of(g->name);
  const bool top = !*g->name || (split >= 0 && !strcmp(g->name, il_split_name((il_split)split)));
  const int rank = y->shape.rank;
  if (targets)
    g->lead = rank == 3 || (rank == 2 && top);
  else
    g->lead = rank == 2;
  for (int k = SUPPORT_Y; k < KEYS; k += 2) {
    const il_tensor *t = g->tensor[k];
    if (targets != f->targets || il_tensor_is_real(t) != targets || (!targets && !whole(t)))
      return refuse(f, t, f->targets ? "reals, as the first targets" : "labels, as the first ones");
    const int own = t->shape.rank - g->lead;
    if (t->shape.rank != rank || own < 1 || own > (targets ? 2 : 1))
      return refuse(f, t,
                    targets ? "[n], [n,outputs] or [tasks,n,outputs], as of the other set"
                            : "[n] or [tasks,n], as of the other set");
    const int64_t outputs = own == 2 ? t->shape.dim[g->lead + 1] : 1;
    if (!targets) continue;
    if (f->count == 0 && k == SUPPORT_Y) f->outputs = outputs > INT32_MAX ? 0 : (int)outputs;
    if (outputs < 1 || outputs > MOST_CLASSES || outputs != f->outputs)
      return refuse(f, t, "as many outputs as the first targets, at least one");
  }
  return IL_OK;
}

static bool from_torch(const il_task_file *f) {
  return !strncmp(il_tensors_format(f->file), "PyTorch", 7);
}

static il_status check_x(il_task_file *f, const group *g, int key) {
  const il_tensor *t = g->tensor[key];
  const int own = t->shape.rank - g->lead - 1;
  if (own < 0 || own > 3) return refuse(f, t, "[n, example…] with 0 to 3 dimensions of an example");
  if (t->type != IL_UINT8 && !il_tensor_is_real(t)) return refuse(f, t, "bytes or reals");
  il_shape example = {.rank = own};
  memcpy(example.dim, t->shape.dim + g->lead + 1, (size_t)own * sizeof *example.dim);
  if (own == 0) example = IL_SHAPE(1);
  if (own == 3 && from_torch(f)) example = IL_SHAPE(example.dim[1], example.dim[2], example.dim[0]);
  const il_type type = t->type == IL_UINT8 ? IL_UINT8 : IL_FLOAT32;
  if (f->count == 0 && key == SUPPORT_X) {
    f->example = example;
    f->x = type;
  }
  if (il_shape_equal(example, f->example) && type == f->x && il_shape_count(example) >= 1)
    return IL_OK;
  char first[96], expected[160];
  snprintf(expected, sizeof expected, "%s, examples of shape %s, as the first ones",
           f->x == IL_UINT8 ? "bytes" : "reals", il_shape_text(f->example, first));
  return refuse(f, t, expected);
}

static il_status check_counts(const il_task_file *f, group *g) {
  for (int k = 0; k < KEYS; k++) {
    const il_tensor *t = g->tensor[k];
    const int64_t tasks = g->lead ? t->shape.dim[0] : 1, n = t->shape.dim[g->lead];
    if (n < 1 || n > MOST_EXAMPLES || tasks < 1 || tasks > MOST_EXAMPLES)
      return refuse(f, t, "at least one task, and at least one example in either set");
    if (k == 0) g->tasks = (int)tasks;
    if (k % 2 == 0) g->n[k / 2] = (int)n;
    if (tasks != g->tasks || n != g->n[k / 2]) {
      char expected[120];
      snprintf(expected, sizeof expected, "%s%d examples, as \"%s\"",
               g->lead ? "as many tasks and " : "", g->n[k / 2], key_name[k - k % 2]);
      return refuse(f, t, expected);
    }
  }
  return IL_OK;
}

/* ---- taking them ---- */

static void *room(il_task_file *f, size_t bytes) {
  void *memory = il_arena_alloc(&f->arena, bytes + 1);
  if (!memory) il_fail_memory(f->context, "tasks of a file");
  f->converted += bytes;
  return memory;
}

/* Images of PyTorch, [.., c, h, w], as [.., h, w, c]. */
static const void *channels_last(il_task_file *f, const il_tensor *t, const void *data,
                                 il_type type) {
  const int rank = t->shape.rank;
  void *to = room(f, (size_t)il_shape_count(t->shape) * il_type_size(type));
  if (!to) return NULL;
  int64_t dense[IL_MAX_RANK], stride[IL_MAX_RANK], at = 1;
  for (int i = rank - 1; i >= 0; i--) {
    dense[i] = at;
    at *= t->shape.dim[i];
  }
  il_shape shape = t->shape;
  /* cppcheck-suppress uninitvar ; those below the rank are filled, no other is read */
  memcpy(stride, dense, sizeof stride);
  for (int i = 0; i < 3; i++) {
    const int from = i < 2 ? rank - 2 + i : rank - 3;
    shape.dim[rank - 3 + i] = t->shape.dim[from];
    stride[rank - 3 + i] = dense[from];
  }
  il_tensors_copy(data, type, shape, stride, false, to);
  return to;
}

static const void *take_reals(il_task_file *f, const il_tensor *t) {
  const int64_t count = il_shape_count(t->shape);
  const float *reals = t->data;
  if (t->type != IL_FLOAT32) {
    float *to = room(f, (size_t)count * sizeof *to);
    if (!to) return NULL;
    il_tensor_reals(t, IL_FLOAT32, to);
    reals = to;
  }
  for (int64_t i = 0; i < count; i++)
    if (!isfinite(reals[i])) {
      il_fail(f->context, IL_ERROR_DATA, "%s: number %lld of \"%s\" is %g, expected finite numbers",
              f->path, (long long)i, t->name, (double)reals[i]);
      return NULL;
    }
  return reals;
}

static int64_t label_at(const il_tensor *t, int64_t i) {
  switch (t->type) {
  case IL_INT8: return ((const int8_t *)t->data)[i];
  case IL_INT16: return ((const int16_t *)t->data)[i];
  case IL_INT32: return ((const int32_t *)t->data)[i];
  case IL_INT64: return ((const int64_t *)t->data)[i];
  default: return ((const uint8_t *)t->data)[i];
  }
}

static const void *take_labels(il_task_file *f, const il_tensor *t) {
  const int64_t count = il_shape_count(t->shape);
  int32_t *to = room(f, (size_t)count * sizeof *to);
  for (int64_t i = 0; to && i < count; i++) {
    const int64_t label = label_at(t, i);
    if (label < 0 || label >= MOST_CLASSES) {
      il_fail(f->context, IL_ERROR_DATA, "%s: label %lld of \"%s\" is %lld, expected 0 to %d",
              f->path, (long long)i, t->name, (long long)label, (int)MOST_CLASSES - 1);
      return NULL;
    }
    to[i] = (int32_t)label;
  }
  return to;
}

static il_status take_data(il_task_file *f, group *g) {
  for (int k = 0; k < KEYS; k++) {
    const il_tensor *t = g->tensor[k];
    const il_type type = k % 2 == 0 ? f->x : f->targets ? IL_FLOAT32 : IL_INT32;
    const void *data = type == IL_FLOAT32 ? take_reals(f, t)
                       : type == IL_INT32 ? take_labels(f, t)
                                          : t->data;
    if (data && k % 2 == 0 && t->shape.rank == g->lead + 4 && from_torch(f))
      data = channels_last(f, t, data, type);
    if (!data) return il_context_status(f->context);
    g->data[k] = data;
    g->stride[k] = (size_t)il_shape_count(t->shape) / (size_t)g->tasks * il_type_size(type);
  }
  return IL_OK;
}

static int ways_of(const il_given_task *task) {
  int32_t most = 0;
  for (int set = 0; set < 2; set++)
    for (int i = 0, n = set ? task->query : task->support; i < n; i++)
      if (((const int32_t *)task->y[set])[i] > most) most = ((const int32_t *)task->y[set])[i];
  return most + 1;
}

static il_status add_tasks(il_task_file *f, const group *g) {
  if (f->count + (int64_t)g->tasks > f->room) {
    const int64_t more = 2 * (f->count + (int64_t)g->tasks);
    il_given_task *grown = more > INT32_MAX ? NULL : realloc(f->task, (size_t)more * sizeof *grown);
    if (!grown) return il_fail_memory(f->context, "the list of tasks");
    f->task = grown;
    f->room = (int)more;
  }
  for (int i = 0; i < g->tasks; i++) {
    char number[160];
    if (!*g->name)
      snprintf(number, sizeof number, "%d", i);
    else if (g->lead)
      snprintf(number, sizeof number, "%.128s[%d]", g->name, i);
    il_given_task *t = &f->task[f->count];
    *t =
        (il_given_task){.name = *g->name && !g->lead ? g->name : il_arena_string(&f->arena, number),
                        .split = split_of(g->name),
                        .support = g->n[0],
                        .query = g->n[1],
                        .ways = 1,
                        .x = {g->data[SUPPORT_X] + (size_t)i * g->stride[SUPPORT_X],
                              g->data[QUERY_X] + (size_t)i * g->stride[QUERY_X]},
                        .y = {g->data[SUPPORT_Y] + (size_t)i * g->stride[SUPPORT_Y],
                              g->data[QUERY_Y] + (size_t)i * g->stride[QUERY_Y]}};
    if (!t->name) return il_fail_memory(f->context, "the names of tasks");
    if (!f->targets) {
      t->ways = ways_of(t);
      if (t->ways > f->outputs) f->outputs = t->ways;
    }
    if (f->count == 0) f->divided = t->split >= 0;
    if (f->divided != (t->split >= 0))
      return il_fail(f->context, IL_ERROR_DATA,
                     "%s: some tasks stand under train, validation or test, and \"%s\" does not; "
                     "expected all or none",
                     f->path, t->split >= 0 ? f->task[0].name : t->name);
    f->count++;
  }
  return IL_OK;
}

static il_status read_group(il_task_file *f, const part *parts, int count) {
  group g = {.name = parts[0].group};
  for (int i = 0; i < count; i++) {
    if (g.tensor[parts[i].key])
      return il_fail(f->context, IL_ERROR_DATA, "%s: \"%s\" and \"%s\" are both %s of one task",
                     f->path, g.tensor[parts[i].key]->name, parts[i].tensor->name,
                     key_name[parts[i].key]);
    g.tensor[parts[i].key] = parts[i].tensor;
  }
  for (int k = 0; k < KEYS; k++)
    if (!g.tensor[k])
      return il_fail(f->context, IL_ERROR_DATA, "%s: %s is missing beside \"%s\"", f->path,
                     key_name[k], parts[0].tensor->name);
  il_status status = check_y(f, &g);
  if (status == IL_OK) status = check_x(f, &g, SUPPORT_X);
  if (status == IL_OK) status = check_x(f, &g, QUERY_X);
  if (status == IL_OK) status = check_counts(f, &g);
  if (status == IL_OK) status = take_data(f, &g);
  return status == IL_OK ? add_tasks(f, &g) : status;
}

il_task_file *il_task_file_open(il_context *context, const char *path) {
  il_task_file *f = calloc(1, sizeof *f);
  if (!f) {
    il_fail_memory(context, "tasks of a file");
    return NULL;
  }
  *f = (il_task_file){.context = context, .path = path, .file = il_tensors_open(context, path)};
  part *parts = NULL;
  int count = 0;
  il_status status = f->file ? collect(f, &parts, &count) : il_context_status(context);
  for (int i = 0, n; status == IL_OK && i < count; i += n) {
    for (n = 1; i + n < count && !strcmp(parts[i + n].group, parts[i].group);) n++;
    status = read_group(f, parts + i, n);
  }
  free(parts);
  if (status == IL_OK) return f;
  il_task_file_free(f);
  return NULL;
}

void il_task_file_free(il_task_file *f) {
  if (!f) return;
  il_tensors_close(f->file);
  il_arena_free(&f->arena);
  free(f->task);
  free(f);
}
