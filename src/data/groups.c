/* Groups of classes (see groups.h): sorted by what their classes share, then by size. */
#include "data/groups.h"

#include <stdlib.h>
#include <string.h>

size_t il_alphabet_length(const char *name) {
  const char *slash = strrchr(name, '/');
  return slash ? (size_t)(slash - name) : strlen(name);
}

typedef struct member {
  const char *key; /* what the classes of a group share, and its length */
  size_t length;
  int index; /* in the split */
} member;

static int by_key(const void *left, const void *right) {
  const member *a = left, *b = right;
  const size_t length = a->length < b->length ? a->length : b->length;
  const int order = memcmp(a->key, b->key, length);
  if (order) return order;
  if (a->length != b->length) return a->length < b->length ? -1 : 1;
  return a->index - b->index;
}

typedef struct part {
  int first, size; /* in the sorted members */
  int index;       /* of its first class */
} part;

static int by_size(const void *left, const void *right) {
  const part *a = left, *b = right;
  return a->size != b->size ? b->size - a->size : a->index - b->index;
}

static bool together(const member *a, const member *b) {
  return a->length == b->length && !memcmp(a->key, b->key, a->length);
}

il_status il_groups_make(il_context *context, const il_dataset *dataset, const il_splits *splits,
                         il_split split, il_within within, il_groups *groups) {
  const int classes = il_splits_count(splits, split);
  const size_t room = (size_t)classes + 1;
  member *all = malloc(room * sizeof *all);
  part *found = malloc(room * sizeof *found);
  *groups = (il_groups){.first = malloc(room * sizeof *groups->first),
                        .member = malloc(room * sizeof *groups->member)};
  const bool made = all && found && groups->first && groups->member;
  if (made) {
    for (int i = 0; i < classes; i++) {
      const int cls = il_splits_class(splits, split, i);
      const char *key = within == IL_WITHIN_ORIGIN ? dataset->origin[cls] : dataset->name[cls];
      const size_t length = within == IL_WITHIN_ORIGIN ? strlen(key) : il_alphabet_length(key);
      all[i] = (member){key, length, i};
    }
    qsort(all, (size_t)classes, sizeof *all, by_key);
    for (int i = 0; i < classes; i++) {
      if (i == 0 || !together(&all[i - 1], &all[i]))
        found[groups->count++] = (part){.first = i, .index = all[i].index};
      found[groups->count - 1].size++;
    }
    qsort(found, (size_t)groups->count, sizeof *found, by_size);
    int at = 0;
    for (int g = 0; g < groups->count; g++) {
      groups->first[g] = at;
      for (int i = 0; i < found[g].size; i++) groups->member[at++] = all[found[g].first + i].index;
    }
    groups->first[groups->count] = at;
  } else {
    il_groups_free(groups);
    il_fail_memory(context, "groups of classes");
  }
  free(all);
  free(found);
  return il_context_status(context);
}

void il_groups_free(il_groups *groups) {
  free(groups->first);
  free(groups->member);
  *groups = (il_groups){0};
}

int il_groups_size(const il_groups *groups, int group) {
  return groups->first[group + 1] - groups->first[group];
}

int il_groups_large(const il_groups *groups, int classes) {
  int large = 0;
  while (large < groups->count && il_groups_size(groups, large) >= classes) large++;
  return large;
}
