/* metrics.jsonl: one JSON object a line, one line every log.every meta-steps. */
#ifndef IL_TRAIN_METRICS_H
#define IL_TRAIN_METRICS_H

#include <stdint.h>
#include <stdio.h>

#include <innerloop/function.h>

#include "base/error.h"

typedef struct il_metrics {
  il_context *context;
  const char *path;
  FILE *file;
} il_metrics;
/* Keeps the lines up to `step` (of the checkpoint that training continues from), drops what follows. */
il_status il_metrics_open(il_metrics *metrics, il_context *context, const char *path, int64_t step);
/* Figures that are NAN are left out, and so is `skipped` where it is 0: how many meta-steps were left out so far. Of
 * what is learned, single numbers beside the net's, such as a learned rate, stand by their names. */
il_status il_metrics_step(il_metrics *metrics, int64_t step, double loss, double accuracy,
                          double support_loss, int64_t skipped, const il_buffers *learned);
il_status il_metrics_validation(il_metrics *metrics, int64_t step, const char *what, double value,
                                double interval);
/* Training ends after this meta-step: so many validations were no better than that after meta-step `best`. */
il_status il_metrics_ended(il_metrics *metrics, int64_t step, int64_t best, int64_t since);
/* Flushes, and waits until the disk has them. */
il_status il_metrics_sync(il_metrics *metrics);
il_status il_metrics_close(il_metrics *metrics);

#endif
