/* Arrays with labels: .npz, .npy, safetensors, and what torch.save wrote. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/room.h"
#include "base/locale.h"
#include "data/dataset.h"
#include "graph/graph.h"
#include "import/import_table.h"
#include "import/examples.h"
#include "io/io.h"
#include "io/json_texts.h"

typedef struct importer {
  il_context *context;
  const il_import_options *options;
  const char *source;
  il_tensors *file, *labels_file; /* the latter: of a .npy file */
  il_labelled *labelled;          /* where it is more than one array of inputs and one of labels */
  const il_tensor *x, *y;         /* y NULL: texts */
  const il_texts *texts;
  il_tensor made[2]; /* x and y out of `labelled` */
  il_texts names, origins;
  il_examples rows;
} importer;

static const char *const x_words[] = {"x",      "X",     "inputs",   "input",   "data",
                                      "images", "image", "features", "signals", "series"};
static const char *const y_words[] = {"y", "Y", "labels", "label", "target", "targets", "classes"};
static const char *const name_words[] = {"class_names", "names", "target_names", "label_names"};
enum {
  X_WORDS = sizeof x_words / sizeof *x_words,
  Y_WORDS = sizeof y_words / sizeof *y_words,
  NAME_WORDS = sizeof name_words / sizeof *name_words
};

/* "x [1797,64] f64, y [1797] i64" */
static char *list_keys(const il_tensors *t) {
  char *text = NULL, shape[96];
  size_t size = 0;
  FILE *list = open_memstream(&text, &size);
  for (int i = 0; list && i < il_tensors_count(t) && i < 12; i++) {
    const il_tensor *a = il_tensors_at(t, i);
    fprintf(list, "%s%s %s %s", i ? ", " : "", a->name, il_shape_text(a->shape, shape),
            il_type_name(a->type));
  }
  for (int i = 0; list && i < il_tensors_texts(t) && i < 12; i++) {
    const il_texts *a = il_tensors_texts_at(t, i);
    fprintf(list, "%s%s [%lld] texts", ftell(list) ? ", " : "", a->name, (long long)a->count);
  }
  if (list) il_text_close(list, &text);
  return text;
}

static il_status no_key(importer *im, const char *key, const char *option) {
  char *keys = list_keys(im->file);
  if (!keys) return il_fail_memory(im->context, "a list of keys");
  if (key)
    il_fail(im->context, IL_ERROR_DATA, "%s has no array '%s'; found %s", im->source, key, keys);
  else
    il_fail(im->context, IL_ERROR_DATA,
            "%s: no array has one of the usual names; --%s KEY says which it is; found %s",
            im->source, option, *keys ? keys : "none");
  free(keys);
  return il_context_status(im->context);
}

static il_status find_x(importer *im) {
  const char *key = im->options->x;
  for (int i = 0; !key && i < X_WORDS && !im->x; i++) {
    im->x = il_tensors_find(im->file, x_words[i]);
    if (im->x && im->x->shape.rank == 0) im->x = NULL;
  }
  if (key) im->x = il_tensors_find(im->file, key);
  return im->x ? IL_OK : no_key(im, key, "x");
}

static il_status find_y(importer *im) {
  const char *key = im->options->y;
  for (int i = 0; !key && i < Y_WORDS && !im->y && !im->texts; i++) {
    im->y = il_tensors_find(im->file, y_words[i]);
    im->texts = il_tensors_texts_find(im->file, y_words[i]);
  }
  if (key) {
    im->y = il_tensors_find(im->file, key);
    im->texts = il_tensors_texts_find(im->file, key);
  }
  return im->y || im->texts ? IL_OK : no_key(im, key, "y");
}

static bool is_whole(const double *value, int64_t count) {
  for (int64_t i = 0; i < count; i++)
    if (rint(value[i]) != value[i]) return false;
  return true;
}

/* Batches, tuples, dicts of lists and the like: what io/labelled.c makes one set of. */
static il_status read_labelled(importer *im) {
  il_labelled *d = im->labelled = il_labelled_of(im->context, im->source, im->file, IL_FLOAT64);
  if (!d) return il_context_status(im->context);
  il_shape x = {.rank = d->example.rank + 1, .dim = {d->count}};
  il_shape y = {.rank = d->target.rank + 1, .dim = {d->count}};
  if (x.rank > IL_MAX_RANK || y.rank > IL_MAX_RANK)
    return il_fail(im->context, IL_ERROR_DATA, "%s has examples of too many dimensions",
                   im->source);
  memcpy(x.dim + 1, d->example.dim, (size_t)d->example.rank * sizeof *x.dim);
  memcpy(y.dim + 1, d->target.dim, (size_t)d->target.rank * sizeof *y.dim);
  im->made[0] = (il_tensor){"inputs", IL_FLOAT64, x, d->inputs};
  im->made[1] = (il_tensor){"targets", IL_FLOAT64, y, d->targets};
  im->x = &im->made[0];
  im->y = &im->made[1];
  if (d->stored == IL_UINT8) { /* they were exact as reals */
    const double *from = d->inputs;
    uint8_t *to = d->inputs;
    const int64_t count = il_shape_count(x);
    for (int64_t i = 0; i < count; i++) to[i] = (uint8_t)from[i];
    im->made[0].type = IL_UINT8;
  }
  return IL_OK;
}

static bool is_nested(const il_tensors *t) {
  for (int i = 0; i < il_tensors_count(t); i++)
    if (strpbrk(il_tensors_at(t, i)->name, ".[")) return true;
  return false;
}

static bool is_usual(const il_tensors *t, const char *const *word, int words, bool texts) {
  for (int i = 0; i < words; i++)
    if (il_tensors_find(t, word[i]) || (texts && il_tensors_texts_find(t, word[i]))) return true;
  return false;
}

bool il_import_has_usual(const il_tensors *file) {
  return is_usual(file, x_words, X_WORDS, false) && is_usual(file, y_words, Y_WORDS, true);
}

static il_status find_arrays(importer *im) {
  const il_import_options *o = im->options;
  const il_tensors *t = im->file;
  const char *format = il_tensors_format(t);
  if (!strcmp(format, "npy")) {
    if (!o->y)
      return il_fail(im->context, IL_ERROR_ARGUMENT,
                     "%s is one array without labels; --y FILE.npy names those", im->source);
    im->x = il_tensors_find(t, "tensor");
    if (!im->x)
      return il_fail(im->context, IL_ERROR_DATA, "%s holds texts, expected numbers", im->source);
    im->labels_file = il_tensors_open(im->context, o->y);
    if (!im->labels_file) return il_context_status(im->context);
    im->y = il_tensors_find(im->labels_file, "tensor");
    im->texts = il_tensors_texts_find(im->labels_file, "tensor");
    if (im->y || im->texts) return IL_OK;
    return il_fail(im->context, IL_ERROR_DATA, "%s has no labels, expected one array", o->y);
  }
  const bool by_key = o->x || o->y, usual = il_import_has_usual(t);
  if (!by_key && !usual && is_nested(t)) return read_labelled(im);
  return find_x(im) || find_y(im) ? il_context_status(im->context) : IL_OK;
}

/* ---- names of classes ---- */

static il_status read_name_list(importer *im, const il_safetensors *file, const char *key,
                                il_texts *list) {
  const char *text = il_safetensors_metadata(file, key);
  return text ? il_texts_of_json(im->context, im->source, key, text, &im->rows.arena, list) : IL_OK;
}

static il_status find_names(importer *im) {
  for (int i = 0; i < NAME_WORDS && !im->names.text; i++) {
    const il_texts *found = il_tensors_texts_find(im->file, name_words[i]);
    if (found && found != im->texts) im->names = *found;
  }
  const il_texts *origins = il_tensors_texts_find(im->file, "class_origins");
  if (origins) im->origins = *origins;
  const il_tensor *scale_of = il_tensors_find(im->file, "scale");
  if (scale_of && scale_of->shape.rank == 0 && il_tensor_is_real(scale_of))
    il_tensor_reals(scale_of, IL_FLOAT64, &im->rows.scale);
  if (!isfinite(im->rows.scale))
    return il_fail(im->context, IL_ERROR_FORMAT, "%s: 'scale' is %g, expected a number", im->source,
                   im->rows.scale);
  if (strcmp(il_tensors_format(im->file), "safetensors") != 0) return IL_OK;
  char *path = il_import_file_of(im->source);
  il_safetensors *file = path ? il_safetensors_open(im->context, path) : NULL;
  free(path);
  il_status status = file ? IL_OK : il_context_status(im->context);
  if (!status) status = read_name_list(im, file, "class_names", &im->names);
  if (!status) status = read_name_list(im, file, "class_origins", &im->origins);
  const char *scale = file ? il_safetensors_metadata(file, "scale") : NULL;
  if (!status && scale && (!il_real_read(scale, &im->rows.scale) || !isfinite(im->rows.scale)))
    status = il_fail(im->context, IL_ERROR_FORMAT,
                     "%s: the metadata 'scale' is \"%s\", expected a number", im->source, scale);
  il_safetensors_close(file);
  return status;
}

static int64_t whole_at(const il_tensor *t, int64_t i) {
  switch (t->type) {
  case IL_INT64: return ((const int64_t *)t->data)[i];
  case IL_INT32: return ((const int32_t *)t->data)[i];
  case IL_INT16: return ((const int16_t *)t->data)[i];
  case IL_INT8: return ((const int8_t *)t->data)[i];
  default: return ((const uint8_t *)t->data)[i];
  }
}

static il_status label(importer *im) {
  il_examples *r = &im->rows;
  char shape[96];
  const int64_t found = im->y ? (im->y->shape.rank ? im->y->shape.dim[0] : 0) : im->texts->count;
  if (im->y && (im->y->shape.rank < 1 || il_shape_count(im->y->shape) != found))
    return il_fail(im->context, IL_ERROR_DATA,
                   "%s: the labels '%s' have the shape %s, expected [n], one label of an example",
                   im->source, im->y->name, il_shape_text(im->y->shape, shape));
  if (found != r->count)
    return il_fail(im->context, IL_ERROR_DATA,
                   "%s: found %lld labels, expected %lld as '%s' has "
                   "examples",
                   im->source, (long long)found, (long long)r->count, im->x->name);
  if (!im->y && im->origins.text)
    il_import_note(
        im->context, r->report,
        "class_origins is left out: it goes by numbers of classes, but labels are texts");
  if (!im->y) return il_examples_label_texts(r, im->texts->text);
  const il_texts *names = im->names.text ? &im->names : NULL,
                 *origins = im->origins.text ? &im->origins : NULL;
  const bool reals = il_tensor_is_real(im->y);
  void *value = malloc(((size_t)r->count + 1) * 8);
  if (!value) return il_fail_memory(im->context, "labels");
  if (reals)
    il_tensor_reals(im->y, IL_FLOAT64, value);
  else
    for (int64_t i = 0; i < r->count; i++) ((int64_t *)value)[i] = whole_at(im->y, i);
  if (reals && !im->labelled && is_whole(value, r->count))
    il_import_note(im->context, r->report, "labels are reals, all of them whole numbers");
  il_status status = reals ? il_examples_label_reals(r, im->y->name, value, names, origins)
                           : il_examples_label_ints(r, value, names, origins);
  free(value);
  return status;
}

/* ---- examples ---- */

typedef struct layout {
  const char *word;         /* "images" */
  il_shape example;         /* as it becomes */
  int64_t channels, places; /* to be turned from [channels, places]; channels 1: nothing to turn */
} layout;

static il_status find_layout(importer *im, layout *l) {
  const il_shape s = im->x->shape;
  const il_import_options *o = im->options;
  const bool torch = !strncmp(il_tensors_format(im->file), "PyTorch", 7);
  const bool first = o->channels ? o->channels == IL_CHANNELS_FIRST : torch;
  const bool bytes = im->x->type == IL_UINT8 || im->x->type == IL_BOOL;
  const char *key = im->x->name;
  const bool named = !strcmp(key, "images") || !strcmp(key, "image");
  const bool signals = !strcmp(key, "signals") || !strcmp(key, "series");
  bool images =
      o->layout ? o->layout == IL_LAYOUT_IMAGES : s.rank == 4 || named || (bytes && !signals);
  char text[96];
  il_shape_text(s, text);
  l->channels = 1;
  if (s.rank < 1 || s.rank > 4 || (o->layout == IL_LAYOUT_IMAGES && s.rank < 3) ||
      (o->layout == IL_LAYOUT_SIGNALS && (s.rank < 2 || s.rank > 3)))
    return il_fail(im->context, IL_ERROR_DATA, "%s: '%s' has the shape %s, expected %s", im->source,
                   key, text,
                   o->layout == IL_LAYOUT_IMAGES    ? "[n,h,w] or [n,h,w,channels] for images"
                   : o->layout == IL_LAYOUT_SIGNALS ? "[n,time] or [n,time,channels] for signals"
                                                    : "[n,features], [n,time,channels], [n,h,w] or "
                                                      "[n,h,w,channels]");
  if (o->channels && (s.rank < 3 || (s.rank == 3 && images)))
    return il_fail(im->context, IL_ERROR_ARGUMENT,
                   "%s: '%s' has the shape %s, in which there are no channels to turn", im->source,
                   key, text);
  if (s.rank <= 2 && o->layout != IL_LAYOUT_SIGNALS) {
    l->example = s.rank == 2 ? IL_SHAPE(s.dim[1]) : IL_SHAPE(1);
  } else if (s.rank == 2) {
    l->example = IL_SHAPE(s.dim[1], 1);
  } else if (images) {
    l->example = s.rank == 3 ? IL_SHAPE(s.dim[1], s.dim[2], 1)
                 : first     ? IL_SHAPE(s.dim[2], s.dim[3], s.dim[1])
                             : IL_SHAPE(s.dim[1], s.dim[2], s.dim[3]);
    if (s.rank == 4 && first) {
      l->channels = s.dim[1];
      l->places = s.dim[2] * s.dim[3];
    }
  } else {
    l->example = first ? IL_SHAPE(s.dim[2], s.dim[1]) : IL_SHAPE(s.dim[1], s.dim[2]);
    if (first) {
      l->channels = s.dim[1];
      l->places = s.dim[2];
    }
  }
  if (il_shape_count(s) < 1 || il_shape_count(l->example) > IL_DATASET_EXAMPLE_MAX)
    return il_fail(im->context, IL_ERROR_DATA, "%s: '%s' has the shape %s: %s", im->source, key,
                   text, il_shape_count(s) < 1 ? "there are no examples" : "too large");
  return IL_OK;
}

static void say_layout(importer *im, const layout *l) {
  char text[96], of[96];
  const il_shape e = l->example;
  il_shape_text(im->x->shape, text);
  if (e.rank == 1)
    snprintf(of, sizeof of, "%lld features", (long long)e.dim[0]);
  else if (e.rank == 2)
    snprintf(of, sizeof of, "signals of %lld steps, %lld channel%s", (long long)e.dim[0],
             (long long)e.dim[1], e.dim[1] == 1 ? "" : "s");
  else
    snprintf(of, sizeof of, "images of %lld × %lld pixels, %lld channel%s", (long long)e.dim[0],
             (long long)e.dim[1], (long long)e.dim[2], e.dim[2] == 1 ? "" : "s");
  il_import_note(im->context, im->rows.report, "'%s' %s was taken for %lld examples: %s",
                 im->x->name, text, (long long)im->x->shape.dim[0], of);
  const bool odd = (e.rank == 3 && im->x->shape.rank == 4 && e.dim[2] > 4 && e.dim[2] > e.dim[0]) ||
                   (e.rank == 2 && e.dim[1] > e.dim[0]);
  if (odd && !im->options->channels)
    il_import_note(im->context, im->rows.report,
                   "%lld channels are many: if '%s' has them %s, import with --channels %s",
                   (long long)e.dim[e.rank - 1], im->x->name, l->channels > 1 ? "last" : "first",
                   l->channels > 1 ? "last" : "first");
  if (im->x->shape.rank == 3 && !im->options->layout && !im->options->channels)
    il_import_note(im->context, im->rows.report, "if these are %s, import with --%s",
                   e.rank == 3 ? "signals" : "images", e.rank == 3 ? "signals" : "images");
}

/* One example of `from` doubles into bytes or floats, channels last; counts what is not exact. */
static int64_t turn(const double *from, const layout *l, int64_t size, il_type type, void *to) {
  int64_t inexact = 0;
  for (int64_t k = 0; k < size; k++) {
    const int64_t at = l->channels > 1 ? k % l->places * l->channels + k / l->places : k;
    if (type == IL_UINT8) {
      ((uint8_t *)to)[at] = (uint8_t)from[k];
    } else {
      const float x = (float)from[k];
      inexact += (double)x != from[k] && from[k] == from[k];
      ((float *)to)[at] = x;
    }
  }
  return inexact;
}

static il_status convert(importer *im, const layout *l) {
  il_examples *r = &im->rows;
  const il_tensor *x = im->x;
  const int64_t size = il_shape_count(r->example);
  const bool bytes = x->type == IL_UINT8 || x->type == IL_BOOL;
  r->type = bytes ? IL_UINT8 : IL_FLOAT32;
  if (x->type == IL_BOOL && r->scale == 0) r->scale = 1;
  r->x = x->data;
  if (l->channels == 1 && (bytes || x->type == IL_FLOAT32)) return IL_OK;
  r->owned = malloc((size_t)r->count * (size_t)size * il_type_size(r->type));
  double *one = malloc((size_t)size * sizeof *one);
  if (!r->owned || !one) {
    free(one);
    return il_fail_memory(im->context, "examples");
  }
  int64_t inexact = 0;
  for (int64_t i = 0; i < r->count; i++) {
    il_tensor part = *x;
    part.shape.dim[0] = 1;
    part.data = (const char *)x->data + (size_t)(i * size) * il_type_size(x->type);
    il_tensor_reals(&part, IL_FLOAT64, one);
    inexact +=
        turn(one, l, size, r->type, (char *)r->owned + (size_t)(i * size) * il_type_size(r->type));
  }
  free(one);
  r->x = r->owned;
  if (!bytes && x->type != IL_FLOAT32 && !inexact)
    il_import_note(im->context, r->report, "%s became float32, exactly", il_type_name(x->type));
  if (inexact)
    il_import_note(im->context, r->report, "%s became float32, which rounded %lld of %lld numbers",
                   il_type_name(x->type), (long long)inexact, (long long)(r->count * size));
  return IL_OK;
}

static il_status import_open(importer *im, const char *out) {
  layout l = {0};
  if (find_arrays(im) || find_names(im) || find_layout(im, &l))
    return il_context_status(im->context);
  im->rows.count = im->x->shape.dim[0];
  im->rows.example = l.example;
  say_layout(im, &l);
  if (il_examples_make(&im->rows) || convert(im, &l) || label(im))
    return il_context_status(im->context);
  char *with = il_import_options_text("arrays", im->options);
  il_status status = with ? il_examples_write(&im->rows, out, with)
                          : il_fail_memory(im->context, "the options of an import");
  free(with);
  return status;
}

static il_status import(il_context *context, const char *source, const char *out,
                        const il_import_options *options, il_import_report *report) {
  importer im = {
      .context = context,
      .options = options,
      .source = source,
      .rows = {.context = context, .options = options, .source = source, .report = report}};
  im.file = il_tensors_open(context, source);
  il_status status = im.file ? import_open(&im, out) : il_context_status(context);
  il_examples_free(&im.rows);
  il_labelled_free(im.labelled);
  il_tensors_close(im.labels_file);
  il_tensors_close(im.file);
  return status;
}

static bool recognises(const char *source) {
  return il_import_is_tensors(source) && !il_import_ready(source);
}

const il_importer il_importer_arrays = {
    .name = "arrays",
    .doc = "arrays with labels: .npz, .npy, .safetensors, what torch.save wrote",
    .takes = "scale images signals channels x y",
    .recognises = recognises,
    .import = import};
