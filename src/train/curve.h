/* What metrics.jsonl says of a run's training, and its curves. */
#ifndef IL_TRAIN_CURVE_H
#define IL_TRAIN_CURVE_H

#include "plot/figure.h"

typedef struct il_curve {
  bool squared_error; /* validation is that, and there is no accuracy */
  bool accuracies, supports;
  int count; /* of training */
  double *step, *loss, *accuracy, *support_loss;
  int validations;
  double *at, *value, *interval;
} il_curve;
/* Of a run's folder. A last line that a crash has cut is passed over. */
il_status il_curve_read(il_context *context, const char *run, il_curve *curve);
void il_curve_free(il_curve *curve); /* accepts a zeroed one */
/* Accuracy over meta-steps, or the loss; gives the y below it. Of many training points the means of neighbours are drawn. */
double il_curve_draw(const il_curve *curve, bool loss, il_figure *figure, double top);
/* Whether there is an accuracy to draw. */
bool il_curve_accurate(const il_curve *curve);
/* Writes both to RUN/curve.png. */
il_status il_curve_plot(il_context *context, const char *run);

#endif
