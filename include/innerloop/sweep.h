/* One configuration trained with several seeds, and with every combination of some keys' values: runs in one folder. */
#ifndef INNERLOOP_SWEEP_H
#define INNERLOOP_SWEEP_H

#include "train.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A key, and the values that it takes. */
typedef struct il_sweep_axis {
  const char *key;          /* "inner.lr" */
  int values;               /* how many */
  const char *const *value; /* [values] as texts */
} il_sweep_axis;
/* What a sweep runs. */
typedef struct il_sweep_options {
  const char *out;     /* folder of the runs' folders and of the table; made by il_sweep_go */
  int seeds;           /* how many */
  const int64_t *seed; /* NULL: the configuration's alone */
  int axes;            /* points are all combinations of their values, the last axis the fastest */
  const il_sweep_axis *axis; /* [axes] */
} il_sweep_options;

/* How far a run is. */
typedef enum il_sweep_state {
  IL_SWEEP_NEW = 1,     /* it has no checkpoint */
  IL_SWEEP_BEGUN = 2,   /* it continues from its checkpoint */
  IL_SWEEP_TRAINED = 3, /* to be evaluated */
  IL_SWEEP_DONE = 4,    /* trained and evaluated */
  IL_SWEEP_FAILED = 5,  /* `failure` says why; tried again the next time */
} il_sweep_state;
/* One seed of one combination. */
typedef struct il_sweep_run {
  const char *name, *folder; /* "inner.lr=0.1,seed=2", "OUT/inner.lr=0.1,seed=2" */
  int point;                 /* index of its combination */
  int64_t seed, made, steps; /* made: meta-steps so far, of `steps` */
  il_sweep_state state;      /* how far it is */
  double mean, interval;     /* of the point's protocol and inner steps, when it is done */
  const char *failure;       /* a sentence; NULL: it has not failed */
} il_sweep_run;
/* A combination of values, over the runs of it that are done. */
typedef struct il_sweep_point {
  const char *const *value; /* [axes] */
  int done, failed;         /* runs */
  double mean, spread; /* of the runs' means; sample standard deviation, NAN of fewer than two */
  double interval;     /* 95 % interval over the tasks of one run: root mean square over the runs */
  char protocol[16];   /* as in il_evaluation_row */
  int inner_steps;     /* after which it is measured */
  int tasks;           /* of an evaluation; 0: none is done */
  bool squared_error;  /* else accuracies */
} il_sweep_point;

/* Runs that belong together. */
typedef struct il_sweep il_sweep;
/* Looks at every combination before any work: a key or value that is refused, a net that does not fit its tasks, the same
 * run twice, or a run in the folder that was started with another configuration or data fail here. NULL after an error.
 * The configuration may be freed afterwards, the options' texts too. */
IL_API il_sweep *il_sweep_new(il_context *context, const il_config *config,
                              const il_sweep_options *options);
IL_API void il_sweep_free(il_sweep *sweep); /* accepts NULL */
/* How many combinations there are. */
IL_API int il_sweep_points(const il_sweep *sweep);
/* One of them; changes while il_sweep_go runs. */
IL_API const il_sweep_point *il_sweep_point_at(const il_sweep *sweep, int index);
/* How many runs there are: the seeds of a combination side by side. */
IL_API int il_sweep_runs(const il_sweep *sweep);
/* One of them; changes while il_sweep_go runs. */
IL_API const il_sweep_run *il_sweep_run_at(const il_sweep *sweep, int index);

/* What il_sweep_go says on the way. */
typedef struct il_sweep_progress {
  int run; /* its index */
  /* NULL: the run's state has changed: it begins, is to be evaluated, is done, failed */
  const il_progress *training;
} il_sweep_progress;
/* How the runs are made. */
typedef struct il_sweep_go_options {
  il_team *team;    /* threads to compute with */
  bool tensorboard; /* as in il_train_options */
  /* Called often; may be NULL. */
  void (*progress)(void *user, const il_sweep *sweep, const il_sweep_progress *progress);
  void *user;                        /* given to progress */
  const volatile sig_atomic_t *stop; /* as in il_train_options */
  /* Other processes that make runs of the same sweep, in a folder that all see; NULL: none. The runs that are left are
   * dealt out, whole; rank 0 writes the table when all are made. */
  const il_ranks *ranks;
} il_sweep_go_options;
/* Does what is left to do: trains and evaluates each run as il_train and il_evaluate do, with the same bits; runs that are
 * done are kept. After each run it writes OUT/sweep.json and OUT/sweep.csv. A run that fails (by a loss that is not finite,
 * say) is noted and the others go on; the error tells of it at the end. */
IL_API il_status il_sweep_go(il_sweep *sweep, const il_sweep_go_options *options);
/* What sweep.json holds; malloc'ed, NULL without memory. */
IL_API char *il_sweep_json(const il_sweep *sweep);

#ifdef __cplusplus
}
#endif
#endif
