/* The module that the program `innerloop` loads when a launcher started it as one of several ranks. MPI is nowhere else: no
 * other file includes its header, and neither library nor program is linked with it. */
#ifndef IL_MPI_MPI_RANKS_H
#define IL_MPI_MPI_RANKS_H

#include <innerloop/ranks.h>

/* Starts MPI and fills the record. False: `sentence` (size bytes) says why. */
typedef bool il_mpi_open(il_ranks *ranks, char *sentence, size_t size);
/* Ends MPI. lost, or where a rank was lost before: without waiting for the others, which it ends with this exit code. */
typedef void il_mpi_close(bool lost, int code);
/* The name and version of the MPI that it is built with, into text. */
typedef void il_mpi_name(char *text, size_t size);

/* Their names in the module. */
#define IL_MPI_OPEN "innerloop_mpi_open"
#define IL_MPI_CLOSE "innerloop_mpi_close"
#define IL_MPI_NAME "innerloop_mpi_name"

#endif
