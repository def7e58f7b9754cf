/* Runs on tasks that are drawn for them, one after the other, without going back to the caller in between. */
#include <innerloop/data.h>

il_status il_tasks_go(const il_tasks *tasks, il_task_id first, int count,
                      const il_task_memory *memory, il_run *run, int64_t runs,
                      const il_results *results) {
  il_status status = IL_OK;
  for (int64_t r = 0; r < runs && status == IL_OK; r++) {
    for (int i = 0; i < results->count; i++)
      il_run_output(run, results->place[i],
                    (char *)results->memory[i] + (size_t)r * results->bytes[i]);
    status = il_tasks_draw(tasks, first, count, memory);
    if (status == IL_OK) status = il_run_go(run, count);
    first.index += (uint64_t)count;
  }
  return status;
}

il_status il_tasks_call_go(const il_tasks_call *call) {
  il_status status = IL_OK;
  if (call->tasks) status = il_tasks_draw(call->tasks, *call->first, call->count, call->memory);
  return status == IL_OK ? il_run_go(call->run, call->count) : status;
}
