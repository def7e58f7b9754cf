/* Bump arena: blocks come zeroed from calloc and are never reused, so every allocation is zero.
 * Under AddressSanitizer everything but the handed-out bytes is poisoned. */
#include "base/arena.h"

#include <stdint.h>
#include <string.h>

#include "base/poison.h"
#include "base/room.h"

enum { GUARD = IL_POISONS ? 16 : 0 };
enum { ALIGNMENT = 16, DEFAULT_BLOCK = 64 * 1024, ROOM_BLOCK = 8 * 1024 };

struct il_arena_block {
  il_arena_block *next;
  size_t size, used; /* of the bytes behind the header */
};

/* calloc aligns to 8 bytes only where addresses have 32 bits. */
static char *bytes_of(il_arena_block *block) {
  return (char *)(((uintptr_t)(block + 1) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
}

static il_arena_block *add_block(il_arena *arena, size_t need) {
  size_t size = arena->block_size             ? arena->block_size
                : il_has_room(arena->context) ? ROOM_BLOCK
                                              : DEFAULT_BLOCK;
  if (size < need) size = need;
  if (size > SIZE_MAX - sizeof(il_arena_block) - ALIGNMENT) return NULL;
  il_arena_block *block = il_new(arena->context, 1, sizeof *block + ALIGNMENT + size);
  if (!block) return NULL;
  block->size = size;
  block->next = arena->blocks;
  arena->blocks = block;
  /* Not in a room: nobody would make the caller's memory whole again. */
  if (!il_has_room(arena->context)) ASAN_POISON_MEMORY_REGION(bytes_of(block), size);
  return block;
}

void *il_arena_alloc(il_arena *arena, size_t size) {
  if (size > SIZE_MAX / 2) return NULL;
  size_t need = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT + GUARD;
  if (need == 0) need = ALIGNMENT; /* distinct pointers even for empty things */
  il_arena_block *block = arena->blocks;
  if (!block || block->size - block->used < need) block = add_block(arena, need);
  if (!block) return NULL;
  char *memory = bytes_of(block) + block->used;
  block->used += need;
  ASAN_UNPOISON_MEMORY_REGION(memory, size);
  return memory;
}

char *il_arena_string(il_arena *arena, const char *text) {
  size_t size = strlen(text) + 1;
  char *copy = il_arena_alloc(arena, size);
  if (copy) memcpy(copy, text, size);
  return copy;
}

size_t il_arena_bytes(const il_arena *arena) {
  size_t bytes = 0;
  for (const il_arena_block *block = arena->blocks; block; block = block->next)
    bytes += sizeof *block + block->size;
  return bytes;
}

void il_arena_free(il_arena *arena) {
  for (il_arena_block *block = arena->blocks, *next; block; block = next) {
    next = block->next;
    ASAN_UNPOISON_MEMORY_REGION(bytes_of(block), block->size);
    il_release(block);
  }
  arena->blocks = NULL;
}
