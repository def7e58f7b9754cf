/* A fused group as a program over tiles: operands first, then one register per value, reused once its last
 * reader has run; values that leave the group have a register of their own, which is their place in memory. */
#include "plan/program.h"

static bool kept(const il_schedule *s, const il_item *item, uint32_t id) {
  if (il_leaves(s, item, id)) return true;
  for (int i = 0; i < item->sums; i++)
    if (s->graph->nodes[item->sum[i]]->input[0].id == id) return true;
  return false;
}

static void operands(const il_schedule *s, const il_item *item, il_compiled *c) {
  il_tile_program *p = c->program;
  p->operands = item->operands;
  for (int i = 0; i < item->operands; i++) {
    c->operand_base[i] = il_operand_base(s, item, i, &p->mode[i]);
    if (p->mode[i] == IL_TILE_SPREAD) p->window = il_spread_window(s, item, i);
    const il_node *base = s->graph->nodes[c->operand_base[i]];
    if (base->op == IL_OP_CONSTANT && p->mode[i] == IL_TILE_SCALAR) {
      p->is_constant[i] = true;
      p->constant[i] = ((const il_attr_constant *)base->attr)->number;
    }
  }
}

static void codes(const il_schedule *s, const il_item *item, il_tile_program *p, int *reg) {
  int last[IL_TILE_MAX_CODE] = {0}; /* last member that reads member i */
  for (int i = 0; i < item->members; i++) {
    const il_node *node = s->graph->nodes[item->member[i]];
    for (int k = 0; k < node->inputs; k++) {
      const int from = il_find(item->member, item->members, il_direct(s, node->input[k].id));
      if (from >= 0) last[from] = i;
    }
  }
  int free_reg[IL_TILE_MAX_CODE], free_count = 0, next = p->operands;
  for (int i = 0; i < item->members; i++) {
    const il_node *node = s->graph->nodes[item->member[i]];
    il_tile_code *code = &p->code[i];
    code->op = (uint16_t)node->op;
    for (int k = 0; k < node->inputs; k++) {
      const uint32_t id = il_direct(s, node->input[k].id);
      const int from = il_find(item->member, item->members, id);
      code->arg[k] = (uint16_t)(from >= 0 ? reg[from] : il_find(item->operand, item->operands, id));
    }
    /* The result's register is taken before the arguments' are given back: never in place. */
    const bool inside = !il_leaves(s, item, item->member[i]);
    reg[i] = inside && free_count > 0 ? free_reg[--free_count] : next++;
    code->result = (uint16_t)reg[i];
    for (int from = 0; from < i; from++)
      if (last[from] == i && !kept(s, item, item->member[from])) free_reg[free_count++] = reg[from];
  }
  p->codes = item->members;
  p->registers = next;
}

bool il_program_compile(const il_schedule *s, const il_item *item, il_arena *arena,
                        il_compiled *c) {
  il_tile_program *p = il_arena_alloc(arena, sizeof *p);
  if (!p) return false;
  c->program = p;
  const int64_t count = il_shape_count(item->shape);
  p->width = item->width;
  if (!p->width) p->width = 1; /* nothing asks for rows: one flat run */
  p->rows = count / p->width;
  operands(s, item, c);
  int reg[IL_TILE_MAX_CODE] = {0};
  codes(s, item, p, reg);
  for (int i = 0; i < item->members; i++) {
    if (!il_leaves(s, item, item->member[i])) continue;
    p->result[p->results].reg = (uint16_t)reg[i];
    c->result_node[p->results++] = item->member[i];
  }
  for (int i = 0; i < item->sums; i++) {
    const uint32_t from = s->graph->nodes[item->sum[i]]->input[0].id;
    p->result[p->results].reg = (uint16_t)reg[il_find(item->member, item->members, from)];
    p->result[p->results].sum = true;
    c->result_node[p->results++] = item->sum[i];
  }
  return true;
}
