/* Weights of a net in files: PyTorch's layout, by name. */
#ifndef IL_IO_WEIGHTS_H
#define IL_IO_WEIGHTS_H

#include <innerloop/nn.h>

#include "io/io.h"

il_shape il_weights_torch_shape(const il_net *net, int parameter);
/* Reads a file of any format into engine layout: our own names or a state dict of PyTorch (io/state_dict.h), whose
 * running statistics are left aside. Reals of any type are converted. A mismatch lists both sides. */
il_status il_weights_open(il_context *context, const char *path, const il_net *net, il_type type,
                          void *const *weights);
#endif
