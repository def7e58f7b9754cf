/* JPEG row by row through libjpeg, at a scale where that is enough. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
/* after jpeglib.h, which it needs */
#include <jerror.h>

#include "image/image_read.h"

enum { SCANS_MAX = 500, EXIF_BYTES = 1024 };

/* What lives across libjpeg's jumps. */
typedef struct reader {
  struct jpeg_decompress_struct jpeg;
  struct jpeg_error_mgr error;
  struct jpeg_source_mgr source;
  struct jpeg_progress_mgr progress;
  jmp_buf back;
  il_picture_task *task;
  uint8_t *row, *colours; /* as it comes; CMYK made RGB */
  il_status status;
} reader;

static reader *of(j_common_ptr common) { return common->client_data; }

static void give_up(reader *r) {
  r->status = IL_ERROR_FORMAT;
  longjmp(r->back, 1);
}

static void on_error(j_common_ptr common) {
  char message[JMSG_LENGTH_MAX];
  common->err->format_message(common, message);
  snprintf(of(common)->task->reason, IL_PICTURE_REASON, "a damaged JPEG: %s", message);
  give_up(of(common));
}

/* libjpeg goes on with grey pixels where data is damaged. Only bytes too many, and odd versions, are harmless. */
static void on_message(j_common_ptr common, int level) {
  const int code = common->err->msg_code;
  if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_JFIF_MAJOR &&
      code != JWRN_ADOBE_XFORM)
    on_error(common);
}

static void do_nothing(j_decompress_ptr jpeg) { (void)jpeg; }

static boolean on_fill(j_decompress_ptr jpeg) {
  reader *r = of((j_common_ptr)jpeg);
  il_bytes *bytes = r->task->bytes;
  if (!il_bytes_fill(bytes)) {
    snprintf(r->task->reason, IL_PICTURE_REASON, "a JPEG that ends too early, after %llu bytes",
             (unsigned long long)bytes->total);
    give_up(r);
  }
  r->source.next_input_byte = bytes->buffer;
  r->source.bytes_in_buffer = bytes->have;
  return TRUE;
}

static void on_skip(j_decompress_ptr jpeg, long count) {
  reader *r = of((j_common_ptr)jpeg);
  while (count > (long)r->source.bytes_in_buffer) {
    count -= (long)r->source.bytes_in_buffer;
    on_fill(jpeg);
  }
  if (count <= 0) return;
  r->source.next_input_byte += count;
  r->source.bytes_in_buffer -= (size_t)count;
}

/* Each scan walks over the whole picture: a small file could keep us busy for days. */
static void on_progress(j_common_ptr common) {
  reader *r = of(common);
  if (r->jpeg.input_scan_number <= SCANS_MAX) return;
  snprintf(r->task->reason, IL_PICTURE_REASON, "a JPEG of more than %d scans", (int)SCANS_MAX);
  give_up(r);
}

static int orientation(const reader *r) {
  for (jpeg_saved_marker_ptr m = r->jpeg.marker_list; m; m = m->next)
    if (m->marker == JPEG_APP0 + 1 && m->data_length > 6 && !memcmp(m->data, "Exif\0", 6))
      return il_exif_orientation(m->data + 6, m->data_length - 6);
  return 1;
}

/* Progressive ones are held as coefficients, of the whole picture at any scale. */
static il_status check_memory(reader *r) {
  if (!jpeg_has_multiple_scans(&r->jpeg)) return IL_OK;
  uint64_t bytes = 0;
  for (int c = 0; c < r->jpeg.num_components; c++)
    bytes += (uint64_t)r->jpeg.comp_info[c].width_in_blocks *
             r->jpeg.comp_info[c].height_in_blocks * sizeof(JBLOCK);
  if (bytes <= IL_PICTURE_MEMORY) return IL_OK;
  snprintf(r->task->reason, IL_PICTURE_REASON,
           "a progressive JPEG of %u × %u pixels needs %llu MiB, expected at most %d; saved "
           "otherwise it needs few",
           r->jpeg.image_height, r->jpeg.image_width, (unsigned long long)(bytes >> 20),
           IL_PICTURE_MEMORY >> 20);
  return IL_ERROR_FORMAT;
}

/* The largest part of 8 that leaves thrice what is wanted. */
static void choose_scale(reader *r) {
  const il_rows *rows = &r->task->rows;
  const bool turned = rows->orientation > 4;
  const int to_height = turned ? rows->out_width : rows->out_height,
            to_width = turned ? rows->out_height : rows->out_width;
  int height, width;
  il_rows_crop((int)r->jpeg.image_height, (int)r->jpeg.image_width, to_height, to_width, &height,
               &width);
  unsigned part = 8;
  while (part > 1 && (height < 3 * to_height * (int)part || width < 3 * to_width * (int)part))
    part /= 2;
  r->jpeg.scale_num = 1;
  r->jpeg.scale_denom = part;
}

/* Adobe's programs write ink inverted, and say so by a marker. */
static const uint8_t *rgb_of_cmyk(reader *r) {
  const bool inverted = r->jpeg.saw_Adobe_marker;
  const uint8_t *from = r->row;
  uint8_t *to = r->colours;
  for (unsigned x = 0; x < r->jpeg.output_width; x++, from += 4)
    for (int c = 0; c < 3; c++) {
      const unsigned colour = inverted ? from[c] : 255u - from[c],
                     light = inverted ? from[3] : 255u - from[3];
      *to++ = (uint8_t)((colour * light + 127) / 255);
    }
  return r->colours;
}

static il_status decode(reader *r, bool cmyk) {
  il_rows *rows = &r->task->rows;
  il_status status = check_memory(r);
  if (status) return status;
  choose_scale(r);
  jpeg_start_decompress(&r->jpeg);
  rows->height = (int)r->jpeg.output_height;
  rows->width = (int)r->jpeg.output_width;
  rows->channels = r->jpeg.output_components == 1 ? 1 : 3;
  status = il_rows_begin(r->task->context, rows);
  if (status) return status;
  r->row = malloc((size_t)rows->width * 4);
  r->colours = malloc((size_t)rows->width * 3);
  if (!r->row || !r->colours) return il_fail_memory(r->task->context, "a picture");
  while (r->jpeg.output_scanline < r->jpeg.output_height) {
    JSAMPROW row = r->row;
    if (jpeg_read_scanlines(&r->jpeg, &row, 1) == 1)
      il_rows_add(rows, cmyk ? rgb_of_cmyk(r) : r->row);
  }
  jpeg_finish_decompress(&r->jpeg); /* reads on to the end marker */
  return il_rows_finish(r->task->context, rows, r->task->out);
}

static il_status run(reader *r) {
  if (setjmp(r->back)) return r->status;
  il_picture_task *task = r->task;
  jpeg_create_decompress(&r->jpeg);
  r->jpeg.client_data = r;
  r->jpeg.src = &r->source;
  r->jpeg.progress = &r->progress;
  jpeg_save_markers(&r->jpeg, JPEG_APP0 + 1, EXIF_BYTES);
  jpeg_read_header(&r->jpeg, TRUE);
  if (il_picture_check_size(task, r->jpeg.image_height, r->jpeg.image_width) != IL_OK)
    return IL_ERROR_FORMAT;
  const J_COLOR_SPACE space = r->jpeg.jpeg_color_space;
  const bool grey = space == JCS_GRAYSCALE, cmyk = space == JCS_CMYK || space == JCS_YCCK;
  if (!grey && !cmyk && space != JCS_YCbCr && space != JCS_RGB) {
    snprintf(task->reason, IL_PICTURE_REASON, "a JPEG of %d unknown channels",
             r->jpeg.num_components);
    return IL_ERROR_FORMAT;
  }
  r->jpeg.out_color_space = grey ? JCS_GRAYSCALE : cmyk ? JCS_CMYK : JCS_RGB;
  task->rows.orientation = orientation(r);
  if (!task->picture) return decode(r, cmyk);
  const bool turned = task->rows.orientation > 4;
  const int height = (int)r->jpeg.image_height, width = (int)r->jpeg.image_width;
  *task->picture = (il_picture){.height = turned ? width : height,
                                .width = turned ? height : width,
                                .grey = grey,
                                .bits = r->jpeg.data_precision};
  return IL_OK;
}

il_status il_jpeg_run(il_picture_task *task) {
  reader *r = calloc(1, sizeof *r);
  if (!r) return il_fail_memory(task->context, "what reads a JPEG");
  r->task = task;
  r->jpeg.err = jpeg_std_error(&r->error);
  r->error.error_exit = on_error;
  r->error.emit_message = on_message;
  r->jpeg.client_data = r;
  r->progress.progress_monitor = on_progress;
  r->source = (struct jpeg_source_mgr){.next_input_byte = task->bytes->buffer + task->bytes->at,
                                       .bytes_in_buffer = task->bytes->have - task->bytes->at,
                                       .init_source = do_nothing,
                                       .fill_input_buffer = on_fill,
                                       .skip_input_data = on_skip,
                                       .resync_to_restart = jpeg_resync_to_restart,
                                       .term_source = do_nothing};
  il_status status = run(r);
  jpeg_destroy_decompress(&r->jpeg);
  free(r->row);
  free(r->colours);
  free(r);
  return status;
}
