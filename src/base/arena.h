/* Bump arena: many small allocations with one lifetime. Not for threads. */
#ifndef IL_BASE_ARENA_H
#define IL_BASE_ARENA_H

#include <innerloop/base.h>

typedef struct il_arena_block il_arena_block;
/* Zero-initialised is an empty arena. Blocks are chained, newest first; every allocation is
 * 16-byte aligned and zeroed; under AddressSanitizer a poisoned gap follows each. */
typedef struct il_arena {
  il_context *context; /* whose memory blocks are taken from (base/room.h); NULL: malloc's */
  il_arena_block *blocks;
  size_t block_size; /* 0: the default (64 KiB) */
} il_arena;

/* NULL when there is no memory. */
void *il_arena_alloc(il_arena *arena, size_t size);
char *il_arena_string(il_arena *arena, const char *text);
/* Bytes of all its blocks. */
size_t il_arena_bytes(const il_arena *arena);
void il_arena_free(il_arena *arena);

#endif
