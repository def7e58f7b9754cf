/* Pre-training: a linear or cosine classifier over all training classes, whose features another head takes later. */
#ifndef IL_META_PRETRAIN_H
#define IL_META_PRETRAIN_H

#include <innerloop/meta.h>

/* The field `classes` of an algorithm `who` that pre-trains. */
#define IL_PRETRAIN_CLASSES(who)                                                                   \
  IL_FIELD(il_pretrain_settings, classes, IL_FIELD_INT32, "0", 0, 1 << 20, "",                     \
           "training classes that the net learns to tell apart; 0: those that there are (" who     \
           ")")
/* The numbers that the net ends in. */
int64_t il_feature_count(const il_net *net);
/* "classifier.weight" [features, classes], and "classifier.bias" where `bias`. Settings: il_pretrain_settings. */
void il_pretrain_declare(il_context *context, const void *settings, il_entries *entries, bool bias);
/* Features of support and query set, in training, one below the other: [n, features]. */
il_value il_pretrain_features(il_build *b);
/* Cross-entropy of the scores of both sets' examples to their classes, differentiated. */
void il_pretrain_outcome(il_build *b, il_value scores, il_outcome *out);
/* Features of the support set as it is looked at first, whatever the pass. */
il_value il_support_features(il_build *b);
/* Rows of f and of labels that step k learns from: the task's order, or all. */
void il_head_batch(il_build *b, int k, il_value *f, il_value *labels);

#endif
