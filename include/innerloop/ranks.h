/* Ranks: processes, on one machine or on many, that train or evaluate one run together (docs/scale.md).
 *
 * What passes between them goes through a record of two functions. The program `innerloop` has one over MPI; a host may
 * give one of its own. */
#ifndef INNERLOOP_RANKS_H
#define INNERLOOP_RANKS_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One rank's end of a communication. All ranks call the same functions in the same order, each from one thread at a time;
 * a function returns when its own memory is complete. Where sizes are [size + 1] numbers, part r is from number r to
 * number r + 1, and may be empty. False: another rank is lost, and no function is called any more. */
typedef struct il_ranks {
  int rank, size; /* this one, from 0; how many there are */
  /* all: bytes in parts; this rank has part `rank`, and afterwards every rank has all. begin is the same everywhere. */
  bool (*gather)(void *user, void *all, const size_t *begin);
  /* Part r of `send` goes to rank r, and part r of `receive` comes from it. */
  bool (*exchange)(void *user, const void *send, const size_t *send_begin, void *receive,
                   const size_t *receive_begin);
  void *user; /* given to both */
} il_ranks;

#ifdef __cplusplus
}
#endif
#endif
