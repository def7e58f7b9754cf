/* Learners in memory. */
#include "learner/learned.h"

#include <stdio.h>

#include "base/error.h"
#include "base/room.h"

il_learned *il_learned_new(il_context *context, const il_method *m, il_net *net, bool memory,
                           bool twice) {
  il_learned *l = net ? il_new(context, 1, sizeof *l) : NULL;
  if (!l) {
    if (net) il_fail_memory(context, "a learner");
    il_net_free(net);
    return NULL;
  }
  l->context = context;
  l->net = net;
  il_status status = il_meta_entries(context, net, m->algorithm, &m->inner, m->algorithm_settings,
                                     &l->meta_entries);
  if (status == IL_OK && m->statistics == IL_QUERY_STATISTICS_RUNNING)
    status = il_carry_entries(context, net, &l->carry_entries);
  if (status == IL_OK && m->algorithm->carry) {
    m->algorithm->carry(context, net, m->algorithm_settings, &l->carry_entries);
    status = il_context_status(context);
  }
  if (status == IL_OK && memory)
    status = il_buffers_init(context, &l->meta, l->meta_entries.count, l->meta_entries.entry,
                             m->real, twice);
  if (status == IL_OK && memory)
    status = il_buffers_init(context, &l->carry, l->carry_entries.count, l->carry_entries.entry,
                             m->real, twice);
  if (status == IL_OK) return l;
  il_learned_free(l);
  return NULL;
}

void il_learned_free(il_learned *l) {
  if (!l) return;
  il_buffers_free(&l->meta);
  il_buffers_free(&l->carry);
  il_entries_free(&l->meta_entries);
  il_entries_free(&l->carry_entries);
  il_net_free(l->net);
  il_learned_free(l->next);
  il_release(l);
}

void il_learned_initialize(il_learned *l, uint64_t seed) {
  il_buffers_initialize(&l->meta, seed);
  il_buffers_initialize(&l->carry, seed);
}

/* What the inputs of a member's values are called by: the first's are not. */
static void prefix_of(int member, char text[24]) {
  *text = 0;
  if (member) snprintf(text, 24, "member %d/", member);
}

il_build il_learned_build_member(const il_learned *l, int member, const il_method *m, il_graph *g,
                                 const il_task_shape *shape) {
  char prefix[24];
  prefix_of(member, prefix);
  il_build b = il_method_build(m, g, l->net, shape);
  b.meta = il_values_input(g, l->meta_entries.count, l->meta_entries.entry, prefix, IL_SHARED);
  b.carry = il_values_input(g, l->carry_entries.count, l->carry_entries.entry, prefix, IL_SHARED);
  return b;
}

il_build il_learned_build(const il_learned *l, const il_method *m, il_graph *g,
                          const il_task_shape *shape) {
  return il_learned_build_member(l, 0, m, g, shape);
}

il_status il_learned_bind(il_learned *l, il_run *run) {
  il_status status = IL_OK;
  for (int member = 0; l && status == IL_OK; l = l->next, member++) {
    char prefix[24];
    prefix_of(member, prefix);
    status = il_run_buffers(run, &l->meta, prefix);
    if (status == IL_OK) status = il_run_buffers(run, &l->carry, prefix);
  }
  return status;
}

/* ---- in files ---- */

void il_entry_file_name(const il_entry *e, il_role role, char text[IL_FILE_NAME]) {
  const bool own = role == IL_ROLE_META && e->drawn;
  snprintf(text, IL_FILE_NAME, "%s%s",
           role == IL_ROLE_OUTER              ? "outer/"
           : role == IL_ROLE_ADAPTED          ? "adapted/"
           : own                              ? "meta/"
           : role == IL_ROLE_CARRY && !e->net ? "carry/"
                                              : "",
           e->name);
}

/* In files, matrices and filters lie as PyTorch has them. */
il_shape il_entry_file_shape(const il_entry *e) {
  return e->net ? il_net_parameter_torch_shape(e->net, e->parameter) : e->shape;
}
