/* Rules about shapes that need no graph. */
#ifndef IL_GRAPH_SHAPE_H
#define IL_GRAPH_SHAPE_H

#include <innerloop/shape.h>
#include <stdint.h>

/* Elements of one value at most, 2^IL_MAX_COUNT_BITS: its bytes, and those of a kernel's copies of it, are a size_t. */
enum { IL_MAX_COUNT_BITS = SIZE_MAX > UINT32_MAX ? 40 : 26 };
#define IL_MAX_COUNT ((int64_t)1 << IL_MAX_COUNT_BITS)

bool il_shape_valid(il_shape shape);
/* Numpy's rule for one shape into another. */
bool il_shape_broadcasts(il_shape from, il_shape to);
/* Numpy's rule for two; false when they do not fit. */
bool il_shape_common(il_shape a, il_shape b, il_shape *common);

#endif
