/* Reads the text of dump.c. Values may be numbered with gaps, but upwards; everything else must be as
 * il_graph_dump writes it. The text may be hostile: nothing in it is believed before the shape rules and
 * the type and shape at the end of each line agree. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "graph/attr.h"
#include "graph/loop_body.h"
#include "graph/node.h"
#include "graph/shape.h"
#include "graph/text.h"

enum {
  MAX_ATTR = 256, /* bytes of the largest attribute struct, with room */
  MAX_DEPTH = 32  /* of loops in loops */
};

typedef struct numbered {
  uint32_t number; /* in the text */
  il_value value;  /* in the graph */
} numbered;

typedef struct parser {
  il_context *context;
  il_graph *g;
  const char *at;
  long line;
  char *word; /* room for any string of the text */
  numbered *values;
  size_t count, capacity;
  il_value *operands;
  size_t operand_capacity;
  int depth;
} parser;

static bool fail(parser *p, const char *expected) {
  char found[32];
  size_t length = 0;
  while (length < sizeof found - 1 && (unsigned char)p->at[length] >= 32) length++;
  memcpy(found, p->at, length);
  found[length] = 0;
  il_fail(p->context, IL_ERROR_FORMAT, "il_graph_parse: line %ld: %s, found \"%s\"", p->line,
          expected, found);
  return false;
}

static bool skip(parser *p, const char *expected) {
  size_t length = strlen(expected);
  if (strncmp(p->at, expected, length) != 0) return false;
  p->at += length;
  return true;
}

static bool memory(parser *p) {
  il_fail_memory(p->context, "a graph from text");
  return false;
}

static bool read_number(parser *p, uint64_t limit, uint64_t *number) {
  if (*p->at < '0' || *p->at > '9') return false;
  *number = 0;
  while (*p->at >= '0' && *p->at <= '9') {
    uint64_t digit = (uint64_t)(*p->at - '0');
    if (*number > (limit - digit) / 10) return false;
    *number = *number * 10 + digit;
    p->at++;
  }
  return true;
}

static bool read_id(parser *p, uint32_t *id) {
  uint64_t number;
  if (!skip(p, "%") || !read_number(p, UINT32_MAX, &number)) return fail(p, "%number expected");
  *id = (uint32_t)number;
  return true;
}

static bool read_value(parser *p, il_value *value) {
  uint32_t id;
  if (!read_id(p, &id)) return false;
  size_t low = 0, high = p->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (p->values[middle].number < id)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == p->count || p->values[low].number != id) {
    il_fail(p->context, IL_ERROR_FORMAT,
            "il_graph_parse: line %ld: value %%%u is not defined above", p->line, id);
    return false;
  }
  *value = p->values[low].value;
  return true;
}

static bool read_type(parser *p, il_type *type) {
  for (int i = IL_FLOAT32; i <= IL_UINT8; i++) {
    *type = (il_type)i;
    if (skip(p, il_type_name(*type))) return true;
  }
  return fail(p, "f32, f64, i32 or u8 expected");
}

static bool read_type_shape(parser *p, il_type *type, il_shape *shape) {
  if (!skip(p, " : ")) return fail(p, "\" : \" expected");
  if (!read_type(p, type)) return false;
  if (!skip(p, "[")) return fail(p, "a shape in brackets expected");
  *shape = il_shape_scalar();
  while (!skip(p, "]")) {
    uint64_t dim;
    if (shape->rank && !skip(p, ",")) return fail(p, ", or ] expected");
    if (shape->rank == IL_MAX_RANK || !read_number(p, INT64_MAX, &dim))
      return fail(p, "at most 8 dimensions expected");
    shape->dim[shape->rank++] = (int64_t)dim;
  }
  return true;
}

static bool read_operands(parser *p, size_t *count) {
  *count = 0;
  if (!skip(p, "(")) return fail(p, "( expected");
  while (!skip(p, ")")) {
    if (*count && !skip(p, ", ")) return fail(p, "\", \" or ) expected");
    if (*count == p->operand_capacity) {
      size_t larger = *count ? *count * 2 : 16;
      il_value *grown = realloc(p->operands, larger * sizeof *grown);
      if (!grown) return memory(p);
      p->operands = grown;
      p->operand_capacity = larger;
    }
    if (!read_value(p, &p->operands[*count])) return false;
    (*count)++;
  }
  return true;
}

/* "  # "scope" reverse %3": sets what the graph gives to its next node. */
static bool read_remark(parser *p) {
  il_graph *g = p->g;
  g->origin = 0;
  g->direction = IL_FORWARD;
  p->word[0] = 0;
  if (skip(p, "  # ")) {
    if (!il_text_unquote(&p->at, p->word)) return fail(p, "a scope in quotes expected");
    if (skip(p, " forward "))
      g->direction = IL_FORWARD;
    else if (skip(p, " reverse "))
      g->direction = IL_REVERSE;
    else if (skip(p, " tangent "))
      g->direction = IL_TANGENT;
    else
      return *p->at == '\n' || fail(p, "forward, reverse, tangent or the end of the line expected");
    il_value origin = {0};
    if (!skip(p, "%0") && !read_value(p, &origin)) return false;
    g->origin = origin.id;
  }
  return true;
}

static bool end_line(parser *p) {
  if (!skip(p, "\n")) return fail(p, "end of the line expected");
  p->line++;
  return true;
}

/* The remark stands behind the shape, but belongs to the node before it is made. */
static bool finish_line(parser *p) {
  if (!read_remark(p)) return false;
  if (strcmp(p->g->scope, p->word) != 0) {
    const char *scope = il_arena_string(&p->g->arena, p->word);
    if (!scope) return memory(p);
    p->g->scope = scope;
  }
  return end_line(p);
}

static bool remember(parser *p, uint32_t number, il_value value) {
  if (p->count == p->capacity) {
    size_t larger = p->capacity ? p->capacity * 2 : 256;
    numbered *grown = realloc(p->values, larger * sizeof *grown);
    if (!grown) return memory(p);
    p->values = grown;
    p->capacity = larger;
  }
  p->values[p->count++] = (numbered){number, value};
  return true;
}

static bool read_input(parser *p, size_t operands, const char *attributes, il_value *value) {
  char attr[MAX_ATTR];
  const il_field *field;
  const il_op_info *info = p->g->ops[IL_OP_INPUT];
  if (operands) return fail(p, "an input without operands expected");
  const char *at = attributes;
  if (il_attr_read(&at, info, attr, 0, &field) != NULL) return fail(p, "{index=…} expected");
  il_attr_input input;
  memcpy(&input, attr, sizeof input);
  if (input.index != p->g->input_count) {
    il_fail(p->context, IL_ERROR_FORMAT,
            "il_graph_parse: line %ld: input with index %lld, expected %d", p->line,
            (long long)input.index, p->g->input_count);
    return false;
  }
  p->at = at;
  if (!skip(p, " name=")) return fail(p, "name=\"…\" expected");
  const char *quoted = p->at;
  if (!il_text_unquote(&p->at, p->word)) return fail(p, "a name in quotes expected");
  bool task = skip(p, " stage=task");
  if (!task && !skip(p, " stage=shared")) return fail(p, "stage=shared or stage=task expected");
  il_type type;
  il_shape shape;
  if (!read_type_shape(p, &type, &shape) || !finish_line(p)) return false;
  if (!il_text_unquote(&quoted, p->word)) return false; /* the remark has used the room meanwhile */
  *value = il_input(p->g, p->word, task ? IL_TASK : IL_SHARED, type, shape);
  return value->id != 0;
}

/* Finds the type and shape at the end first: the number of entries of an attribute depends on the rank.
 * Only inputs have strings before it, and they do not come here. */
static bool read_operation(parser *p, il_op op, size_t operands, il_value *value) {
  const il_op_info *info = p->g->ops[op];
  _Alignas(16) char attr[MAX_ATTR];
  if (info->attr_size > sizeof attr)
    return fail(p, "an operation with smaller attributes expected");
  const char *attributes = p->at;
  size_t length = 0;
  if (info->attr_size) {
    length = strcspn(attributes, "}\n");
    if (attributes[length] != '}') return fail(p, "attributes {…} expected");
    length++;
  }
  p->at = attributes + length;
  il_type type;
  il_shape shape;
  if (!read_type_shape(p, &type, &shape)) return false;
  const char *rest = p->at;
  const il_field *field;
  p->at = attributes;
  const char *problem = il_attr_read(&p->at, info, attr, shape.rank, &field);
  if (problem || p->at != attributes + length) {
    char sentence[160];
    snprintf(sentence, sizeof sentence, "%s %s%s%s", problem ? problem : "\" : \" expected",
             field ? "\"" : "", field ? field->name : "", field ? "\"" : "");
    return fail(p, sentence);
  }
  p->at = rest;
  char function[64];
  snprintf(function, sizeof function, "il_graph_parse: line %ld: %.24s", p->line, info->name);
  if (!finish_line(p)) return false;
  *value = il_node_make(p->g, function, op, (int)operands, p->operands,
                        info->attr_size ? attr : NULL, shape);
  if (!value->id) return false;
  const il_node *node = p->g->nodes[value->id];
  if (node->type == type && il_shape_equal(node->shape, shape)) return true;
  char found[96], expected[96];
  il_fail(p->context, IL_ERROR_FORMAT, "%s: result written as %s%s, but it is %s%s", function,
          il_type_name(type), il_shape_text(shape, found), il_type_name(node->type),
          il_shape_text(node->shape, expected));
  return false;
}

static bool read_node(parser *p) {
  uint32_t number;
  if (!read_id(p, &number)) return false;
  if (number <= (p->count ? p->values[p->count - 1].number : 0))
    return fail(p, "value numbers that start at 1 and ascend expected");
  if (!skip(p, " = ")) return fail(p, "\" = \" expected");
  size_t length = strspn(p->at, "abcdefghijklmnopqrstuvwxyz0123456789_");
  il_op op = il_op_by_name(p->at, length);
  if (op == IL_OP_NONE) return fail(p, "the name of an operation expected");
  p->at += length;
  size_t operands;
  if (!read_operands(p, &operands)) return false;
  if (operands > INT32_MAX) return fail(p, "fewer operands expected");
  il_value value = {0};
  bool read = op == IL_OP_INPUT ? read_input(p, operands, p->at, &value)
                                : read_operation(p, op, operands, &value);
  return read && remember(p, number, value);
}

static bool read_output(parser *p) {
  if (!il_text_unquote(&p->at, p->word)) return fail(p, "a name in quotes expected");
  if (!skip(p, " ")) return fail(p, "a space expected");
  il_value value;
  if (!read_value(p, &value) || !end_line(p)) return false;
  int before = p->g->output_count;
  il_output(p->g, p->word, value);
  return p->g->output_count > before;
}

/* ---- steps of loops ---- */

static bool read_count(parser *p, const char *name, int *count) {
  uint64_t number;
  char sentence[64];
  snprintf(sentence, sizeof sentence, "\"%s\" and a number below 2^27 expected", name);
  if (!skip(p, name) || !read_number(p, INT32_MAX / 16, &number)) return fail(p, sentence);
  *count = (int)number;
  return true;
}

static bool read_counts(parser *p, il_loop_body *counts) {
  if (!read_count(p, "states=", &counts->states)) return false;
  if (!skip(p, " pieces=[")) return fail(p, "\" pieces=[\" expected");
  while (!skip(p, "]")) {
    if (counts->sources == IL_LOOP_SOURCES)
      return fail(p, "at most 12 sources in pieces=[…] expected");
    if (counts->sources && !skip(p, ",")) return fail(p, ", or ] expected");
    if (!read_count(p, "", &counts->pieces[counts->sources++])) return false;
  }
  return read_count(p, " constants=", &counts->constants) &&
         read_count(p, " made=", &counts->made) && end_line(p);
}

/* What loop_body.h says of a step, and what those who make steps never leave out. The sentence of what is amiss, or NULL. */
static const char *unsound(const il_graph *g, const il_loop_body *b) {
  int64_t inputs = (int64_t)b->states + 1 + b->constants, elements = 0;
  for (int i = 0; i < b->sources; i++) {
    if (b->pieces[i] < 1) return "a source has no pieces";
    inputs += b->pieces[i];
  }
  if (b->states < 1) return "it has no state";
  if (g->input_count != inputs) return "its inputs are not as many as its counts say";
  if (g->output_count != (int64_t)b->states + b->made)
    return "its outputs are not as many as its counts say";
  const int step = il_loop_step_input(b);
  for (int i = 0, source = 0; i < g->input_count; i++) {
    const il_node *in = il_node_of(g, g->inputs[i].value);
    elements += il_shape_count(in->shape);
    if ((in->when == IL_PER_TASK) != (i <= step)) return "an input has the wrong stage";
    if ((i < b->states || i == step) && in->type != g->real) return "an input is not real";
    if (i == step && in->shape.rank != 0) return "the number of the step is not a scalar";
    while (source < b->sources && i >= il_loop_source_inputs(b, source + 1)) source++;
    if (i >= b->states && i < step &&
        in->type != il_node_of(g, g->inputs[il_loop_source_inputs(b, source)].value)->type)
      return "pieces of a row differ in type";
    if (elements > IL_MAX_COUNT) return "its inputs are too large";
  }
  elements = 0;
  for (int i = 0; i < g->output_count; i++) {
    const il_node *out = il_node_of(g, g->outputs[i].value);
    elements += il_shape_count(out->shape);
    if (out->type != g->real) return "an output is not real";
    if (i < b->states && !il_shape_equal(out->shape, il_node_of(g, g->inputs[i].value)->shape))
      return "the next state differs from the state in shape";
    if (elements > IL_MAX_COUNT) return "its outputs are too large";
  }
  return NULL;
}

static bool read_graph(parser *p);

static bool read_body(parser *p) {
  parser inner = {
      .context = p->context, .at = p->at, .line = p->line, .word = p->word, .depth = p->depth + 1};
  il_loop_body counts = {0};
  if (inner.depth > MAX_DEPTH) return fail(p, "loops at most 32 deep in each other expected");
  const bool read = read_counts(&inner, &counts) && read_graph(&inner);
  free(inner.values);
  free(inner.operands);
  p->at = inner.at;
  p->line = inner.line;
  const char *amiss = NULL;
  if (read && inner.g->real != p->g->real)
    amiss = "its numbers are of another type";
  else if (read)
    amiss = unsound(inner.g, &counts);
  if (read && !amiss && skip(p, "end") && end_line(p))
    return il_loop_body_add(p->g, il_loop_body_new(inner.g, counts));
  if (amiss)
    il_fail(p->context, IL_ERROR_FORMAT, "il_graph_parse: line %ld: the step of a loop: %s",
            p->line, amiss);
  else if (read)
    fail(p, "\"end\" expected");
  il_graph_free(inner.g);
  return false;
}

static bool read_graph(parser *p) {
  il_type real;
  if (!skip(p, "graph ")) return fail(p, "\"graph f32\" or \"graph f64\" expected");
  if (!read_type(p, &real)) return false;
  p->g = il_graph_new(p->context, real);
  if (!p->g || !end_line(p)) return false;
  p->g->no_fold = true; /* every node as it is written */
  while (skip(p, "body "))
    if (!read_body(p)) return false;
  while (*p->at == '%')
    if (!read_node(p)) return false;
  while (skip(p, "output "))
    if (!read_output(p)) return false;
  p->g->no_fold = false;
  p->g->scope = "";
  p->g->origin = 0;
  p->g->direction = IL_FORWARD;
  return true;
}

il_graph *il_graph_parse(il_context *context, const char *text) {
  parser p = {.context = context, .at = text, .line = 1};
  p.word = malloc(strlen(text) + 1);
  locale_t plain, before = il_text_enter(&plain);
  bool read = p.word && plain ? read_graph(&p) : memory(&p);
  if (read && *p.at) read = fail(&p, "a value or an output expected");
  il_text_leave(before, plain);
  free(p.word);
  free(p.values);
  free(p.operands);
  if (read) return p.g;
  il_graph_free(p.g);
  return NULL;
}
