/* Inside of a plan: steps, places, the picture of memory. For plan/ and run/.
 *
 * Every operand is addressed as base[slot] + offset. A worker owns one array of bases:
 *   SHARED   values known before the tasks, and what follows the mean; one for the whole run
 *   TASK     the arena of the task in hand, one per worker
 *   LEAF     this task's contribution to the means, a block of the fixed tree (run/mean.c)
 *            (a plan in lanes: TASK and LEAF hold a group of tasks, each value as [element][lane])
 *   MEANS    the finished means
 *   ROWS     what products over all tasks read of this task: [task, all such operands]
 *   then one slot per input and one per output of the graph (task inputs and outputs: this task's part)
 *
 * The caller's workspace: [SHARED arena][scratch of worker 0..][blocks of the mean tree][ROWS][TASK arenas][bases]
 */
#ifndef IL_PLAN_PLAN_H
#define IL_PLAN_PLAN_H

#include <innerloop/plan.h>

#include "graph/loop_body.h"
#include "schedule/schedule.h"

enum {
  IL_SLOT_SHARED = 0,
  IL_SLOT_TASK,
  IL_SLOT_LEAF,
  IL_SLOT_MEANS,
  IL_SLOT_ROWS,
  IL_SLOT_INPUTS
};

typedef struct il_place {
  int slot;
  size_t offset; /* bytes */
} il_place;

typedef enum il_call_kind {
  IL_CALL_KERNEL = 1,
  IL_CALL_REFERENCE,
  IL_CALL_COPY,
  IL_CALL_PUT, /* a task input into the lanes: the first operand is that of the group's first task */
  IL_CALL_TAKE, /* the lanes into a task output, likewise */
  IL_CALL_LOOP, /* a loop: the calls of its step, again and again; table: an il_loop_plan */
  IL_CALL_PRODUCT, /* a task_product, by its kernel or, where that is NULL, its reference loop; table: a span */
} il_call_kind;

enum { IL_CALL_MAX_INS = IL_ITEM_MAX_READS };

typedef struct il_call {
  il_call_kind kind;
  uint32_t node;           /* the node, or the last member of a group */
  const il_kernel *kernel; /* IL_CALL_KERNEL */
  il_problem problem;      /* geometry that the kernel sees */
  const void *table;       /* prepared by the kernel */
  size_t bytes;            /* IL_CALL_COPY; IL_CALL_PUT, IL_CALL_TAKE: of one task */
  bool lanes;              /* serves the tasks of a group; its operands lie in lanes */
  bool each;               /* lanes, but no kernel for them: one task after the other */
  uint64_t shared;         /* lanes: bit i: operand i has none */
  int ins, outs;
  const il_place *in, *out;
  const uint32_t *in_node;
  const uint32_t *out_node; /* the graph value that each out holds; for checking and printing */
} il_call;

typedef struct il_call_list {
  il_call *call;
  int64_t count;
} il_call_list;

/* A loop's step, planned: steps are its plan's tasks, one after the other. What it works in lies in the scratch of the
 * call, at these offsets. */
typedef struct il_loop_plan il_loop_plan;
struct il_loop_plan {
  il_plan *step;
  const il_loop_body *body;
  const il_attr_loop *attr;
  size_t shared, task, scratch,
      bases;        /* the step's arenas, its calls' scratch, where its operands lie */
  size_t states[2]; /* before and after a step, where they are not kept */
  size_t fixed;     /* outputs that are the same in all steps */
  size_t number;    /* of the step */
  size_t total;
  il_loop_plan *next; /* of the plan that owns it */
};

/* Behind the lists by il_when: the tasks' calls once more, for one task at a time. A plan in lanes has them for
 * groups of few tasks. */
enum { IL_SINGLE = IL_AFTER + 1, IL_LISTS };

struct il_plan {
  const il_graph *graph;
  const il_kernel_set *kernels; /* of the instruction set that it runs on */
  il_arena arena;               /* steps, places, tables, programs */
  il_call_list list[IL_LISTS];
  size_t arena_bytes[2]; /* SHARED, TASK */
  size_t scratch_bytes;  /* largest of any step */
  size_t mean_bytes;     /* one block of the mean tree */
  int lanes;             /* tasks that one run of the tasks' calls serves: 1 or IL_LANES */
  const char *why;       /* what decided so */
  il_plan *single;  /* owns list[IL_SINGLE]; the shared arena is laid out alike. NULL: no lanes */
  size_t row_bytes; /* one task's part of ROWS */
  bool products;    /* it has products over all tasks: these read tasks one by one, not lanes */
  il_loop_plan *loops; /* of its calls */
  int64_t nodes;
  int64_t
      looks; /* what building it compared (steps, values, places), counted by the test of its growth */
  double flops[3];
  size_t *input_bytes, *output_bytes; /* one task's part, or the whole of a shared one */
  bool *input_task, *output_task;
};

/* A pad so that no two buffers share a cache line. */
static inline size_t il_aligned(size_t bytes) {
  return (bytes + IL_WORKSPACE_ALIGNMENT - 1) / IL_WORKSPACE_ALIGNMENT * IL_WORKSPACE_ALIGNMENT;
}
/* No part of a plan has as many, so that two of them never overflow. */
#define IL_MOST_BYTES (SIZE_MAX / 2 + 1)
/* total += bytes · times; false: too many. */
static inline bool il_add_bytes(size_t *total, size_t bytes, int times) {
  return !__builtin_mul_overflow(bytes, (size_t)times, &bytes) &&
         !__builtin_add_overflow(bytes, *total, total) && *total < IL_MOST_BYTES;
}
/* The problem that a single node poses to the kernels; false: none is known, the reference loop runs it. */
bool il_problem_of(const il_graph *g, const il_node *node, il_problem *problem);

/* A call as its line says it (plan/print.c): the problem, the kernel's name, FLOPs, bytes read and written
 * (of one task, where the call serves several in lanes). */
void il_call_text(const il_plan *plan, const il_call *call, char *text, size_t size);
const char *il_call_kernel(const il_call *call);
double il_call_flops(const il_plan *plan, const il_call *call);
size_t il_call_bytes(const il_plan *plan, const il_call *call);
/* Blanks that fill text up to width characters. */
int il_text_padding(const char *text, int width);

/* A graph of one task whose outputs are the problem's: inputs x0, x1 … are its operands without the constants,
 * outputs y0, y1 … its results (plan/pose.c). NULL after an error. */
il_graph *il_problem_pose(il_context *context, const il_problem *problem);

/* Fills sizes and counts of a plan whose graph is set; needed: by node. False: out of memory. */
bool il_plan_describe(il_plan *plan, const bool *needed);

/* ---- lanes (plan/choose_lanes.c) ---- */
/* Gives a call of the tasks its kernel for lanes, or makes it run task after task.
 * posed: its problem is one that kernels know. */
void il_lanes_choose(const il_kernel_set *kernels, il_call *call, bool posed);
/* Scratch of a call that runs task after task: a copy of each operand of one task, behind the kernel's own. */
size_t il_lanes_scratch(const il_graph *graph, const il_call *call);
/* Groups of at most so many tasks run faster one task at a time. */
enum { IL_FEW_TASKS = 4 };
/* Whether lanes pay for a plan that was built with them and runs so many tasks (0: many); why receives the reason in either case. */
bool il_lanes_pay(const il_plan *plan, int tasks, const char **why);

#endif
