/* Meta-training as a whole: runs in folders, evaluation, checks of the meta-gradient. */
#ifndef INNERLOOP_TRAIN_H
#define INNERLOOP_TRAIN_H

#include <signal.h>

#include "config.h"
#include "data.h"
#include "plan.h"
#include "ranks.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- training ---- */
/* What there is to say. */
typedef enum il_progress_kind {
  IL_PROGRESS_START = 1,      /* message: what is trained on what; a second line: memory it takes */
  IL_PROGRESS_STEP = 2,       /* after every meta-step */
  IL_PROGRESS_VALIDATION = 3, /* value ± interval over tasks of the validation split */
  IL_PROGRESS_CHECKPOINT = 4, /* a checkpoint was written */
  IL_PROGRESS_CHECK = 5,      /* message: what the comparison with the interpreter found */
  IL_PROGRESS_PROFILE = 6,    /* message: where the time went, many lines */
  IL_PROGRESS_ENDED = 7,      /* message: why training ends before its last meta-step */
} il_progress_kind;
/* What training says while it goes on. */
typedef struct il_progress {
  il_progress_kind kind;  /* what the rest is about */
  int64_t step, steps;    /* this meta-step, and how many there are */
  double loss, accuracy;  /* of this meta-step; accuracy NAN: there is none */
  double value, interval; /* of the validation split; 1.96 standard errors */
  int tasks;              /* that were validated */
  bool averaged;          /* the validated learner is an average over meta-steps (outer.ema) */
  bool squared_error;     /* there is no accuracy; value is a mean squared error */
  const char *message;    /* text of some kinds */
  int64_t
      skipped; /* meta-steps so far whose update was left out (outer.skip_nonfinite); of such a one loss is NAN */
} il_progress;

/* How a run is trained. */
typedef struct il_train_options {
  const char *out; /* folder of the run; made if needed */
  il_team *team;   /* threads to compute with */
  /* Tasks of one's own, in place of those of task.source; NULL: these. What a run's folder says of its source stays
   * what the configuration says. */
  const il_source *source;
  const void *settings; /* of that source */
  bool resume;          /* continue from the folder's checkpoint */
  bool check;           /* first compare a meta-step with the reference interpreter, bit by bit */
  bool plot;            /* draw RUN/curve.png at each validation and at the end */
  /* also write an event file for TensorBoard into the folder; changes no result */
  bool tensorboard;
  /* At the first number of data, loss or update that is not finite: run the tasks of this meta-step again through the
   * interpreter and end with a sentence that says where it arises. */
  bool detect_anomaly;
  bool profile; /* time every step of the plan and report it at the end */
  void (*progress)(void *user, const il_progress *progress); /* may be NULL */
  void *user;                                                /* given to progress */
  const volatile sig_atomic_t
      *stop; /* nonzero: checkpoint and return IL_ERROR_INTERRUPTED; may be NULL */
  /* The other processes that train this run, all with this call; NULL: none. The tasks of each meta-step are divided over
   * them, and the bits are those of one process. Rank 0 alone reads and writes the folder and calls progress; an error of
   * one becomes that of all. IL_ERROR_RANKS: a rank is lost or not alike. */
  const il_ranks *ranks;
} il_train_options;
/* Writes config.yaml, metrics.jsonl and checkpoint.safetensors into the folder (and curve.png). */
IL_API il_status il_train(il_context *context, const il_config *config,
                          const il_train_options *options);

/* ---- evaluation ---- */
enum { IL_EVALUATION_ROWS = 64, IL_TESTED_SIZE = 512 }; /* rows at most; bytes of a text */
/* One protocol after a number of inner steps. */
typedef struct il_evaluation_row {
  const char
      *protocol; /* "transductive" "support" "each" "running"; "query": a net without norm layers */
  int steps;     /* inner steps */
  double mean, interval; /* accuracy or mean squared error; 1.96·sd/√tasks, NAN of one task */
} il_evaluation_row;
/* A run's figures on test tasks. */
typedef struct il_evaluation {
  int tasks, count;            /* that were tested; rows that hold */
  bool squared_error;          /* the figures are that, not accuracies */
  int64_t trained;             /* meta-steps of the checkpoint */
  char tested[IL_TESTED_SIZE]; /* on what: "other.safetensors: all 10 classes, 5-way 1-shot, …" */
  il_evaluation_row row[IL_EVALUATION_ROWS]; /* by protocol, then steps */
} il_evaluation;
/* What is tested, and how; {0} but for the team: what the run says. */
typedef struct il_evaluate_options {
  /* A dataset file instead of the run's task.data; may be NULL. The run's split is kept for the file that it was
   * trained on and for one of the same content; of any other all classes are tested, unless settings divide it. */
  const char *data;
  /* "key=value" over the run's configuration, of task, eval, inner and the source; ends with NULL; may be NULL. One
   * that would have no effect is refused. */
  const char *const *settings;
  int tasks; /* 0: eval.tasks */
  int ensemble; /* average the scores of so many of the run's best learners (checkpoint.best); 0: the last alone */
  const char *episodes; /* an episode list to replay, of whatever classes; may be NULL */
  il_team *team;        /* threads to compute with */
  /* As in il_train_options: test tasks are divided; each rank reads the run and the data, rank 0 writes. */
  const il_ranks *ranks;
} il_evaluate_options;
/* Evaluates a run on test classes and writes the figures of every task to RUN/eval.csv. */
IL_API il_status il_evaluate(il_context *context, const char *run,
                             const il_evaluate_options *options, il_evaluation *result);
/* Draws the first `count` episodes of a split into a list; il_evaluate replays one of the test split. */
IL_API il_status il_write_episodes(il_context *context, const il_config *config, il_split split,
                                   uint64_t count, const char *path);

/* ---- checks and single computations ---- */
/* How the meta-gradient compares with finite differences. */
typedef struct il_meta_check {
  int directions;     /* that were compared */
  double step, worst; /* finite-difference step of the worst direction, its relative error */
  double units;       /* relu and max units that switched at that step */
  double second_share; /* ‖g2 − g1‖ / ‖g2‖: the part of the gradient that first order leaves out */
  double norm;      /* ‖g‖ of the configured gradient */
  bool first_order; /* the configuration asks for first order: finite differences do not apply */
  bool
      pseudo; /* the algorithm's direction is no derivative: its first inner step's gradient was compared */
  bool agrees; /* the verdict */
} il_meta_check;
/* Compares the meta-gradient of the configuration, in double, with finite differences along random
 * directions. IL_ERROR_MISMATCH when they disagree (result is filled then too), which says nothing where units switched. */
IL_API il_status il_check_meta_gradient(il_context *context, const il_config *config, il_team *team,
                                        il_meta_check *result);
/* Loss and meta-gradient of tasks given in a file, both by name in PyTorch's layout, in the configuration's precision;
 * gradient: file. */
IL_API il_status il_gradient_of_file(il_context *context, const il_config *config,
                                     const char *weights, const char *tasks, const char *gradient,
                                     il_team *team, double *loss);
/* Writes freshly drawn weights. */
IL_API il_status il_write_initial(il_context *context, const il_config *config, const char *path);
/* The plan of a meta-step as text (malloc'ed) and in numbers (may be NULL). NULL after an error.
 * Omniglot's data need not be there: without task.data its images' usual size is taken. */
IL_API char *il_training_plan(il_context *context, const il_config *config,
                              il_plan_summary *summary);

#ifdef __cplusplus
}
#endif
#endif
