/* PNG row by row through libpng; interlaced ones as a whole. */
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/image_read.h"

/* What lives across libpng's jumps. */
typedef struct reader {
  il_picture_task *task;
  png_structp png;
  png_infop info;
  uint8_t *pixels, *row; /* all of an interlaced one; one row without transparency */
  il_status status;
} reader;

static void on_error(png_structp png, png_const_charp message) {
  reader *r = png_get_error_ptr(png);
  r->status = IL_ERROR_FORMAT;
  snprintf(r->task->reason, IL_PICTURE_REASON, "a damaged PNG: %s", message);
  png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

static void on_read(png_structp png, png_bytep to, size_t size) {
  reader *r = png_get_io_ptr(png);
  if (il_bytes_take(r->task->bytes, to, size) == size) return;
  r->status = IL_ERROR_FORMAT;
  snprintf(r->task->reason, IL_PICTURE_REASON, "a PNG that ends too early, after %llu bytes",
           (unsigned long long)r->task->bytes->total);
  png_longjmp(png, 1);
}

static bool grey(const reader *r) {
  const int type = png_get_color_type(r->png, r->info);
  png_colorp palette;
  int colours;
  if (type != PNG_COLOR_TYPE_PALETTE || !png_get_PLTE(r->png, r->info, &palette, &colours))
    return !(type & PNG_COLOR_MASK_COLOR);
  for (int i = 0; i < colours; i++)
    if (palette[i].red != palette[i].green || palette[i].red != palette[i].blue) return false;
  return true;
}

/* Rows of 1 to 4 channels: what is transparent shows white paper. */
static void add(reader *r, const uint8_t *row, int channels) {
  const int colours = channels > 2 ? 3 : 1;
  if (channels == colours) {
    il_rows_add(&r->task->rows, row);
    return;
  }
  uint8_t *to = r->row;
  for (int x = 0; x < r->task->rows.width; x++, row += channels)
    for (int c = 0; c < colours; c++) {
      const unsigned alpha = row[colours];
      *to++ = (uint8_t)((row[c] * alpha + 255 * (255 - alpha) + 127) / 255);
    }
  il_rows_add(&r->task->rows, r->row);
}

static il_status refuse_memory(reader *r) {
  snprintf(r->task->reason, IL_PICTURE_REASON,
           "an interlaced PNG of %d × %d pixels needs more than the %d MiB that one may; saved "
           "without interlacing it needs few",
           r->task->rows.height, r->task->rows.width, IL_PICTURE_MEMORY >> 20);
  return IL_ERROR_FORMAT;
}

static il_status decode(reader *r) {
  il_rows *rows = &r->task->rows;
  png_set_expand(r->png);
  png_set_scale_16(r->png);
  const int passes = png_set_interlace_handling(r->png);
  png_read_update_info(r->png, r->info);
  const int channels = png_get_channels(r->png, r->info);
  const size_t line = png_get_rowbytes(r->png, r->info), height = (size_t)rows->height;
  if (passes > 1 && line > IL_PICTURE_MEMORY / height) return refuse_memory(r);
  rows->channels = channels > 2 ? 3 : 1;
  il_status status = il_rows_begin(r->task->context, rows);
  if (status) return status;
  r->row = malloc((size_t)rows->width * 3);
  r->pixels = calloc(passes > 1 ? height : 1, line);
  if (!r->row || !r->pixels) return il_fail_memory(r->task->context, "a picture");
  for (int pass = 0; pass < passes; pass++)
    for (size_t y = 0; y < height; y++) {
      uint8_t *at = r->pixels + (passes > 1 ? y * line : 0);
      png_read_row(r->png, at, NULL);
      if (pass == passes - 1) add(r, at, channels);
    }
  png_read_end(r->png, NULL);
  return il_rows_finish(r->task->context, rows, r->task->out);
}

static il_status run(reader *r) {
  il_picture_task *task = r->task;
  if (setjmp(png_jmpbuf(r->png))) return r->status;
  png_set_user_limits(r->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* ours have a better sentence */
  png_set_read_fn(r->png, r, on_read);
  png_read_info(r->png, r->info);
  il_rows *rows = &task->rows;
  const png_uint_32 height = png_get_image_height(r->png, r->info),
                    width = png_get_image_width(r->png, r->info);
  if (il_picture_check_size(task, height, width) != IL_OK) return IL_ERROR_FORMAT;
  rows->height = (int)height;
  rows->width = (int)width;
  rows->orientation = 1;
#ifdef PNG_eXIf_SUPPORTED
  png_uint_32 size;
  png_bytep exif;
  if (png_get_eXIf_1(r->png, r->info, &size, &exif))
    rows->orientation = il_exif_orientation(exif, size);
#endif
  if (!task->picture) return decode(r);
  const bool turned = rows->orientation > 4;
  *task->picture = (il_picture){.height = turned ? rows->width : rows->height,
                                .width = turned ? rows->height : rows->width,
                                .grey = grey(r),
                                .bits = png_get_bit_depth(r->png, r->info)};
  return IL_OK;
}

il_status il_png_run(il_picture_task *task) {
  reader r = {.task = task};
  r.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, on_error, on_warning);
  r.info = r.png ? png_create_info_struct(r.png) : NULL;
  il_status status = r.info ? run(&r) : il_fail_memory(task->context, "what reads a PNG");
  png_destroy_read_struct(&r.png, &r.info, NULL);
  free(r.pixels);
  free(r.row);
  return status;
}
