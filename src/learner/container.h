/* Safetensors in memory, for reading: 8 bytes of length, a JSON header, the tensors' data. Nothing is copied and nothing
 * kept: each question reads the header from its beginning, which was checked whole when it was opened. */
#ifndef IL_LEARNER_CONTAINER_H
#define IL_LEARNER_CONTAINER_H

#include <innerloop/shape.h>

typedef struct il_container {
  const char *header;
  size_t length; /* of the header */
  const unsigned char *data;
  size_t size; /* of the data */
} il_container;

/* Checks every byte of the header, and that all tensors lie within the data with as many bytes as their shapes say. The
 * bytes are the caller's and must stay. */
il_status il_container_open(il_context *context, const void *bytes, size_t size, il_container *c);
/* The data of a tensor of that name, shape and type ("F32"), aligned to nothing; NULL after an error that names it. */
const void *il_container_tensor(il_context *context, const il_container *c, const char *name,
                                il_type type, il_shape shape);
/* The value of a key of the metadata, from il_new; NULL: there is none, or no memory, which the context then says. */
char *il_container_text(il_context *context, const il_container *c, const char *key);
/* Text of a JSON list of strings: the strings, `count` of them, from il_new in one piece with their pointers. NULL: it is none,
 * or has not so many. */
char **il_container_list(il_context *context, const char *text, int count);

#endif
