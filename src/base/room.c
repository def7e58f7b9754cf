/* Rooms: holes in a list by address, the first that fits is taken, neighbours are joined.
 *
 * Before what is given lies a tag that says whose it is and how much: [tag][bytes given], both multiples of 16. */
#include "base/room.h"

#include <stdlib.h>
#include <string.h>

#include "base/context.h"

enum { UNIT = 16 };

typedef struct tag {
  il_room *room; /* NULL: malloc's, which aligns to 8 bytes only where addresses have 32 bits */
  char *base;    /* where the block begins */
  size_t size;   /* of the block from base on */
  size_t bytes;  /* that were asked for */
} tag;

struct il_hole {
  il_hole *next;
  size_t size;
};
_Static_assert(sizeof(tag) >= sizeof(il_hole) && sizeof(tag) % UNIT == 0,
               "what is given back has to hold a hole");

static char *up(char *at, size_t alignment) {
  return at + (alignment - (uintptr_t)at % alignment) % alignment;
}

void il_room_init(il_room *room, void *memory, size_t size) {
  char *begin = up(memory, IL_ROOM_ALIGNMENT), *end = (char *)memory + size;
  if (begin > end) begin = end;
  *room = (il_room){.begin = begin, .top = begin, .end = end};
}

size_t il_room_used(const il_room *room) { return room->most; }

static char *take_hole(il_room *room, size_t size) {
  for (il_hole **at = &room->holes; *at; at = &(*at)->next) {
    il_hole *hole = *at;
    if (hole->size < size) continue;
    hole->size -= size;
    if (hole->size == 0) *at = hole->next;
    return (char *)hole + hole->size; /* the far end, so that the list stays as it is */
  }
  return NULL;
}

static char *take(il_room *room, size_t size) {
  char *block = take_hole(room, size);
  if (block) return block;
  if ((size_t)(room->end - room->top) < size) return NULL;
  block = room->top;
  room->top += size;
  if (room->most < (size_t)(room->top - room->begin))
    room->most = (size_t)(room->top - room->begin);
  return block;
}

static void give_back(il_room *room, char *base, size_t size) {
  il_hole **at = &room->holes, *before = NULL;
  while (*at && (char *)*at < base) {
    before = *at;
    at = &(*at)->next;
  }
  il_hole *hole = (il_hole *)(void *)base;
  *hole = (il_hole){.next = *at, .size = size};
  if (hole->next && base + size == (char *)hole->next) {
    hole->size += hole->next->size;
    hole->next = hole->next->next;
  }
  *at = hole;
  if (before && (char *)before + before->size == base) {
    before->size += hole->size;
    before->next = hole->next;
    hole = before;
  }
  if ((char *)hole + hole->size != room->top) return;
  room->top = (char *)hole;
  for (at = &room->holes; *at != hole;) at = &(*at)->next;
  *at = NULL;
}

static il_room *counted(const il_context *context) {
  il_room *room = context ? context->room : NULL;
  return room && room->limit ? room : NULL;
}

bool il_room_charge(il_context *context, size_t bytes) {
  il_room *room = counted(context);
  if (!room) return true;
  if (bytes > room->limit - room->held) {
    if (__builtin_add_overflow(room->held, bytes, &room->refused)) room->refused = SIZE_MAX;
    return false;
  }
  room->held += bytes;
  return true;
}

void il_room_discharge(il_context *context, size_t bytes) {
  il_room *room = counted(context);
  if (room) room->held -= bytes < room->held ? bytes : room->held;
}

size_t il_room_left(const il_context *context) {
  const il_room *room = counted(context);
  return room ? room->limit - room->held : SIZE_MAX;
}

bool il_has_room(const il_context *context) {
  return context && context->room && !context->room->limit;
}

/* alignment: UNIT or more. */
static void *give(il_context *context, size_t bytes, size_t alignment) {
  il_room *room = context ? context->room : NULL;
  if (bytes > SIZE_MAX / 4) return NULL;
  const size_t size = (sizeof(tag) + bytes + alignment + UNIT - 1) / UNIT * UNIT;
  if (!il_room_charge(context, size)) return NULL;
  char *base = il_has_room(context) ? take(room, size) : malloc(size);
  if (!base) {
    il_room_discharge(context, size);
    return NULL;
  }
  char *memory = up(base + sizeof(tag), alignment);
  *((tag *)(void *)memory - 1) = (tag){room, base, size, bytes};
  return memory;
}

void *il_new(il_context *context, size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) return NULL;
  void *memory = give(context, bytes, UNIT);
  if (memory) memset(memory, 0, bytes);
  return memory;
}

void *il_new_aligned(il_context *context, size_t bytes) {
  return give(context, bytes, IL_ROOM_ALIGNMENT);
}

void *il_grow(il_context *context, void *memory, size_t bytes) {
  void *grown = give(context, bytes, UNIT);
  if (!grown || !memory) return grown;
  const size_t had = ((tag *)memory - 1)->bytes;
  memcpy(grown, memory, had < bytes ? had : bytes);
  il_release(memory);
  return grown;
}

void il_release(void *memory) {
  if (!memory) return;
  const tag t = *((tag *)memory - 1);
  if (!t.room || t.room->limit) {
    if (t.room) t.room->held -= t.size;
    free(t.base);
    return;
  }
  give_back(t.room, t.base, t.size);
}

int il_text_close(FILE *stream, char **text) {
  if (fclose(stream) == 0 && *text) return 0;
  free(*text);
  *text = NULL;
  return -1;
}
