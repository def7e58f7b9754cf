/* Arrays of texts in numpy's files, to and from UTF-8. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "io/tensors.h"

enum { WIDTH_MAX = 1 << 20 };
static const bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

bool il_npy_text_type(const char *descr, il_npy_text *text) {
  char *end = NULL;
  if (!strchr("<>|=", descr[0]) || !descr[0] || (descr[1] != 'U' && descr[1] != 'S')) return false;
  if (descr[2] < '0' || descr[2] > '9') return false;
  const unsigned long width = strtoul(descr + 2, &end, 10);
  if (*end || width < 1 || width > WIDTH_MAX) return false;
  text->unicode = descr[1] == 'U';
  text->width = text->unicode ? 4 * width : width;
  text->swap = (descr[0] == '<' && !little) || (descr[0] == '>' && little);
  return true;
}

/* Code points in UTF-8; the size, or -1 where there is one that none is or a NUL in the middle. */
static long from_points(const unsigned char *from, const il_npy_text *text, char *to) {
  size_t count = text->width / 4, size = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t point;
    memcpy(&point, from + 4 * i, 4);
    if (text->swap) point = __builtin_bswap32(point);
    if (!point) {
      for (size_t k = 4 * i; k < text->width; k++)
        if (from[k]) return -1;
      break;
    }
    size_t wrote = il_utf8_put(point, to + size);
    if (!wrote) return -1;
    size += wrote;
  }
  return (long)size;
}

static long from_bytes(const unsigned char *from, const il_npy_text *text, char *to) {
  size_t size = text->width;
  while (size && !from[size - 1]) size--;
  if (memchr(from, 0, size) || !il_utf8((const char *)from, size)) return -1;
  memcpy(to, from, size);
  return (long)size;
}

static il_status add(il_tensors *t, const il_texts *texts) {
  if (t->text_count == t->text_room) {
    const int room = t->text_room ? 2 * t->text_room : 16;
    il_texts *grown = il_tensors_alloc(t, (uint64_t)room * sizeof *grown);
    if (!grown) return il_context_status(t->context);
    if (t->text_count) memcpy(grown, t->texts, (size_t)t->text_count * sizeof *grown);
    t->texts = grown;
    t->text_room = room;
  }
  t->texts[t->text_count++] = *texts;
  t->left_out++;
  return IL_OK;
}

il_status il_npy_text_read(il_tensors *t, const char *name, const il_npy_text *text, il_shape shape,
                           const unsigned char *data, size_t size) {
  const int64_t count = il_tensors_elements(IL_UINT8, shape);
  uint64_t bytes;
  if (count < 0 || __builtin_mul_overflow((uint64_t)count, text->width, &bytes) || bytes != size)
    return il_fail(
        t->context, IL_ERROR_FORMAT,
        "%s: the array %s has %zu bytes behind its header, expected %lld elements of %zu", t->path,
        name, size, (long long)count, text->width);
  /* Every text takes at most as many bytes as in the file, and its NUL. */
  const char **list = il_tensors_alloc(t, (uint64_t)count * sizeof *list + 1);
  char *to = list ? il_tensors_alloc(t, bytes + (uint64_t)count + 4) : NULL;
  if (!to) return il_context_status(t->context);
  for (int64_t i = 0; i < count; i++) {
    const unsigned char *from = data + (size_t)i * text->width;
    const long length = text->unicode ? from_points(from, text, to) : from_bytes(from, text, to);
    if (length < 0)
      return il_fail(t->context, IL_ERROR_FORMAT,
                     "%s: element %lld of the array %s is no text, expected %s", t->path,
                     (long long)i, name, text->unicode ? "Unicode without NULs" : "UTF-8");
    list[i] = to;
    to[length] = 0;
    to += length + 1;
  }
  return add(t, &(il_texts){.name = name, .count = count, .text = list});
}

il_status il_npy_text_write(il_context *context, il_arena *arena, const il_texts *texts,
                            il_piece *header, il_piece *content) {
  size_t width = 1;
  for (int64_t i = 0; i < texts->count; i++) {
    size_t points = 0;
    if (!il_utf8(texts->text[i], strlen(texts->text[i])))
      return il_fail(context, IL_ERROR_ARGUMENT, "text %lld of \"%s\" is not UTF-8", (long long)i,
                     texts->name);
    for (const char *at = texts->text[i]; *at; points++) il_utf8_next(&at);
    if (points > width) width = points;
  }
  size_t size;
  char descr[32];
  uint32_t *out = NULL;
  if (!__builtin_mul_overflow((size_t)texts->count, width * 4, &size) && width <= WIDTH_MAX)
    out = il_arena_alloc(arena, size + 1);
  snprintf(descr, sizeof descr, "%cU%zu", little ? '<' : '>', width);
  header->data = out ? il_npy_header(arena, descr, IL_SHAPE(texts->count), &header->size) : NULL;
  if (!header->data) return il_fail_memory(context, "an array of texts");
  for (int64_t i = 0; i < texts->count; i++) {
    uint32_t *to = out + (size_t)i * width;
    for (const char *at = texts->text[i]; *at;) *to++ = il_utf8_next(&at);
  }
  *content = (il_piece){out, size};
  return IL_OK;
}
