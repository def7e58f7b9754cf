/* A context from the inside, for whoever has memory for one. */
#ifndef IL_BASE_CONTEXT_H
#define IL_BASE_CONTEXT_H

#include "base/room.h"

struct il_context {
  il_status status;
  char message[2 * 4096 + 1024]; /* two paths as long as the system allows, and a sentence */
  il_room *room;                 /* NULL: malloc */
};

#endif
