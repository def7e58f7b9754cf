/* PNG to 8-bit grey, with libpng's simplified interface: errors come back as text, nothing jumps. */
#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"

enum { SIDE_MAX = 4096 };

il_status il_png_decode_grey(il_context *context, const char *name, const void *data, size_t size,
                             int *height, int *width, uint8_t **pixels) {
  png_image image;
  memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  *pixels = NULL;
  if (!png_image_begin_read_from_memory(&image, data, size))
    return il_fail(context, IL_ERROR_FORMAT, "%s is not a PNG image: %s", name, image.message);
  if (image.width > SIDE_MAX || image.height > SIDE_MAX) {
    il_status status =
        il_fail(context, IL_ERROR_FORMAT, "%s has %u × %u pixels, expected at most %d on a side",
                name, (unsigned)image.width, (unsigned)image.height, SIDE_MAX);
    png_image_free(&image);
    return status;
  }
  image.format = PNG_FORMAT_GRAY;
  uint8_t *out = malloc(PNG_IMAGE_SIZE(image));
  if (!out) {
    png_image_free(&image);
    return il_fail_memory(context, "an image");
  }
  png_color paper = {255, 255, 255}; /* what shows through transparent pixels */
  if (!png_image_finish_read(&image, &paper, out, 0, NULL)) {
    free(out);
    return il_fail(context, IL_ERROR_FORMAT, "%s is a damaged PNG image: %s", name, image.message);
  }
  *height = (int)image.height;
  *width = (int)image.width;
  *pixels = out;
  return IL_OK;
}
