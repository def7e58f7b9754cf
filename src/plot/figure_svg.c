/* A figure as SVG inside a page: words stay words, colours are classes of the page's style sheet. */
#include <stdlib.h>
#include <string.h>

#include "image/image.h"
#include "plot/figure_marks.h"
#include "plot/xml_text.h"

/* A number with two digits behind the point at most. */
static void number(FILE *out, double value) {
  char text[40];
  snprintf(text, sizeof text, "%.2f", value);
  size_t length = strlen(text);
  while (length && text[length - 1] == '0') length--;
  if (length && text[length - 1] == '.') length--;
  if (length == 2 && !memcmp(text, "-0", 2)) memcpy(text, "0", length = 1);
  fwrite(text, 1, length, out);
}

static void attribute(FILE *out, const char *name, double value) {
  fprintf(out, " %s=\"", name);
  number(out, value);
  fputc('"', out);
}

static void points(FILE *out, const il_mark *m) {
  for (int i = 0; i < m->count; i++) {
    if (i) fputc(' ', out);
    number(out, m->xy[2 * i]);
    fputc(',', out);
    number(out, m->xy[2 * i + 1]);
  }
}

static void base64(FILE *out, const unsigned char *data, size_t size) {
  static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < size; i += 3) {
    uint32_t three = (uint32_t)data[i] << 16;
    if (i + 1 < size) three |= (uint32_t)data[i + 1] << 8;
    if (i + 2 < size) three |= data[i + 2];
    fputc(digit[three >> 18], out);
    fputc(digit[three >> 12 & 63], out);
    fputc(i + 1 < size ? digit[three >> 6 & 63] : '=', out);
    fputc(i + 2 < size ? digit[three & 63] : '=', out);
  }
}

static il_status picture(const il_figure *f, FILE *out, const il_mark *m) {
  void *bytes;
  size_t size = 0;
  const il_status status = il_png_encode(f->context, "a picture of a figure", m->rows, m->columns,
                                         m->channels, m->pixels, &bytes, &size);
  if (status != IL_OK) return status;
  fputs("<image preserveAspectRatio=\"none\"", out);
  attribute(out, "x", m->x);
  attribute(out, "y", m->y);
  attribute(out, "width", m->width);
  attribute(out, "height", m->height);
  fputs(" href=\"data:image/png;base64,", out);
  base64(out, bytes, size);
  fputs("\"/>", out);
  free(bytes);
  return IL_OK;
}

static void rectangle(FILE *out, const il_mark *m) {
  fprintf(out, "<rect class=\"%c%d\"", m->kind == IL_MARK_BOX ? 'f' : 's', (int)m->paint);
  if (m->kind == IL_MARK_FRAME) attribute(out, "stroke-width", m->size);
  if (m->alpha < 1) attribute(out, "opacity", m->alpha);
  attribute(out, "x", m->x);
  attribute(out, "y", m->y);
  attribute(out, "width", m->width);
  attribute(out, "height", m->height);
  fputs("/>", out);
}

static void text(FILE *out, const il_mark *m) {
  fprintf(out, "<text class=\"f%d\"", (int)m->paint);
  if (m->align > 0) fprintf(out, " text-anchor=\"%s\"", m->align < 1 ? "middle" : "end");
  if (m->bold) fputs(" font-weight=\"600\"", out);
  attribute(out, "font-size", m->size);
  attribute(out, "x", m->x);
  attribute(out, "y", m->y);
  fputc('>', out);
  il_xml_text(out, m->words);
  fputs("</text>", out);
}

il_status il_figure_svg(const il_figure *f, FILE *out, const char *words) {
  if (f->failed) return il_fail_memory(f->context, "a figure");
  il_status status = IL_OK;
  fprintf(
      out,
      "<svg viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" role=\"img\" aria-label=\"",
      f->width, f->height, f->width, f->height);
  il_xml_text(out, words);
  fputs("\">", out);
  for (int i = 0; i < f->count && status == IL_OK; i++) {
    const il_mark *m = &f->mark[i];
    switch (m->kind) {
    case IL_MARK_LINE:
      fprintf(out, "<polyline class=\"s%d\"%s", (int)m->paint,
              m->dashed ? " stroke-dasharray=\"5 4\"" : "");
      attribute(out, "stroke-width", m->size);
      fputs(" points=\"", out);
      points(out, m);
      fputs("\"/>", out);
      break;
    case IL_MARK_AREA:
      fprintf(out, "<polygon class=\"f%d\"", (int)m->paint);
      attribute(out, "opacity", m->alpha);
      fputs(" points=\"", out);
      points(out, m);
      fputs("\"/>", out);
      break;
    case IL_MARK_BOX:
    case IL_MARK_FRAME: rectangle(out, m); break;
    case IL_MARK_DOT:
    case IL_MARK_RING:
      fprintf(out, "<circle class=\"%c%d\"", m->kind == IL_MARK_DOT ? 'f' : 's', (int)m->paint);
      if (m->kind == IL_MARK_RING) attribute(out, "stroke-width", 1.3);
      attribute(out, "cx", m->x);
      attribute(out, "cy", m->y);
      attribute(out, "r", m->size);
      fputs("/>", out);
      break;
    case IL_MARK_TEXT: text(out, m); break;
    case IL_MARK_PICTURE: status = picture(f, out, m); break;
    }
  }
  fputs("</svg>\n", out);
  return status;
}
