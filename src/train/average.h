/* An exponential moving average of the meta-parameters (outer.ema), beside those that meta-steps move. */
#ifndef IL_TRAIN_AVERAGE_H
#define IL_TRAIN_AVERAGE_H

#include "train/meta_step.h"

/* Memory for the average, where the method asks for one; the others then do nothing where there is none. */
il_status il_average_init(il_meta_step *s);
void il_average_free(il_meta_step *s);
/* The average becomes the present meta-parameters. */
void il_average_start(il_meta_step *s);
/* Takes the meta-parameters in that the meta-step after `made` others has left. */
void il_average_move(il_meta_step *s, int64_t made);
/* Exchanges the two: what validates and is kept is the average. Called again, it takes that back. */
void il_average_exchange(il_meta_step *s);

#endif
