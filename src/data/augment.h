/* Augmentation from the inside: the parts that know images, signals and plain numbers. */
#ifndef IL_DATA_AUGMENT_H
#define IL_DATA_AUGMENT_H

#include <innerloop/data.h>

#include "base/random.h"

/* [t, channels]: moved in time, a stretch erased. */
void il_augment_signal(const il_augment *augment, il_random *random, il_type type, il_shape shape,
                       const void *in, void *out);
/* Gain and noise, in place. */
void il_augment_values(const il_augment *augment, il_random *random, il_type type, il_shape shape,
                       void *x);

#endif
