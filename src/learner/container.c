/* A strict reader of the JSON that safetensors headers are made of: an object of tensors {"dtype", "shape", "data_offsets"},
 * and "__metadata__", an object of strings. */
#include "learner/container.h"

#include <string.h>

#include "base/error.h"
#include "base/room.h"
#include "base/utf8.h"

enum { MOST_HEADER = 100 * 1000 * 1000 }; /* the limit of the format's own library */

typedef struct cursor {
  const char *at, *end;
} cursor;

typedef struct span { /* of a string, between its quotes, escapes as they are */
  const char *at;
  size_t length;
} span;

typedef struct entry {
  span name, dtype;
  bool metadata;
  cursor inside; /* metadata: where its object begins */
  int rank;
  int64_t dim[IL_MAX_RANK];
  int64_t offset[2];
} entry;

static void skip_blank(cursor *c) {
  while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t' || *c->at == '\r'))
    c->at++;
}

static bool take(cursor *c, char wanted) {
  skip_blank(c);
  if (c->at == c->end || *c->at != wanted) return false;
  c->at++;
  return true;
}

static int hex4(const char *at, const char *end) {
  int number = 0;
  if (end - at < 4) return -1;
  for (int i = 0; i < 4; i++) {
    const char d = at[i];
    const int digit = d >= '0' && d <= '9'   ? d - '0'
                      : d >= 'a' && d <= 'f' ? d - 'a' + 10
                      : d >= 'A' && d <= 'F' ? d - 'A' + 10
                                             : -1;
    if (digit < 0) return -1;
    number = number * 16 + digit;
  }
  return number;
}

static bool take_string(cursor *c, span *s) {
  if (!take(c, '"')) return false;
  s->at = c->at;
  for (; c->at < c->end && *c->at != '"'; c->at++) {
    if ((unsigned char)*c->at < 32) return false;
    if (*c->at != '\\') continue;
    if (++c->at == c->end || !strchr("\"\\/bfnrtu", *c->at) || !*c->at) return false;
    if (*c->at == 'u' && hex4(c->at + 1, c->end) < 1) return false; /* \u0000 would end it */
  }
  s->length = (size_t)(c->at - s->at);
  return take(c, '"');
}

static bool take_number(cursor *c, int64_t *number) {
  skip_blank(c);
  const char *begin = c->at;
  *number = 0;
  for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
    if (__builtin_mul_overflow(*number, 10, number) ||
        __builtin_add_overflow(*number, *c->at - '0', number))
      return false;
  return c->at > begin && (*begin != '0' || c->at == begin + 1);
}

/* [1, 2, …]: at most `most` numbers; their count, or −1. */
static int take_numbers(cursor *c, int most, int64_t *number) {
  int count = 0;
  if (!take(c, '[')) return -1;
  if (take(c, ']')) return 0;
  do {
    if (count == most || !take_number(c, &number[count++])) return -1;
  } while (take(c, ','));
  return take(c, ']') ? count : -1;
}

static bool is(span s, const char *text) {
  return strlen(text) == s.length && !memcmp(s.at, text, s.length);
}

static bool take_metadata(cursor *c) {
  span key, value;
  if (!take(c, '{')) return false;
  if (take(c, '}')) return true;
  do {
    if (!take_string(c, &key) || !take(c, ':') || !take_string(c, &value)) return false;
  } while (take(c, ','));
  return take(c, '}');
}

static bool take_tensor(cursor *c, entry *e) {
  unsigned seen = 0;
  if (!take(c, '{')) return false;
  do {
    span key;
    if (!take_string(c, &key) || !take(c, ':')) return false;
    const unsigned which = is(key, "dtype")          ? 1
                           : is(key, "shape")        ? 2
                           : is(key, "data_offsets") ? 4
                                                     : 0;
    if (!which || seen & which) return false;
    seen |= which;
    if (which == 1 && !take_string(c, &e->dtype)) return false;
    if (which == 2 && (e->rank = take_numbers(c, IL_MAX_RANK, e->dim)) < 0) return false;
    if (which == 4 && take_numbers(c, 2, e->offset) != 2) return false;
  } while (take(c, ','));
  return seen == 7 && take(c, '}');
}

static bool take_entry(cursor *c, entry *e) {
  *e = (entry){0};
  if (!take_string(c, &e->name) || !take(c, ':')) return false;
  e->metadata = is(e->name, "__metadata__");
  e->inside = *c;
  return e->metadata ? take_metadata(c) : take_tensor(c, e);
}

static size_t size_of(span dtype) {
  static const struct {
    const char *name;
    size_t size;
  } known[] = {{"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8}, {"U64", 8}, {"I32", 4},
               {"U32", 4}, {"I16", 2}, {"U16", 2}, {"I8", 1},   {"U8", 1},  {"BOOL", 1}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (is(dtype, known[i].name)) return known[i].size;
  return 0;
}

/* What is wrong with a tensor's place; NULL: nothing. */
static const char *misplaced(const il_container *c, const entry *e) {
  int64_t bytes = (int64_t)size_of(e->dtype);
  if (!bytes) return "a dtype that is not known";
  for (int i = 0; i < e->rank; i++)
    if (__builtin_mul_overflow(bytes, e->dim[i], &bytes)) return "a shape that is too large";
  if (e->offset[1] < e->offset[0] || (uint64_t)e->offset[1] > c->size)
    return "data_offsets outside of the file";
  return e->offset[1] - e->offset[0] != bytes ? "data_offsets that do not fit its shape" : NULL;
}

il_status il_container_open(il_context *context, const void *bytes, size_t size, il_container *c) {
  const unsigned char *at = bytes;
  uint64_t length = 0;
  for (int i = 7; i >= 0 && size >= 8; i--) length = length << 8 | at[i];
  if (size < 8 || length > size - 8 || length > MOST_HEADER)
    return il_fail(
        context, IL_ERROR_FORMAT,
        "the learner: found %zu bytes that begin with a header of %llu, expected a whole "
        "safetensors file",
        size, (unsigned long long)length);
  *c = (il_container){.header = (const char *)at + 8,
                      .length = (size_t)length,
                      .data = at + 8 + length,
                      .size = size - 8 - (size_t)length};
  cursor walk = {c->header, c->header + c->length};
  bool fine = take(&walk, '{');
  if (fine && !take(&walk, '}')) {
    do {
      entry e;
      fine = take_entry(&walk, &e);
      const char *wrong = fine && !e.metadata ? misplaced(c, &e) : NULL;
      if (wrong)
        return il_fail(context, IL_ERROR_FORMAT, "the learner: tensor \"%.*s\" has %s",
                       e.name.length < 64 ? (int)e.name.length : 64, e.name.at, wrong);
    } while (fine && take(&walk, ','));
    fine = fine && take(&walk, '}');
  }
  skip_blank(&walk);
  if (fine && walk.at == walk.end) return IL_OK;
  return il_fail(context, IL_ERROR_FORMAT,
                 "the learner: byte %zu of its header is not what a safetensors header has there",
                 (size_t)(walk.at - c->header));
}

/* The entry of that name; the header is known to be right. */
static bool find(const il_container *c, const char *name, entry *e) {
  cursor walk = {c->header, c->header + c->length};
  if (!take(&walk, '{') || take(&walk, '}')) return false;
  do {
    if (!take_entry(&walk, e)) return false;
    if (is(e->name, name)) return true;
  } while (take(&walk, ','));
  return false;
}

const void *il_container_tensor(il_context *context, const il_container *c, const char *name,
                                il_type type, il_shape shape) {
  static const char *const dtype[] = {[IL_FLOAT32] = "F32", [IL_FLOAT64] = "F64"};
  entry e;
  if (!find(c, name, &e)) {
    il_fail(context, IL_ERROR_DATA, "the learner: tensor \"%s\" is missing", name);
    return NULL;
  }
  bool fits = e.rank == shape.rank && is(e.dtype, dtype[type]);
  for (int i = 0; i < e.rank && fits; i++) fits = e.dim[i] == shape.dim[i];
  if (fits) return c->data + e.offset[0];
  il_fail(context, IL_ERROR_DATA,
          "the learner: tensor \"%s\" is %.*s of %d sizes and %lld bytes, expected %s of %d sizes "
          "and %lld bytes",
          name, e.dtype.length < 8 ? (int)e.dtype.length : 8, e.dtype.at, e.rank,
          (long long)(e.offset[1] - e.offset[0]), dtype[type], shape.rank,
          (long long)il_shape_count(shape) * (long long)il_type_size(type));
  return NULL;
}

/* ---- text ---- */

/* Never longer than what stands between the quotes. */
static char *unescape(char *to, span s) {
  static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
  const char *end = s.at + s.length;
  for (const char *at = s.at; at < end; at++) {
    if (*at != '\\') {
      *to++ = *at;
    } else if (*++at != 'u') {
      *to++ = into[strchr(from, *at) - from];
    } else {
      uint32_t code = (uint32_t)hex4(at + 1, end);
      at += 4;
      if (code >= 0xd800 && code < 0xdc00 && end - at > 6 && at[1] == '\\' && at[2] == 'u') {
        const int low = hex4(at + 3, end);
        if (low >= 0xdc00 && low < 0xe000) {
          code = 0x10000 + ((code - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
          at += 6;
        }
      }
      to += il_utf8_put(code >= 0xd800 && code < 0xe000 ? 0xfffd : code, to);
    }
  }
  *to++ = 0;
  return to;
}

char *il_container_text(il_context *context, const il_container *c, const char *key) {
  entry e;
  if (!find(c, "__metadata__", &e) || !take(&e.inside, '{') || take(&e.inside, '}')) return NULL;
  do {
    span found, value;
    if (!take_string(&e.inside, &found) || !take(&e.inside, ':') || !take_string(&e.inside, &value))
      return NULL;
    if (!is(found, key)) continue;
    char *text = il_new(context, 1, value.length + 1);
    if (!text) il_fail_memory(context, "the text of a learner");
    if (text) unescape(text, value);
    return text;
  } while (take(&e.inside, ','));
  return NULL;
}

char **il_container_list(il_context *context, const char *text, int count) {
  cursor walk = {text, text + strlen(text)};
  const size_t pointers = (size_t)count * sizeof(char *);
  char **list = il_new(context, 1, pointers + strlen(text) + 1);
  if (!list) {
    il_fail_memory(context, "the names of classes");
    return NULL;
  }
  char *to = (char *)list + pointers;
  bool fine = take(&walk, '[');
  for (int i = 0; i < count && fine; i++) {
    span s;
    fine = (i == 0 || take(&walk, ',')) && take_string(&walk, &s);
    list[i] = to;
    if (fine) to = unescape(to, s);
  }
  if (fine && take(&walk, ']')) return list;
  il_release(list);
  return NULL;
}
