/* Words of a problem's text, shared by problem.c and problem_tile.c. */
#ifndef IL_KERNELS_PROBLEM_H
#define IL_KERNELS_PROBLEM_H

#include "base/error.h"
#include "kernels/kernel.h"

/* Writes into room of fixed size; what does not fit is cut. */
typedef struct il_problem_writer {
  char *text;
  size_t size, at;
} il_problem_writer;
void il_problem_put(il_problem_writer *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

typedef struct il_problem_reader {
  il_context *context;
  const char *line; /* the problem, for sentences */
  const char *at;
} il_problem_reader;
/* Fails with the sentence, preceded by the problem. Returns false. */
bool il_problem_fail(il_problem_reader *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Skips blanks and gives the length of the word that follows; 0: the line is over. */
int il_problem_word(il_problem_reader *r);
/* True and past it when the text continues with exactly this. */
bool il_problem_take(il_problem_reader *r, const char *text);
/* Reads a whole number low..high at the very place. */
bool il_problem_number(il_problem_reader *r, const char *what, int64_t low, int64_t high,
                       int64_t *number);

void il_problem_write_tile(il_problem_writer *w, const il_tile_program *program);
bool il_problem_read_tile(il_problem_reader *r, il_tile_program *program);

#endif
