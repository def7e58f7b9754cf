/* The memory that a training run takes, known before its first step. */
#ifndef IL_TRAIN_FOOTPRINT_H
#define IL_TRAIN_FOOTPRINT_H

#include "train/evaluate.h"
#include "train/trainer.h"

typedef struct il_footprint {
  size_t workspace;  /* what the plan runs in, for all threads */
  size_t state;      /* weights and the optimizer's moments, twice */
  size_t tasks;      /* drawn meta-batches */
  size_t data;       /* images; mapped from their file where there is one */
  size_t checkpoint; /* what is gathered for writing */
  size_t graph;      /* graph and plan */
  size_t validation; /* all of these for the validation tasks */
} il_footprint;

/* evaluator: zeroed or NULL where there is no validation. */
il_footprint il_footprint_of(const il_trainer *trainer, const il_evaluator *evaluator);
size_t il_footprint_total(const il_footprint *memory);
/* "memory: 12.3 MB in all: workspace 8.1, …" */
void il_footprint_text(const il_footprint *memory, char *text, size_t size);

#endif
