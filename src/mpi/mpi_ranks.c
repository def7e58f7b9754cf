/* Ranks over MPI (see mpi_ranks.h): il_ranks.gather is MPI_Iallgatherv, il_ranks.exchange MPI_Ialltoallv. */
#include "mpi/mpi_ranks.h"

#include <limits.h>
#include <mpi.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  LINE = 64, /* bytes: whole ones are counted, so that parts of many GiB have small numbers */
  SPINS =
      2000, /* tests before the processor is given to others: the own team's threads, other ranks */
  LISTS = 4
};

static struct {
  MPI_Comm comm;
  MPI_Datatype line;
  int size;
  int *list[LISTS]; /* [size] each */
  bool lost;        /* a call failed */
} mpi;

IL_API il_mpi_open innerloop_mpi_open;
IL_API il_mpi_close innerloop_mpi_close;
IL_API il_mpi_name innerloop_mpi_name;

static bool wait_for(MPI_Request *request) {
  int done = 0;
  for (int i = 0; !done; i++) {
    if (MPI_Test(request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS) return false;
    if (!done && i >= SPINS) sched_yield();
  }
  return true;
}

static bool lines(const size_t *begin) {
  for (int r = 0; r <= mpi.size; r++)
    if (begin[r] % LINE) return false;
  return true;
}

/* MPI counts with int. */
static bool count(const size_t *begin, size_t unit, int *counts, int *places) {
  if (begin[mpi.size] / unit > INT_MAX) return false;
  for (int r = 0; r < mpi.size; r++) {
    places[r] = (int)(begin[r] / unit);
    counts[r] = (int)((begin[r + 1] - begin[r]) / unit);
  }
  return true;
}

static bool well(bool done) {
  mpi.lost = mpi.lost || !done;
  return done;
}

static bool gather(void *user, void *all, const size_t *begin) {
  (void)user;
  const bool whole = lines(begin);
  const MPI_Datatype type = whole ? mpi.line : MPI_BYTE;
  MPI_Request request;
  return well(count(begin, whole ? LINE : 1, mpi.list[0], mpi.list[1]) &&
              MPI_Iallgatherv(MPI_IN_PLACE, 0, type, all, mpi.list[0], mpi.list[1], type, mpi.comm,
                              &request) == MPI_SUCCESS &&
              wait_for(&request));
}

static bool exchange(void *user, const void *send, const size_t *send_begin, void *receive,
                     const size_t *receive_begin) {
  (void)user;
  /* All ranks have to count alike, and their parts differ: sums are in whole lines wherever they come from. */
  MPI_Request request;
  return well(lines(send_begin) && lines(receive_begin) &&
              count(send_begin, LINE, mpi.list[0], mpi.list[1]) &&
              count(receive_begin, LINE, mpi.list[2], mpi.list[3]) &&
              MPI_Ialltoallv(send, mpi.list[0], mpi.list[1], mpi.line, receive, mpi.list[2],
                             mpi.list[3], mpi.line, mpi.comm, &request) == MPI_SUCCESS &&
              wait_for(&request));
}

bool innerloop_mpi_open(il_ranks *ranks, char *sentence, size_t size) {
  int given = 0;
  *ranks = (il_ranks){.gather = gather, .exchange = exchange};
  mpi.comm = MPI_COMM_WORLD;
  if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &given) != MPI_SUCCESS ||
      MPI_Comm_set_errhandler(mpi.comm, MPI_ERRORS_RETURN) != MPI_SUCCESS ||
      MPI_Comm_rank(mpi.comm, &ranks->rank) != MPI_SUCCESS ||
      MPI_Comm_size(mpi.comm, &ranks->size) != MPI_SUCCESS ||
      MPI_Type_contiguous(LINE, MPI_BYTE, &mpi.line) != MPI_SUCCESS ||
      MPI_Type_commit(&mpi.line) != MPI_SUCCESS) {
    snprintf(sentence, size, "MPI cannot be started");
    return false;
  }
  if (given < MPI_THREAD_FUNNELED) {
    snprintf(sentence, size, "this MPI allows no threads; expected MPI_THREAD_FUNNELED");
    return false;
  }
  mpi.size = ranks->size;
  for (int i = 0; i < LISTS; i++)
    if (!(mpi.list[i] = calloc((size_t)mpi.size, sizeof(int)))) {
      snprintf(sentence, size, "out of memory for MPI");
      return false;
    }
  return true;
}

void innerloop_mpi_close(bool lost, int code) {
  if (lost || mpi.lost) MPI_Abort(mpi.comm, code);
  MPI_Type_free(&mpi.line);
  MPI_Finalize();
  for (int i = 0; i < LISTS; i++) free(mpi.list[i]);
}

void innerloop_mpi_name(char *text, size_t size) {
  char name[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int length = 0;
  MPI_Get_library_version(name, &length);
  const char *version = strstr(name, "MPICH Version:"); /* "MPICH Version:\t4.0.2\nMPICH …" */
  if (version) {
    version += strlen("MPICH Version:");
    while (*version == ' ' || *version == '\t') version++;
    snprintf(text, size, "MPICH %.*s", (int)strcspn(version, "\n"), version);
  } else {
    snprintf(text, size, "%.*s", (int)strcspn(name, ",\n"),
             name); /* "Open MPI v4.1.4, package: …" */
  }
}
