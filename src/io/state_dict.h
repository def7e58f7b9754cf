/* State dicts: which tensor of a file is which value of a net. */
#ifndef IL_IO_STATE_DICT_H
#define IL_IO_STATE_DICT_H

#include "base/error.h"
#include "io/io.h"

/* What a net needs or can use, named "MODULE.suffix": "conv1.weight", "norm1.running_mean". */
typedef struct il_state_value {
  char name[64];
  il_shape shape; /* in PyTorch's layout */
  bool optional;
} il_state_value;

enum { IL_STATE_MOST = 1024 }; /* tensors that are looked at; nets have fewer */

/* found[i]: the tensor of value i, or -1 for an optional one that the file lacks. Tensors are matched by their names;
 * or else module by module, each of the net's with the first module of the file that has the same suffixes and shapes,
 * so that names and the order of different layers do not matter. In the file's order, or natural: in the order of
 * names, "layers.2" before "layers.10". Nothing may be left over. False: it does not fit. */
bool il_state_match(int values, const il_state_value *value, int count, const il_tensor *tensor,
                    bool natural, int *found);
/* Whether the names are sorted as bytes, "layers.10" before "layers.2": then the file's order says nothing, and only
 * the natural one is to be tried. */
bool il_state_sorted(int count, const il_tensor *tensor);

/* The tensors of the dict that holds the parameters (state_dict, model_state_dict, model, …), or all; copies them into
 * `kept`, their names without the dict's. Single numbers, counters of batches and an optimizer's state are left out.
 * Gives how many. */
int il_state_tensors(int count, const il_tensor *tensor, il_tensor *kept);

/* Refuses the file with a sentence that lists both sides. */
il_status il_state_mismatch(il_context *context, const char *path, int values,
                            const il_state_value *value, int count, const il_tensor *tensor);

/* The part of a name before the last point, and the one behind it. */
size_t il_state_module(const char *name); /* its length */
const char *il_state_suffix(const char *name);
bool il_state_same_module(const char *a, const char *b);
/* Indexes of the first tensor of each module, in the order of the file or the natural one; gives how many. */
int il_state_modules(int count, const il_tensor *tensor, bool natural, int *first);

#endif
