/* The table of algorithms, and the entries that a learner has under each. */
#include <innerloop/meta.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/pattern.h"
#include "meta/learned_numbers.h"
#include "meta/method.h"
#include "nn/net.h"

static const il_algorithm *const table[] = {
#define IL_ALGORITHM(name) &il_##name,
#include "meta/algorithms.def"
#undef IL_ALGORITHM
};

int il_algorithms(void) { return (int)(sizeof table / sizeof *table); }
const il_algorithm *il_algorithm_at(int index) { return table[index]; }
const il_algorithm *il_algorithm_find(const char *name) {
  for (int i = 0; i < il_algorithms(); i++)
    if (strcmp(table[i]->name, name) == 0) return table[i];
  return NULL;
}

const char *il_query_statistics_name(il_query_statistics statistics) {
  static const char *const name[] = {"?", "query", "support", "each", "running"};
  const int at = (int)statistics;
  return name[at < 1 || at > 4 ? 0 : at];
}

static bool means(const il_pattern *e, const il_entry *entry) {
  if (e->length == 4 && strncmp(e->text, "head", 4) == 0) return (entry->flags & IL_HEAD) != 0;
  return il_pattern_matches(e, entry->name);
}

/* An entry adapts when the last element that means it is one without "!"; where all have "!", what none of them means
 * adapts. */
static bool adapts(const char *list, const il_entry *entry) {
  bool taken = true;
  il_pattern e;
  for (const char *at = list; il_pattern_next(&at, &e);)
    if (!e.no) taken = false;
  for (const char *at = list; il_pattern_next(&at, &e);)
    if (means(&e, entry)) taken = !e.no;
  return taken;
}

/* Each element has to mean something: a misspelt one would silently be another algorithm. */
static il_status check_list(il_context *context, const char *list, const il_entries *entries) {
  il_pattern e;
  for (const char *at = list; il_pattern_next(&at, &e);) {
    int meant = 0;
    for (int i = 0; i < entries->count; i++) meant += means(&e, &entries->entry[i]);
    if (!meant)
      return il_fail(context, IL_ERROR_CONFIG,
                     "inner.adapts: \"%.*s\" is none of the net's parameters; expected names such "
                     "as %s, with * for any text, or head",
                     (int)e.length, e.text,
                     entries->count ? entries->entry[0].name : "conv1.weight");
  }
  return IL_OK;
}

static int head_of(const il_net *net) {
  int head = -1;
  for (int i = 0; i < net->layers; i++)
    if (net->layer[i].layer.kind == IL_LAYER_LINEAR) head = i;
  return head;
}

il_status il_net_entries(il_context *context, const il_net *net, il_entries *entries) {
  if (!net) return il_context_status(context);
  const int head = head_of(net);
  for (int i = 0; i < net->parameters; i++) {
    il_entry e = {.shape = net->parameter[i].shape, .net = net, .parameter = i};
    snprintf(e.name, sizeof e.name, "%s", net->parameter[i].name);
    if (net->parameter[i].layer == head) e.flags |= IL_HEAD;
    if (!il_entries_add(context, entries, e)) break;
  }
  return il_context_status(context);
}

il_status il_meta_entries(il_context *context, const il_net *net, const il_algorithm *algorithm,
                          const il_inner *inner, const void *settings, il_entries *entries) {
  const bool asked = inner->adapts && *inner->adapts;
  const char *list = asked ? inner->adapts : algorithm->adapts;
  if (!algorithm->step || !algorithm->adapts) list = NULL;
  if (il_net_entries(context, net, entries) != IL_OK) return il_context_status(context);
  int adapting = 0;
  for (int i = 0; i < entries->count && algorithm->own_head; i++)
    entries->entry[i].flags &= ~(unsigned)IL_HEAD;
  if (list && asked && check_list(context, list, entries) != IL_OK)
    return il_context_status(context);
  for (int i = 0; i < entries->count; i++) {
    il_entry *e = &entries->entry[i];
    if (!list || !adapts(list, e)) continue;
    e->flags |= IL_ADAPTS;
    adapting++;
  }
  if (list && adapting == 0)
    return il_fail(context, IL_ERROR_CONFIG,
                   "inner.adapts: \"%s\" leaves nothing of the net that adapts", list);
  _Alignas(16) char own[IL_SETTINGS_SIZE];
  if (!settings && algorithm->fields && algorithm->size <= sizeof own) {
    il_fields_default(algorithm->fields, own);
    settings = own;
  }
  if (algorithm->declare) algorithm->declare(context, settings, entries);
  if (il_context_status(context) != IL_OK) return il_context_status(context);
  return il_learned_numbers_declare(context, algorithm, inner, entries);
}

il_status il_carry_entries(il_context *context, const il_net *net, il_entries *entries) {
  for (int i = 0; i < net->layers; i++) {
    const il_net_layer_record *layer = &net->layer[i];
    if (!il_layer_takes_moments(&layer->layer)) continue;
    for (int k = 0; k < 2; k++) {
      il_entry e = {.shape = net->parameter[layer->parameter].shape,
                    .net = net,
                    .parameter = layer->parameter,
                    .drawn = true,
                    .low = k,
                    .high = k};
      snprintf(e.name, sizeof e.name, "%s.running_%s", layer->name, k ? "var" : "mean");
      if (!il_entries_add(context, entries, e)) return il_context_status(context);
    }
  }
  return IL_OK;
}
