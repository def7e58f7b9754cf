/* Memory for a list of entries, lying twice where a run replaces the values. */
#include <innerloop/function.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/room.h"
#include "run/function.h"

enum { ALIGNMENT = 64 };
static size_t bytes_of(const il_entry *entry, il_type type) {
  const size_t bytes = (size_t)il_shape_count(entry->shape) * il_type_size(type);
  return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

size_t il_buffers_bytes(const il_buffers *b) {
  size_t bytes = 0;
  for (int i = 0; i < b->count; i++) bytes += bytes_of(&b->entry[i], b->type);
  return bytes;
}

il_status il_buffers_init(il_context *context, il_buffers *b, int count, const il_entry *entry,
                          il_type type, bool twice) {
  *b = (il_buffers){.count = count, .type = type, .entry = entry};
  const size_t bytes = il_buffers_bytes(b) + ALIGNMENT;
  for (int side = 0; side < (twice ? 2 : 1); side++) {
    /* The first address is what is freed, also when there is no entry. */
    b->side[side] = il_new(context, (size_t)count + 1, sizeof *b->side[side]);
    char *at = b->side[side] ? il_new_aligned(context, bytes) : NULL;
    if (!at) {
      il_release(b->side[side]);
      b->side[side] = NULL;
      il_buffers_free(b);
      return il_fail_memory(context, "weights");
    }
    memset(at, 0, bytes);
    b->side[side][0] = at;
    for (int i = 0; i < count; i++) {
      b->side[side][i] = at;
      at += bytes_of(&entry[i], type);
    }
  }
  return IL_OK;
}

void il_buffers_free(il_buffers *b) {
  for (int side = 0; side < 2; side++) {
    if (b->side[side]) il_release(b->side[side][0]);
    il_release(b->side[side]);
  }
  *b = (il_buffers){0};
}

void *il_buffers_at(const il_buffers *b, int index) { return b->side[b->now][index]; }

int il_buffers_find(const il_buffers *b, const char *name) {
  for (int i = 0; i < b->count; i++)
    if (strcmp(b->entry[i].name, name) == 0) return i;
  return -1;
}

int il_buffers_not_finite(const il_buffers *b, int64_t *at) {
  for (int i = 0; i < b->count; i++) {
    const void *x = il_buffers_at(b, i);
    const int64_t count = il_shape_count(b->entry[i].shape);
    for (*at = 0; *at < count; ++*at)
      if (b->type == IL_FLOAT32 ? !isfinite(((const float *)x)[*at])
                                : !isfinite(((const double *)x)[*at]))
        return i;
  }
  return -1;
}
