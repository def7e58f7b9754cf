/* Buffers from and to tensors of a file. Names and layout: learner/learned.h. */
#ifndef IL_SAVED_LEARNED_FILE_H
#define IL_SAVED_LEARNED_FILE_H

#include <innerloop/function.h>

#include "base/arena.h"
#include "io/io.h"
#include "learner/learned.h"

/* Appends a tensor for each entry, in memory of the arena; *count grows. */
il_status il_buffers_tensors(il_context *context, il_arena *arena, const il_buffers *b,
                             il_role role, il_tensor *tensor, int *count);
/* Reads every entry into the present side; reals of any type are converted. A missing tensor or another shape is
 * refused by name. */
il_status il_buffers_read(il_context *context, const char *path, const il_safetensors *file,
                          il_buffers *b, il_role role);
/* Entry `index` of an open file of any format; one that the file does not have stays as it is. */
il_status il_buffers_read_if_there(il_context *context, const char *path, const il_tensors *file,
                                   il_buffers *b, int index, il_role role);

#endif
