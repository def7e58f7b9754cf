/* Pictures as their bytes arrive: PNG and JPEG of any size, cropped, resized and turned upright in bounded memory. */
#ifndef IL_IMAGE_IMAGE_READ_H
#define IL_IMAGE_IMAGE_READ_H

#include "image/image.h"

enum {
  IL_PICTURE_SIDE = 20000,       /* pixels */
  IL_PICTURE_MEMORY = 192 << 20, /* bytes that one which cannot be read row by row may take */
  IL_PICTURE_REASON = 256
};

/* Bytes of a file, of an archive or of memory, through a buffer. Start with read and user, the rest zero. */
typedef struct il_bytes {
  int64_t (*read)(void *user, void *to, size_t size); /* how many; 0: the end, -1: an error */
  void *user;
  size_t at, have; /* in the buffer */
  uint64_t total;  /* bytes before the end of the buffer */
  bool failed;     /* read gave -1 */
  unsigned char buffer[1 << 14];
} il_bytes;
bool il_bytes_fill(il_bytes *bytes); /* the next bufferful; false: the end, or an error */
size_t il_bytes_take(il_bytes *bytes, void *to, size_t size); /* fewer: the end, or an error */

typedef struct il_picture {
  int height, width; /* upright */
  bool grey;         /* no pixel can have a colour */
  int bits;          /* of a channel */
} il_picture;

/* Both look at the content alone. IL_ERROR_FORMAT: it cannot be read, with the reason and no error in the context. */
il_status il_picture_describe(il_context *context, il_bytes *bytes, il_picture *picture,
                              char reason[IL_PICTURE_REASON]);
/* out [height, width, channels] bytes, channels 1 or 3: the largest rectangle of that shape around the centre, resized by
 * Lanczos where its size is another. What is transparent is composed over white, 16 bits become 8, CMYK becomes RGB,
 * EXIF's orientation is applied. JPEG more than thrice as large is decoded at 1/2, 1/4 or 1/8; of more than 2^24 pixels
 * means of squares are resized. */
il_status il_picture_read(il_context *context, il_bytes *bytes, int height, int width, int channels,
                          uint8_t *out, char reason[IL_PICTURE_REASON]);

/* ---- rows of a picture on their way to the pixels that are kept (image/image_rows.c) ---- */
typedef struct il_rows {
  int height, width, channels;      /* that come; channels 1 or 3 */
  int out_height, out_width;        /* upright */
  int out_channels, orientation;    /* EXIF's, 1 to 8 */
  int top, left, factor;            /* of the crop; squares of factor × factor become their mean */
  int kept_height, kept_width, row; /* after that; row: the next that comes */
  uint8_t *kept;                    /* [kept_height, kept_width, out_channels] */
  uint32_t *sum;                    /* [kept_width, out_channels] */
} il_rows;
/* Start with the sizes set: those that come, and those that are wanted. */
il_status il_rows_begin(il_context *context, il_rows *rows);
void il_rows_add(il_rows *rows, const uint8_t *row);
il_status il_rows_finish(il_context *context, il_rows *rows, uint8_t *out);
void il_rows_free(il_rows *rows);
/* The crop of a picture of height × width, as it is stored, for this shape. */
void il_rows_crop(int height, int width, int to_height, int to_width, int *crop_height,
                  int *crop_width);

/* ---- formats: out NULL only describes ---- */
typedef struct il_picture_task {
  il_context *context;
  il_bytes *bytes;
  il_picture *picture; /* described here, or NULL */
  il_rows rows;        /* else: wanted sizes set */
  uint8_t *out;
  char *reason; /* [IL_PICTURE_REASON] */
} il_picture_task;
il_status il_png_run(il_picture_task *task);
il_status il_jpeg_run(il_picture_task *task);
/* Fails with the reason where sides are too long. */
il_status il_picture_check_size(il_picture_task *task, int64_t height, int64_t width);
/* The orientation that TIFF data of EXIF says, 1 to 8; 1 where it says none. */
int il_exif_orientation(const unsigned char *tiff, size_t size);

#endif
