/* Contexts, errors and worker teams: what every other header of innerloop needs.
 *
 * Three lifetimes: a context outlives its graphs, a graph outlives its plans.
 * No function of the library exits, prints or reads the environment. */
#ifndef INNERLOOP_BASE_H
#define INNERLOOP_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A public function or record: all that the shared library exports. */
#define IL_API __attribute__((visibility("default")))

/* What a function says of how it went; the sentence is il_context_message. */
typedef enum il_status {
/* A row of error.def. */
#define IL_ERROR(name, number, exit_code, summary) IL_##name = number,
#include "error.def"
#undef IL_ERROR
} il_status;

/* "IL_ERROR_SHAPE"; for an unknown number "unknown". */
IL_API const char *il_status_name(il_status status);
/* The exit code that a command-line program ends with. */
IL_API int il_status_exit_code(il_status status);

/* One context per user of the library; not shared between threads.
 * It keeps the FIRST error since il_context_clear: graph builders are sticky,
 * so a page of nested calls needs one check at its end. */
typedef struct il_context il_context;

/* NULL when there is no memory. */
IL_API il_context *il_context_new(void);
/* Accepts NULL. Graphs, plans, teams, datasets made from it must be freed before. */
IL_API void il_context_free(il_context *context);
/* IL_OK, or the first error since the last clear. */
IL_API il_status il_context_status(const il_context *context);
/* One sentence without a final newline, "" when nothing went wrong; owned by the context. */
IL_API const char *il_context_message(const il_context *context);
/* Forgets the error. */
IL_API void il_context_clear(il_context *context);

/* From here on what is made of the context takes at most so many bytes together: graphs, plans, workspaces, weights, batches,
 * samples and what is read of files; what would take more is refused before it is taken, by a sentence with the figures. Mapped files and
 * what other libraries hold while they decode are not counted. For a context of which nothing has been made. */
IL_API il_status il_context_limit_memory(il_context *context, size_t bytes);

/* A team of worker threads (the calling thread is one of them).
 * The result of a run never depends on how many there are. A child of a fork may use it on. */
typedef struct il_team il_team;
/* threads >= 1; 0 takes one per available core. NULL after an error. Errors of what runs on the team go to its context. */
IL_API il_team *il_team_new(il_context *context, int threads);
/* Accepts NULL. Waits for its threads. */
IL_API void il_team_free(il_team *team);
/* How many threads it has, the calling one included. */
IL_API int il_team_threads(const il_team *team);

/* The instruction set ("v4", "v3", "v2", "aarch64", "portable") of all plans that name none (il_plan_options); NULL: the
 * best that the CPU runs, as from the start. For the whole process: call it before any plan is built. IL_ERROR_ARGUMENT for one that
 * this build does not have, IL_ERROR_UNSUPPORTED for one that this CPU does not run. */
IL_API il_status il_isa_set_default(il_context *context, const char *isa);

#ifdef __cplusplus
}
#endif
#endif
