/* Several runs side by side. */
#ifndef IL_REPORT_REPORT_COMPARE_H
#define IL_REPORT_REPORT_COMPARE_H

#include "report/report_run.h"

/* What is left of a run when it is closed. */
typedef struct il_report_summary {
  const char *algorithm;
  char *name;   /* malloc'ed */
  char *method; /* the configuration without its seed, and the meta-steps done; malloc'ed */
  char seed[32];
  il_evaluation evaluation;
  int row;
  il_curve curve;
} il_report_summary;
/* Takes the run's curve over. */
il_status il_report_summarize(il_report_run *r, il_report_summary *s);
void il_report_summary_free(il_report_summary *s); /* accepts a zeroed one */
/* The last part of a path; malloc'ed. */
char *il_report_name(il_context *context, const char *path);
void il_report_compare(il_page *page, int runs, const il_report_summary *s);

#endif
