/* The table of optimizers, and updates of whole lists. */
#include <innerloop/optim.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "graph/graph.h"

static const il_optimizer *const table[] = {
#define IL_OPTIMIZER(name) &il_##name,
#include "optim/optimizers.def"
#undef IL_OPTIMIZER
};

int il_optimizers(void) { return (int)(sizeof table / sizeof *table); }
const il_optimizer *il_optimizer_at(int index) { return table[index]; }
const il_optimizer *il_optimizer_find(const char *name) {
  for (int i = 0; i < il_optimizers(); i++)
    if (strcmp(table[i]->name, name) == 0) return table[i];
  return NULL;
}

static void slot_name(const il_optimizer *o, int slot, const char *entry, char text[static 128]) {
  snprintf(text, 128, "%s.%s.%s", o->name, o->slot[slot], entry);
}

il_status il_optimizer_slots(il_context *context, const il_optimizer *o, int count,
                             const il_entry *entry, il_entries *to) {
  const bool inside = to->count && entry >= to->entry && entry < to->entry + to->count;
  const ptrdiff_t first = inside ? entry - to->entry : 0;
  for (int k = 0; k < o->slots; k++)
    for (int i = 0; i < count; i++) {
      char name[128];
      il_entry slot = inside ? to->entry[first + i] : entry[i]; /* the list moves as it grows */
      slot.flags = IL_SLOT;
      slot.drawn = true;
      slot.low = slot.high = 0;
      slot_name(o, k, slot.name, name);
      if (!il_entry_rename(context, &slot, "", name) || !il_entries_add(context, to, slot))
        return il_context_status(context);
    }
  return IL_OK;
}

/* The optimizer's own settings where none are given; they die with the graph. */
static const void *settings_or_default(il_graph *g, const il_optimizer *o, const void *settings) {
  if (settings || !o->size || !o->fields) return settings;
  void *own = il_arena_alloc(&g->arena, o->size);
  if (!own) {
    il_fail_memory(g->context, "the settings of an optimizer");
    return NULL;
  }
  memset(own, 0, o->size);
  il_fields_default(o->fields, own);
  return own;
}

void il_optimizer_update(il_graph *g, const il_optimizer *o, const void *settings, il_value made,
                         il_rate lr, const il_values *rates, const il_values *numbers,
                         bool differentiable, il_values *weights, il_values *slots,
                         const il_values *gradient) {
  settings = settings_or_default(g, o, settings);
  if (il_context_status(g->context) != IL_OK) return;
  for (int i = 0; i < weights->count; i++) {
    const int found = il_values_find(gradient, weights->entry[i].name);
    if (found < 0) continue;
    const int own = rates ? il_values_find(rates, weights->entry[i].name) : -1;
    il_update u = {.weight = weights->at[i],
                   .gradient = gradient->at[found],
                   .made = made,
                   .lr = own < 0 ? lr : (il_rate){.value = rates->at[own]},
                   .numbers = numbers,
                   .differentiable = differentiable,
                   .no_decay = weights->entry[i].flags & IL_NO_DECAY};
    int at[IL_OPTIMIZER_SLOTS];
    for (int k = 0; k < o->slots; k++) {
      char name[128];
      slot_name(o, k, weights->entry[i].name, name);
      u.slot[k] = il_values_get(g, slots, name);
      at[k] = il_values_find(slots, name);
    }
    o->update(g, settings, &u);
    weights->at[i] = u.weight;
    for (int k = 0; k < o->slots && at[k] >= 0; k++) slots->at[at[k]] = u.slot[k];
  }
}

void il_optimizer_next(il_graph *g, const il_optimizer *o, const void *settings, il_value made,
                       il_rate lr, const il_values *weights, const il_values *slots,
                       const il_values *gradient) {
  il_values moved = il_values_copy(g, weights), next = il_values_copy(g, slots);
  il_optimizer_update(g, o, settings, made, lr, NULL, NULL, false, &moved, &next, gradient);
  for (int i = 0; i < moved.count; i++) il_next(g, weights->at[i], moved.at[i]);
  for (int i = 0; i < next.count; i++) il_next(g, slots->at[i], next.at[i]);
}
