/* Figures: marks kept in order, colours by what they are for. */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "plot/figure_marks.h"
#include "plot/plot_canvas.h"

/* On white, and on dark paper; told apart also by who sees fewer colours. */
static const struct {
  uint32_t light, dark;
} colour[IL_PAINT_COUNT] = {
    [IL_PAINT_INK] = {0x1b1f24, 0xe6edf3},        [IL_PAINT_SOFT] = {0x57606a, 0xa3adb8},
    [IL_PAINT_GRID] = {0xdfe4ea, 0x333b45},       [IL_PAINT_PAPER] = {0xffffff, 0x14181d},
    [IL_PAINT_SHADE] = {0xf3f5f8, 0x1e242b},      [IL_PAINT_GOOD] = {0x1a7f4b, 0x4cc38a},
    [IL_PAINT_BAD] = {0xc62f3b, 0xff7b7f},        [IL_PAINT_SERIES] = {0x2463b5, 0x6ea8fe},
    [IL_PAINT_SERIES + 1] = {0xcc6a0a, 0xffa657}, [IL_PAINT_SERIES + 2] = {0x1f8a70, 0x56d4b4},
    [IL_PAINT_SERIES + 3] = {0xa6338f, 0xe58bd6}, [IL_PAINT_SERIES + 4] = {0x6848d8, 0xb3a2ff},
    [IL_PAINT_SERIES + 5] = {0x6b7280, 0x9ca3af}};

il_paint il_paint_series(int index) { return (il_paint)(IL_PAINT_SERIES + index % 6); }

void il_paint_rgb(il_paint paint, double rgb[static 3]) {
  for (int i = 0; i < 3; i++) rgb[i] = (colour[paint].light >> (16 - 8 * i) & 255) / 255.0;
}

void il_paint_css(FILE *out) {
  fputs(":root{color-scheme:light dark", out);
  for (int i = 1; i < IL_PAINT_COUNT; i++) fprintf(out, ";--c%d:#%06x", i, colour[i].light);
  fputs("}\n@media screen and (prefers-color-scheme:dark){:root{", out);
  for (int i = 1; i < IL_PAINT_COUNT; i++) fprintf(out, "--c%d:#%06x;", i, colour[i].dark);
  fputs("}}\n", out);
  for (int i = 1; i < IL_PAINT_COUNT; i++)
    fprintf(out, ".f%d{fill:var(--c%d)}.s%d{stroke:var(--c%d);fill:none}", i, i, i, i);
  fputc('\n', out);
}

il_figure *il_figure_new(il_context *context, int width, const char *title) {
  il_figure *f = calloc(1, sizeof *f);
  if (!f) {
    il_fail_memory(context, "a figure");
    return NULL;
  }
  *f = (il_figure){.context = context, .width = width};
  f->title = il_arena_string(&f->arena, title);
  f->failed = !f->title;
  f->measured = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1);
  f->c = cairo_create(f->measured);
  return f;
}

void il_figure_free(il_figure *f) {
  if (!f) return;
  cairo_destroy(f->c);
  cairo_surface_destroy(f->measured);
  il_arena_free(&f->arena);
  free(f->mark);
  free(f);
}

int il_figure_width(const il_figure *f) { return (int)f->width; }
void il_figure_height(il_figure *f, double height) { f->height = ceil(height); }

static void add(il_figure *f, const il_mark *mark) {
  if (f->count == f->room) {
    const int room = f->room ? 2 * f->room : 256;
    il_mark *more = realloc(f->mark, (size_t)room * sizeof *more);
    if (!more) {
      f->failed = true;
      return;
    }
    f->mark = more;
    f->room = room;
  }
  f->mark[f->count++] = *mark;
}

static void *keep(il_figure *f, const void *from, size_t size) {
  void *kept = il_arena_alloc(&f->arena, size);
  if (kept)
    memcpy(kept, from, size);
  else
    f->failed = true;
  return kept;
}

double *il_figure_points(il_figure *f, int count) {
  double *xy = il_arena_alloc(&f->arena, 2 * ((size_t)count + 1) * sizeof *xy);
  f->failed |= !xy;
  return xy;
}

void il_figure_line(il_figure *f, il_paint paint, double width, bool dashed, int count,
                    const double *xy) {
  if (count < 2) return;
  const double *kept = keep(f, xy, 2 * (size_t)count * sizeof *xy);
  if (kept)
    add(f, &(il_mark){.kind = IL_MARK_LINE,
                      .paint = paint,
                      .size = width,
                      .dashed = dashed,
                      .alpha = 1,
                      .count = count,
                      .xy = kept});
}

void il_figure_area(il_figure *f, il_paint paint, double alpha, int count, const double *xy) {
  if (count < 3) return;
  const double *kept = keep(f, xy, 2 * (size_t)count * sizeof *xy);
  if (kept)
    add(f, &(il_mark){
               .kind = IL_MARK_AREA, .paint = paint, .alpha = alpha, .count = count, .xy = kept});
}

void il_figure_box(il_figure *f, il_paint paint, double alpha, double x, double y, double width,
                   double height) {
  add(f, &(il_mark){.kind = IL_MARK_BOX,
                    .paint = paint,
                    .alpha = alpha,
                    .x = x,
                    .y = y,
                    .width = width,
                    .height = height});
}

void il_figure_frame(il_figure *f, il_paint paint, double line, double x, double y, double width,
                     double height) {
  add(f, &(il_mark){.kind = IL_MARK_FRAME,
                    .paint = paint,
                    .size = line,
                    .alpha = 1,
                    .x = x,
                    .y = y,
                    .width = width,
                    .height = height});
}

void il_figure_dot(il_figure *f, il_paint paint, bool ring, double radius, double x, double y) {
  add(f, &(il_mark){.kind = ring ? IL_MARK_RING : IL_MARK_DOT,
                    .paint = paint,
                    .size = radius,
                    .alpha = 1,
                    .x = x,
                    .y = y});
}

static double measure(const il_figure *f, const char *words) {
  cairo_text_extents_t size;
  cairo_text_extents(f->c, words, &size);
  return size.x_advance;
}

/* Leaves out the end of a text, or its beginning, so that it fits. */
static double shorten(const il_figure *f, char *text, bool beginning, double within) {
  static const char dots[] = "…";
  const size_t dot = sizeof dots - 1;
  size_t length = strlen(text);
  double width = measure(f, text);
  char *kept = text; /* of the original, where the beginning goes */
  while (1.04 * width > within && length > 0) {
    if (beginning) {
      do {
        kept++;
        length--;
      } while (length && ((unsigned char)*kept & 0xc0) == 0x80);
      if (kept - text < (ptrdiff_t)dot) continue; /* no room for the dots yet */
      memcpy(kept - dot, dots, dot);
      width = measure(f, kept - dot);
    } else {
      do length--;
      while (length && ((unsigned char)text[length] & 0xc0) == 0x80);
      memcpy(text + length, dots, sizeof dots);
      width = measure(f, text);
    }
  }
  if (beginning && kept - text >= (ptrdiff_t)dot) memmove(text, kept - dot, length + sizeof dots);
  return width;
}

double il_figure_text(il_figure *f, il_paint paint, double size, bool bold, double align,
                      double within, double x, double y, const char *words) {
  size_t length = strlen(words);
  char *text = il_arena_alloc(&f->arena, length + sizeof "…");
  if (!text) {
    f->failed = true;
    return 0;
  }
  memcpy(text, words, length + 1);
  for (char *at = text; *at;) { /* cairo draws nothing at all where a byte is wrong */
    const size_t n = il_utf8_character(at);
    if (n == 0 || (unsigned char)*at < 0x20) *at = '?';
    at += n ? n : 1;
  }
  il_canvas_font(f->c, bold, size);
  /* A reader's letters may be a little wider than those that are measured here. */
  double width = measure(f, text);
  if (within > 0 && 1.04 * width > within) width = shorten(f, text, align >= 1, within);
  add(f, &(il_mark){.kind = IL_MARK_TEXT,
                    .paint = paint,
                    .size = size,
                    .bold = bold,
                    .alpha = 1,
                    .align = align,
                    .x = x,
                    .y = y,
                    .words = text});
  return width;
}

void il_figure_picture(il_figure *f, double x, double y, double width, double height, int rows,
                       int columns, int channels, const uint8_t *pixels) {
  const uint8_t *kept = keep(f, pixels, (size_t)rows * (size_t)columns * (size_t)channels);
  if (kept)
    add(f, &(il_mark){.kind = IL_MARK_PICTURE,
                      .alpha = 1,
                      .x = x,
                      .y = y,
                      .width = width,
                      .height = height,
                      .rows = rows,
                      .columns = columns,
                      .channels = channels,
                      .pixels = kept});
}
