/* One run of a report: opened, evaluated, its answers heard. */
#ifndef IL_REPORT_REPORT_RUN_H
#define IL_REPORT_REPORT_RUN_H

#include <innerloop/report.h>

#include "report/confusion.h"
#include "report/page.h"
#include "train/curve.h"
#include "train/opened.h"

/* Tasks that are drawn on the page: the first ones, whatever came of them, then those with most mistakes (largest errors),
 * then of regression those with the smallest. */
enum { IL_SHOWN_FIRST = 3, IL_SHOWN_WORST = 3, IL_SHOWN_BEST = 3 };
typedef struct il_shown {
  int task; /* −1: there is none */
  il_task_id id;
  double figure;  /* share of right answers, or mean squared error */
  int *answer;    /* [query]; NULL: of regression */
  float *fits[2]; /* [query, outputs] before and after adaptation; NULL: of classes */
} il_shown;

typedef struct il_report_run {
  il_context *context;
  const char *path;
  const il_report_options *options;
  il_opened opened;
  il_curve curve;
  il_evaluation evaluation;
  int row; /* of the evaluation: what the answers below are of */
  il_listener listener;
  const il_sampler *sampler; /* NULL: tasks come from no classes */
  const il_dataset *dataset; /* likewise */
  int turns;                 /* 4: each quarter turn of a class is a class of its own */
  void *episode;             /* room for one */
  int *cls;                  /* [ways] of it */
  il_confusion confusion;    /* of dataset class · turns + turn */
  il_shown first[IL_SHOWN_FIRST], worst[IL_SHOWN_WORST], best[IL_SHOWN_BEST];
} il_report_run;
/* Freed by il_report_run_free, also after an error. */
il_status il_report_run_init(il_context *context, il_report_run *r, const char *path,
                             const il_report_options *options);
void il_report_run_free(il_report_run *r);
/* The classes of the ways of task `id` into cls. Without a sampler: nothing. */
void il_report_classes(const il_report_run *r, il_task_id id, int *cls);
/* "Greek/character01", with its turn where that makes another class. */
void il_report_class_name(const il_report_run *r, int cls, char *text, size_t size);

/* One task as the learner saw it; freed by il_drawn_free. */
typedef struct il_drawn {
  const il_task_shape *shape;
  void *x[2]; /* support, query: bytes or floats */
  void *y[2];
  int *cls; /* [ways] as il_report_classes; NULL: there are none */
} il_drawn;
il_status il_drawn_init(const il_report_run *r, il_task_id id, il_drawn *drawn);
void il_drawn_free(il_drawn *drawn);

/* The parts of the page. */
void il_report_what(il_page *page, const il_report_run *r);   /* was trained on what */
void il_report_curves(il_page *page, const il_report_run *r); /* of training */
void il_report_steps(il_page *page, const il_report_run *r);  /* accuracy by inner step */
void il_report_confusion(il_page *page, const il_report_run *r);
void il_report_tasks(il_page *page, const il_report_run *r); /* episodes, or fits */
void il_report_fits(il_page *page, const il_report_run *r);
void il_report_repeat(il_page *page, const il_report_run *r);

/* "after 3 inner steps, transductive" */
void il_report_condition(const il_evaluation_row *row, char *text, size_t size);

#endif
