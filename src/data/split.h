/* Splits from the inside: what is left of the classes, and how often each is drawn. */
#ifndef IL_DATA_SPLIT_H
#define IL_DATA_SPLIT_H

#include "data/dataset.h"

enum { IL_SPLIT_UNUSED = -1 };

/* Takes classes that options->only does not mean, or that weigh nothing, out of `split` [classes]: an il_split each, or
 * IL_SPLIT_UNUSED. weight [classes] receives the weights of options->weights; 1 where it names none. */
il_status il_split_choose(il_context *context, const il_dataset *dataset,
                          const il_split_options *options, int *split, double *weight);
/* The weights with which the classes of the dataset are drawn, above 0 for those of a split; NULL: all alike. */
const double *il_splits_weights(const il_splits *splits);
/* A number that tells this division, weights included, from others of the same classes; never 0. */
uint64_t il_splits_fingerprint(const il_splits *splits);

#endif
