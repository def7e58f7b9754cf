/* Reports: what runs learned, as one page that needs nothing but itself, and its pictures as files. */
#ifndef INNERLOOP_REPORT_H
#define INNERLOOP_REPORT_H

#include "train.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { IL_REPORT_RUNS = 32, IL_REPORT_PATH = 4096 }; /* runs at most; bytes of a path */
/* What a report is of, and where it goes. */
typedef struct il_report_options {
  /* FILE.html, or a folder, made if needed, for report.html. NULL: the run's folder; of several runs the present one. */
  const char *out;
  /* What the runs are evaluated on, as il_evaluate takes it; its team does the work. No eval.csv is written. */
  il_evaluate_options evaluate;
  /* Called before each run is evaluated; may be NULL. */
  void (*progress)(void *user, int run, const char *path);
  void *user; /* given to progress */
} il_report_options;
/* What was written. */
typedef struct il_report {
  char page[IL_REPORT_PATH]; /* its path */
  int pictures;              /* beside it: report-accuracy.png … */
  il_evaluation evaluation;  /* of the last run */
  int row; /* of it: the figure under the protocol, and after the inner steps, of training */
} il_report;
/* Evaluates the runs once more and writes one HTML page without scripts and links, with all its pictures inside, and each
 * picture as PNG beside it. Its figures are those of il_evaluate. Several runs, at most IL_REPORT_RUNS, stand side by side; those
 * that differ in their seed alone have their mean and spread. */
IL_API il_status il_report_write(il_context *context, int runs, const char *const *run,
                                 const il_report_options *options, il_report *report);

#ifdef __cplusplus
}
#endif
#endif
