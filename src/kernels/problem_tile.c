/* Fused programs as text:
 *   tile r980 w64 in full,channel,0.5 do 3=sub(0,1) 4=mul(3,2) out 3,sum(4)
 * r rows of w numbers; operands by their mode (full, channel, row, scalar; spread, followed by its tap: pooled
 * numbers put where the taps say) or as a constant; each code gives
 * a register from registers, of which the first are the operands; out: what is stored, in full or summed over
 * the rows. Where something is spread, the image and its windows stand before "in": pool h84 w84 f2x2 s2,2. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/locale.h"
#include "kernels/problem.h"

static const char *const modes[] = {"full", "channel", "row", "scalar", "spread", "tap"};
static const struct il_word {
  const char *name;
  int arity;
} words[] = {
#define IL_ELEMENTWISE(id, name, arity, formula, value, d0, d1, d2, low, high, flops)              \
  {#name, arity},
#include "op/elementwise.def"
#undef IL_ELEMENTWISE
};

/* The shortest text that reads back as the same number. */
static void put_number(il_problem_writer *w, double number) {
  char text[40];
  for (int digits = 1; digits <= 17; digits++) {
    il_plain_text(text, sizeof text, "%.*g", digits, number);
    if (il_real_parse(text, NULL) == number) break;
  }
  il_problem_put(w, "%s", text);
}

void il_problem_write_tile(il_problem_writer *w, const il_tile_program *p) {
  locale_t plain, before = il_text_enter(&plain);
  il_problem_put(w, " r%lld w%lld", (long long)p->rows, (long long)p->width);
  if (p->window.kh > 0)
    il_problem_put(w, " pool h%d w%d f%dx%d s%d,%d", p->window.h, p->window.w, p->window.kh,
                   p->window.kw, p->window.sh, p->window.sw);
  il_problem_put(w, " in");
  for (int i = 0; i < p->operands; i++) {
    il_problem_put(w, i ? "," : " ");
    if (p->is_constant[i])
      put_number(w, p->constant[i]);
    else
      il_problem_put(w, "%s", modes[p->mode[i]]);
  }
  il_problem_put(w, " do");
  for (int i = 0; i < p->codes; i++) {
    const il_tile_code *code = &p->code[i];
    const struct il_word *word = &words[code->op - IL_ELEMENTWISE_FIRST];
    il_problem_put(w, " %d=%s(", code->result, word->name);
    for (int k = 0; k < word->arity; k++) il_problem_put(w, k ? ",%d" : "%d", code->arg[k]);
    il_problem_put(w, ")");
  }
  il_problem_put(w, " out");
  for (int i = 0; i < p->results; i++)
    il_problem_put(w, p->result[i].sum ? "%ssum(%d)" : "%s%d", i ? "," : " ", p->result[i].reg);
  il_text_leave(before, plain);
}

static bool expect(il_problem_reader *r, const char *text) {
  il_problem_word(r);
  if (il_problem_take(r, text)) return true;
  return il_problem_fail(r, "found \"%.*s\", expected \"%s\"", il_problem_word(r), r->at, text);
}

static bool read_operand(il_problem_reader *r, il_tile_program *p) {
  if (p->operands == IL_TILE_MAX_OPERANDS)
    return il_problem_fail(r, "more than %d operands", (int)IL_TILE_MAX_OPERANDS);
  const int i = p->operands++;
  for (int mode = 0; mode < (int)(sizeof modes / sizeof *modes); mode++) {
    p->mode[i] = (il_tile_mode)mode;
    if (il_problem_take(r, modes[mode])) return true;
  }
  char *end = NULL;
  p->constant[i] = il_real_parse(r->at, &end);
  p->is_constant[i] = true;
  p->mode[i] = IL_TILE_SCALAR;
  if (end == r->at)
    return il_problem_fail(r,
                           "found \"%.*s\", expected full, channel, row, scalar, spread, tap or a "
                           "number",
                           (int)strcspn(r->at, " ,"), r->at);
  r->at = end;
  return true;
}

/* A register that holds something already. */
static bool read_register(il_problem_reader *r, const bool *held, int *reg) {
  int64_t number;
  const int last = IL_TILE_MAX_OPERANDS + IL_TILE_MAX_CODE - 1;
  if (!il_problem_number(r, "a register", 0, last, &number)) return false;
  *reg = (int)number;
  return held[number] || il_problem_fail(r, "register %d is read before it is written", *reg);
}

static bool read_code(il_problem_reader *r, il_tile_program *p, bool *held) {
  if (p->codes == IL_TILE_MAX_CODE)
    return il_problem_fail(r, "more than %d operations", (int)IL_TILE_MAX_CODE);
  il_tile_code *code = &p->code[p->codes++];
  int64_t result;
  const int last = IL_TILE_MAX_OPERANDS + IL_TILE_MAX_CODE - 1;
  if (!il_problem_number(r, "a register that is no operand's", p->operands, last, &result) ||
      !expect(r, "="))
    return false;
  const size_t length = strcspn(r->at, "( ");
  int op = 0;
  while (op < IL_ELEMENTWISE_COUNT &&
         (strlen(words[op].name) != length || strncmp(words[op].name, r->at, length) != 0))
    op++;
  if (op == IL_ELEMENTWISE_COUNT)
    return il_problem_fail(r, "unknown elementwise operation \"%.*s\"", (int)length, r->at);
  r->at += length;
  for (int k = 0; k < words[op].arity; k++) {
    int reg;
    if (!expect(r, k ? "," : "(") || !read_register(r, held, &reg)) return false;
    if (reg == result)
      return il_problem_fail(r, "register %d is read and written by one operation", reg);
    code->arg[k] = (uint16_t)reg;
  }
  if (!expect(r, ")")) return false;
  code->op = (uint16_t)(op + IL_ELEMENTWISE_FIRST);
  code->result = (uint16_t)result;
  held[result] = true;
  if (result >= p->registers) p->registers = (int)result + 1;
  return true;
}

static bool read_result(il_problem_reader *r, il_tile_program *p, const bool *held) {
  if (p->results == IL_TILE_MAX_RESULTS)
    return il_problem_fail(r, "more than %d results", (int)IL_TILE_MAX_RESULTS);
  const bool sum = il_problem_take(r, "sum(");
  int reg;
  if (!read_register(r, held, &reg)) return false;
  if (reg < p->operands) return il_problem_fail(r, "result %d is an operand", reg);
  for (int i = 0; !sum && i < p->results; i++)
    if (!p->result[i].sum && p->result[i].reg == reg)
      return il_problem_fail(r, "register %d is stored twice", reg);
  p->result[p->results].reg = (uint16_t)reg;
  p->result[p->results++].sum = sum;
  return !sum || expect(r, ")");
}

static bool read_number(il_problem_reader *r, const char *mark, const char *what, int32_t *number) {
  int64_t read;
  if (!expect(r, mark) || !il_problem_number(r, what, 1, 1 << 20, &read)) return false;
  *number = (int32_t)read;
  return true;
}

/* The image's windows: as many as fit, each channel and image by itself. */
static bool read_windows(il_problem_reader *r, il_tile_program *p) {
  il_pool_geometry *g = &p->window;
  if (!read_number(r, "h", "a height", &g->h) || !read_number(r, "w", "a width", &g->w) ||
      !read_number(r, "f", "a window", &g->kh) || !read_number(r, "x", "a window", &g->kw) ||
      !read_number(r, "s", "a stride", &g->sh) || !read_number(r, ",", "a stride", &g->sw))
    return false;
  g->dh = g->dw = 1;
  const int64_t image = (int64_t)g->h * g->w;
  if (p->rows % image || p->rows / image * image * p->width > INT32_MAX)
    return il_problem_fail(r, "%lld rows are no whole number of images of %dx%d, or too many",
                           (long long)p->rows, g->h, g->w);
  if (g->kh > g->h || g->kw > g->w || g->sh < g->kh || g->sw < g->kw)
    return il_problem_fail(r, "windows that do not fit the image, or lie over each other");
  g->n = (int32_t)(p->rows / image);
  g->c = (int32_t)p->width;
  g->oh = (g->h - g->kh) / g->sh + 1;
  g->ow = (g->w - g->kw) / g->sw + 1;
  return true;
}

/* Everything spread has its taps after it, and the windows are known. */
static bool spreads_are_whole(il_problem_reader *r, const il_tile_program *p) {
  bool any = false;
  for (int i = 0; i < p->operands; i++) {
    const bool spread = p->mode[i] == IL_TILE_SPREAD;
    const bool tap = i + 1 < p->operands && p->mode[i + 1] == IL_TILE_TAP;
    any = any || spread;
    if (spread != tap)
      return il_problem_fail(r, "expected each \"spread\" followed by its \"tap\"");
  }
  if (p->mode[0] == IL_TILE_TAP) return il_problem_fail(r, "a \"tap\" without its \"spread\"");
  if (any != (p->window.kh > 0))
    return il_problem_fail(r, "expected \"pool\" with the windows where, and only where, something "
                              "is spread");
  return true;
}

/* il_problem_number stops at the mark, so a list has no blanks. */
static bool read_program(il_problem_reader *r, il_tile_program *p) {
  bool held[IL_TILE_MAX_OPERANDS + IL_TILE_MAX_CODE] = {false};
  const int64_t high = INT64_C(1) << 31;
  if (!expect(r, "r") || !il_problem_number(r, "rows", 1, high, &p->rows) || !expect(r, "w") ||
      !il_problem_number(r, "a width", 1, high, &p->width))
    return false;
  il_problem_word(r);
  if (il_problem_take(r, "pool ") && !read_windows(r, p)) return false;
  if (!expect(r, "in ")) return false;
  il_problem_word(r);
  do {
    if (!read_operand(r, p)) return false;
    held[p->operands - 1] = p->mode[p->operands - 1] != IL_TILE_TAP;
  } while (il_problem_take(r, ","));
  if (!spreads_are_whole(r, p)) return false;
  p->registers = p->operands;
  if (!expect(r, "do ")) return false;
  while (il_problem_word(r) > 0 && !il_problem_take(r, "out "))
    if (!read_code(r, p, held)) return false;
  if (p->codes == 0) return il_problem_fail(r, "a program without operations");
  if (il_problem_word(r) == 0) return il_problem_fail(r, "a program without \"out\"");
  do
    if (!read_result(r, p, held)) return false;
  while (il_problem_take(r, ","));
  if (il_problem_word(r) > 0)
    return il_problem_fail(r, "\"%.*s\" follows after the results", il_problem_word(r), r->at);
  return true;
}

bool il_problem_read_tile(il_problem_reader *r, il_tile_program *p) {
  locale_t plain, before = il_text_enter(&plain);
  const bool good = read_program(r, p);
  il_text_leave(before, plain);
  return good;
}
