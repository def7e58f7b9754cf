/* One training at a time in a run's folder. The lock belongs to an open file: a process that dies, however it dies, gives
 * it back. */
#ifndef IL_TRAIN_RUN_LOCK_H
#define IL_TRAIN_RUN_LOCK_H

#include "base/error.h"

typedef struct il_run_lock {
  char *path; /* of the file `lock`, which is there as long as the lock is held */
  int fd;
} il_run_lock;

/* IL_ERROR_FILE with a sentence that names the other process where somebody trains in the folder. File systems that know
 * no locks give IL_OK: there, nobody is kept out. */
il_status il_run_lock_take(il_context *context, il_run_lock *lock, const char *folder);
void il_run_lock_release(il_run_lock *lock); /* accepts a zeroed one */

#endif
