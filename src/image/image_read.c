/* What a picture is, by its first bytes, and what all formats of pictures share. */
#include "image/image_read.h"

#include <stdio.h>
#include <string.h>

bool il_bytes_fill(il_bytes *b) {
  const int64_t got = b->failed ? -1 : b->read(b->user, b->buffer, sizeof b->buffer);
  b->failed = got < 0;
  b->at = 0;
  b->have = got > 0 ? (size_t)got : 0;
  b->total += b->have;
  return b->have > 0;
}

size_t il_bytes_take(il_bytes *b, void *to, size_t size) {
  size_t done = 0;
  while (done < size && (b->at < b->have || il_bytes_fill(b))) {
    size_t part = b->have - b->at < size - done ? b->have - b->at : size - done;
    memcpy((char *)to + done, b->buffer + b->at, part);
    b->at += part;
    done += part;
  }
  return done;
}

static int two(const unsigned char *b, bool big) {
  return big ? b[0] << 8 | b[1] : b[1] << 8 | b[0];
}

int il_exif_orientation(const unsigned char *tiff, size_t size) {
  if (size < 10 || (memcmp(tiff, "II*\0", 4) && memcmp(tiff, "MM\0*", 4))) return 1;
  const bool big = *tiff == 'M';
  const size_t at = (size_t)two(tiff + (big ? 6 : 4), big); /* of the first directory */
  if (two(tiff + (big ? 4 : 6), big) != 0 || at > size - 2) return 1;
  const int entries = two(tiff + at, big);
  for (int i = 0; i < entries; i++) {
    const size_t entry = at + 2 + (size_t)i * 12;
    if (entry + 12 > size) return 1;
    if (two(tiff + entry, big) != 0x0112) continue;
    const int value = two(tiff + entry + 8, big);
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

il_status il_picture_check_size(il_picture_task *t, int64_t height, int64_t width) {
  if (height <= IL_PICTURE_SIDE && width <= IL_PICTURE_SIDE) return IL_OK;
  snprintf(t->reason, IL_PICTURE_REASON, "has %lld × %lld pixels, expected at most %d on a side",
           (long long)height, (long long)width, (int)IL_PICTURE_SIDE);
  return IL_ERROR_FORMAT;
}

/* Formats that people have and that are not read: what stands at which byte. */
static const struct {
  size_t at, length;
  const char *bytes, *name;
} others[] = {{0, 4, "GIF8", "a GIF"},        {8, 4, "WEBP", "a WebP picture"},
              {0, 4, "II*\0", "a TIFF"},      {0, 4, "MM\0*", "a TIFF"},
              {4, 8, "ftypavif", "an AVIF"},  {4, 8, "ftypheic", "a HEIC picture"},
              {4, 8, "ftypmif1", "a HEIF"},   {0, 2, "\xff\x0a", "a JPEG XL"},
              {0, 4, "%PDF", "a PDF"},        {0, 4, "<svg", "an SVG"},
              {0, 4, "PK\3\4", "an archive"}, {0, 2, "BM", "a BMP"}};

static il_status refuse(const unsigned char *b, size_t size, const il_bytes *bytes, char *reason) {
  if (bytes->failed) {
    snprintf(reason, IL_PICTURE_REASON, "cannot be read");
    return IL_ERROR_FORMAT;
  }
  if (size == 0) {
    snprintf(reason, IL_PICTURE_REASON, "is empty");
    return IL_ERROR_FORMAT;
  }
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (size >= others[i].at + others[i].length &&
        !memcmp(b + others[i].at, others[i].bytes, others[i].length)) {
      snprintf(reason, IL_PICTURE_REASON, "is %s, expected PNG or JPEG", others[i].name);
      return IL_ERROR_FORMAT;
    }
  size_t used = (size_t)snprintf(reason, IL_PICTURE_REASON, "no PNG or JPEG: begins with \"");
  for (size_t i = 0; i < size && i < 8; i++) {
    const char *format = b[i] >= 32 && b[i] < 127 && b[i] != '\\' ? "%c" : "\\x%02x";
    used += (size_t)snprintf(reason + used, IL_PICTURE_REASON - used, format, b[i]);
  }
  snprintf(reason + used, IL_PICTURE_REASON - used, "\"");
  return IL_ERROR_FORMAT;
}

static il_status run(il_picture_task *task) {
  il_bytes *b = task->bytes;
  if (b->total == 0) il_bytes_fill(b); /* a pipe may give few bytes; files and archives do not */
  const unsigned char *first = b->buffer;
  *task->reason = 0;
  if (b->have >= 8 && !memcmp(first, "\x89PNG\r\n\x1a\n", 8)) return il_png_run(task);
  if (b->have >= 3 && !memcmp(first, "\xff\xd8\xff", 3)) return il_jpeg_run(task);
  return refuse(first, b->have, b, task->reason);
}

il_status il_picture_describe(il_context *context, il_bytes *bytes, il_picture *picture,
                              char reason[IL_PICTURE_REASON]) {
  il_picture_task task = {.context = context, .bytes = bytes, .picture = picture, .reason = reason};
  return run(&task);
}

il_status il_picture_read(il_context *context, il_bytes *bytes, int height, int width, int channels,
                          uint8_t *out, char reason[IL_PICTURE_REASON]) {
  il_picture_task task = {.context = context,
                          .bytes = bytes,
                          .rows = {.out_height = height,
                                   .out_width = width,
                                   .out_channels = channels,
                                   .orientation = 1},
                          .out = out,
                          .reason = reason};
  il_status status = run(&task);
  il_rows_free(&task.rows);
  return status;
}
