/* Zip archives as PyTorch and numpy map them: nothing compressed, no times, contents at multiples of 64 bytes (the
 * local header's extra field pads), so that equal content gives equal bytes. */
#include <stdlib.h>
#include <string.h>

#include "io/tensors.h"

enum { ALIGNMENT = 64, LOCAL = 30, CENTRAL = 46, END = 22, FIRST_DAY = 0x21 /* 1980-01-01 */ };

static void little(unsigned char *to, int bytes, uint64_t value) {
  for (int i = 0; i < bytes; i++) to[i] = (unsigned char)(value >> (8 * i));
}

/* CRC-32 of zip (polynomial 0xedb88320), eight bytes at a time. */
typedef uint32_t crc_table[8][256];

static void make_table(crc_table table) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t c = i;
    for (int k = 0; k < 8; k++) c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
    table[0][i] = c;
  }
  for (uint32_t i = 0; i < 256; i++)
    for (int k = 1; k < 8; k++)
      table[k][i] = table[0][table[k - 1][i] & 255] ^ table[k - 1][i] >> 8;
}

static uint32_t crc(crc_table table, uint32_t c, const unsigned char *p, size_t size) {
  for (; size >= 8; size -= 8, p += 8) {
    uint32_t low = c ^ (p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
    c = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^
        table[4][low >> 24] ^ table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
  }
  for (; size; size--, p++) c = table[0][(c ^ *p) & 255] ^ c >> 8;
  return c;
}

typedef struct record {
  uint32_t crc;
  uint64_t size, offset;
  size_t name, padding; /* lengths */
} record;

static bool ascii(const char *text) {
  while (*text && !(*text & 0x80)) text++;
  return !*text;
}

/* What local header and central directory share: version, flags, method, time, checksum, sizes, lengths. */
static void put_common(unsigned char *to, const il_zip_entry *entry, const record *r) {
  memset(to, 0, 26);
  little(to, 2, 20);
  little(to + 2, 2, ascii(entry->name) ? 0 : 0x800); /* the name is UTF-8 */
  little(to + 8, 2, FIRST_DAY);
  little(to + 10, 4, r->crc);
  little(to + 14, 4, r->size);
  little(to + 18, 4, r->size);
  little(to + 22, 2, r->name);
}

static void put_local(unsigned char *to, const il_zip_entry *entry, const record *r) {
  memcpy(to, "PK\3\4", 4);
  put_common(to + 4, entry, r);
  little(to + 28, 2, r->padding);
  memcpy(to + LOCAL, entry->name, r->name);
  unsigned char *extra = to + LOCAL + r->name;
  memset(extra, 0, r->padding);
  memcpy(extra, "FB", 2); /* PyTorch's own mark for padding */
  little(extra + 2, 2, r->padding - 4);
}

static void put_central(unsigned char *to, const il_zip_entry *entry, const record *r) {
  memset(to, 0, CENTRAL);
  memcpy(to, "PK\1\2", 4);
  little(to + 4, 2, 20);
  put_common(to + 6, entry, r);
  little(to + 42, 4, r->offset);
  memcpy(to + CENTRAL, entry->name, r->name);
}

static il_status too_large(il_context *context, const char *path) {
  return il_fail(context, IL_ERROR_UNSUPPORTED,
                 "%s would be an archive of more than 4 GiB or 65535 tensors: write .safetensors",
                 path);
}

static il_status lay_out(il_context *context, const char *path, int count,
                         const il_zip_entry *entry, record *r, uint64_t *directory,
                         size_t *headers) {
  static const uint64_t limit = UINT32_MAX;
  crc_table table;
  make_table(table);
  uint64_t at = 0, central = 0;
  *headers = 0;
  for (int i = 0; i < count; i++) {
    uint32_t c = 0xffffffffu;
    for (int k = 0; k < entry[i].pieces; k++) {
      c = crc(table, c, entry[i].piece[k].data, entry[i].piece[k].size);
      r[i].size += entry[i].piece[k].size;
    }
    r[i].crc = ~c;
    r[i].offset = at;
    r[i].name = strlen(entry[i].name);
    if (r[i].name > 60000)
      return il_fail(context, IL_ERROR_UNSUPPORTED, "%s: the name of a tensor has %zu bytes", path,
                     r[i].name);
    size_t unpadded = (size_t)((at + LOCAL + r[i].name + 4) % ALIGNMENT);
    r[i].padding = 4 + (ALIGNMENT - unpadded) % ALIGNMENT;
    *headers += LOCAL + r[i].name + r[i].padding;
    at += LOCAL + r[i].name + r[i].padding + r[i].size;
    central += CENTRAL + r[i].name;
    if (at + central > limit) return too_large(context, path);
  }
  *directory = at;
  *headers += (size_t)central + END;
  return IL_OK;
}

il_status il_zip_write(il_context *context, const char *path, int count,
                       const il_zip_entry *entry) {
  if (count > 65535) return too_large(context, path);
  record *r = calloc((size_t)count + 1, sizeof *r);
  il_piece *piece = calloc(3 * (size_t)count + 1, sizeof *piece);
  uint64_t directory = 0;
  size_t size = 0;
  unsigned char *headers = NULL;
  il_status status = r && piece ? lay_out(context, path, count, entry, r, &directory, &size)
                                : il_fail_memory(context, "an archive");
  if (!status && !(headers = malloc(size))) status = il_fail_memory(context, "an archive");
  if (!status) {
    unsigned char *at = headers;
    int pieces = 0;
    for (int i = 0; i < count; i++) {
      size_t length = LOCAL + r[i].name + r[i].padding;
      put_local(at, &entry[i], &r[i]);
      piece[pieces++] = (il_piece){at, length};
      for (int k = 0; k < entry[i].pieces; k++) piece[pieces++] = entry[i].piece[k];
      at += length;
    }
    size_t central = (size_t)(headers + size - at) - END;
    piece[pieces++] = (il_piece){at, central + END};
    for (int i = 0; i < count; i++) {
      put_central(at, &entry[i], &r[i]);
      at += CENTRAL + r[i].name;
    }
    memset(at, 0, END);
    memcpy(at, "PK\5\6", 4);
    little(at + 8, 2, (uint64_t)count);
    little(at + 10, 2, (uint64_t)count);
    little(at + 12, 4, central);
    little(at + 16, 4, directory);
    status = il_atomic_write(context, path, pieces, piece);
  }
  free(headers);
  free(piece);
  free(r);
  return status;
}
