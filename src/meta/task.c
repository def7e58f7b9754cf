/* A task as inputs of a graph. */
#include <innerloop/meta.h>

static il_shape with_examples(int examples, il_shape example) {
  il_shape shape = {.rank = example.rank + 1};
  shape.dim[0] = examples;
  for (int i = 0; i < example.rank; i++) shape.dim[i + 1] = example.dim[i];
  return shape;
}

static il_value scaled(il_graph *g, il_value x, double scale) {
  if (il_value_type(g, x) == IL_UINT8) x = il_cast(g, x);
  return scale == 1 ? x : il_scale(g, x, scale);
}

void il_task_inputs(il_graph *g, const il_task_shape *s, il_task_needs needs, il_task *task) {
  const il_type x = s->x == IL_UINT8 ? IL_UINT8 : il_graph_real(g);
  const il_type y = s->targets ? il_graph_real(g) : IL_INT32;
  const il_shape support_y = s->targets ? IL_SHAPE(s->support, s->outputs) : IL_SHAPE(s->support);
  const il_shape query_y = s->targets ? IL_SHAPE(s->query, s->outputs) : IL_SHAPE(s->query);
  const il_stage support = needs.shared ? IL_SHARED : IL_TASK;
  *task = (il_task){0};
  if (!needs.no_support) {
    task->support_x = il_input(g, "support_x", support, x, with_examples(s->support, s->example));
    task->support_y = il_input(g, "support_y", support, y, support_y);
  }
  if (!needs.no_query) {
    task->query_x = il_input(g, "query_x", IL_TASK, x, with_examples(s->query, s->example));
    if (!needs.unlabelled) task->query_y = il_input(g, "query_y", IL_TASK, y, query_y);
  }
  if (needs.key) task->dropout_key = il_input(g, "dropout_key", IL_TASK, IL_INT32, IL_SHAPE(2));
  if (needs.batch > 0 && needs.steps > 0 && !needs.no_support)
    task->order = il_input(g, "order", support, IL_INT32, IL_SHAPE(needs.steps, needs.batch));
  il_scope_push(g, "pixels");
  const double scale = needs.vocabulary ? 1 : s->scale;
  if (!needs.no_support) task->support_x = scaled(g, task->support_x, scale);
  if (!needs.no_query) task->query_x = scaled(g, task->query_x, scale);
  il_scope_pop(g);
}
