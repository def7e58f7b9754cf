/* Augmented copies of images: all draws of an image come from one stream, in the order of the settings, so that a
 * copy is a pure function of (seed, use, example). Float images are computed as they are, u8 rounded once. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/elementary.h"
#include "base/error.h"
#include "data/augment.h"
#include "data/samples.h"

il_status il_augment_check(il_context *context, const il_augment *a, il_shape example) {
  const bool image = a->rotate || a->flip_horizontal || a->flip_vertical || a->degrees > 0 ||
                     a->scale > 0 || a->shear > 0 || a->stretch > 0 || a->elastic > 0,
             place = a->crop || a->shift > 0 || a->erase > 0;
  if (image && example.rank != 3)
    return il_fail(context, IL_ERROR_CONFIG,
                   "augmentation by turns, flips and scale needs images [h,w,c], but an example is "
                   "%s; jitter and gain%s fit",
                   example.rank == 2 ? "a signal" : "a list of features",
                   example.rank == 2 ? ", crop, shift and erase" : "");
  if (place && example.rank == 1)
    return il_fail(
        context, IL_ERROR_CONFIG,
        "augmentation by crop, shift and erase needs images or signals, but an example is "
        "a list of features; jitter and gain fit");
  if (a->rotate && example.dim[0] != example.dim[1])
    return il_fail(context, IL_ERROR_CONFIG,
                   "augmentation by quarter turns needs square images, found %lldx%lld",
                   (long long)example.dim[0], (long long)example.dim[1]);
  if (a->crop < 0 || a->crop > 1024 || !(a->degrees >= 0 && a->degrees <= 180) ||
      !(a->shift >= 0 && a->shift <= 1) || !(a->scale >= 0 && a->scale < 1) ||
      !(a->shear >= 0 && a->shear < 1) || !(a->stretch >= 0 && a->stretch < 1) ||
      !(a->elastic >= 0 && a->elastic <= 1) || !(a->erase >= 0 && a->erase <= 1) ||
      !(a->jitter >= 0 && a->jitter <= 10) || !(a->gain >= 0 && a->gain < 1))
    return il_fail(
        context, IL_ERROR_CONFIG,
        "augmentation: crop %d, degrees %g, shift %g, scale %g, shear %g, stretch %g, elastic %g, "
        "erase %g, jitter %g, gain %g; expected crop 0 to 1024, degrees 0 to 180, shift, elastic "
        "and erase 0 to 1, jitter 0 to 10, scale, shear, stretch and gain 0 to less than 1",
        a->crop, a->degrees, a->shift, a->scale, a->shear, a->stretch, a->elastic, a->erase,
        a->jitter, a->gain);
  return IL_OK;
}

/* Pixel (i, j) of `out` is pixel origin + i·row + j·column of `in`. Inlined with a constant pixel size, so that a pixel
 * is moved by one load and one store. */
static inline void turn(const char *in, ptrdiff_t side, const ptrdiff_t step[3], size_t pixel_bytes,
                        char *out) {
  for (ptrdiff_t i = 0; i < side; i++) {
    const char *from = in + (step[0] + i * step[1]) * (ptrdiff_t)pixel_bytes;
    for (ptrdiff_t j = 0; j < side; j++, out += pixel_bytes)
      memcpy(out, from + j * step[2] * (ptrdiff_t)pixel_bytes, pixel_bytes);
  }
}

void il_image_turn(const void *in, int side, size_t pixel_bytes, int turns, void *out) {
  const ptrdiff_t n = side;
  const ptrdiff_t step[4][3] = {{0, n, 1}, {n - 1, -1, n}, {n * n - 1, -n, -1}, {n * n - n, 1, -n}};
  switch (pixel_bytes) {
  case 1: turn(in, n, step[turns], 1, out); break;                         /* grey, u8 */
  case 3: turn(in, n, step[turns], 3, out); break;                         /* RGB, u8 */
  case sizeof(float): turn(in, n, step[turns], sizeof(float), out); break; /* grey, float */
  default: turn(in, n, step[turns], pixel_bytes, out);
  }
}

enum { GRID = 5 }; /* points of an elastic grid along a side */

/* What was drawn for one image. */
typedef struct drawn {
  int turns;
  bool mirrored, upside_down;
  int dy, dx; /* of the crop: the pixel at (0, 0) comes from (dy, dx) */
  bool affine;
  double m[4], t[2]; /* source = m·(target − centre) + centre + t, in (y, x), */
  bool elastic;      /* plus what the grid says at target */
  double grid[GRID][GRID][2];
  int top, left, bottom, right; /* erased: rows [top, bottom), columns [left, right) */
} drawn;

static double between(il_random *r, double size) { return size * (2 * il_random_uniform01(r) - 1); }

static void draw_affine(const il_augment *a, const int size[3], il_random *r, drawn *d) {
  double angle = between(r, a->degrees) * (3.14159265358979323846 / 180);
  double grown = 1 + between(r, a->scale);
  d->affine = true;
  d->m[0] = d->m[3] = il_double_cos(angle) / grown;
  d->m[1] = il_double_sin(angle) / grown;
  d->m[2] = -d->m[1];
  d->t[0] = between(r, a->shift) * size[0];
  d->t[1] = between(r, a->shift) * size[1];
  if (a->shear > 0) {
    const double along = between(r, a->shear), across = between(r, a->shear),
                 wider = sqrt(1 - along * across); /* areas stay as they are */
    for (int i = 0; i < 4; i += 2) {
      const double kept = d->m[i];
      d->m[i] = (kept + along * d->m[i + 1]) / wider;
      d->m[i + 1] = (d->m[i + 1] + across * kept) / wider;
    }
  }
  if (a->stretch > 0) {
    const double longer = il_double_exp(between(r, il_double_log(1 + a->stretch)));
    for (int i = 0; i < 4; i++) d->m[i] *= i % 2 ? longer : 1 / longer;
  }
}

static void draw_elastic(const il_augment *a, const int size[3], il_random *r, drawn *d) {
  d->elastic = true;
  for (int i = 0; i < GRID; i++)
    for (int j = 0; j < GRID; j++)
      for (int k = 0; k < 2; k++) d->grid[i][j][k] = between(r, a->elastic) * size[k];
}

/* Zhong et al., "Random Erasing Data Augmentation", AAAI 2020: area 2 % to 20 %, sides 3:10 to 10:3. */
static void draw_erased(const int size[3], il_random *r, drawn *d) {
  double area = (0.02 + 0.18 * il_random_uniform01(r)) * size[0] * size[1];
  double ratio = il_double_exp(between(r, il_double_log(10.0 / 3)));
  int height = (int)(sqrt(area * ratio) + 0.5), width = (int)(sqrt(area / ratio) + 0.5);
  height = height < 1 ? 1 : height > size[0] ? size[0] : height;
  width = width < 1 ? 1 : width > size[1] ? size[1] : width;
  d->top = (int)il_random_below(r, (uint32_t)(size[0] - height + 1));
  d->left = (int)il_random_below(r, (uint32_t)(size[1] - width + 1));
  d->bottom = d->top + height;
  d->right = d->left + width;
}

static drawn draw(const il_augment *a, il_random *r, const int size[3]) {
  drawn d = {0};
  if (a->rotate) d.turns = (int)il_random_below(r, 4);
  if (a->flip_horizontal) d.mirrored = il_random_below(r, 2);
  if (a->flip_vertical) d.upside_down = il_random_below(r, 2);
  if (a->crop) {
    d.dy = (int)il_random_below(r, 2 * (uint32_t)a->crop + 1) - a->crop;
    d.dx = (int)il_random_below(r, 2 * (uint32_t)a->crop + 1) - a->crop;
  }
  if (a->degrees > 0 || a->shift > 0 || a->scale > 0 || a->shear > 0 || a->stretch > 0 ||
      a->elastic > 0)
    draw_affine(a, size, r, &d);
  if (a->elastic > 0) draw_elastic(a, size, r, &d);
  if (a->erase > 0 && il_random_uniform01(r) < a->erase) draw_erased(size, r, &d);
  return d;
}

typedef struct picture {
  il_type type;
  const int *size;
  const void *in;
} picture;

/* Channel c of the image after turns, flips and crop at (y, x); 0 outside. */
static double moved(const picture *p, const drawn *d, int y, int x, int c) {
  int h = p->size[0], w = p->size[1];
  y += d->dy; /* undo the steps from the last to the first */
  x += d->dx;
  if (y < 0 || x < 0 || y >= h || x >= w) return 0;
  if (d->upside_down) y = h - 1 - y;
  if (d->mirrored) x = w - 1 - x;
  for (int k = 0; k < d->turns; k++) { /* counter-clockwise, as numpy.rot90 */
    int kept = y;
    y = x;
    x = w - 1 - kept;
  }
  size_t at = ((size_t)y * (size_t)w + (size_t)x) * (size_t)p->size[2] + (size_t)c;
  return p->type == IL_UINT8 ? (double)((const uint8_t *)p->in)[at]
                             : (double)((const float *)p->in)[at];
}

/* How far the grid moves pixel (y, x). */
static void pulled(const picture *p, const drawn *d, int y, int x, double by[2]) {
  const double gy = (GRID - 1) * (y + 0.5) / p->size[0], gx = (GRID - 1) * (x + 0.5) / p->size[1];
  const int i = (int)gy, j = (int)gx; /* at most GRID − 2, as pixels' centres are inside */
  const double fy = gy - i, fx = gx - j;
  for (int k = 0; k < 2; k++)
    by[k] = (1 - fy) * ((1 - fx) * d->grid[i][j][k] + fx * d->grid[i][j + 1][k]) +
            fy * ((1 - fx) * d->grid[i + 1][j][k] + fx * d->grid[i + 1][j + 1][k]);
}

static double bilinear(const picture *p, const drawn *d, int y, int x, int c) {
  double cy = 0.5 * (p->size[0] - 1), cx = 0.5 * (p->size[1] - 1);
  double sy = d->m[0] * (y - cy) + d->m[1] * (x - cx) + cy + d->t[0];
  double sx = d->m[2] * (y - cy) + d->m[3] * (x - cx) + cx + d->t[1];
  if (d->elastic) {
    double by[2];
    pulled(p, d, y, x, by);
    sy += by[0];
    sx += by[1];
  }
  int y0 = (int)floor(sy), x0 = (int)floor(sx);
  double fy = sy - y0, fx = sx - x0;
  return (1 - fy) * ((1 - fx) * moved(p, d, y0, x0, c) + fx * moved(p, d, y0, x0 + 1, c)) +
         fy * ((1 - fx) * moved(p, d, y0 + 1, x0, c) + fx * moved(p, d, y0 + 1, x0 + 1, c));
}

static void augment_image(const il_augment *augment, il_random *random, il_type type,
                          il_shape shape, const void *in, void *out) {
  const int size[3] = {(int)shape.dim[0], (int)shape.dim[1], (int)shape.dim[2]};
  drawn d = draw(augment, random, size);
  picture p = {type, size, in};
  size_t at = 0;
  for (int y = 0; y < size[0]; y++)
    for (int x = 0; x < size[1]; x++) {
      bool erased = y >= d.top && y < d.bottom && x >= d.left && x < d.right;
      for (int c = 0; c < size[2]; c++, at++) {
        double v = erased ? 0 : d.affine ? bilinear(&p, &d, y, x, c) : moved(&p, &d, y, x, c);
        if (type == IL_UINT8)
          ((uint8_t *)out)[at] = (uint8_t)(v + 0.5);
        else
          ((float *)out)[at] = (float)v;
      }
    }
}

void il_augment_apply(const il_augment *a, uint64_t seed, uint64_t use, uint64_t example,
                      il_type type, il_shape shape, const void *in, void *out) {
  il_random random =
      il_random_start(il_random_mix(il_random_mix(seed, 0x61756774u /* "augt" */), use), example);
  if (shape.rank == 3)
    augment_image(a, &random, type, shape, in, out);
  else if (shape.rank == 2)
    il_augment_signal(a, &random, type, shape, in, out);
  else
    memcpy(out, in, (size_t)il_shape_count(shape) * il_type_size(type));
  if (a->jitter > 0 || a->gain > 0) il_augment_values(a, &random, type, shape, out);
}

bool il_augment_any(const il_augment *a) {
  return a->rotate || a->flip_horizontal || a->flip_vertical || a->crop || a->degrees > 0 ||
         a->shift > 0 || a->scale > 0 || a->shear > 0 || a->stretch > 0 || a->elastic > 0 ||
         a->erase > 0 || a->jitter > 0 || a->gain > 0;
}

const il_field il_augment_fields[] = {
    IL_FIELD(il_augment, rotate, IL_FIELD_BOOL, "false", 0, 0, NULL,
             "quarter turns of square images, one at random per example"),
    IL_FIELD(il_augment, flip_horizontal, IL_FIELD_BOOL, "false", 0, 0, NULL,
             "left and right exchanged, half of the time"),
    IL_FIELD(il_augment, flip_vertical, IL_FIELD_BOOL, "false", 0, 0, NULL,
             "top and bottom exchanged, half of the time"),
    IL_FIELD(il_augment, crop, IL_FIELD_INT32, "0", 0, 1024, NULL,
             "images moved by up to so many pixels either way, signals by so many steps"),
    IL_FIELD(il_augment, degrees, IL_FIELD_DOUBLE, "0", 0, 180, NULL,
             "images turned by up to so many degrees either way"),
    IL_FIELD(il_augment, shift, IL_FIELD_DOUBLE, "0", 0, 1, NULL,
             "moved by up to this share of the side, or of a signal's length"),
    IL_FIELD(il_augment, scale, IL_FIELD_DOUBLE, "0", 0, 0.99, NULL,
             "images scaled by 1 plus or minus up to this"),
    IL_FIELD(il_augment, shear, IL_FIELD_DOUBLE, "0", 0, 0.99, NULL,
             "images slanted along either side by up to this share of the other"),
    IL_FIELD(
        il_augment, stretch, IL_FIELD_DOUBLE, "0", 0, 0.99, NULL,
        "one side of an image longer by up to this, the other shorter, or the other way round"),
    IL_FIELD(il_augment, elastic, IL_FIELD_DOUBLE, "0", 0, 1, NULL,
             "the points of a 5x5 grid over an image moved by up to this share of the side"),
    IL_FIELD(il_augment, erase, IL_FIELD_DOUBLE, "0", 0, 1, NULL,
             "how often 2 % to 20 % of an image or signal become 0"),
    IL_FIELD(il_augment, jitter, IL_FIELD_DOUBLE, "0", 0, 10, NULL,
             "normal noise, as a share of the example's own standard deviation"),
    IL_FIELD(il_augment, gain, IL_FIELD_DOUBLE, "0", 0, 0.99, NULL,
             "each channel times 1 plus or minus up to this"),
    {0}};
