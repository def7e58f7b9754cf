/* What innerloop predict was asked for, and the answers that it gives; examples in files of arrays have a file of their own. */
#ifndef IL_CLI_PREDICT_H
#define IL_CLI_PREDICT_H

#include "cli/cli.h"

typedef enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_CSV } format;

typedef struct input {
  settings common; /* config: the model */
  const char *asked[4096];
  int count, top;
  format format;
  bool reject;
  double least; /* probability; 0: the model's own */
} input;

enum { AT_ONCE = 64 };
typedef struct answers {
  il_context *context;
  const input *in;
  il_adapted *model;
  double least; /* below it, none of the classes; 0: not asked for */
  float *probability;
  int *order; /* [classes] by probability */
  /* Pictures that wait to be asked about together: the learner adapts once for all. */
  uint8_t *pixels; /* [AT_ONCE, example…] */
  char *name[AT_ONCE];
  int waiting;
  int64_t given;  /* answers */
  int unreadable; /* things that could not be asked about */
} answers;

void print_answer(answers *a, const char *name, const float *probability);
/* Says why it could not be asked about; others still are. */
void unreadable(answers *a, const char *name, const char *reason);
/* The examples in a file of arrays or a CSV, under the name "NAME:INDEX" (from 0), or "NAME:LINE" of a CSV. */
void ask_rows(answers *a, const char *name, const char *path);

#endif
