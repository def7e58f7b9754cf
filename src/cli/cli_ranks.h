/* The program as one of several ranks that a launcher (mpirun, srun) started. Rank 0 alone prints. */
#ifndef IL_CLI_RANKS_H
#define IL_CLI_RANKS_H

#include "cli/cli.h"

/* What the launcher's environment says: this rank, and how many there are; 0 and 1 without one. */
int started_rank(void);
int started_ranks(void);
/* Of ranks other than 0, nothing is heard from now on; and unhush: what they write to standard error, which is none of what all
 * would say alike. */
void hush(void);
void unhush(void);
/* The other ranks; NULL: there are none, or an error is in the context. To be left by leave_ranks. */
const il_ranks *join_ranks(il_context *context);
/* finish, on rank 0 aloud, and the end of MPI. */
int leave_ranks(il_context *context);
/* What a rank's death leaves, for the sentence that says so; before join_ranks. NULL: nothing is to be said. */
void ranks_leave_behind(const char *run);
/* Whether all ranks got here without an error; alone: whether this one did. */
bool ranks_well(il_context *context, const il_ranks *ranks);
/* load_config, on rank 0 first: what it imports the others find. NULL after an error of any. */
il_config *load_config_together(il_context *context, const il_ranks *ranks, const settings *s);
/* Threads of a rank that was asked for so many (0: as many as there are for it). */
int threads_of_rank(int asked);
/* "MPICH 4.0.2", or NULL where this program has no MPI. */
const char *mpi_name(void);

#endif
