/* How groups read a value, while they are formed; for schedule/ alone. */
#ifndef IL_SCHEDULE_OPERAND_H
#define IL_SCHEDULE_OPERAND_H

#include "schedule/schedule.h"

/* How a group that is formed now reads the value: the node `base` that it reads, and the trailing dimension that this asks
 * for (0: any). False: it cannot be read unless it has memory of its own. */
bool il_operand_mode(const il_schedule *s, uint32_t id, il_tile_mode *mode, uint32_t *base,
                     int64_t *width);
/* Whether groups read what a pool scatters as the pooled numbers and their taps. */
bool il_operand_spreads(const il_schedule *s, uint32_t id, il_pool_geometry *window);

#endif
