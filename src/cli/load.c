/* What fit and compare share: samples by name, divided into training and test, and names of settings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "cli/cli.h"
#include "import/importer.h"

static il_samples *load_glyphs(il_context *context) {
  il_dataset *d = il_dataset_glyphs(context, &(il_glyphs){2, 10, 20, 28, 1, 1});
  int cls[20];
  for (int c = 0; c < 20; c++) cls[c] = c;
  il_samples *s = d ? il_samples_of_classes(context, d, 20, cls) : NULL;
  il_dataset_free(d);
  return s;
}

il_samples *load_samples(il_context *context, const char *path, bool signals) {
  if (!strcmp(path, "glyphs")) return load_glyphs(context);
  const char *kind = il_import_kind_of(path);
  if (il_import_looked(context, path) != IL_OK) return NULL;
  struct stat info;
  const bool folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
  const bool imported = kind && (!strcmp(kind, "pictures") || !strcmp(kind, "csv"));
  if (!folder && !imported)
    return signals ? il_samples_open_signals(context, path) : il_samples_open(context, path);
  char *file = resolve_data(context, path);
  il_samples *s = file ? il_samples_open(context, file) : NULL;
  free(file);
  return s;
}

/* How many classes labels name at least once; −1: no memory. */
static int64_t occurring(const il_samples *s) {
  unsigned char *seen = calloc((size_t)s->outputs / 8 + 1, 1);
  int64_t count = 0;
  for (int64_t i = 0; seen && i < s->count; i++) {
    const unsigned bit = 1u << (s->label[i] % 8);
    count += !(seen[s->label[i] / 8] & bit);
    seen[s->label[i] / 8] |= (unsigned char)bit;
  }
  free(seen);
  return seen ? count : -1;
}

/* A model has a score for every class up to the largest label, whether it occurs or not: what nobody asked for is
 * limited by what occurs, so that a small file makes no large model. classes 0: nobody asked. */
static bool few_classes(il_context *context, const char *path, const il_samples *s, int classes) {
  if (!s || !s->label || s->outputs <= (classes ? classes : CLASSES_ALWAYS)) return true;
  int64_t most = classes;
  if (!classes && s->outputs <= CLASSES_USUALLY) {
    const int64_t occur = occurring(s);
    if (occur < 0) {
      il_fail_memory(context, "the classes of samples");
      return false;
    }
    most = occur * CLASSES_OF_ONE > CLASSES_ALWAYS ? occur * CLASSES_OF_ONE : CLASSES_ALWAYS;
    if (s->outputs <= most) return true;
  } else if (!classes) {
    most = CLASSES_USUALLY;
  }
  il_fail(
      context, IL_ERROR_DATA,
      "%s: the largest label is %d, so that a model would have %d classes, expected at most %lld; "
      "number the classes from 0 without gaps, or raise --max-classes",
      path, s->outputs - 1, s->outputs, (long long)most);
  return false;
}

bool load_divided(il_context *context, const char *train_path, const char *test_path, bool signals,
                  double hold_out, int classes, uint64_t seed, il_samples **train,
                  il_samples **test) {
  *test = test_path ? load_samples(context, test_path, signals) : NULL;
  *train = test_path && !*test ? NULL : load_samples(context, train_path, signals);
  if (!few_classes(context, train_path, *train, classes) ||
      !few_classes(context, test_path, *test, classes))
    return false;
  if (*train && !test_path) {
    il_samples *all = *train;
    il_samples_hold_out(context, all, hold_out, seed, train, test);
    il_samples_free(all);
  }
  if (*train && *test && (*train)->label && (*test)->label) { /* one may lack the last classes */
    int outputs = (*train)->outputs > (*test)->outputs ? (*train)->outputs : (*test)->outputs;
    (*train)->outputs = (*test)->outputs = outputs;
  }
  return il_context_status(context) == IL_OK;
}

double parse_real(struct argp_state *state, const char *option, const char *arg, double low,
                  double high) {
  char *end = NULL;
  double number = strtod(arg, &end);
  if (!*arg || *end || !(number >= low && number <= high))
    argp_error(state, "--%s: found \"%s\", expected a number from %g to %g", option, arg, low,
               high);
  return number;
}

int parse_choice(struct argp_state *state, const char *option, const char *arg, int count,
                 const char *const *names) {
  char list[256] = "";
  for (int i = 0; i < count; i++) {
    if (!strcmp(arg, names[i])) return i;
    size_t at = strlen(list);
    snprintf(list + at, sizeof list - at, "%s%s",
             i == 0          ? ""
             : i + 1 < count ? ", "
                             : " or ",
             names[i]);
  }
  argp_error(state, "--%s: found \"%s\", expected %s", option, arg, list);
  return 0;
}

il_augment parse_augment(struct argp_state *state, const char *arg) {
  static const char *const names[] = {"rotate", "flip",  "flip-vertical", "crop", "affine",
                                      "erase",  "shift", "jitter",        "gain", "elastic"};
  il_augment a = {0};
  char *copy = strdup(arg), *rest = copy;
  for (char *word; copy && (word = strsep(&rest, ","));) {
    switch (parse_choice(state, "augment", word, 10, names)) {
    case 0: a.rotate = true; break;
    case 1: a.flip_horizontal = true; break;
    case 2: a.flip_vertical = true; break;
    case 3: a.crop = 2; break;
    case 4:
      a.degrees = 10;
      a.shift = 0.1;
      a.scale = 0.1;
      break;
    case 5: a.erase = 0.5; break;
    case 6: a.shift = 0.1; break;
    case 7: a.jitter = 0.05; break;
    case 8: a.gain = 0.1; break;
    case 9:
      a.shear = 0.1;
      a.stretch = 0.1;
      a.elastic = 0.05;
      break;
    }
  }
  free(copy);
  return a;
}
