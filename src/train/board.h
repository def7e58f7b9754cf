/* A run as TensorBoard shows it: curves under the names that its users expect, histograms of parameters, the configuration. */
#ifndef IL_TRAIN_BOARD_H
#define IL_TRAIN_BOARD_H

#include "io/events.h"
#include "train/meta_step.h"

typedef struct il_board {
  il_events *events; /* NULL: there is none */
  double since;      /* when step `counted` was made */
  int64_t counted;
} il_board;

/* An event file in the run's folder, from meta-step made + 1 on; what earlier ones say of these is void. */
il_status il_board_open(il_board *board, il_context *context, const char *folder, int64_t made,
                        const char *config);
/* All that follow do nothing without an event file. */
il_status il_board_step(il_board *board, const il_meta_step *step, int64_t made);
il_status il_board_validation(il_board *board, int64_t made, bool squared_error, double value,
                              double interval);
/* Histograms of what is learned. */
il_status il_board_parameters(il_board *board, const il_meta_step *step, int64_t made);
il_status il_board_close(il_board *board);

#endif
