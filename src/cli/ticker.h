/* A line that says how far a long computation is: on standard error, so that results stay alone on standard output. */
#ifndef IL_CLI_TICKER_H
#define IL_CLI_TICKER_H

#include <stdbool.h>

/* On a terminal the line replaces itself; in a pipe it comes every 5 seconds. Start zeroed. */
typedef struct ticker {
  double started, shown;
  bool live; /* a line stands there */
} ticker;

/* From here time left is reckoned, and the next tick is shown. */
void ticker_restart(ticker *t);
/* Shows the text when it is time; done: share of the work, for the time left (0: not known yet). */
void tick(ticker *t, double done, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Removes the line, before something else is printed. */
void ticker_clear(ticker *t);

#endif
