/* Compiles a fused group into an elementwise program over tiles (plan/program.c). */
#ifndef IL_PLAN_PROGRAM_H
#define IL_PLAN_PROGRAM_H

#include "plan/plan.h"

/* What the program's results are, in order: node ids. operand_base: the nodes whose memory the operands read. */
typedef struct il_compiled {
  il_tile_program *program; /* in the plan's arena */
  uint32_t operand_base[IL_TILE_MAX_OPERANDS];
  uint32_t result_node[IL_TILE_MAX_RESULTS];
} il_compiled;

bool il_program_compile(const il_schedule *schedule, const il_item *item, il_arena *arena,
                        il_compiled *compiled);

#endif
