/* Splits: which classes train, validate and test. Whatever the kind, no class is in two of them, and each
 * list is in the order of the dataset, so that equal splits give equal episodes however they were made. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "data/dataset.h"

enum { UNUSED = -1 };

struct il_splits {
  int count[3];
  int *class_list[3]; /* in one block, that of train */
};

int il_splits_count(const il_splits *splits, il_split split) { return splits->count[split]; }
int il_splits_class(const il_splits *splits, il_split split, int index) {
  return splits->class_list[split][index];
}

void il_splits_free(il_splits *splits) {
  if (!splits) return;
  free(splits->class_list[0]);
  free(splits);
}

static void shuffle(int *item, int count, uint64_t seed) {
  il_random random = il_random_start(seed, 0x73706c6974u /* "split" */);
  for (int i = count - 1; i > 0; i--) {
    int j = (int)il_random_below(&random, (uint32_t)i + 1);
    int kept = item[i];
    item[i] = item[j];
    item[j] = kept;
  }
}

/* Deals `count` shuffled things out: first train, then validation, then test (0: all the rest). */
static il_status deal(il_context *context, const char *things, int count, const il_split_options *o,
                      int *order, int *split) {
  int64_t asked = (int64_t)o->train + o->validation + o->test;
  if (o->train < 1 || o->validation < 0 || o->test < 0)
    return il_fail(
        context, IL_ERROR_ARGUMENT,
        "a split of %d, %d and %d %s: expected at least 1 to train and no negative number",
        o->train, o->validation, o->test, things);
  if (asked > count)
    return il_fail(context, IL_ERROR_DATA,
                   "the split asks for %d + %d + %d = %lld %s, but the dataset has %d", o->train,
                   o->validation, o->test, (long long)asked, things, count);
  shuffle(order, count, o->seed);
  for (int i = 0; i < count; i++)
    split[order[i]] = i < o->train                                             ? IL_TRAIN
                      : i < o->train + o->validation                           ? IL_VALIDATION
                      : o->test == 0 || i < o->train + o->validation + o->test ? IL_TEST
                                                                               : UNUSED;
  return IL_OK;
}

static il_status by_class(il_context *context, const il_dataset *d, const il_split_options *o,
                          int *order, int *split) {
  for (int c = 0; c < d->classes; c++) order[c] = c;
  return deal(context, "classes", d->classes, o, order, split);
}

static size_t alphabet_length(const char *name) {
  const char *slash = strrchr(name, '/');
  return slash ? (size_t)(slash - name) : strlen(name);
}

static bool same_alphabet(const char *a, const char *b) {
  size_t length = alphabet_length(a);
  return length == alphabet_length(b) && !memcmp(a, b, length);
}

static il_status by_alphabet(il_context *context, const il_dataset *d, const il_split_options *o,
                             int *order, int *split) {
  int *alphabet = malloc((size_t)d->classes * 3 * sizeof *alphabet);
  if (!alphabet) return il_fail_memory(context, "splits");
  int *first = alphabet + d->classes, *fate = first + d->classes, alphabets = 0;
  for (int c = 0; c < d->classes; c++) {
    int a = alphabets - 1;
    while (a >= 0 && !same_alphabet(d->name[first[a]], d->name[c])) a--;
    if (a < 0) {
      first[alphabets] = c;
      a = alphabets++;
    }
    alphabet[c] = a;
  }
  for (int a = 0; a < alphabets; a++) order[a] = a;
  il_status status = deal(context, "alphabets", alphabets, o, order, fate);
  for (int c = 0; !status && c < d->classes; c++) split[c] = fate[alphabet[c]];
  free(alphabet);
  return status;
}

static il_status official(il_context *context, const il_dataset *d, const il_split_options *o,
                          int *order, int *split) {
  int background = 0, evaluation = 0;
  for (int c = 0; c < d->classes; c++) {
    if (!strcmp(d->origin[c], "background")) {
      order[background++] = c;
    } else if (!strcmp(d->origin[c], "evaluation")) {
      split[c] = IL_TEST;
      evaluation++;
    }
  }
  if (background == 0 || evaluation == 0)
    return il_fail(context, IL_ERROR_DATA,
                   "the official split needs a background and an evaluation set; the dataset has "
                   "%d and %d classes "
                   "of them",
                   background, evaluation);
  if (o->validation < 0 || o->validation >= background)
    return il_fail(
        context, IL_ERROR_DATA,
        "the official split cannot take %d classes of validation from the %d of the background set",
        o->validation, background);
  if ((o->train != 0 && o->train != background - o->validation) ||
      (o->test != 0 && o->test != evaluation))
    return il_fail(context, IL_ERROR_ARGUMENT,
                   "the official split has %d classes to train and %d to test; train and test must "
                   "be 0 or these",
                   background - o->validation, evaluation);
  shuffle(order, background, o->seed);
  for (int i = 0; i < background; i++)
    split[order[i]] = i < o->validation ? IL_VALIDATION : IL_TRAIN;
  return IL_OK;
}

static il_status read_line(il_context *context, const il_dataset *d, const char *path, int number,
                           char *line, size_t length, int *where, int *split) {
  if (strlen(line) != length)
    return il_fail(context, IL_ERROR_FORMAT, "%s:%d: the line has a zero byte", path, number);
  while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r')) line[--length] = 0;
  if (!*line || *line == '#') return IL_OK;
  char *name = strchr(line, ' ');
  if (name) *name++ = 0;
  int s = 0;
  while (s < 3 && strcmp(line, il_split_name((il_split)s))) s++;
  if (!name || s == 3)
    return il_fail(
        context, IL_ERROR_FORMAT,
        "%s:%d: found '%s', expected 'train', 'validation' or 'test', a space and a class name",
        path, number, line);
  int c = il_dataset_find(d, name);
  if (c < 0)
    return il_fail(context, IL_ERROR_DATA, "%s:%d: the dataset has no class '%s'", path, number,
                   name);
  if (where[c])
    return il_fail(context, IL_ERROR_FORMAT, "%s:%d: class '%s' is already in line %d", path,
                   number, name, where[c]);
  where[c] = number;
  split[c] = s;
  return IL_OK;
}

static il_status from_file(il_context *context, const il_dataset *d, const il_split_options *o,
                           int *where, int *split) {
  if (!o->path)
    return il_fail(context, IL_ERROR_ARGUMENT, "a split of kind 'file' needs the file's path");
  FILE *file = fopen(o->path, "re");
  if (!file)
    return il_fail(context, IL_ERROR_FILE, "%s cannot be opened: %s", o->path, strerror(errno));
  memset(where, 0, (size_t)d->classes * sizeof *where);
  char *line = NULL;
  size_t room = 0;
  ssize_t length;
  il_status status = IL_OK;
  errno = 0;
  for (int number = 1; !status && (length = getline(&line, &room, file)) >= 0; number++)
    status = read_line(context, d, o->path, number, line, (size_t)length, where, split);
  if (!status && !feof(file))
    status = il_fail(context, IL_ERROR_FILE, "%s cannot be read: %s", o->path, strerror(errno));
  free(line);
  fclose(file);
  bool trains = false;
  for (int c = 0; c < d->classes; c++) trains |= split[c] == IL_TRAIN;
  if (!status && !trains)
    status = il_fail(context, IL_ERROR_DATA, "%s names no class to train on", o->path);
  return status;
}

/* One fate per class: the lists are disjoint by construction. */
static void collect(int classes, const int *split, il_splits *splits) {
  int *list = splits->class_list[0], at = 0;
  for (int s = 0; s < 3; s++) {
    splits->class_list[s] = list + at;
    for (int c = 0; c < classes; c++)
      if (split[c] == s) list[at++] = c;
    splits->count[s] = (int)(list + at - splits->class_list[s]);
  }
}

il_splits *il_splits_new(il_context *context, const il_dataset *dataset,
                         const il_split_options *options) {
  static const struct {
    const char *kind;
    il_status (*assign)(il_context *, const il_dataset *, const il_split_options *, int *, int *);
  } kinds[] = {{"random", by_class},
               {"official", official},
               {"alphabets", by_alphabet},
               {"file", from_file}};
  size_t k = 0, count = sizeof kinds / sizeof *kinds;
  while (k < count && (!options->kind || strcmp(kinds[k].kind, options->kind))) k++;
  if (k == count) {
    il_fail(context, IL_ERROR_ARGUMENT,
            "'%s' is no kind of split: expected random, official, alphabets or file",
            options->kind ? options->kind : "");
    return NULL;
  }
  size_t classes = (size_t)dataset->classes;
  il_splits *splits = calloc(1, sizeof *splits);
  int *list = malloc(classes * sizeof *list), *work = malloc(2 * classes * sizeof *work);
  il_status status = IL_OK;
  if (splits)
    splits->class_list[0] = list;
  else
    free(list);
  if (!splits || !list || !work) {
    status = il_fail_memory(context, "splits");
  } else {
    for (size_t c = 0; c < classes; c++) work[c] = UNUSED;
    status = kinds[k].assign(context, dataset, options, work + classes, work);
  }
  if (!status) collect(dataset->classes, work, splits);
  free(work);
  if (!status) return splits;
  il_splits_free(splits);
  return NULL;
}
