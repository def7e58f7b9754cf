/* Glyphs: drawn alphabets that need no file. A class is a few curved strokes between points of a loose grid,
 * in the style of its alphabet; a writer has a hand (slant, pen, size) and repeats nothing exactly. In colour,
 * every drawing has its own ink and paper, which say nothing about its class. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/elementary.h"
#include "base/random.h"
#include "data/class_tasks.h"
#include "data/source.h"

enum { MAX_STROKES = 5, MAX_POINTS = 9, STEPS = 7, NAME_SIZE = 40, COUNT_MAX = 100000 };

/* All lengths below are in pixels of a 28×28 drawing. */
static const double UNIT_SIDE = 28;

typedef struct style {
  double curviness, strokes, length, width,
      joined; /* joined: how often a stroke starts on an older one */
  int columns, rows;
} style;

/* Quadratic curves end to end: points 0, 2, 4 … lie on the stroke, those between pull it. */
typedef struct stroke {
  int points;
  double x[MAX_POINTS], y[MAX_POINTS];
} stroke;

typedef struct glyph {
  int strokes;
  stroke stroke[MAX_STROKES];
} glyph;

typedef struct hand {
  double slant, turn, pen, size, stretch, unrest;
} hand;

static double between(il_random *random, double low, double high) {
  return low + (high - low) * il_random_uniform01(random);
}

static style draw_style(il_random *random) {
  return (style){.curviness = between(random, 0.05, 0.9),
                 .strokes = between(random, 1.3, 3.4),
                 .length = between(random, 1.2, 2.6),
                 .width = between(random, 0.65, 1.0),
                 .joined = between(random, 0.3, 0.9),
                 .columns = 2 + (int)il_random_below(random, 3),
                 .rows = 3 + (int)il_random_below(random, 2)};
}

static void draw_anchor(il_random *random, const style *s, double *x, double *y) {
  double column = il_random_below(random, (uint32_t)s->columns),
         row = il_random_below(random, (uint32_t)s->rows);
  *x = 0.5 + s->width * (column / (s->columns - 1) - 0.5) + between(random, -0.06, 0.06);
  *y = row / (s->rows - 1) + between(random, -0.06, 0.06);
}

/* Not hypot, which rounds otherwise on other machines. */
static double distance(double x, double y) { return sqrt(x * x + y * y); }

static int draw_count(il_random *random, double mean, int most) {
  int count = (int)(mean + between(random, -0.2, 1.2));
  return count < 1 ? 1 : count > most ? most : count;
}

static void draw_stroke(il_random *random, const style *s, const glyph *older, stroke *k) {
  if (older->strokes > 0 && il_random_uniform01(random) < s->joined) {
    const stroke *other = &older->stroke[il_random_below(random, (uint32_t)older->strokes)];
    int at = 2 * (int)il_random_below(random, (uint32_t)(other->points / 2 + 1));
    k->x[0] = other->x[at];
    k->y[0] = other->y[at];
  } else {
    draw_anchor(random, s, &k->x[0], &k->y[0]);
  }
  int curves = draw_count(random, s->length, (MAX_POINTS - 1) / 2);
  double side = il_random_below(random, 2) ? 1 : -1;
  for (int c = 0; c < curves; c++) {
    double x0 = k->x[2 * c], y0 = k->y[2 * c], x1, y1;
    int tries = 0;
    do draw_anchor(random, s, &x1, &y1);
    while (distance(x1 - x0, y1 - y0) < 0.33 && ++tries < 8);
    /* Bends mostly go on the same way, as in written curves; one of four turns round. */
    if (il_random_below(random, 4) == 0) side = -side;
    double bend = side * s->curviness * between(random, 0.2, 1.0);
    k->x[2 * c + 1] = (x0 + x1) / 2 + bend * (y0 - y1);
    k->y[2 * c + 1] = (y0 + y1) / 2 + bend * (x1 - x0);
    k->x[2 * c + 2] = x1;
    k->y[2 * c + 2] = y1;
  }
  k->points = 2 * curves + 1;
}

/* A lone short line says too little to be told from the next one: those glyphs are drawn again. */
static void draw_glyph(il_random *random, const style *s, glyph *g) {
  double length;
  do {
    int strokes = draw_count(random, s->strokes, MAX_STROKES);
    length = 0;
    for (g->strokes = 0; g->strokes < strokes; g->strokes++) {
      stroke *k = &g->stroke[g->strokes];
      draw_stroke(random, s, g, k);
      for (int i = 2; i < k->points; i += 2)
        length += distance(k->x[i] - k->x[i - 2], k->y[i] - k->y[i - 2]);
    }
  } while (length < 1.1);
}

static hand draw_hand(il_random *random) {
  return (hand){.slant = 0.16 * il_random_normal01(random),
                .turn = 0.07 * il_random_normal01(random),
                .pen = between(random, 0.65, 1.25),
                .size = between(random, 0.62, 0.86),
                .stretch = il_double_exp(0.12 * il_random_normal01(random)),
                .unrest = between(random, 0.02, 0.06)};
}

/* Darkens the pixels near the segment; coverage falls from 1 to 0 over one pixel at the pen's edge. */
static void ink(uint8_t *image, int side, double x0, double y0, double x1, double y1, double pen) {
  double reach = pen + 0.5, dx = x1 - x0, dy = y1 - y0, square = dx * dx + dy * dy;
  int left = (int)fmax(0, ceil(fmin(x0, x1) - reach)),
      right = (int)fmin(side - 1, floor(fmax(x0, x1) + reach));
  int top = (int)fmax(0, ceil(fmin(y0, y1) - reach)),
      bottom = (int)fmin(side - 1, floor(fmax(y0, y1) + reach));
  for (int y = top; y <= bottom; y++)
    for (int x = left; x <= right; x++) {
      double t = square > 0 ? ((x - x0) * dx + (y - y0) * dy) / square : 0;
      t = t < 0 ? 0 : t > 1 ? 1 : t;
      double ex = x - x0 - t * dx, ey = y - y0 - t * dy, distance = ex * ex + ey * ey;
      if (distance >= reach * reach) continue;
      double cover = reach - sqrt(distance);
      uint8_t value = (uint8_t)(255 * (cover > 1 ? 1 : cover) + 0.5);
      if (value > image[y * side + x]) image[y * side + x] = value;
    }
}

static void write_glyph(il_random *random, const glyph *g, const hand *h, int side,
                        uint8_t *image) {
  double turn = h->turn + 0.06 * il_random_normal01(random),
         slant = h->slant + 0.06 * il_random_normal01(random);
  double unit = side / UNIT_SIDE;
  double size = unit * (UNIT_SIDE - 6) * h->size * il_double_exp(0.07 * il_random_normal01(random));
  double c = il_double_cos(turn) * size, s = il_double_sin(turn) * size,
         pen = unit * h->pen * between(random, 0.9, 1.1);
  double cx = (side - 1) / 2.0 + unit * 1.1 * il_random_normal01(random);
  double cy = (side - 1) / 2.0 + unit * 1.1 * il_random_normal01(random);
  for (int k = 0; k < g->strokes; k++) {
    const stroke *from = &g->stroke[k];
    double px[MAX_POINTS], py[MAX_POINTS];
    /* A stroke is misplaced as a whole, then each of its points. */
    double mx = h->unrest * il_random_normal01(random), my = h->unrest * il_random_normal01(random);
    for (int i = 0; i < from->points; i++) {
      double x = from->x[i] - 0.5 + mx + h->unrest * il_random_normal01(random);
      double y = from->y[i] - 0.5 + my + h->unrest * il_random_normal01(random);
      x = x * h->stretch - slant * y;
      px[i] = cx + c * x - s * y;
      py[i] = cy + s * x + c * y;
    }
    /* cppcheck-suppress uninitvar ; a stroke has points */
    double x0 = px[0], y0 = py[0];
    for (int i = 0; i + 2 < from->points; i += 2)
      for (int step = 1; step <= STEPS; step++) {
        double t = (double)step / STEPS, a = (1 - t) * (1 - t), b = 2 * t * (1 - t), d = t * t;
        double x1 = a * px[i] + b * px[i + 1] + d * px[i + 2];
        double y1 = a * py[i] + b * py[i + 1] + d * py[i + 2];
        ink(image, side, x0, y0, x1, y1, pen);
        x0 = x1;
        y0 = y1;
      }
  }
}

/* Paints a drawing's coverage (0 to 255), in place at the end of `image`, as ink on paper. */
static void paint(il_random *random, int side, uint8_t *image) {
  double ground[3], pen[3], contrast;
  do {
    contrast = 0;
    for (int c = 0; c < 3; c++) {
      ground[c] = between(random, 0, 255);
      pen[c] = between(random, 0, 255);
      contrast += fabs(pen[c] - ground[c]);
    }
  } while (contrast < 150);
  const uint8_t *cover = image + 2 * side * side;
  for (int i = 0; i < side * side; i++) {
    const double share =
        cover[i] / 255.0; /* read before the pixel's last channel may overwrite it */
    for (int c = 0; c < 3; c++)
      image[3 * i + c] = (uint8_t)(ground[c] + share * (pen[c] - ground[c]) + 0.5);
  }
}

static void draw_alphabet(const il_glyphs *spec, int alphabet, hand *hands, uint8_t *images) {
  const uint64_t seed = il_random_mix(spec->seed, 0x676c79706873u /* "glyphs" */);
  il_random random = il_random_start(seed, (uint64_t)alphabet);
  il_random colours = il_random_start(seed ^ 0x696e6bu /* "ink" */, (uint64_t)alphabet);
  const int pixels = spec->side * spec->side;
  style s = draw_style(&random);
  for (int w = 0; w < spec->writers; w++) hands[w] = draw_hand(&random);
  for (int c = 0; c < spec->classes; c++) {
    glyph g;
    draw_glyph(&random, &s, &g);
    for (int w = 0; w < spec->writers; w++, images += (size_t)pixels * (size_t)spec->channels) {
      write_glyph(&random, &g, &hands[w], spec->side, images + (spec->channels - 1) * pixels);
      if (spec->channels == 3) paint(&colours, spec->side, images);
    }
  }
}

static bool within(int value, int low, int high) { return value >= low && value <= high; }

static int64_t images_of(il_context *context, const il_glyphs *spec) {
  int64_t count = -1;
  if (within(spec->alphabets, 1, COUNT_MAX) && within(spec->classes, 1, COUNT_MAX) &&
      within(spec->writers, 1, COUNT_MAX))
    count = (int64_t)spec->alphabets * spec->classes * spec->writers;
  if (count < 1 || count > COUNT_MAX * (int64_t)20) {
    il_fail(context, IL_ERROR_ARGUMENT,
            "glyphs of %d alphabets × %d classes × %d writers: expected at least 1 of each and at "
            "most %d images",
            spec->alphabets, spec->classes, spec->writers, COUNT_MAX * 20);
    return -1;
  }
  if (!within(spec->side, 8, 512) || (spec->channels != 1 && spec->channels != 3)) {
    il_fail(context, IL_ERROR_ARGUMENT,
            "glyphs of %d × %d pixels, %d channels: expected 8 to 512 pixels, 1 or 3 channels",
            spec->side, spec->side, spec->channels);
    return -1;
  }
  return count;
}

il_dataset *il_dataset_glyphs(il_context *context, const il_glyphs *spec) {
  const int64_t count = images_of(context, spec);
  if (count < 0) return NULL;
  const size_t classes = (size_t)spec->alphabets * (size_t)spec->classes;
  const size_t image_bytes = (size_t)spec->side * (size_t)spec->side * (size_t)spec->channels;
  uint8_t *images = calloc((size_t)count, image_bytes);
  int32_t *start = malloc((classes + 1) * sizeof *start);
  hand *hands = malloc((size_t)spec->writers * sizeof *hands);
  char(*names)[NAME_SIZE] = malloc(classes * sizeof *names);
  const char **name = malloc(2 * classes * sizeof *name);
  il_dataset *dataset = NULL;
  if (images && start && hands && names && name) {
    size_t alphabet_bytes = (size_t)spec->classes * (size_t)spec->writers * image_bytes;
    for (int a = 0; a < spec->alphabets; a++)
      draw_alphabet(spec, a, hands, images + (size_t)a * alphabet_bytes);
    /* Three of five alphabets are "background", as 30 of 50 are in Omniglot. */
    int background = (3 * spec->alphabets + 4) / 5;
    for (size_t c = 0; c <= classes; c++) start[c] = (int32_t)(c * (size_t)spec->writers);
    for (size_t c = 0; c < classes; c++) {
      int a = (int)(c / (size_t)spec->classes), k = (int)(c % (size_t)spec->classes);
      snprintf(names[c], NAME_SIZE, "Glyph%02d/character%02d", a + 1, k + 1);
      name[c] = names[c];
      name[classes + c] = a < background ? "background" : "evaluation";
    }
    dataset = il_dataset_take(
        context, &(il_dataset_parts){.examples = images,
                                     .start = start,
                                     .classes = (int)classes,
                                     .type = IL_UINT8,
                                     .example = IL_SHAPE(spec->side, spec->side, spec->channels),
                                     .name = name,
                                     .origin = name + classes});
  } else {
    free(images);
    free(start);
    il_fail_memory(context, "drawn alphabets");
  }
  free(hands);
  free(names);
  free(name);
  return dataset;
}

/* ---- as a source ---- */

static const il_field fields[] = {
    IL_FIELD(il_glyphs, alphabets, IL_FIELD_INT32, "20", 1, 1000, NULL, "drawn alphabets"),
    IL_FIELD(il_glyphs, classes, IL_FIELD_INT32, "20", 1, 1000, NULL,
             "characters per drawn alphabet"),
    IL_FIELD(il_glyphs, writers, IL_FIELD_INT32, "20", 2, 1000, NULL, "examples per character"),
    IL_FIELD(il_glyphs, side, IL_FIELD_INT32, "28", 8, 512, NULL,
             "height and width of a drawing in pixels"),
    IL_FIELD(il_glyphs, channels, IL_FIELD_INT32, "1", 1, 3, NULL,
             "1: white on black; 3: each drawing in its own colours"),
    IL_FIELD(il_glyphs, seed, IL_FIELD_INT64, "1", 0, 9e15, NULL, "seed of the drawing"),
    {0}};

static il_dataset *dataset(il_context *context, const void *settings, const char *data) {
  (void)data;
  return il_dataset_glyphs(context, settings);
}

static void *open_source(il_context *context, const void *settings, const il_source_options *o) {
  const il_glyphs *spec = settings;
  il_dataset *d = o->shapes_only ? NULL : il_dataset_glyphs(context, spec);
  if (!d && !o->shapes_only) return NULL;
  return il_class_tasks_open(context, d, IL_SHAPE(spec->side, spec->side, spec->channels), o);
}

const il_source il_source_glyphs = {.name = "glyphs",
                                    .doc = "built-in drawn alphabets, no download",
                                    .size = sizeof(il_glyphs),
                                    .fields = fields,
                                    .open = open_source,
                                    .dataset = dataset,
                                    IL_CLASS_TASKS};
