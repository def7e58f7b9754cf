/* Which classes of a split belong together: those of an alphabet, or of one origin. */
#ifndef IL_DATA_GROUPS_H
#define IL_DATA_GROUPS_H

#include "data/dataset.h"

/* What stands in front of a name's last slash: the alphabet of "Greek/character01". All of a name without one. */
size_t il_alphabet_length(const char *name);

/* Groups, the largest first, and of equal ones that first whose class the split has first. Zeroed: there are none. */
typedef struct il_groups {
  int count;
  int *first; /* [count + 1] places in member */
  int *
      member; /* [classes of the split] the how many-th of the split it is, ascending in each group */
} il_groups;
il_status il_groups_make(il_context *context, const il_dataset *dataset, const il_splits *splits,
                         il_split split, il_within within, il_groups *groups);
void il_groups_free(il_groups *groups);
int il_groups_size(const il_groups *groups, int group);
/* How many have so many classes or more: the first ones. */
int il_groups_large(const il_groups *groups, int classes);

#endif
