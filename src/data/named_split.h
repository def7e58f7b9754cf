/* Splits of things that have names and are no classes: whole tasks of a file. */
#ifndef IL_DATA_NAMED_SPLIT_H
#define IL_DATA_NAMED_SPLIT_H

#include <innerloop/data.h>

/* Divided as classes of these names are, by the same options. path: of the file, for its sentences. */
il_splits *il_splits_of_names(il_context *context, const char *path, int count,
                              const char *const *name, const il_split_options *options);

#endif
