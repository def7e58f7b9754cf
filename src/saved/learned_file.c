/* Values of learners in files. */
#include "saved/learned_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "graph/graph.h"

il_status il_buffers_tensors(il_context *context, il_arena *arena, const il_buffers *b,
                             il_role role, il_tensor *tensor, int *count) {
  for (int i = 0; i < b->count; i++) {
    const il_entry *e = &b->entry[i];
    char name[IL_FILE_NAME];
    il_entry_file_name(e, role, name);
    const size_t bytes = (size_t)il_shape_count(e->shape) * il_type_size(b->type);
    void *data = il_arena_alloc(arena, bytes);
    il_tensor *t = &tensor[*count];
    *t = (il_tensor){il_arena_string(arena, name), b->type, il_entry_file_shape(e), data};
    if (!data || !t->name) return il_fail_memory(context, "weights to write");
    if (e->net)
      il_net_to_torch(e->net, e->parameter, b->type, il_buffers_at(b, i), data);
    else
      memcpy(data, il_buffers_at(b, i), bytes);
    ++*count;
  }
  return IL_OK;
}

/* A tensor of the entry's shape into its memory; false: no memory. */
static bool take(il_buffers *b, int index, const il_tensor *t) {
  const il_entry *e = &b->entry[index];
  if (!e->net) {
    il_tensor_reals(t, b->type, il_buffers_at(b, index));
    return true;
  }
  void *reals = malloc((size_t)il_shape_count(t->shape) * il_type_size(b->type) + 1);
  if (!reals) return false;
  il_tensor_reals(t, b->type, reals);
  il_net_from_torch(e->net, e->parameter, b->type, reals, il_buffers_at(b, index));
  free(reals);
  return true;
}

/* t: what the file has under the name, or NULL. */
static il_status read_one(il_context *context, const char *path, const il_tensor *t, il_buffers *b,
                          int i, const char *name) {
  char found[128], expected[128];
  const il_shape shape = il_entry_file_shape(&b->entry[i]);
  if (!t)
    return il_fail(context, IL_ERROR_DATA, "%s: tensor \"%s\" is missing, expected shape %s", path,
                   name, il_shape_text(shape, expected));
  if (!il_shape_equal(t->shape, shape))
    return il_fail(context, IL_ERROR_DATA, "%s: \"%s\" has shape %s, expected %s", path, name,
                   il_shape_text(t->shape, found), il_shape_text(shape, expected));
  if (!il_tensor_is_real(t))
    return il_fail(context, IL_ERROR_DATA, "%s: \"%s\" has type %s, expected reals", path, name,
                   il_type_name(t->type));
  return take(b, i, t) ? IL_OK : il_fail_memory(context, "weights");
}

il_status il_buffers_read(il_context *context, const char *path, const il_safetensors *file,
                          il_buffers *b, il_role role) {
  il_status status = IL_OK;
  for (int i = 0; i < b->count && status == IL_OK; i++) {
    char name[IL_FILE_NAME];
    il_entry_file_name(&b->entry[i], role, name);
    status = read_one(context, path, il_safetensors_find(file, name), b, i, name);
  }
  return status;
}

il_status il_buffers_read_if_there(il_context *context, const char *path, const il_tensors *file,
                                   il_buffers *b, int index, il_role role) {
  char name[IL_FILE_NAME];
  il_entry_file_name(&b->entry[index], role, name);
  const il_tensor *t = il_tensors_find(file, name);
  return t ? read_one(context, path, t, b, index, name) : IL_OK;
}
