/* Learners in the caller's room. */
#include <innerloop/learner.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "learner/adaptation.h"
#include "learner/container.h"
#include "learner/spec.h"
#include "nn/net.h"
#include "run/function.h"

struct il_learner {
  il_room room; /* the rest of the caller's */
  size_t given; /* the bytes of the caller's */
  il_context context;
  il_status placed;
  il_container file; /* only while it is placed */
  il_spec spec;
  il_learned *learned;
  il_adaptation adaptation;
  il_buffers state;
  il_function *adapt, *answer;
  il_run *adapting, *answering;
  void *workspace; /* of either: they never run at once */
  int32_t *order;
  char **name; /* [ways]; NULL: not known */
  bool adapted;
  /* Double precision: what is given as float, and scores; else NULL, and memory is the caller's. */
  double *x, *y, *scores;
  int place_x, place_y, place_query, place_scores;
};

/* ---- placing ---- */

static il_status no_memory(il_learner *l) {
  return il_fail(&l->context, IL_ERROR_MEMORY,
                 "il_learner_place: the room of %zu bytes is too small for this learner", l->given);
}

/* Memory for these values, filled from the file; none before the file is known to have them all. */
static il_status read_values(il_learner *l, const il_entries *entries, il_role role,
                             il_buffers *b) {
  il_context *context = &l->context;
  const il_type real = l->spec.method.real;
  char name[IL_FILE_NAME];
  for (int fill = 0; fill < 2; fill++) {
    for (int i = 0; i < entries->count; i++) {
      const il_entry *e = &entries->entry[i];
      il_entry_file_name(e, role, name);
      const void *data = il_container_tensor(context, &l->file, name, real, il_entry_file_shape(e));
      if (!data) return il_context_status(context);
      if (fill && e->net)
        il_net_from_torch(e->net, e->parameter, real, data, il_buffers_at(b, i));
      else if (fill)
        memcpy(il_buffers_at(b, i), data, (size_t)il_shape_count(e->shape) * il_type_size(real));
    }
    if (!fill && il_buffers_init(context, b, entries->count, entries->entry, real, false) != IL_OK)
      return il_context_status(context);
  }
  return IL_OK;
}

static il_status read_file(il_learner *l, const void *bytes, size_t size) {
  il_context *context = &l->context;
  if (il_container_open(context, bytes, size, &l->file) != IL_OK) return il_context_status(context);
  char *text = il_container_text(context, &l->file, "learner");
  if (!text)
    return il_fail(context, IL_ERROR_FORMAT,
                   "the learner: its metadata have no \"learner\": another program, or an earlier "
                   "version of innerloop, wrote the file");
  if (il_spec_read(context, text, &l->spec) != IL_OK) return il_context_status(context);
  const il_spec *s = &l->spec;
  il_net *net = il_net_new(context, s->layers, s->layer, s->shape.example,
                           s->method.algorithm->own_head ? 0 : s->shape.outputs);
  il_learned *learned = l->learned = il_learned_new(context, &s->method, net, false, false);
  if (!learned || read_values(l, &learned->meta_entries, IL_ROLE_META, &learned->meta) != IL_OK)
    return il_context_status(context);
  return read_values(l, &learned->carry_entries, IL_ROLE_CARRY, &learned->carry);
}

static il_status choose(il_learner *l, const il_learner_options *o) {
  il_task_shape *s = &l->spec.shape;
  const bool own = l->spec.method.algorithm->own_head;
  const int ways = o->ways ? o->ways : s->ways, examples = o->examples ? o->examples : s->support;
  const bool other = ways != s->ways || examples != s->support;
  if (o->answers_only && (!l->spec.adapted || other))
    return il_fail(&l->context, IL_ERROR_ARGUMENT,
                   "il_learner_place: answers_only is for a file that was adapted, to the classes "
                   "and examples that it was adapted to");
  if (!s->targets && (ways < 2 || (!own && ways != s->outputs)))
    return il_fail(
        &l->context, IL_ERROR_ARGUMENT, "il_learner_place: %d classes; this learner %s %d", ways,
        own ? "tells any number of them apart, from" : "has a head for", own ? 2 : s->outputs);
  if (examples < (s->targets ? 1 : ways) || examples > 1 << 20 || ways > 1 << 20)
    return il_fail(
        &l->context, IL_ERROR_ARGUMENT,
        "il_learner_place: %d examples of %d classes; expected one of each at least, and "
        "%d at most",
        examples, ways, 1 << 20);
  l->spec.adapted = l->spec.adapted && !other;
  s->ways = ways;
  s->support = examples;
  if (own) s->outputs = ways;
  return IL_OK;
}

static il_status make_order(il_learner *l) {
  const il_method *m = &l->spec.method;
  const il_task_needs needs =
      il_method_needs(m, l->learned->net, &l->spec.shape, m->inner.steps, false);
  if (!needs.batch) return IL_OK;
  int32_t *place = il_new(&l->context, (size_t)l->spec.shape.support, sizeof *place);
  l->order = il_new(&l->context, (size_t)needs.steps * (size_t)needs.batch, sizeof *l->order);
  if (place && l->order)
    il_method_order(l->spec.shape.support, needs, m->seed, place, l->order);
  else
    no_memory(l);
  il_release(place);
  return il_context_status(&l->context);
}

static il_status compile(il_learner *l, bool answers_only) {
  il_context *context = &l->context;
  l->spec.method.function.plan.lanes = IL_LANES_NEVER; /* one task at a time */
  l->adaptation = (il_adaptation){.method = &l->spec.method,
                                  .learned = l->learned,
                                  .shape = l->spec.shape,
                                  .statistics = il_statistics_alone(l->spec.method.statistics)};
  il_adaptation *a = &l->adaptation;
  if (il_adaptation_init(context, a) != IL_OK) return il_context_status(context);
  l->adapted = l->spec.adapted;
  if ((l->adapted ? read_values(l, &a->state, IL_ROLE_ADAPTED, &l->state)
                  : il_buffers_init(context, &l->state, a->state.count, a->state.entry,
                                    l->spec.method.real, false)) != IL_OK)
    return il_context_status(context);
  if (!answers_only && !(l->adapt = il_adaptation_adapt(context, a)))
    return il_context_status(context);
  l->answer = il_adaptation_answer(context, a);
  return il_context_status(context);
}

static il_status stage(il_learner *l) {
  const il_task_shape *s = &l->spec.shape;
  if (l->spec.method.real == IL_FLOAT32) return IL_OK;
  const size_t rows = l->adapt ? (size_t)s->support : 1;
  if (s->x != IL_UINT8)
    l->x = il_new(&l->context, rows * (size_t)il_shape_count(s->example), sizeof *l->x);
  if (s->targets) l->y = il_new(&l->context, rows * (size_t)s->outputs, sizeof *l->y);
  l->scores = il_new(&l->context, (size_t)s->outputs, sizeof *l->scores);
  return (l->x || s->x == IL_UINT8) && (l->y || !s->targets) && l->scores ? IL_OK : no_memory(l);
}

static il_status connect(il_learner *l) {
  il_context *context = &l->context;
  size_t room = il_plan_workspace(il_function_plan(l->answer), 1, 1);
  if (l->adapt) {
    const size_t adapting = il_plan_workspace(il_function_plan(l->adapt), 1, 1);
    if (room < adapting) room = adapting;
  }
  l->workspace = il_new_aligned(context, room + 1);
  if (!l->workspace) return no_memory(l);
  l->answering = il_run_over(context, l->answer, NULL, 1, l->workspace);
  if (!l->answering || il_learned_bind(l->learned, l->answering) != IL_OK)
    return il_context_status(context);
  if (l->adapt) {
    l->adapting = il_run_over(context, l->adapt, NULL, 1, l->workspace);
    if (!l->adapting || il_learned_bind(l->learned, l->adapting) != IL_OK || make_order(l) != IL_OK)
      return il_context_status(context);
    il_run_input(l->adapting, il_function_input(l->adapt, "order"), l->order);
    l->place_x = il_function_input(l->adapt, "support_x");
    l->place_y = il_function_input(l->adapt, "support_y");
  }
  l->place_query = il_function_input(l->answer, "query_x");
  l->place_scores = il_function_output(l->answer, "scores");
  if (l->adapt) il_adaptation_write(l->adapting, l->adapt, &l->state);
  if (il_run_buffers(l->answering, &l->state, "state/") != IL_OK) return il_context_status(context);
  return stage(l);
}

static void read_names(il_learner *l) {
  char *text = l->spec.adapted ? il_container_text(&l->context, &l->file, "class_names") : NULL;
  if (text) l->name = il_container_list(&l->context, text, l->spec.shape.ways);
  il_release(text);
}

il_learner *il_learner_place_for(const void *bytes, size_t size, const il_learner_options *options,
                                 void *memory, size_t room_size) {
  static const il_learner_options as_it_is = {0};
  if (!options) options = &as_it_is;
  const size_t skipped = (size_t)(-(uintptr_t)memory % IL_ROOM_ALIGNMENT);
  if (!memory || room_size < skipped || room_size - skipped < sizeof(il_learner)) return NULL;
  il_learner *l = (void *)((char *)memory + skipped);
  memset(l, 0, sizeof *l);
  l->given = room_size;
  il_room_init(&l->room, l + 1, room_size - skipped - sizeof *l);
  l->context.room = &l->room;
  il_status status = read_file(l, bytes, size);
  if (status == IL_OK) status = choose(l, options);
  if (status == IL_OK) status = compile(l, options->answers_only);
  if (status == IL_OK) status = connect(l);
  if (status == IL_OK) {
    read_names(l);
    status = il_context_status(&l->context);
  }
  if (status ==
      IL_ERROR_MEMORY) { /* the one thing that there was no memory for says nothing to the caller */
    il_context_clear(&l->context);
    no_memory(l);
  }
  l->placed = status;
  l->file = (il_container){0};
  return l;
}

il_learner *il_learner_place(const void *bytes, size_t size, void *room, size_t room_size) {
  return il_learner_place_for(bytes, size, NULL, room, room_size);
}

size_t il_learner_used(const il_learner *l) {
  return l ? sizeof *l + il_room_used(&l->room) + 2 * IL_ROOM_ALIGNMENT : 0;
}

/* Tried in larger and larger rooms, for a plan's size is known when it is made. */
size_t il_learner_room(const void *bytes, size_t size, const il_learner_options *options) {
  size_t room = (size_t)1 << 20;
  while (room < size) room *= 2;
  for (; room < SIZE_MAX / 4; room *= 2) {
    void *memory = malloc(room);
    if (!memory) return 0;
    const il_learner *l = il_learner_place_for(bytes, size, options, memory, room);
    const il_status status = l->placed;
    const size_t used = il_learner_used(l);
    free(memory);
    if (status == IL_OK) return used;
    if (status != IL_ERROR_MEMORY) return 0;
  }
  return 0;
}

/* ---- using ---- */

/* Whether a call may go on; its errors are its own. */
static bool ready(il_learner *l) {
  if (!l || l->placed != IL_OK) return false;
  il_context_clear(&l->context);
  return true;
}

static const void *as_reals(const void *from, size_t count, double *staged) {
  for (size_t i = 0; i < count && staged; i++) staged[i] = (double)((const float *)from)[i];
  return staged ? staged : from;
}

static il_status check_labels(il_learner *l, int n, const int32_t *y) {
  const int ways = l->spec.shape.ways;
  for (int i = 0; i < n; i++)
    if (y[i] < 0 || y[i] >= ways)
      return il_fail(&l->context, IL_ERROR_ARGUMENT,
                     "il_learner_adapt: example %d is of class %d, expected 0 to %d", i, (int)y[i],
                     ways - 1);
  for (int c = 0, i; c < ways; c++) {
    for (i = 0; i < n && y[i] != c; i++) {
    }
    if (i == n)
      return il_fail(&l->context, IL_ERROR_ARGUMENT, "il_learner_adapt: class %d has no example",
                     c);
  }
  return IL_OK;
}

static il_status check_whole(il_learner *l, const char *function, int64_t n, const void *x) {
  const il_task_shape *s = &l->spec.shape;
  const int64_t numbers = il_shape_count(s->example);
  const int vocabulary = il_net_vocabulary(l->learned->net);
  const il_type type = s->x == IL_UINT8 ? IL_UINT8 : IL_FLOAT32;
  const int64_t at = il_net_unfit(vocabulary, type, n * numbers, x);
  if (at < 0) return IL_OK;
  return il_fail(&l->context, IL_ERROR_ARGUMENT, "%s: example %lld has " IL_NO_TOKEN, function,
                 (long long)(at / numbers), il_number_at(type, x, at), vocabulary - 1);
}

il_status il_learner_adapt(il_learner *l, int n, const void *x, const void *y) {
  if (!ready(l)) return il_learner_status(l);
  const il_task_shape *s = &l->spec.shape;
  if (!l->adapt)
    return il_fail(&l->context, IL_ERROR_ARGUMENT,
                   "il_learner_adapt: the learner was placed for answers only");
  if (!x || !y)
    return il_fail(&l->context, IL_ERROR_ARGUMENT, "il_learner_adapt: %s is NULL", x ? "y" : "x");
  if (n != s->support)
    return il_fail(&l->context, IL_ERROR_ARGUMENT,
                   "il_learner_adapt: found %d examples, but the learner is placed for %d", n,
                   s->support);
  if ((!s->targets && check_labels(l, n, y) != IL_OK) ||
      check_whole(l, "il_learner_adapt", n, x) != IL_OK)
    return il_context_status(&l->context);
  const size_t rows = (size_t)n;
  il_run_input(l->adapting, l->place_x,
               as_reals(x, rows * (size_t)il_shape_count(s->example), l->x));
  il_run_input(l->adapting, l->place_y, as_reals(y, rows * (size_t)s->outputs, l->y));
  l->adapted = false;
  il_release(l->name);
  l->name = NULL;
  const il_status status = il_run_go(l->adapting, 1);
  l->adapted = status == IL_OK;
  return status;
}

il_status il_learner_predict(il_learner *l, int n, const void *x, float *scores) {
  if (!ready(l)) return il_learner_status(l);
  const il_task_shape *s = &l->spec.shape;
  if (!l->adapted)
    return il_fail(&l->context, IL_ERROR_ARGUMENT,
                   "il_learner_predict: the learner was adapted to nothing yet");
  if (n < 0 || (n > 0 && (!x || !scores)))
    return il_fail(&l->context, IL_ERROR_ARGUMENT,
                   "il_learner_predict: found %d examples, expected 0 or more and memory for them",
                   n);
  if (check_whole(l, "il_learner_predict", n, x) != IL_OK) return il_context_status(&l->context);
  const size_t numbers = (size_t)il_shape_count(s->example),
               bytes = numbers * (s->x == IL_UINT8 ? 1 : sizeof(float)),
               outputs = (size_t)s->outputs;
  for (int i = 0; i < n; i++) {
    float *own = scores + (size_t)i * outputs;
    il_run_input(l->answering, l->place_query,
                 as_reals((const char *)x + (size_t)i * bytes, numbers, l->x));
    il_run_output(l->answering, l->place_scores, l->scores ? (void *)l->scores : own);
    if (il_run_go(l->answering, 1) != IL_OK) return il_context_status(&l->context);
    for (size_t k = 0; k < outputs && l->scores; k++) own[k] = (float)l->scores[k];
  }
  return IL_OK;
}

il_status il_learner_status(const il_learner *l) {
  return l ? il_context_status(&l->context) : IL_ERROR_MEMORY;
}

const char *il_learner_message(const il_learner *l) {
  return l ? il_context_message(&l->context)
           : "il_learner_place: the room is too small for any learner";
}

bool il_learner_describe(const il_learner *l, il_learner_info *info) {
  *info = (il_learner_info){0};
  if (!l || l->placed != IL_OK) return false;
  const il_task_shape *s = &l->spec.shape;
  *info = (il_learner_info){.algorithm = l->spec.method.algorithm->name,
                            .example = s->example,
                            .type = s->x == IL_UINT8 ? IL_UINT8 : IL_FLOAT32,
                            .ways = s->ways,
                            .examples = s->support,
                            .outputs = s->outputs,
                            .numbers = s->targets,
                            .adapted = l->adapted};
  return true;
}

const char *il_learner_class_name(const il_learner *l, int cls) {
  return l && l->name && cls >= 0 && cls < l->spec.shape.ways ? l->name[cls] : NULL;
}
