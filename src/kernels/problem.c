/* Problems as text, both ways: a name, then words in any order (written in the order below).
 *   conv|conv_transpose|conv_weight  n h w c k, window fHxW sH,W pH,W (before the first pixel) dH,W, g, oHxW
 *   pool_argmax|pool_gather|pool_scatter|average_pool|average_pool_transpose  n h w c, window, oHxW
 *   matmul  b m n k, then nn, tn, nt or tt: which operand is transposed; with lanes also "plus:0.5": a third
 *           operand plus so many times the product
 *   task_product  m n, k with the rows of each pair, "k5+5+5"
 *   gather|scatter_add  r (rows) w (width) n (indexes)
 *   sum|max  one word per axis, "980r" for one that is reduced
 *   transpose|broadcast|slice  one word size:stride per axis, @offset
 *   tile  a fused elementwise program: problem_tile.c
 * A square window may be one number ("f3 s1"). Left out: d1, g1, and the size o where it is what padding on
 * both sides gives. f64, i32 or u8 at the end: another type than f32. "direct": a convolution without Winograd's
 * transforms. Last of all "lanes": tasks in lanes, all
 * operands theirs; "lanes:2": but operand 1 (bits of a hexadecimal number) is shared. */
#include "base/locale.h"
#include "kernels/problem.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One word: a letter and one number, or two with a mark between them. */
typedef struct il_part {
  char letter, mark;
  bool quiet;         /* not written where it equals fallback */
  int fallback;       /* -1: must be given */
  int8_t low;         /* smallest number */
  uint8_t size;       /* of the number in memory: 4 or 8 */
  size_t first, next; /* offsets in the problem */
} il_part;
#define AT(field) offsetof(il_problem, field)
#define WIDE(letter, field)                                                                        \
  { letter, 0, false, -1, 1, 8, AT(field), 0 }
#define NUMBER(letter, field)                                                                      \
  { letter, 0, false, -1, 1, 4, AT(field), 0 }
#define WINDOW(of)                                                                                 \
  {'f', 'x', false, -1, 1, 4, AT(of.kh), AT(of.kw)},                                               \
      {'s', ',', false, 1, 1, 4, AT(of.sh), AT(of.sw)},                                            \
      {'p', ',', false, 0, 0, 4, AT(of.ph), AT(of.pw)}, {                                          \
    'd', ',', true, 1, 1, 4, AT(of.dh), AT(of.dw)                                                  \
  }
#define IMAGES(of) NUMBER('n', of.n), NUMBER('h', of.h), NUMBER('w', of.w), NUMBER('c', of.c)

static const il_part conv_parts[] = {IMAGES(conv),
                                     NUMBER('k', conv.k),
                                     WINDOW(conv),
                                     {'g', 0, true, 1, 1, 4, AT(conv.groups), 0},
                                     {'o', 'x', true, 0, 1, 4, AT(conv.oh), AT(conv.ow)},
                                     {0}};
static const il_part pool_parts[] = {
    IMAGES(pool), WINDOW(pool), {'o', 'x', true, 0, 1, 4, AT(pool.oh), AT(pool.ow)}, {0}};
static const il_part matmul_parts[] = {
    WIDE('b', matmul.batch), WIDE('m', matmul.m), WIDE('n', matmul.n), WIDE('k', matmul.k), {0}};
static const il_part gather_parts[] = {
    WIDE('r', gather.rows), WIDE('w', gather.width), WIDE('n', gather.count), {0}};

static const struct il_form {
  const char *name;
  il_op op;
  const il_part *parts; /* NULL: written and read by code */
  const char *example;
} forms[] = {
    {"conv", IL_OP_CONV2D, conv_parts, "conv n25 h14 w14 c64 k64 f3x3 s2,2 p1,1"},
    {"conv_transpose", IL_OP_CONV2D_TRANSPOSE, conv_parts,
     "conv_transpose n25 h14 w14 c64 k64 f3x3 s2,2 p1,1"},
    {"conv_weight", IL_OP_CONV2D_WEIGHT, conv_parts,
     "conv_weight n25 h14 w14 c64 k64 f3x3 s2,2 p1,1"},
    {"pool_argmax", IL_OP_POOL_ARGMAX, pool_parts, "pool_argmax n5 h28 w28 c64 f2x2 s2,2 p0,0"},
    {"pool_gather", IL_OP_POOL_GATHER, pool_parts, "pool_gather n5 h28 w28 c64 f2x2 s2,2 p0,0"},
    {"pool_scatter", IL_OP_POOL_SCATTER, pool_parts, "pool_scatter n5 h28 w28 c64 f2x2 s2,2 p0,0"},
    {"average_pool", IL_OP_AVERAGE_POOL, pool_parts, "average_pool n5 h28 w28 c64 f2x2 s2,2 p0,0"},
    {"average_pool_transpose", IL_OP_AVERAGE_POOL_TRANSPOSE, pool_parts,
     "average_pool_transpose n5 h28 w28 c64 f2x2 s2,2 p0,0"},
    {"matmul", IL_OP_MATMUL, matmul_parts, "matmul b1 m5 n64 k784 nn"},
    {"task_product", IL_OP_TASK_PRODUCT, NULL, "task_product m784 n256 k5+5"},
    {"gather", IL_OP_GATHER, gather_parts, "gather r100 w64 n25"},
    {"scatter_add", IL_OP_SCATTER_ADD, gather_parts, "scatter_add r100 w64 n25"},
    {"sum", IL_OP_SUM, NULL, "sum 980r 64"},
    {"max", IL_OP_MAX, NULL, "max 980 64r"},
    {"transpose", IL_OP_TRANSPOSE, NULL, "transpose 64:1 64:64"},
    {"broadcast", IL_OP_BROADCAST, NULL, "broadcast 980:0 64:1"},
    {"slice", IL_OP_SLICE, NULL, "slice 5:64 32:1 @64"},
    {"tile", IL_OP_NONE, NULL, "tile r980 w64 in full,channel do 2=sub(0,1) out 2"},
};
enum { FORMS = sizeof forms / sizeof *forms };

static const il_type types[] = {IL_FLOAT32, IL_FLOAT64, IL_INT32, IL_UINT8};

static int64_t load(const il_problem *p, size_t at, int size) {
  const char *from = (const char *)p + at;
  int32_t narrow;
  int64_t wide;
  memcpy(&narrow, from, sizeof narrow);
  if (size == 4) return narrow;
  memcpy(&wide, from, sizeof wide);
  return wide;
}
static void store(il_problem *p, size_t at, int size, int64_t number) {
  const int32_t narrow = (int32_t)number;
  if (size == 4)
    memcpy((char *)p + at, &narrow, sizeof narrow);
  else
    memcpy((char *)p + at, &number, sizeof number);
}

static int64_t windows(int64_t size, int64_t kernel, int64_t stride, int64_t pad,
                       int64_t dilation) {
  const int64_t room = size + 2 * pad - dilation * (kernel - 1) - 1;
  return room < 0 ? 0 : room / stride + 1;
}
/* The size of the result when the padding is the same on both sides. */
static void usual_outs(const il_problem *p, const il_part *parts, int64_t o[2]) {
  if (parts == conv_parts) {
    const il_conv_geometry *q = &p->conv;
    o[0] = windows(q->h, q->kh, q->sh, q->ph, q->dh);
    o[1] = windows(q->w, q->kw, q->sw, q->pw, q->dw);
  } else {
    const il_pool_geometry *q = &p->pool;
    o[0] = windows(q->h, q->kh, q->sh, q->ph, q->dh);
    o[1] = windows(q->w, q->kw, q->sw, q->pw, q->dw);
  }
}
static void fallback(const il_problem *p, const il_part *parts, const il_part *part, int64_t n[2]) {
  n[0] = n[1] = part->fallback;
  if (part->letter == 'o') usual_outs(p, parts, n);
}

void il_problem_put(il_problem_writer *w, const char *format, ...) {
  if (w->at + 1 >= w->size) return;
  va_list arguments;
  va_start(arguments, format);
  const int length = il_plain_list(w->text + w->at, w->size - w->at, format, arguments);
  va_end(arguments);
  if (length > 0) w->at += (size_t)length;
}

static void write_parts(il_problem_writer *w, const il_problem *p, const il_part *parts) {
  for (const il_part *part = parts; part->letter; part++) {
    int64_t usual[2], first = load(p, part->first, part->size);
    int64_t next = part->mark ? load(p, part->next, part->size) : 0;
    fallback(p, parts, part, usual);
    if (part->quiet && first == usual[0] && (!part->mark || next == usual[1])) continue;
    il_problem_put(w, " %c%lld", part->letter, (long long)first);
    if (part->mark) il_problem_put(w, "%c%lld", part->mark, (long long)next);
  }
}

static void write_product(il_problem_writer *w, const il_product_geometry *p) {
  il_problem_put(w, " m%lld n%lld k", (long long)p->m, (long long)p->n);
  for (int i = 0; i < p->pairs; i++) il_problem_put(w, i ? "+%d" : "%d", (int)p->rows[i]);
}

static void write_axes(il_problem_writer *w, const il_problem *p) {
  if (p->op == IL_OP_SUM || p->op == IL_OP_MAX) {
    for (int i = 0; i < p->reduce.rank; i++)
      il_problem_put(w, " %lld%s", (long long)p->reduce.dim[i],
                     p->reduce.reduced >> i & 1 ? "r" : "");
    return;
  }
  for (int i = 0; i < p->move.rank; i++)
    il_problem_put(w, " %lld:%lld", (long long)p->move.dim[i], (long long)p->move.stride[i]);
  if (p->move.offset) il_problem_put(w, " @%lld", (long long)p->move.offset);
}

void il_problem_text(const il_problem *p, char *text, size_t size) {
  il_problem_writer w = {text, size, 0};
  if (size) *text = 0;
  for (int i = 0; i < FORMS; i++) {
    if (forms[i].op != p->op) continue;
    il_problem_put(&w, "%s", forms[i].name);
    if (forms[i].parts)
      write_parts(&w, p, forms[i].parts);
    else if (p->op == IL_OP_NONE)
      il_problem_write_tile(&w, p->tile);
    else if (p->op == IL_OP_TASK_PRODUCT)
      write_product(&w, &p->product);
    else
      write_axes(&w, p);
    if (p->op == IL_OP_MATMUL)
      il_problem_put(&w, " %c%c", p->matmul.transpose_a ? 't' : 'n',
                     p->matmul.transpose_b ? 't' : 'n');
    if (p->op == IL_OP_MATMUL && p->matmul.scale != 0)
      il_problem_put(&w, " plus:%.17g", p->matmul.scale);
    if (p->type != IL_FLOAT32) il_problem_put(&w, " %s", il_type_name(p->type));
    if (p->direct) il_problem_put(&w, " direct");
    if (p->lanes) il_problem_put(&w, " lanes");
    if (p->lanes && p->shared) il_problem_put(&w, ":%llx", (unsigned long long)p->shared);
    return;
  }
}

/* ---- reading ---- */
bool il_problem_fail(il_problem_reader *r, const char *format, ...) {
  char sentence[256];
  va_list arguments;
  va_start(arguments, format);
  il_plain_list(sentence, sizeof sentence, format, arguments);
  va_end(arguments);
  il_fail(r->context, IL_ERROR_CONFIG, "problem \"%.80s%s\": %s", r->line,
          strlen(r->line) > 80 ? "…" : "", sentence);
  return false;
}

int il_problem_word(il_problem_reader *r) {
  r->at += strspn(r->at, " \t\r\n");
  return (int)strcspn(r->at, " \t\r\n");
}

bool il_problem_take(il_problem_reader *r, const char *text) {
  const size_t length = strlen(text);
  if (strncmp(r->at, text, length) != 0) return false;
  r->at += length;
  return true;
}

bool il_problem_number(il_problem_reader *r, const char *what, int64_t low, int64_t high,
                       int64_t *number) {
  char *end = NULL;
  const bool digit = *r->at >= '0' && *r->at <= '9';
  *number = digit ? strtoll(r->at, &end, 10) : -1; /* too large: LLONG_MAX, above any high */
  if (!digit || *number < low || *number > high)
    return il_problem_fail(r, "found \"%.*s\", expected %s, a number from %lld to %lld",
                           (int)strcspn(r->at, " \t\r\n"), r->at, what, (long long)low,
                           (long long)high);
  r->at = end;
  return true;
}

static bool word_ends(il_problem_reader *r) {
  if (!*r->at || strchr(" \t\r\n", *r->at)) return true;
  return il_problem_fail(r, "\"%.*s\" follows where a word should end", il_problem_word(r), r->at);
}

static bool read_part(il_problem_reader *r, il_problem *p, const il_part *part) {
  const char what[2] = {part->letter, 0};
  const int64_t high = part->size == 4 ? INT32_MAX : INT64_C(1) << 40;
  int64_t first, next;
  r->at++;
  if (!il_problem_number(r, what, part->low, high, &first)) return false;
  next = first;
  if (part->mark && *r->at == part->mark) {
    r->at++;
    if (!il_problem_number(r, what, part->low, high, &next)) return false;
  }
  store(p, part->first, part->size, first);
  if (part->mark) store(p, part->next, part->size, next);
  return word_ends(r);
}

/* What follows "plus:". */
static bool read_scale(il_problem_reader *r, il_problem *p) {
  char *end;
  p->matmul.scale = il_real_parse(r->at, &end);
  if (end == r->at || p->matmul.scale == 0 || !isfinite(p->matmul.scale))
    return il_problem_fail(
        r, "found \"%.*s\", expected a number other than 0 after plus:", il_problem_word(r), r->at);
  r->at = end;
  return p->lanes ? word_ends(r) : il_problem_fail(r, "plus is for lanes");
}

static bool read_parts(il_problem_reader *r, il_problem *p, const struct il_form *form) {
  bool given[16] = {false};
  bool order = p->op != IL_OP_MATMUL;
  for (int length; (length = il_problem_word(r)) > 0;) {
    if (p->op == IL_OP_MATMUL && length == 2 && strspn(r->at, "nt") == 2) {
      p->matmul.transpose_a = r->at[0] == 't';
      p->matmul.transpose_b = r->at[1] == 't';
      r->at += 2;
      order = true;
      continue;
    }
    if (p->op == IL_OP_MATMUL && il_problem_take(r, "plus:")) {
      if (!read_scale(r, p)) return false;
      continue;
    }
    int i = 0;
    while (form->parts[i].letter && form->parts[i].letter != *r->at) i++;
    if (!form->parts[i].letter)
      return il_problem_fail(r, "unknown word \"%.*s\"; it reads like \"%s\"", length, r->at,
                             form->example);
    if (given[i]) return il_problem_fail(r, "%c is given twice", *r->at);
    given[i] = true;
    if (!read_part(r, p, &form->parts[i])) return false;
  }
  for (int i = 0; form->parts[i].letter; i++) {
    const il_part *part = &form->parts[i];
    if (given[i]) continue;
    int64_t usual[2];
    fallback(p, form->parts, part, usual);
    if (part->fallback < 0)
      return il_problem_fail(r, "%c is missing; it reads like \"%s\"", part->letter, form->example);
    if (usual[0] < part->low || usual[1] < part->low)
      return il_problem_fail(r, "the window is larger than the padded image");
    store(p, part->first, part->size, usual[0]);
    if (part->mark) store(p, part->next, part->size, usual[1]);
  }
  return order ||
         il_problem_fail(r, "nn, tn, nt or tt is missing; it reads like \"%s\"", form->example);
}

static bool read_product(il_problem_reader *r, il_product_geometry *p) {
  const int64_t high = INT64_C(1) << 40;
  for (int length; (length = il_problem_word(r)) > 0;) {
    int64_t rows;
    if (il_problem_take(r, "m")) {
      if (!il_problem_number(r, "m", 1, high, &p->m)) return false;
    } else if (il_problem_take(r, "n")) {
      if (!il_problem_number(r, "n", 1, high, &p->n)) return false;
    } else if (il_problem_take(r, "k")) {
      for (p->pairs = 0; p->pairs == 0 || il_problem_take(r, "+"); p->pairs++) {
        if (p->pairs == IL_TASK_PRODUCT_PAIRS)
          return il_problem_fail(r, "more than %d pairs", (int)IL_TASK_PRODUCT_PAIRS);
        if (!il_problem_number(r, "the rows of a pair", 1, INT32_MAX, &rows)) return false;
        p->rows[p->pairs] = (int32_t)rows;
      }
    } else {
      return il_problem_fail(
          r, "unknown word \"%.*s\"; it reads like \"task_product m784 n256 k5\"", length, r->at);
    }
    if (!word_ends(r)) return false;
  }
  return (p->m && p->n && p->pairs) ||
         il_problem_fail(r, "m, n or k is missing; it reads like \"task_product m784 n256 k5\"");
}

static bool read_axes(il_problem_reader *r, il_problem *p) {
  const bool reduce = p->op == IL_OP_SUM || p->op == IL_OP_MAX;
  const int64_t high = INT64_C(1) << 40;
  while (il_problem_word(r) > 0) {
    if (!reduce && il_problem_take(r, "@")) {
      if (!il_problem_number(r, "an offset", 1, high, &p->move.offset)) return false;
      if (!word_ends(r)) return false;
      continue;
    }
    int *rank = reduce ? &p->reduce.rank : &p->move.rank;
    if (*rank == IL_MAX_RANK) return il_problem_fail(r, "more than %d axes", (int)IL_MAX_RANK);
    if (!il_problem_number(r, "the size of an axis", 1, high,
                           reduce ? &p->reduce.dim[*rank] : &p->move.dim[*rank]))
      return false;
    if (reduce && il_problem_take(r, "r")) p->reduce.reduced |= 1u << *rank;
    if (!reduce) {
      if (!il_problem_take(r, ":"))
        return il_problem_fail(r, "an axis without stride; it reads like \"5:64\"");
      if (!il_problem_number(r, "a stride", 0, high, &p->move.stride[*rank])) return false;
    }
    if (!word_ends(r)) return false;
    ++*rank;
  }
  return true;
}

static size_t trim_end(char *text) {
  size_t length = strlen(text);
  while (length && strchr(" \t\r\n", text[length - 1])) text[--length] = 0;
  return length;
}

/* Takes "lanes" or "lanes:2" off the end of the text. */
static void take_lanes(char *text, il_problem *p) {
  trim_end(text);
  char *word = strrchr(text, ' ');
  if (!word || strncmp(word, " lanes", 6) != 0) return;
  char *end = word + 6;
  if (*end == ':') p->shared = strtoull(end + 1, &end, 16);
  p->lanes = *end == 0;
  if (p->lanes) *word = 0;
}

/* Takes "direct" off the end of the text. */
static void take_direct(char *text, il_problem *p) {
  const size_t length = trim_end(text), size = strlen(" direct");
  p->direct = length > size && strcmp(text + length - size, " direct") == 0;
  if (p->direct) text[length - size] = 0;
}

/* Takes a type's name off the end of the text. */
static void take_type(char *text, il_type *type) {
  const size_t length = trim_end(text);
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    const char *name = il_type_name(types[i]);
    const size_t size = strlen(name);
    if (length <= size || text[length - size - 1] != ' ' || strcmp(text + length - size, name) != 0)
      continue;
    *type = types[i];
    text[length - size - 1] = 0;
    return;
  }
}

static bool read(il_problem_reader *r, il_arena *arena, il_problem *p) {
  const int length = il_problem_word(r);
  const struct il_form *form = NULL;
  for (int i = 0; i < FORMS; i++)
    if ((int)strlen(forms[i].name) == length && !strncmp(forms[i].name, r->at, (size_t)length))
      form = &forms[i];
  if (!form && r->at[length] == ' ' && r->at[length + 1] == '[')
    return il_problem_fail(r,
                           "this step has no kernel: the plan runs its reference loop, or a copy");
  if (!form) {
    char known[256] = "";
    for (int i = 0; i < FORMS; i++)
      snprintf(known + strlen(known), sizeof known - strlen(known), " %s", forms[i].name);
    return il_problem_fail(r, "unknown operation \"%.*s\"; known:%s", length, r->at, known);
  }
  r->at += length;
  p->op = form->op;
  if (form->parts) return read_parts(r, p, form);
  if (form->op == IL_OP_TASK_PRODUCT) return read_product(r, &p->product);
  if (form->op != IL_OP_NONE) return read_axes(r, p);
  il_tile_program *program = il_arena_alloc(arena, sizeof *program);
  p->tile = program;
  if (!program) il_fail_memory(r->context, "a tile program");
  return program && il_problem_read_tile(r, program);
}

il_status il_problem_parse(il_context *context, const char *line, il_arena *arena,
                           il_problem *problem) {
  const char *bar = strrchr(line, '|');
  if (bar) line = bar + 1;
  char *text = il_arena_string(arena, line + strspn(line, " \t"));
  if (!text) return il_fail_memory(context, "a problem");
  *problem = (il_problem){.type = IL_FLOAT32};
  take_lanes(text, problem);
  take_direct(text, problem);
  take_type(text, &problem->type);
  il_problem_reader r = {context, text, text};
  if (read(&r, arena, problem)) return IL_OK;
  return il_context_status(context);
}
