/* Pictures made in tests, in memory: PNG of every kind through libpng, JPEG through libjpeg. */
#ifndef IL_TESTS_PICTURES_H
#define IL_TESTS_PICTURES_H

#include <png.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

typedef struct encoded {
  uint8_t *bytes;
  size_t size;
} encoded;

/* Samples of `depth` bits, big-endian rows as libpng takes them; palette NULL but for PNG_COLOR_TYPE_PALETTE of 4 colours. */
static inline encoded make_png(int height, int width, int type, int depth, int interlace,
                               const uint8_t *rows, size_t line, const png_color *palette) {
  char *bytes = NULL;
  size_t size = 0;
  FILE *stream = open_memstream(&bytes, &size);
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png_create_info_struct(png);
  png_init_io(png, stream);
  png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, depth, type, interlace,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (palette) png_set_PLTE(png, info, palette, 4);
  png_write_info(png, info);
  const int passes = png_set_interlace_handling(png);
  for (int pass = 0; pass < passes; pass++)
    for (int y = 0; y < height; y++) png_write_row(png, rows + (size_t)y * line);
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  fclose(stream);
  return (encoded){(uint8_t *)bytes, size};
}

/* orientation 0: no EXIF. */
static inline encoded make_jpeg(int height, int width, int channels, bool progressive,
                                int orientation, const uint8_t *pixels) {
  struct jpeg_compress_struct jpeg;
  struct jpeg_error_mgr error;
  unsigned char *bytes = NULL;
  unsigned long size = 0;
  jpeg.err = jpeg_std_error(&error);
  jpeg_create_compress(&jpeg);
  jpeg_mem_dest(&jpeg, &bytes, &size);
  jpeg.image_height = (JDIMENSION)height;
  jpeg.image_width = (JDIMENSION)width;
  jpeg.input_components = channels;
  jpeg.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 95, TRUE);
  jpeg.comp_info[0].h_samp_factor = jpeg.comp_info[0].v_samp_factor = 1; /* edges of colours stay */
  if (progressive) jpeg_simple_progression(&jpeg);
  jpeg_start_compress(&jpeg, TRUE);
  if (orientation) {
    const uint8_t exif[] = {
        'E', 'x', 'i', 'f', 0,    0, 'M', 'M', 0, 42, 0, 0, 0,
        8,   0,   1,   1,   0x12, 0, 3,   0,   0, 0,  1, 0, (uint8_t)orientation,
        0,   0,   0,   0,   0,    0};
    jpeg_write_marker(&jpeg, JPEG_APP0 + 1, exif, sizeof exif);
  }
  while (jpeg.next_scanline < jpeg.image_height) {
    JSAMPROW row = (JSAMPROW)(uintptr_t)(pixels + (size_t)jpeg.next_scanline * (size_t)width *
                                                      (size_t)channels);
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  return (encoded){bytes, size};
}

#endif
