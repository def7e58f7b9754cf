/* How far a long computation is, and how much time is left. */
#include "cli/ticker.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void ticker_restart(ticker *t) {
  t->started = now();
  t->shown = 0;
}

void tick(ticker *t, double done, const char *format, ...) {
  bool terminal = isatty(STDERR_FILENO);
  double at = now();
  if (t->started <= 0) t->started = at;
  if (t->shown > 0 && at - t->shown < (terminal ? 0.2 : 5)) return;
  t->shown = at;
  ticker_clear(t);
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  double seconds = at - t->started;
  if (done > 0 && done < 1 && seconds > 1)
    fprintf(stderr, ", about %.0f s left", seconds * (1 - done) / done);
  if (!terminal) fputc('\n', stderr);
  t->live = terminal;
}

void ticker_clear(ticker *t) {
  if (t->live) fputs("\r\033[K", stderr);
  t->live = false;
}
