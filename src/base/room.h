/* Where memory comes from: a context that stands in a caller's room takes every byte out of it, any other takes malloc's.
 * A room gives the lowest place that fits, so that what it gives depends on what was asked, not on its size. */
#ifndef IL_BASE_ROOM_H
#define IL_BASE_ROOM_H

#include <innerloop/base.h>
#include <stdio.h>

enum { IL_ROOM_ALIGNMENT = 64 };

typedef struct il_hole il_hole;
typedef struct il_room {
  il_hole *holes;          /* by address */
  char *begin, *top, *end; /* from top on nothing is taken */
  size_t most;             /* that was taken at once, holes between included */
  /* Of malloc's memory that is counted (il_context_limit_memory), instead of all these; 0: they hold. */
  size_t limit, held, refused; /* bytes: at most, taken, and what refusing would have led to */
} il_room;

/* A room over [memory, memory + size). */
void il_room_init(il_room *room, void *memory, size_t size);
size_t il_room_used(const il_room *room); /* the most: a room of so many bytes would have done */

/* Counts memory that does not come from here, as long as it is held. False: the limit of the context forbids it. */
bool il_room_charge(il_context *context, size_t bytes);
void il_room_discharge(il_context *context, size_t bytes);
/* What a context with a limit has left; SIZE_MAX: it has none. */
size_t il_room_left(const il_context *context);

/* Whether the context stands in a room; NULL does not. */
bool il_has_room(const il_context *context);
/* count·size zeroed bytes; NULL: there are none, and nobody has said so yet. Aligned as malloc's are. */
void *il_new(il_context *context, size_t count, size_t size);
/* Not zeroed, aligned to IL_ROOM_ALIGNMENT. */
void *il_new_aligned(il_context *context, size_t bytes);
/* What memory (NULL: nothing) held, in `bytes`; what is more is not zeroed. NULL: there are none, memory stays. */
void *il_grow(il_context *context, void *memory, size_t bytes);
/* Closes what open_memstream began. −1: memory was lacking, and the text is freed and NULL. fclose alone says nothing where the
 * last allocation fails. */
int il_text_close(FILE *stream, char **text);
void il_release(void *memory); /* of any of these, whichever the context was; accepts NULL */

#endif
