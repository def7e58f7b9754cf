/* A reader of our own: the format is a page long, and its errors have to name lines (docs/dependencies.md). */
#include "io/csv.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "io/io.h"

enum { FIELDS_MAX = 1 << 20, RECORD_MAX = 1 << 26 };

struct il_csv {
  il_context *context;
  il_arena arena;
  const char *path;
  const char *map;
  size_t size;
  const char *start, *at, *end; /* start: behind a byte order mark */
  int64_t line, record;         /* line: at `at` */
  char separator;
  int width;          /* fields of the first record, 0 before it */
  char *text;         /* the fields of a record, one after the other */
  const char **field; /* of them */
  size_t room, field_room;
};

char il_csv_separator(const il_csv *csv) { return csv->separator; }
int64_t il_csv_line(const il_csv *csv) { return csv->record; }

static void find_separator(il_csv *csv) {
  static const char candidates[] = {'\t', ';', ','};
  int count[3] = {0}, best = 0;
  bool quoted = false;
  for (const char *at = csv->start; at < csv->end; at++) {
    if (*at == '"') quoted = !quoted;
    if (*at == '\n' && !quoted && at > csv->start) break;
    for (int i = 0; i < 3 && !quoted; i++) count[i] += *at == candidates[i];
  }
  for (int i = 1; i < 3; i++)
    if (count[i] > count[best]) best = i;
  csv->separator = candidates[best];
}

void il_csv_rewind(il_csv *csv) {
  csv->at = csv->start;
  csv->line = 1;
  csv->record = 0;
}

il_csv *il_csv_open(il_context *context, const char *path) {
  il_csv *csv = calloc(1, sizeof *csv);
  if (!csv || !(csv->path = il_arena_string(&csv->arena, path))) {
    il_fail_memory(context, "a reader of tables");
    il_csv_close(csv);
    return NULL;
  }
  csv->context = context;
  csv->map = (const char *)il_map_file(context, path, &csv->size);
  if (!csv->map) {
    il_csv_close(csv);
    return NULL;
  }
  csv->start = csv->map;
  csv->end = csv->map + csv->size;
  if (csv->size >= 3 && !memcmp(csv->map, "\xef\xbb\xbf", 3)) csv->start += 3;
  find_separator(csv);
  il_csv_rewind(csv);
  return csv;
}

void il_csv_close(il_csv *csv) {
  if (!csv) return;
  il_unmap_file((const unsigned char *)csv->map, csv->size);
  free(csv->text);
  free(csv->field);
  il_arena_free(&csv->arena);
  free(csv);
}

static int refuse(il_csv *csv, int64_t line, const char *what) {
  il_fail(csv->context, IL_ERROR_FORMAT, "%s:%lld: %s", csv->path, (long long)line, what);
  return -1;
}

/* Room for a record of `size` bytes and one field more. */
static bool make_room(il_csv *csv, size_t size, int fields) {
  if (size + 1 > csv->room) {
    char *text = realloc(csv->text, 2 * size + 256);
    if (!text) return false;
    csv->text = text;
    csv->room = 2 * size + 256;
  }
  if ((size_t)fields + 1 > csv->field_room) {
    size_t room = 2 * (size_t)fields + 64;
    const char **field = realloc(csv->field, room * sizeof *field);
    if (!field) return false;
    csv->field = field;
    csv->field_room = room;
  }
  return true;
}

/* Where the record at `at` ends, before its line end; lines: how many of them it takes, for quoted fields. -1: a quote
 * without an end. */
static long long find_end(const il_csv *csv, int64_t *lines) {
  bool quoted = false;
  const char *at = csv->at;
  *lines = 1;
  for (; at < csv->end && (quoted || *at != '\n'); at++) {
    if (*at == '"') quoted = !quoted;
    *lines += *at == '\n';
  }
  return quoted ? -1 : at - csv->at;
}

/* One field from *at on into *to; false with an error. */
static bool read_field(il_csv *csv, const char **at, const char *end, char **to) {
  const char *from = *at;
  char *out = *to;
  if (from < end && *from == '"') {
    for (from++;; from++) {
      if (*from == '"' && (from + 1 == end || from[1] != '"')) break;
      if (*from == '"') from++;
      *out++ = *from;
    }
    from++;
    if (from < end && *from != csv->separator)
      return refuse(
                 csv, csv->record,
                 "found text behind a closing quote, expected the separator or the line's end; a "
                 "quote in a quoted field is written twice") == 0;
  } else {
    while (from < end && *from != csv->separator) {
      if (*from == '"')
        return refuse(csv, csv->record,
                      "found a quote in the middle of a field, expected the field to begin with "
                      "it") == 0;
      if (*from == '\r')
        return refuse(csv, csv->record,
                      "found a carriage return within a line, expected lines that end in LF or "
                      "CRLF") == 0;
      *out++ = *from++;
    }
  }
  *out++ = 0;
  *at = from;
  *to = out;
  return true;
}

static int check_width(il_csv *csv, int fields) {
  if (!csv->width) csv->width = fields;
  if (fields == csv->width) return fields;
  il_fail(csv->context, IL_ERROR_FORMAT,
          "%s:%lld: found %d fields, expected %d as in the first line", csv->path,
          (long long)csv->record, fields, csv->width);
  return -1;
}

int il_csv_next(il_csv *csv, const char *const **field) {
  while (csv->at < csv->end &&
         (*csv->at == '\n' || (*csv->at == '\r' && csv->at + 1 < csv->end && csv->at[1] == '\n'))) {
    csv->line += *csv->at == '\n';
    csv->at++;
  }
  if (csv->at == csv->end) return 0;
  int64_t lines;
  const long long length = find_end(csv, &lines);
  csv->record = csv->line;
  if (length < 0) return refuse(csv, csv->line, "a quote opens here and is never closed");
  if (length > RECORD_MAX) return refuse(csv, csv->line, "a line of more than 64 MiB");
  const char *at = csv->at, *end = csv->at + length;
  csv->at = end < csv->end ? end + 1 : end;
  csv->line += lines;
  if (end > at && end[-1] == '\r') end--;
  if (!il_utf8(at, (size_t)(end - at)) || memchr(at, 0, (size_t)(end - at)))
    return refuse(csv, csv->record, "found bytes that are no text, expected UTF-8");
  if (!make_room(csv, (size_t)length, 0)) return il_fail_memory(csv->context, "a line"), -1;
  char *to = csv->text;
  int fields = 0;
  for (;; at++) {
    if (fields == FIELDS_MAX) return refuse(csv, csv->record, "more than 2^20 fields");
    /* A field takes a byte more than in the file at the end of the record only. */
    if (!make_room(csv, (size_t)length, fields)) return il_fail_memory(csv->context, "a line"), -1;
    csv->field[fields++] = to;
    if (!read_field(csv, &at, end, &to)) return -1;
    if (at == end) break;
  }
  *field = csv->field;
  return check_width(csv, fields);
}

void il_csv_print(FILE *out, const char *text) {
  fputc('"', out);
  for (; *text; text++) {
    if (*text == '"') fputc('"', out);
    fputc(*text, out);
  }
  fputc('"', out);
}
