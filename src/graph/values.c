/* Lists of named values in a graph's arena, and of entries apart from any graph. il_values_grad stands in grad/, il_entry_initialize in nn/. */
#include <innerloop/values.h>
#include <stdio.h>
#include <string.h>

#include "graph/graph.h"
#include "base/room.h"

/* Arrays grow by moving. */
static bool grow(il_graph *g, il_values *v) {
  const int room = v->count < 8 ? 16 : 2 * v->count;
  il_entry *entry = il_arena_alloc(&g->arena, (size_t)room * sizeof *entry);
  il_value *at = il_arena_alloc(&g->arena, (size_t)room * sizeof *at);
  if (!entry || !at) {
    il_fail_memory(g->context, "a list of values");
    return false;
  }
  if (v->count) {
    memcpy(entry, v->entry, (size_t)v->count * sizeof *entry);
    memcpy(at, v->at, (size_t)v->count * sizeof *at);
  }
  *v = (il_values){v->count, room, entry, at};
  return true;
}

int il_values_find(const il_values *v, const char *name) {
  for (int i = 0; i < v->count; i++)
    if (strcmp(v->entry[i].name, name) == 0) return i;
  return -1;
}

il_values il_values_copy(il_graph *g, const il_values *v) {
  il_values copy = *v;
  if (copy.count) grow(g, &copy);
  return copy;
}

void il_values_put(il_graph *g, il_values *v, il_entry entry, il_value value) {
  int i = il_values_find(v, entry.name);
  if (i < 0 && v->count == v->room && !grow(g, v)) return;
  if (i < 0) i = v->count++;
  if (il_valid(value)) entry.shape = il_value_shape(g, value);
  v->entry[i] = entry;
  v->at[i] = value;
}

il_value il_values_get(il_graph *g, const il_values *v, const char *name) {
  const int i = il_values_find(v, name);
  if (i >= 0) return v->at[i];
  il_fail(g->context, IL_ERROR_ARGUMENT, "il_values_get: there is no value \"%s\" among %d", name,
          v->count);
  return (il_value){0};
}

il_values il_values_input(il_graph *g, int count, const il_entry *entry, const char *prefix,
                          il_stage stage) {
  il_values v = {0};
  char name[256];
  for (int i = 0; i < count; i++) {
    snprintf(name, sizeof name, "%s%s", prefix, entry[i].name);
    il_values_put(g, &v, entry[i], il_input(g, name, stage, g->real, entry[i].shape));
  }
  return v;
}

il_values il_values_task_mean(il_graph *g, const il_values *values) {
  il_values mean = il_values_copy(g, values);
  for (int i = 0; i < mean.count; i++)
    if (il_value_stage(g, mean.at[i]) == IL_TASK) mean.at[i] = il_task_mean(g, mean.at[i]);
  return mean;
}

bool il_entry_rename(il_context *context, il_entry *entry, const char *prefix, const char *name) {
  char text[IL_ENTRY_NAME];
  if (snprintf(text, sizeof text, "%s%s", prefix, name) < (int)sizeof text) {
    memcpy(entry->name, text, sizeof text);
    return true;
  }
  il_fail(context, IL_ERROR_ARGUMENT, "\"%s%s\": names of values have at most %d bytes", prefix,
          name, IL_ENTRY_NAME - 1);
  return false;
}

bool il_entries_add(il_context *context, il_entries *e, il_entry entry) {
  if (e->count == e->room) {
    const int room = e->room ? 2 * e->room : 32;
    il_entry *more = il_grow(context, e->entry, (size_t)room * sizeof *more);
    if (!more) {
      il_fail_memory(context, "a list of values");
      return false;
    }
    e->entry = more;
    e->room = room;
  }
  e->entry[e->count++] = entry;
  return true;
}

void il_entries_free(il_entries *e) {
  il_release(e->entry);
  *e = (il_entries){0};
}
