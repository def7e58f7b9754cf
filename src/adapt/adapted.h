/* An adapted learner from the inside. */
#ifndef IL_ADAPT_ADAPTED_H
#define IL_ADAPT_ADAPTED_H

#include <innerloop/adapt.h>

#include "base/arena.h"
#include "config/config.h"
#include "learner/adaptation.h"

struct il_adapted {
  il_context *context;
  il_team *team;
  il_config *config; /* the run's, with what was set */
  il_method method;
  il_query_statistics statistics; /* of queries */
  il_learned *learner;
  il_task_shape shape; /* the support set, one query */
  void *support_x;     /* [support, example…] of the shape's type */
  int32_t *support_y;  /* [support]; of targets unused */
  float *target;       /* [support, outputs]; NULL: classes */
  int32_t *order;      /* [steps, batch] of the inner loop; NULL: all examples each time */
  const char **name;   /* [ways] */
  il_arena arena;      /* names */
  bool inverted;
  int left_out, right;
  double temperature, reject;
  il_adaptation adaptation; /* to the support set, for one query */
  il_buffers state;         /* what came of it */
  il_function *function;    /* of one query */
  il_run *run;
  int room;     /* queries at once */
  void *asked;  /* [room, example…] reals; as the function takes them */
  void *scores; /* [room, outputs] reals */
};

/* What the file of an adapted learner is, in its metadata. */
#define IL_ADAPTED_FORMAT "innerloop adapted learner 1"
enum { IL_ADAPTED_SUPPORT = 1 << 20 }; /* examples, at most */

/* Tasks of so many support examples and one query: of classes, or of targets. */
il_task_shape il_adapted_shape(int ways, int support, il_shape example, il_type type, double scale);
il_task_shape il_adapted_shape_of_targets(int outputs, int support, il_shape example, il_type type,
                                          double scale);
/* The file of a learner: itself, or a run's checkpoint. Malloc'ed; NULL after an error. */
char *il_learner_path(il_context *context, const char *run);
/* Takes config over. Classes must be named, support_x and support_y of `support` examples filled by the caller. */
il_adapted *il_adapted_begin(il_context *context, il_config *config, const il_task_shape *shape,
                             il_team *team);
/* Makes room for the state. */
il_status il_adapted_prepare(il_adapted *a);
/* Adapts to the support set, from the values that the learner holds: fills the state. */
il_status il_adapted_adapt(il_adapted *a);
/* Compiles what answers queries from the state. */
il_status il_adapted_finish(il_adapted *a);
/* Leaves each example out once: fills left_out, right, temperature and reject. */
il_status il_adapted_calibrate(il_adapted *a);

/* A function whose tasks have support sets of their own: it scores `shape->query` queries after adapting to each. */
il_function *il_adapted_function(il_adapted *a, const il_task_shape *shape);
/* `count` numbers of support sets or queries as the function takes them: bytes, or reals of the learner's precision. */
void il_adapted_copy(const il_adapted *a, const void *from, size_t count, void *to);
size_t il_adapted_number(const il_adapted *a); /* bytes of one such number */
double il_adapted_score(const il_adapted *a, const void *scores, size_t at);
/* Which of n scores is largest, and the probabilities of all at a temperature; probability may be NULL. */
int il_adapted_softmax(int n, const double *score, double temperature, double *probability);

#endif
