/* What a training does about a meta-step whose loss or update is not finite: end, skip it, or say where it arises. */
#ifndef IL_TRAIN_ANOMALY_H
#define IL_TRAIN_ANOMALY_H

#include "train/meta_step.h"

typedef struct il_anomalies {
  bool detect; /* end with a sentence that says where it arises */
  bool skip;   /* take the meta-step back and go on */
  int row;     /* that were skipped one after the other */
} il_anomalies;

/* Called after the meta-step on `batch` that follows `made` others. One that is skipped has no loss (NAN). */
il_status il_anomalies_look(il_anomalies *a, il_meta_step *s, const il_batch *batch, int64_t made);

#endif
