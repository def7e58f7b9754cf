/* The text form of a graph, one node a line; il_graph_parse reads exactly this:
 *   graph f32
 *   %1 = input() {index=0} name="w" stage=shared : f32[3,4]
 *   %7 = neg(%1) : f32[3,4]  # "conv2 · inner step 1" reverse %3
 *   output "loss" %7
 * Steps of its loops (graph/loop_body.h) stand before the values, in their order, each a graph like any other:
 *   body states=2 pieces=[3,1] constants=4 made=0
 *   graph f32
 *   ...
 *   end
 * The remark behind # is the scope and, for derivatives, the value they belong to. */
#include <stdlib.h>
#include <string.h>

#include "base/room.h"
#include "graph/attr.h"
#include "graph/loop_body.h"
#include "graph/text.h"

void il_text_quote(FILE *out, const char *text) {
  fputc('"', out);
  for (; *text; text++) {
    unsigned char c = (unsigned char)*text;
    if (c < 32 || c == 127)
      fprintf(out, "\\x%02x", c);
    else if (c == '"' || c == '\\')
      fprintf(out, "\\%c", c);
    else
      fputc(c, out);
  }
  fputc('"', out);
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool il_text_unquote(const char **text, char *buffer) {
  const char *at = *text;
  if (*at++ != '"') return false;
  for (; *at != '"'; at++) {
    unsigned char c = (unsigned char)*at;
    if (c < 32 || c == 127) return false; /* also the end of the text */
    if (c == '\\') {
      at++;
      if (*at == 'x') {
        int high = hex_digit(at[1]), low = high < 0 ? -1 : hex_digit(at[2]);
        if (low < 0 || high * 16 + low == 0) return false;
        c = (unsigned char)(high * 16 + low);
        at += 2;
      } else if (*at == '"' || *at == '\\') {
        c = (unsigned char)*at;
      } else {
        return false;
      }
    }
    *buffer++ = (char)c;
  }
  *buffer = 0;
  *text = at + 1;
  return true;
}

static void write_node(FILE *out, const il_graph *g, uint32_t id) {
  static const char *const directions[] = {"forward", "reverse", "tangent"};
  const il_node *node = g->nodes[id];
  const il_op_info *info = g->ops[node->op];
  fprintf(out, "%%%u = %s(", id, info->name);
  for (int i = 0; i < node->inputs; i++) fprintf(out, i ? ", %%%u" : "%%%u", node->input[i].id);
  fputc(')', out);
  il_attr_write(out, info, node->attr, node->shape.rank);
  if (node->op == IL_OP_INPUT) {
    int64_t index = ((const il_attr_input *)node->attr)->index;
    fputs(" name=", out);
    il_text_quote(out, g->inputs[index].name);
    fputs(node->when == IL_PER_TASK ? " stage=task" : " stage=shared", out);
  }
  char shape[96];
  fprintf(out, " : %s%s", il_type_name(node->type), il_shape_text(node->shape, shape));
  if (node->scope[0] || node->origin || node->direction != IL_FORWARD) {
    fputs("  # ", out);
    il_text_quote(out, node->scope);
    if (node->origin || node->direction != IL_FORWARD)
      fprintf(out, " %s %%%u", directions[node->direction], node->origin);
  }
  fputc('\n', out);
}

static void write_graph(FILE *out, const il_graph *g) {
  fprintf(out, "graph %s\n", il_type_name(g->real));
  for (int i = 0; i < g->body_count; i++) {
    const il_loop_body *body = g->bodies[i];
    fprintf(out, "body states=%d pieces=[", body->states);
    for (int k = 0; k < body->sources; k++) fprintf(out, k ? ",%d" : "%d", body->pieces[k]);
    fprintf(out, "] constants=%d made=%d\n", body->constants, body->made);
    write_graph(out, body->graph);
    fputs("end\n", out);
  }
  for (uint32_t id = 1; id <= g->size; id++) write_node(out, g, id);
  for (int i = 0; i < g->output_count; i++) {
    fputs("output ", out);
    il_text_quote(out, g->outputs[i].name);
    fprintf(out, " %%%u\n", g->outputs[i].value.id);
  }
}

char *il_graph_dump(const il_graph *graph) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (!out) {
    il_fail_memory(graph->context, "the text of a graph");
    return NULL;
  }
  locale_t plain, before = il_text_enter(&plain);
  write_graph(out, graph);
  il_text_leave(before, plain);
  if (il_text_close(out, &text) != 0 || !plain) {
    free(text);
    il_fail_memory(graph->context, "the text of a graph");
    return NULL;
  }
  return text;
}
