/* Splits: which classes train, validate and test. Whatever the kind, no class is in two of them, and each
 * list is in the order of the dataset, so that equal splits give equal episodes however they were made. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "data/dataset.h"
#include "data/groups.h"
#include "data/lines.h"
#include "data/split.h"

struct il_splits {
  int count[3];
  int *class_list[3]; /* in one block, that of train */
  double *weight;     /* [classes of the dataset]; NULL: all alike */
};

int il_splits_count(const il_splits *splits, il_split split) { return splits->count[split]; }
const double *il_splits_weights(const il_splits *splits) { return splits->weight; }
int il_splits_class(const il_splits *splits, il_split split, int index) {
  return splits->class_list[split][index];
}

uint64_t il_splits_fingerprint(const il_splits *s) {
  uint64_t hash = il_fingerprint_mix(IL_FINGERPRINT_START, s->count, sizeof s->count);
  for (int split = 0; split < 3; split++)
    for (int i = 0; i < s->count[split]; i++) {
      const int cls = s->class_list[split][i];
      hash = il_fingerprint_mix(hash, &cls, sizeof cls);
      if (s->weight) hash = il_fingerprint_mix(hash, &s->weight[cls], sizeof s->weight[cls]);
    }
  return hash ? hash : 1;
}

void il_splits_free(il_splits *splits) {
  if (!splits) return;
  free(splits->class_list[0]);
  free(splits->weight);
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

/* A share below 1, else a whole number. */
static bool is_size(double x) { return x >= 0 && (x < 1 || (x <= INT32_MAX && x == floor(x))); }

static double things_of(double size, int count) { return size < 1 ? size * count : size; }

static il_status refuse_sizes(il_context *context, const char *things, int count,
                              const il_split_options *o, double asked) {
  return il_fail(context, IL_ERROR_DATA,
                 "the split asks for %.10g + %.10g + %.10g = %.0f %s, but the dataset has %d; a "
                 "split of kind auto takes what there is",
                 o->train, o->validation, o->test, asked, things, count);
}

/* Deals `count` shuffled things out: first train, then validation, then test (0: all the rest). Shares are rounded where
 * one ends, not each alone, so that shares that sum to 1 leave nothing over. */
static il_status deal(il_context *context, const char *things, int count, const il_split_options *o,
                      int *order, int *split) {
  if (!is_size(o->train) || !is_size(o->validation) || !is_size(o->test) ||
      (o->train == 0 && !o->tests_only))
    return il_fail(context, IL_ERROR_ARGUMENT,
                   "a split of %.10g, %.10g and %.10g %s: expected something to train, no negative "
                   "number, and whole numbers or shares below 1",
                   o->train, o->validation, o->test, things);
  const double train = round(things_of(o->train, count)),
               validation = round(things_of(o->train, count) + things_of(o->validation, count)),
               test = round(things_of(o->train, count) + things_of(o->validation, count) +
                            things_of(o->test, count));
  if (test > count) return refuse_sizes(context, things, count, o, test);
  if ((o->train > 0 && train == 0) || (o->validation > 0 && validation == train) ||
      (o->test > 0 && test == validation))
    return il_fail(context, IL_ERROR_DATA,
                   "a split of %.10g, %.10g and %.10g of %d %s leaves %s without any; expected "
                   "larger shares",
                   o->train, o->validation, o->test, count, things,
                   o->train > 0 && train == 0                 ? "train"
                   : o->validation > 0 && validation == train ? "validation"
                                                              : "test");
  shuffle(order, count, o->seed);
  for (int i = 0; i < count; i++)
    split[order[i]] = i < train                  ? IL_TRAIN
                      : i < validation           ? IL_VALIDATION
                      : o->test == 0 || i < test ? IL_TEST
                                                 : IL_SPLIT_UNUSED;
  return IL_OK;
}

static il_status automatic(il_context *context, const il_dataset *d, const il_split_options *o,
                           int *order, int *split) {
  const int train = o->least_train > 1 ? o->least_train : 1,
            least = o->least_test > 1 ? o->least_test : 1,
            test = d->classes / 5 > least ? d->classes / 5 : least;
  if (d->classes - train < test)
    return il_fail(context, IL_ERROR_DATA,
                   "the dataset has %d classes, which cannot give %d to train and %d to test",
                   d->classes, train, test);
  const int left = d->classes - test, validation = left - test >= train ? test : 0;
  for (int c = 0; c < d->classes; c++) order[c] = c;
  return deal(
      context, "classes", d->classes,
      &(il_split_options){.train = left - validation, .validation = validation, .seed = o->seed},
      order, split);
}

static il_status all_test(il_context *context, const il_dataset *d, const il_split_options *o,
                          int *order, int *split) {
  (void)context, (void)o, (void)order;
  for (int c = 0; c < d->classes; c++) split[c] = IL_TEST;
  return IL_OK;
}

static il_status by_class(il_context *context, const il_dataset *d, const il_split_options *o,
                          int *order, int *split) {
  for (int c = 0; c < d->classes; c++) order[c] = c;
  return deal(context, "classes", d->classes, o, order, split);
}

static bool same_alphabet(const char *a, const char *b) {
  size_t length = il_alphabet_length(a);
  return length == il_alphabet_length(b) && !memcmp(a, b, length);
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
  const double validation = round(things_of(o->validation, background));
  if (!is_size(o->validation) || validation >= background)
    return il_fail(context, IL_ERROR_DATA,
                   "the official split cannot take %.10g classes of validation from the %d of the "
                   "background set",
                   o->validation, background);
  if ((o->train != 0 && o->train != background - validation) ||
      (o->test != 0 && o->test != evaluation))
    return il_fail(context, IL_ERROR_ARGUMENT,
                   "the official split has %.0f classes to train and %d to test; train and test "
                   "must be 0 or these",
                   background - validation, evaluation);
  shuffle(order, background, o->seed);
  for (int i = 0; i < background; i++) split[order[i]] = i < validation ? IL_VALIDATION : IL_TRAIN;
  return IL_OK;
}

typedef struct naming { /* a file that names the split of each class */
  il_context *context;
  const il_dataset *dataset;
  const char *path;
  int *where, *split; /* [classes]: the line that names it; what it says */
} naming;

static il_status read_line(void *user, int number, char *line) {
  const naming *n = user;
  il_context *context = n->context;
  const il_dataset *d = n->dataset;
  const char *path = n->path;
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
  if (n->where[c])
    return il_fail(context, IL_ERROR_FORMAT, "%s:%d: class '%s' is already in line %d", path,
                   number, name, n->where[c]);
  n->where[c] = number;
  n->split[c] = s;
  return IL_OK;
}

static il_status from_file(il_context *context, const il_dataset *d, const il_split_options *o,
                           int *where, int *split) {
  if (!o->path)
    return il_fail(context, IL_ERROR_ARGUMENT, "a split of kind 'file' needs the file's path");
  memset(where, 0, (size_t)d->classes * sizeof *where);
  naming n = {context, d, o->path, where, split};
  il_status status = il_lines_read(context, "task.split_file", o->path, read_line, &n);
  bool named = false;
  const il_split needed = o->tests_only ? IL_TEST : IL_TRAIN;
  for (int c = 0; c < d->classes; c++) named |= split[c] == (int)needed;
  if (!status && !named)
    status = il_fail(context, IL_ERROR_DATA, "%s names no class to %s", o->path,
                     o->tests_only ? "test" : "train on");
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
  } kinds[] = {{"auto", automatic},        {"random", by_class}, {"official", official},
               {"alphabets", by_alphabet}, {"file", from_file},  {"test", all_test}};
  size_t k = 0, count = sizeof kinds / sizeof *kinds;
  while (k < count && (!options->kind || strcmp(kinds[k].kind, options->kind))) k++;
  if (k == count) {
    il_fail(context, IL_ERROR_ARGUMENT,
            "'%s' is no kind of split: expected auto, random, official, alphabets, file or test",
            options->kind ? options->kind : "");
    return NULL;
  }
  size_t classes = (size_t)dataset->classes;
  il_splits *splits = calloc(1, sizeof *splits);
  int *list = malloc(classes * sizeof *list), *work = malloc(2 * classes * sizeof *work);
  double *weight = malloc(classes * sizeof *weight);
  il_status status = IL_OK;
  if (splits) {
    splits->class_list[0] = list;
    splits->weight = weight;
  } else {
    free(list);
    free(weight);
  }
  if (!splits || !list || !weight || !work) {
    status = il_fail_memory(context, "splits");
  } else {
    for (size_t c = 0; c < classes; c++) work[c] = IL_SPLIT_UNUSED;
    status = kinds[k].assign(context, dataset, options, work + classes, work);
    if (!status) status = il_split_choose(context, dataset, options, work, weight);
  }
  if (!status) collect(dataset->classes, work, splits);
  free(work);
  if (status) {
    il_splits_free(splits);
    return NULL;
  }
  if (!options->weights || !*options->weights) {
    free(splits->weight);
    splits->weight = NULL;
  }
  return splits;
}
