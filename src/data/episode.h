/* The sampler from the inside: shared by drawing (episode.c) and by lists (episode_list.c). */
#ifndef IL_DATA_EPISODE_H
#define IL_DATA_EPISODE_H

#include "data/dataset.h"
#include "data/groups.h"

struct il_sampler {
  il_context *context;
  const il_dataset *dataset;
  const il_splits *splits;
  il_episode_options options;
  /* A replayed list: list_count episodes laid out as il_sampler_episode_size says; NULL: drawn. */
  int *list[3];
  uint64_t list_count[3];
  il_groups group[3]; /* by split; none where episodes take classes of any */
};

/* il_sampler_new that will be asked for episodes of the splits first … last only, and refuses what these cannot give;
 * first > last: for lists alone. */
il_sampler *il_sampler_for(il_context *context, const il_dataset *dataset, const il_splits *splits,
                           const il_episode_options *options, il_split first, il_split last);
/* "alphabet" or "origin". */
const char *il_within_name(il_within within);
/* Points the episode's arrays into memory. */
void il_episode_place(const il_sampler *sampler, int *memory, il_episode *episode);

#endif
