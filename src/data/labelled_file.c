/* Samples from and to files: an imported dataset, or safetensors with inputs and labels or targets. */
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "data/labelled.h"

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

/* Describes the file's tensors without copying; answers: labels or targets. */
static il_status describe(il_context *context, const char *path, const il_safetensors *file,
                          il_samples *s) {
  const il_tensor *x = il_safetensors_find(file, "inputs");
  const il_tensor *label = il_safetensors_find(file, "labels");
  const il_tensor *target = il_safetensors_find(file, "targets");
  if (!x || (!label && !target) || (label && target))
    return il_fail(context, IL_ERROR_FORMAT,
                   "%s holds no samples: expected the tensors \"images\" and \"class_start\" of a "
                   "dataset, or \"inputs\" with either \"labels\" or \"targets\"",
                   path);
  if ((x->type != IL_FLOAT32 && x->type != IL_UINT8) || (x->shape.rank != 2 && x->shape.rank != 4))
    return il_fail(context, IL_ERROR_FORMAT,
                   "%s: \"inputs\" has type %s and %d dimensions, expected f32 or u8 and 2 "
                   "([n, features]) or 4 ([n, h, w, c])",
                   path, il_type_name(x->type), x->shape.rank);
  const il_tensor *y = label ? label : target;
  if (y->type != (label ? IL_INT32 : IL_FLOAT32) || y->shape.rank != (label ? 1 : 2) ||
      y->shape.dim[0] != x->shape.dim[0])
    return il_fail(context, IL_ERROR_FORMAT,
                   "%s: \"%s\" has type %s and %d dimensions, expected %s with %lld rows", path,
                   y->name, il_type_name(y->type), y->shape.rank,
                   label ? "i32 and 1 dimension" : "f32 and 2 dimensions",
                   (long long)x->shape.dim[0]);
  *s = (il_samples){.count = x->shape.dim[0],
                    .example = il_shape_of(x->shape.rank - 1, x->shape.dim + 1),
                    .type = x->type,
                    .inputs = x->data,
                    .label = label ? label->data : NULL,
                    .target = target ? target->data : NULL};
  if (target) s->outputs = (int)target->shape.dim[1];
  for (int64_t i = 0; label && i < s->count; i++)
    if (s->label[i] >= s->outputs && s->label[i] < 1 << 20) s->outputs = s->label[i] + 1;
  return il_samples_check(context, path, s);
}

il_samples *il_samples_open(il_context *context, const char *path) {
  il_safetensors *file = il_safetensors_open(context, path);
  if (!file) return NULL;
  il_samples found, *s = NULL;
  if (il_safetensors_find(file, "images")) {
    s = from_dataset(context, path);
  } else if (describe(context, path, file, &found) == IL_OK) {
    s = il_samples_new(context, &found, found.count);
    for (int64_t i = 0; s && i < found.count; i++) il_samples_copy(&found, i, s, i);
  }
  il_safetensors_close(file);
  return s;
}

il_status il_samples_write(il_context *context, const il_samples *s, const char *path) {
  il_shape x = {.rank = s->example.rank + 1, .dim = {s->count}};
  memcpy(x.dim + 1, s->example.dim, (size_t)s->example.rank * sizeof *x.dim);
  il_tensor tensor[] = {{"inputs", s->type, x, s->inputs},
                        {"labels", IL_INT32, IL_SHAPE(s->count), s->label}};
  if (!s->label)
    tensor[1] = (il_tensor){"targets", IL_FLOAT32, IL_SHAPE(s->count, s->outputs), s->target};
  return il_safetensors_write(context, path, 2, tensor, 1,
                              &(il_pair){"kind", "innerloop samples 1"});
}
