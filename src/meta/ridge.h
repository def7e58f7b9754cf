/* Ridge regression of the support labels on the support features, as a head. */
#ifndef IL_META_RIDGE_H
#define IL_META_RIDGE_H

#include <innerloop/meta.h>

/* f [n, d] -> W [d, ways] = argmin |f·W − Y|² + λ·|W|², Y one-hot rows of the labels (or the targets). */
il_value il_ridge(il_build *b, il_value f, il_value lambda);
/* Scores times the learned "ridge.scale"; numbers, whose squared error counts, as they are. */
il_value il_ridge_scaled(il_build *b, il_value y);
/* f with a column of ones. */
il_value il_with_ones(il_graph *g, il_value f);

#endif
