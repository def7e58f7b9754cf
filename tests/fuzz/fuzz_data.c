/* What sources of tasks and nets are given: imported data sets, tables, files of tasks, samples, weights. The input is a
 * safetensors file. */
#include <innerloop/fit.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "data/table_file.h"
#include "data/task_file.h"
#include "fuzz/input.h"

static double sum; /* of all that was read, so that the reading is done */

static void read_dataset(il_context *context, const char *path) {
  il_dataset *d = il_dataset_open(context, path);
  for (int c = 0; d && c < il_dataset_classes(d); c++) {
    const size_t stride = il_dataset_stride(d);
    sum += (double)(strlen(il_dataset_class_name(d, c)) + strlen(il_dataset_class_origin(d, c)));
    for (int e = 0; e < il_dataset_examples(d, c); e++)
      sum += ((const uint8_t *)il_dataset_example(d, c, e))[stride - 1];
  }
  if (d) {
    double mean, deviation;
    il_dataset_moments(d, &mean, &deviation);
    sum += (double)il_dataset_fingerprint(d);
    const int two[] = {0, 1};
    il_samples_free(il_dataset_classes(d) > 1 ? il_samples_of_classes(context, d, 2, two) : NULL);
  }
  il_dataset_free(d);
}

static void read_table(il_context *context, const char *path) {
  il_table *t = il_table_open(context, path);
  for (int64_t i = 0; t && i < (int64_t)t->start[t->tasks] * t->inputs; i++) sum += (double)t->x[i];
  for (int64_t i = 0; t && i < (int64_t)t->start[t->tasks] * t->outputs; i++)
    sum += (double)t->y[i];
  for (int i = 0; t && i < t->tasks; i++) sum += (double)strlen(t->task[i]);
  il_table_free(t);
}

static void read_tasks(il_context *context, const char *path) {
  il_task_file *f = il_task_file_open(context, path);
  for (int i = 0; f && i < f->count; i++) {
    const il_given_task *t = &f->task[i];
    const size_t last = (size_t)il_shape_count(f->example) * il_type_size(f->x);
    for (int set = 0; set < 2; set++) {
      const int n = set ? t->query : t->support;
      for (int k = 0; k < n; k++) {
        sum += ((const uint8_t *)t->x[set])[((size_t)k + 1) * last - 1];
        if (f->targets)
          sum += (double)((const float *)t->y[set])[k * f->outputs];
        else
          FUZZ_EXPECT(((const int32_t *)t->y[set])[k] >= 0 &&
                          ((const int32_t *)t->y[set])[k] < t->ways,
                      "label of example %d of task %d", k, i);
      }
    }
  }
  il_task_file_free(f);
}

static void read_samples(il_context *context, const char *path) {
  for (int signals = 0; signals < 2; signals++) {
    il_context_clear(context);
    il_samples *s =
        signals ? il_samples_open_signals(context, path) : il_samples_open(context, path);
    for (int64_t i = 0; s && s->label && i < s->count; i++)
      FUZZ_EXPECT(s->label[i] >= 0 && s->label[i] < (s->outputs == 1 ? 2 : s->outputs),
                  "label %lld", (long long)i);
    il_samples *kept = NULL, *held = NULL;
    if (s && il_samples_hold_out(context, s, 0.25, 1, &kept, &held) == IL_OK)
      FUZZ_EXPECT(kept->count + held->count == s->count, "every example is in one part");
    il_samples_free(kept);
    il_samples_free(held);
    il_samples_free(s);
  }
}

static void read_model(il_context *context, const char *path) {
  static const char *const kind[] = {"linear", "mlp", "omniglot_fc", "conv4", "conv1d"};
  const il_shape example[] = {{0}, {0}, IL_SHAPE(4, 4, 1), IL_SHAPE(16, 16, 1), IL_SHAPE(16, 2)};
  for (int k = 0; k < 5; k++) {
    il_context_clear(context);
    il_model *m = il_model_open(context, &(il_model_options){.kind = kind[k]}, path, example[k]);
    if (m) sum += (double)il_model_parameter(m, 0)[0];
    il_model_free(m);
  }
}

static bool read_all(const char *path) {
  il_context *context = il_context_new();
  if (!context) abort();
  il_safetensors *file = il_safetensors_open(context, path);
  il_safetensors_close(file);
  if (file) {
    read_dataset(context, path);
    il_context_clear(context);
    read_table(context, path);
    il_context_clear(context);
    read_tasks(context, path);
    read_samples(context, path);
    read_model(context, path);
  }
  il_context_free(context);
  return file != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint8_t *mended = malloc(size + 1);
  if (!mended) abort();
  if (size) memcpy(mended, data, size);
  if (!read_all(fuzz_file(data, size)) && fuzz_mend_safetensors(mended, size))
    read_all(fuzz_file(mended, size));
  free(mended);
  FUZZ_EXPECT(sum <= 1 || sum > 1 || sum != sum, "%g", sum);
  return 0;
}
