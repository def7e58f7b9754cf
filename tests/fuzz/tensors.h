/* Reads all that a file of tensors says, so that a pointer or a size that is wrong is touched. */
#ifndef TESTS_FUZZ_TENSORS_H
#define TESTS_FUZZ_TENSORS_H

#include <stdlib.h>
#include <string.h>

#include "fuzz/input.h"
#include "io/io.h"

static inline bool fuzz_read_tensors(const char *path) {
  il_context *context = il_context_new();
  il_tensors *file = il_tensors_open(context, path);
  FUZZ_EXPECT((file != NULL) == (il_context_status(context) == IL_OK), "%s",
              il_context_message(context));
  FUZZ_EXPECT(file || strlen(il_context_message(context)) > 10, "a sentence");
  for (int i = 0; file && i < il_tensors_count(file); i++) {
    const il_tensor *t = il_tensors_at(file, i);
    FUZZ_EXPECT(t->shape.rank >= 0 && t->shape.rank <= IL_MAX_RANK, "%s", t->name);
    const size_t count = (size_t)il_shape_count(t->shape);
    void *copy = malloc(count * il_type_size(t->type) + 1);
    if (copy) memcpy(copy, t->data, count * il_type_size(t->type));
    free(copy);
    double *reals = count < 10000 ? malloc(count * sizeof *reals + 1) : NULL;
    if (reals) il_tensor_reals(t, IL_FLOAT64, reals);
    free(reals);
    FUZZ_EXPECT(il_tensors_find(file, t->name), "%s is found", t->name);
  }
  for (int i = 0; file && i < il_tensors_texts(file); i++) {
    const il_texts *t = il_tensors_texts_at(file, i);
    for (int64_t k = 0; k < t->count; k++) (void)strlen(t->text[k]);
  }
  il_tensors_close(file);
  const bool good = file != NULL;
  il_context_clear(context);
  il_labelled *labelled = il_labelled_read(context, path, IL_FLOAT32);
  if (labelled) {
    double sum = 0;
    for (int64_t i = 0; labelled->labels && i < labelled->count; i++) sum += labelled->labels[i];
    for (int64_t i = 0; i < labelled->count * il_shape_count(labelled->example); i++)
      sum += (double)((const float *)labelled->inputs)[i];
    FUZZ_EXPECT(sum <= 1 || sum > 1 || sum != sum, "%g", sum);
  }
  il_labelled_free(labelled);
  il_context_free(context);
  return good;
}

#endif
