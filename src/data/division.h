/* Tasks cut from plain samples: which examples are the support set, which the query set, never the same. */
#ifndef IL_DATA_DIVISION_H
#define IL_DATA_DIVISION_H

#include "data/samples.h"

typedef struct il_division {
  const il_samples *samples;
  il_episodes episodes;
  int support, query; /* examples of a task */
  int outputs;        /* of a net for the tasks */
  il_loss loss;       /* as a source */
  uint64_t seed;
  int classes;    /* by class: those that have examples */
  int *first;     /* [classes + 1] places in index */
  int64_t *index; /* examples, class after class */
} il_division;

/* Refuses what the samples cannot give. The samples must outlive it; NULL after an error. */
il_division *il_division_new(il_context *context, const il_samples *samples,
                             const il_episodes *episodes, uint64_t seed);
void il_division_free(il_division *division); /* accepts NULL */
/* Bytes of memory that drawing needs. */
size_t il_division_scratch(const il_division *division);
/* Task `index` of stream `stream`: a pure function of (seed, stream, index). example: [support + query];
 * label: [support + query] renumbered 0 … ways − 1 by class, else untouched (NULL: not wanted). */
void il_division_draw(const il_division *division, uint64_t stream, uint64_t index, void *scratch,
                      int64_t *example, int32_t *label);

/* Quarter turns of the images of class position `way` of that task; 0 without episodes.rotate. */
int il_division_turns(const il_division *division, uint64_t stream, uint64_t index, int way);

/* As a source of tasks, which has no name in configurations. Its tasks are those of il_division_draw with the split as
 * stream. */
typedef struct il_samples_tasks {
  const il_samples *samples; /* outlive the opened source */
  il_episodes episodes;
  il_loss loss;
} il_samples_tasks;
extern const il_source il_source_samples;

#endif
