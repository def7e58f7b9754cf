/* Pictures of bytes [height, width, channels]: PNG out of and into memory and files, and resizing. */
#ifndef IL_IMAGE_IMAGE_H
#define IL_IMAGE_IMAGE_H

#include "base/error.h"

/* Decodes a PNG in memory to 8-bit grey [height, width], malloc'ed. name: for the error sentence. Refuses
 * images larger than 4096 on a side. */
il_status il_png_decode_grey(il_context *context, const char *name, const void *data, size_t size,
                             int *height, int *width, uint8_t **pixels);
/* A PNG of bytes [height, width, channels], 1 channel (grey) or 3 (colour): in malloc'ed memory, or in a file that is
 * written atomically (image/png_write.c). Equal pixels give equal bytes. */
il_status il_png_encode(il_context *context, const char *name, int height, int width, int channels,
                        const uint8_t *pixels, void **bytes, size_t *size);
il_status il_png_write(il_context *context, const char *path, int height, int width, int channels,
                       const uint8_t *pixels);
/* Resizes [height, width, channels] bytes as Pillow's Image.resize(…, LANCZOS) does (two passes, horizontal first,
 * fixed-point coefficients with 8-bit intermediate). */
il_status il_resize_lanczos(il_context *context, int channels, int in_height, int in_width,
                            const uint8_t *in, int out_height, int out_width, uint8_t *out);

#endif
