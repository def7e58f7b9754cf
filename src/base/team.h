/* Worker team: threads that wait for a job and all run it. */
#ifndef IL_BASE_TEAM_H
#define IL_BASE_TEAM_H

#include <innerloop/base.h>

/* Calls job(argument, worker) once on each worker, worker in [0, threads); returns when all are done.
 * Allocates nothing. The caller's thread is worker 0. */
void il_team_run(il_team *team, void (*job)(void *argument, int worker), void *argument);

/* Where the team's user is told of errors; NULL for no team. */
il_context *il_team_context(const il_team *team);

#endif
