/* Data sets and tables as arrays in .npz and .safetensors. */
#include "import/export.h"

#include <stdlib.h>
#include <string.h>

#include "base/locale.h"
#include "io/json_texts.h"
#include "io/tensors.h"

const char *il_export_form(il_context *context, const char *out, const il_export_options *options) {
  static const char *const forms[] = {"folder", "npz", "safetensors"};
  const il_file_format format = il_file_format_of(out);
  for (int i = 0; options->to && i < 3; i++)
    if (!strcmp(options->to, forms[i])) return forms[i];
  if (options->to) {
    il_fail(context, IL_ERROR_ARGUMENT,
            "\"%s\" is no form to export to, expected folder, npz or "
            "safetensors",
            options->to);
    return NULL;
  }
  if (format == IL_FILE_NPZ) return forms[1];
  if (format == IL_FILE_SAFETENSORS) return forms[2];
  if (!format) return forms[0];
  il_fail(context, IL_ERROR_ARGUMENT,
          "%s: expected a folder, or a file that ends in .npz or .safetensors", out);
  return NULL;
}

static int32_t *labels_of(const il_dataset *d) {
  int32_t *label = malloc(((size_t)d->start[d->classes] + 1) * sizeof *label);
  for (int c = 0; label && c < d->classes; c++)
    for (int32_t i = d->start[c]; i < d->start[c + 1]; i++) label[i] = c;
  return label;
}

static bool has_origins(const il_dataset *d) {
  for (int c = 0; c < d->classes; c++)
    if (*d->origin[c]) return true;
  return false;
}

static il_status write_npz(const il_dataset *d, const char *out, const il_tensor tensor[static 3]) {
  const il_texts text[] = {{"class_names", d->classes, d->name},
                           {"class_origins", d->classes, d->origin}};
  const int tensors = d->scale == il_dataset_usual_scale(d->type) ? 2 : 3;
  return il_npz_write_texts(d->context, out, tensors, tensor, has_origins(d) ? 2 : 1, text);
}

static il_status write_safetensors(const il_dataset *d, const char *out,
                                   const il_tensor tensor[static 3]) {
  char scale[40], *names = il_json_of_texts(d->classes, d->name),
                  *origins = il_json_of_texts(d->classes, d->origin);
  il_real_print(d->scale, scale, sizeof scale);
  const il_pair pair[] = {{"class_names", names}, {"scale", scale}, {"class_origins", origins}};
  const il_status status = names && origins ? il_safetensors_write(d->context, out, 2, tensor,
                                                                   has_origins(d) ? 3 : 2, pair)
                                            : il_fail_memory(d->context, "the names of classes");
  free(names);
  free(origins);
  return status;
}

il_status il_dataset_export(const il_dataset *d, const char *out,
                            const il_export_options *options) {
  const char *form = il_export_form(d->context, out, options);
  if (!form) return il_context_status(d->context);
  if (!strcmp(form, "folder")) return il_export_folder(d, out, options);
  int32_t *label = labels_of(d);
  if (!label) return il_fail_memory(d->context, "labels");
  il_shape all = {.rank = d->example.rank + 1, .dim = {d->start[d->classes]}};
  memcpy(all.dim + 1, d->example.dim, (size_t)d->example.rank * sizeof *all.dim);
  /* Bytes [n,time,channels] would be read as images under another name. */
  const bool signals = d->type == IL_UINT8 && d->example.rank == 2;
  const il_tensor tensor[] = {{signals ? "signals" : "x", d->type, all, d->examples},
                              {"y", IL_INT32, IL_SHAPE(d->start[d->classes]), label},
                              {"scale", IL_FLOAT64, {0}, &d->scale}};
  const il_status status =
      !strcmp(form, "npz") ? write_npz(d, out, tensor) : write_safetensors(d, out, tensor);
  free(label);
  return status;
}

il_status il_table_export(il_context *context, const il_table *t, const char *out,
                          const il_export_options *options) {
  const char *form = il_export_form(context, out, options);
  if (!form) return il_context_status(context);
  if (strcmp(form, "npz") != 0)
    return il_fail(context, IL_ERROR_ARGUMENT,
                   "%s: a table is exported to .npz, which has room "
                   "for the names of its tasks",
                   out);
  const int64_t rows = t->start[t->tasks];
  const char **task = malloc(((size_t)rows + 1) * sizeof *task);
  if (!task) return il_fail_memory(context, "the tasks of a table");
  for (int i = 0; i < t->tasks; i++)
    for (int32_t r = t->start[i]; r < t->start[i + 1]; r++) task[r] = t->task[i];
  const il_tensor tensor[] = {{"x", IL_FLOAT32, IL_SHAPE(rows, t->inputs), t->x},
                              {"y", IL_FLOAT32, IL_SHAPE(rows, t->outputs), t->y}};
  const il_texts text[] = {{"task", rows, task},
                           {"input_names", t->inputs, t->input},
                           {"output_names", t->outputs, t->output}};
  const il_status status = il_npz_write_texts(context, out, 2, tensor, 3, text);
  free(task);
  return status;
}
