/* Samples from and to files: an imported dataset, or pairs of inputs and targets in a file of any format. */
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "data/samples.h"
#include "io/tensors.h"

static il_samples *from_dataset(il_context *context, const char *path) {
  il_dataset *d = il_dataset_open(context, path);
  if (!d) return NULL;
  int classes = il_dataset_classes(d);
  int *cls = malloc((size_t)classes * sizeof *cls);
  il_samples *s = NULL;
  for (int c = 0; cls && c < classes; c++) cls[c] = c;
  if (cls)
    s = il_samples_of_classes(context, d, classes, cls);
  else
    il_fail_memory(context, "the classes of a dataset");
  free(cls);
  il_dataset_free(d);
  return s;
}

/* Files of il_samples_write say whether [n, t, channels] are signals: as arrays they could be grey images. */
#define EXAMPLES "examples"
#define SIGNALS "signals"

/* [n] is one feature of each example, an image [h,w] has one channel, a signal [t] as well. */
static il_shape example_of(il_shape shape, bool signals) {
  if (shape.rank == 0) return IL_SHAPE(1);
  if (signals && shape.rank == 1) return IL_SHAPE(shape.dim[0], 1);
  if (signals) return shape;
  return shape.rank == 2 ? IL_SHAPE(shape.dim[0], shape.dim[1], 1) : shape;
}

/* Pixels stay bytes. */
static void copy_inputs(const il_labelled *d, il_samples *s) {
  size_t count = (size_t)d->count * (size_t)il_shape_count(d->example);
  il_samples_memory room = il_samples_room(s);
  if (s->type == IL_FLOAT32) {
    memcpy(room.inputs, d->inputs, count * sizeof(float));
    return;
  }
  for (size_t i = 0; i < count; i++)
    ((uint8_t *)room.inputs)[i] = (uint8_t)((const float *)d->inputs)[i];
}

/* Whatever holds pairs of inputs and targets, above all what torch.save wrote. */
static il_samples *from_labelled(il_context *context, const char *path, const il_tensors *file,
                                 bool signals) {
  il_labelled *d = il_labelled_of(context, path, file, IL_FLOAT32);
  if (d && d->channels_first && (signals || d->example.rank != 2))
    il_labelled_channels_last(context, d);
  il_samples *s = NULL;
  if (d && il_context_status(context) == IL_OK && d->target.rank > 1 && !d->labels) {
    il_fail(context, IL_ERROR_DATA, "%s: targets have %d dimensions, expected [n] or [n, outputs]",
            path, d->target.rank + 1);
  } else if (d && il_context_status(context) == IL_OK) {
    il_samples like = {.example = example_of(d->example, signals),
                       .type = d->stored == IL_UINT8 ? IL_UINT8 : IL_FLOAT32,
                       .label = d->labels,
                       .outputs = d->labels ? d->largest + 1 : (int)il_shape_count(d->target)};
    s = il_samples_new(context, &like, d->count);
  }
  if (s) {
    il_samples_memory room = il_samples_room(s);
    copy_inputs(d, s);
    if (d->labels)
      memcpy(room.label, d->labels, (size_t)d->count * sizeof *room.label);
    else
      memcpy(room.target, d->targets, (size_t)d->count * (size_t)s->outputs * sizeof *room.target);
  }
  il_labelled_free(d);
  if (s && il_samples_check(context, path, s) == IL_OK) return s;
  il_samples_free(s);
  return NULL;
}

/* What the file says of itself goes before what is asked. */
static bool says_signals(const il_tensors *file) {
  const char *says =
      file->safetensors ? il_safetensors_metadata(file->safetensors, EXAMPLES) : NULL;
  return says && !strcmp(says, SIGNALS);
}

static il_samples *open_samples(il_context *context, const char *path, bool signals) {
  il_tensors *file = il_tensors_open(context, path);
  if (!file) return NULL;
  bool dataset = il_tensors_find(file, "class_start") != NULL;
  il_samples *s = dataset ? from_dataset(context, path)
                          : from_labelled(context, path, file, signals || says_signals(file));
  il_tensors_close(file);
  return s;
}

il_samples *il_samples_open(il_context *context, const char *path) {
  return open_samples(context, path, false);
}

il_samples *il_samples_open_signals(il_context *context, const char *path) {
  return open_samples(context, path, true);
}

il_status il_samples_write(il_context *context, const il_samples *s, const char *path) {
  il_shape x = {.rank = s->example.rank + 1, .dim = {s->count}};
  memcpy(x.dim + 1, s->example.dim, (size_t)s->example.rank * sizeof *x.dim);
  il_tensor tensor[] = {{"inputs", s->type, x, s->inputs},
                        {"labels", IL_INT32, IL_SHAPE(s->count), s->label}};
  if (!s->label)
    tensor[1] = (il_tensor){"targets", IL_FLOAT32, IL_SHAPE(s->count, s->outputs), s->target};
  il_pair pair[] = {{EXAMPLES, SIGNALS}, {"kind", "innerloop samples 1"}};
  const bool signals = s->example.rank == 2;
  return il_safetensors_write(context, path, 2, tensor, signals ? 2 : 1, signals ? pair : pair + 1);
}
