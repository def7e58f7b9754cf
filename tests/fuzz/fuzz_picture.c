/* PNG and JPEG, as they are imported: described, and read into small squares. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/input.h"
#include "image/image_read.h"

typedef struct memory {
  const uint8_t *at;
  size_t left;
} memory;

static int64_t take(void *user, void *to, size_t size) {
  memory *m = user;
  if (size > 100) size = 100; /* arrives in parts */
  if (size > m->left) size = m->left;
  if (size) memcpy(to, m->at, size);
  m->at += size;
  m->left -= size;
  return (int64_t)size;
}

static il_bytes *bytes_of(memory *m) {
  static il_bytes bytes;
  bytes = (il_bytes){.read = take, .user = m};
  return &bytes;
}

static bool read_picture(il_context *context, const uint8_t *data, size_t size) {
  char reason[IL_PICTURE_REASON] = "";
  il_picture picture;
  if (il_picture_describe(context, bytes_of(&(memory){data, size}), &picture, reason) != IL_OK) {
    FUZZ_EXPECT(*reason || il_context_status(context), "a reason");
    return false;
  }
  FUZZ_EXPECT(picture.height > 0 && picture.width > 0, "%d×%d", picture.height, picture.width);
  if ((int64_t)picture.height * picture.width > 1 << 20) return true; /* slow, not new */
  bool good = true;
  for (int channels = 1; channels <= 3; channels += 2) {
    uint8_t *out = malloc(9 * 7 * 3);
    *reason = 0;
    const il_status status =
        il_picture_read(context, bytes_of(&(memory){data, size}), 9, 7, channels, out, reason);
    FUZZ_EXPECT(!status || *reason || il_context_status(context), "a reason");
    good &= status == IL_OK;
    free(out);
  }
  return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  il_context *context = il_context_new();
  uint8_t *mended = malloc(size + 1);
  if (!context || !mended) abort();
  if (size) memcpy(mended, data, size);
  if (!read_picture(context, data, size) && fuzz_mend_png(mended, size))
    read_picture(context, mended, size);
  free(mended);
  int height, width;
  uint8_t *pixels = NULL;
  il_context_clear(context);
  if (size > 24 && !data[16] && !data[17] && !data[20] && !data[21] &&
      il_png_decode_grey(context, "input", data, size, &height, &width, &pixels) == IL_OK)
    free(pixels);
  il_context_free(context);
  return 0;
}
