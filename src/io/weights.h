/* Weights of a net in files: PyTorch's layout, by name. */
#ifndef IL_IO_WEIGHTS_H
#define IL_IO_WEIGHTS_H

#include <innerloop/nn.h>

#include "base/arena.h"
#include "io/io.h"

/* Memory for all parameters of a net, one block; block[0] is what to free. NULL entries never. */
void **il_weights_alloc(il_context *context, const il_net *net, il_type type);
void il_weights_free(void **weights);
il_shape il_weights_torch_shape(const il_net *net, int parameter);
/* Reads "PREFIXname" for every parameter into engine layout; f32 and f64 files are converted. A
 * missing tensor or another shape is refused by name. */
il_status il_weights_read(il_context *context, const char *path, const il_safetensors *file,
                          const il_net *net, const char *prefix, il_type type,
                          void *const *weights);
/* Reads a file of any format into engine layout: our own names or a state dict of PyTorch (io/state_dict.h), whose
 * running statistics are left aside. Reals of any type are converted. A mismatch lists both sides. */
il_status il_weights_open(il_context *context, const char *path, const il_net *net, il_type type,
                          void *const *weights);
/* Appends tensors in PyTorch's layout that live in the arena. */
il_status il_weights_tensors(il_context *context, il_arena *arena, const il_net *net,
                             const char *prefix, il_type type, const void *const *weights,
                             il_tensor *tensor);

#endif
