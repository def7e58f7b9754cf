/* Zip archives in memory, read with libzip: sizes are believed only within the budget, contents only with their
 * checksum. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <zip.h>

#include "io/tensors.h"

struct il_zip {
  il_tensors *tensors;
  zip_t *archive;
};

static void fail(const il_tensors *t, zip_error_t *error) {
  if (zip_error_code_zip(error) == ZIP_ER_MEMORY || errno == ENOMEM)
    il_fail_memory(t->context, t->path);
  else
    il_fail(t->context, IL_ERROR_FORMAT, "%s is no whole zip archive: %s", t->path,
            zip_error_strerror(error));
  zip_error_fini(error);
}

il_zip *il_zip_open(il_tensors *t) {
  zip_error_t error;
  zip_error_init(&error);
  errno = 0; /* libzip takes some of its own failures for a damaged archive */
  zip_source_t *source = zip_source_buffer_create(t->map, t->size, 0, &error);
  zip_t *archive = source ? zip_open_from_source(source, ZIP_RDONLY, &error) : NULL;
  if (!archive) {
    zip_source_free(source);
    fail(t, &error);
    return NULL;
  }
  zip_error_fini(&error);
  il_zip *zip = il_tensors_alloc(t, sizeof *zip);
  if (!zip) {
    zip_discard(archive);
    return NULL;
  }
  zip->tensors = t;
  zip->archive = archive;
  return zip;
}

void il_zip_close(il_zip *zip) {
  if (zip) zip_discard(zip->archive);
}

int64_t il_zip_count(const il_zip *zip) { return zip_get_num_entries(zip->archive, 0); }

const char *il_zip_name(const il_zip *zip, int64_t index) {
  const char *name = zip_get_name(zip->archive, (zip_uint64_t)index, ZIP_FL_ENC_RAW);
  return name ? name : "";
}

int64_t il_zip_find(const il_zip *zip, const char *name) {
  return zip_name_locate(zip->archive, name, ZIP_FL_ENC_RAW);
}

static bool describe(const il_zip *zip, int64_t index, zip_stat_t *info) {
  zip_stat_init(info);
  return zip_stat_index(zip->archive, (zip_uint64_t)index, 0, info) == 0 &&
         (info->valid & (ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD)) ==
             (ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD);
}

bool il_zip_compressed(const il_zip *zip, int64_t index) {
  zip_stat_t info;
  return !describe(zip, index, &info) || info.comp_method != ZIP_CM_STORE;
}

uint64_t il_zip_size(const il_zip *zip, int64_t index) {
  zip_stat_t info;
  return describe(zip, index, &info) ? info.size : 0;
}

const unsigned char *il_zip_read(il_zip *zip, int64_t index) {
  il_tensors *t = zip->tensors;
  const char *name = il_zip_name(zip, index);
  uint64_t size = il_zip_size(zip, index), done = 0;
  if (!il_zip_compressed(zip, index) && size > t->size) {
    il_fail(t->context, IL_ERROR_FORMAT,
            "%s: its entry %s claims %" PRIu64 " bytes, more than the %zu of the file", t->path,
            name, size, t->size);
    return NULL;
  }
  unsigned char *bytes = il_tensors_alloc(t, size), extra;
  if (!bytes) return NULL;
  errno = 0;
  zip_file_t *file = zip_fopen_index(zip->archive, (zip_uint64_t)index, 0);
  bool whole = file != NULL;
  while (whole && done < size) {
    zip_int64_t got = zip_fread(file, bytes + done, size - done);
    whole = got > 0;
    if (whole) done += (uint64_t)got;
  }
  /* The checksum is compared when the end is reached. */
  whole = whole && zip_fread(file, &extra, 1) == 0;
  if (!whole && errno == ENOMEM)
    il_fail_memory(t->context, name);
  else if (!whole)
    il_fail(t->context, IL_ERROR_FORMAT, "%s: its entry %s cannot be read: %s", t->path, name,
            file ? zip_file_strerror(file) : zip_strerror(zip->archive));
  if (file) zip_fclose(file);
  return whole ? bytes : NULL;
}
