/* PNG out of bytes, with libpng's simplified interface: errors come back as text, nothing jumps. */
#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"
#include "io/io.h"

il_status il_png_encode(il_context *context, const char *name, int height, int width, int channels,
                        const uint8_t *pixels, void **bytes, size_t *size) {
  *bytes = NULL;
  if (height < 1 || width < 1 || (channels != 1 && channels != 3))
    return il_fail(context, IL_ERROR_ARGUMENT,
                   "%s: an image of %d × %d pixels in %d channels cannot be written, expected 1 "
                   "channel or 3",
                   name, height, width, channels);
  png_image image;
  memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  image.width = (png_uint_32)width;
  image.height = (png_uint_32)height;
  image.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  png_alloc_size_t room = PNG_IMAGE_PNG_SIZE_MAX(image);
  void *memory = malloc(room);
  if (!memory) return il_fail_memory(context, "an image");
  if (!png_image_write_to_memory(&image, memory, &room, 0, pixels, 0, NULL)) {
    free(memory);
    return il_fail(context, IL_ERROR_FILE, "%s cannot be encoded as PNG: %s", name, image.message);
  }
  *bytes = memory;
  *size = room;
  return IL_OK;
}

il_status il_png_write(il_context *context, const char *path, int height, int width, int channels,
                       const uint8_t *pixels) {
  void *bytes;
  size_t size = 0;
  il_status status = il_png_encode(context, path, height, width, channels, pixels, &bytes, &size);
  if (!status) status = il_atomic_write(context, path, 1, &(il_piece){bytes, size});
  free(bytes);
  return status;
}
