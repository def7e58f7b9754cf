/* What ranks do together (see ranks.h). */
#include "ranks/ranks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { SENTENCE = 1000 };

typedef struct state { /* of one rank; the same on every machine */
  int32_t status;
  char message[SENTENCE];
} state;

bool il_ranks_first(const il_ranks *ranks) { return !ranks || ranks->rank == 0; }

const il_ranks *il_ranks_several(const il_ranks *ranks) {
  return ranks && ranks->size > 1 ? ranks : NULL;
}

il_status il_ranks_lost(il_context *context, const il_ranks *ranks) {
  return il_fail(context, IL_ERROR_RANKS,
                 "rank %d lost the connection to another of the %d ranks; expected that all go on",
                 ranks->rank, ranks->size);
}

il_status il_ranks_gather(il_context *context, const il_ranks *ranks, void *all,
                          const size_t *begin) {
  return ranks->gather(ranks->user, all, begin) ? IL_OK : il_ranks_lost(context, ranks);
}

static il_status gather_parts(il_context *context, const il_ranks *ranks, void *all, size_t first,
                              size_t others) {
  size_t *begin = calloc((size_t)ranks->size + 1, sizeof *begin);
  if (!begin) return il_fail_memory(context, "what ranks say to each other");
  for (int r = 0; r < ranks->size; r++) begin[r + 1] = begin[r] + (r ? others : first);
  const il_status status = il_ranks_gather(context, ranks, all, begin);
  free(begin);
  return status;
}

il_status il_ranks_gather_each(il_context *context, const il_ranks *ranks, void *all, size_t size) {
  return gather_parts(context, ranks, all, size, size);
}

il_status il_ranks_spread(il_context *context, const il_ranks *ranks, void *bytes, size_t size) {
  return ranks ? gather_parts(context, ranks, bytes, size, 0) : IL_OK;
}

il_status il_ranks_agree(il_context *context, const il_ranks *ranks) {
  const il_status own = il_context_status(context);
  if (!ranks) return own;
  state *all = calloc((size_t)ranks->size, sizeof *all);
  if (!all) return il_fail_memory(context, "what ranks say to each other");
  all[ranks->rank].status = (int32_t)own;
  snprintf(all[ranks->rank].message, SENTENCE, "%s", il_context_message(context));
  il_status status = il_ranks_gather_each(context, ranks, all, sizeof *all);
  for (int r = 0; r < ranks->size && status == IL_OK; r++) {
    if (all[r].status == IL_OK) continue;
    status = (il_status)all[r].status;
    all[r].message[SENTENCE - 1] = 0;
    if (own != IL_OK) continue;
    if (r)
      il_fail(context, status, "rank %d: %s", r, all[r].message);
    else
      il_fail(context, status, "%s", all[r].message);
  }
  free(all);
  return status;
}
