/* Writes and reads attributes by their field tables: the only code that knows how a field lies in memory.
 * Fields stand in the order of the table, all of them, so that equal attributes are equal text. */
#include "base/locale.h"
#include "graph/attr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int il_attr_length(const il_field *field, int rank) {
  return field->count == IL_MAX_RANK ? rank : field->count;
}

static size_t entry_size(il_field_kind kind) { return kind == IL_FIELD_INT32 ? 4 : 8; }

static void write_entry(FILE *out, const il_field *field, const char *at) {
  switch (field->kind) {
  case IL_FIELD_INT64: {
    int64_t value;
    memcpy(&value, at, sizeof value);
    fprintf(out, "%lld", (long long)value);
    break;
  }
  case IL_FIELD_INT32: {
    int32_t value;
    memcpy(&value, at, sizeof value);
    fprintf(out, "%d", value);
    break;
  }
  case IL_FIELD_DOUBLE: {
    double value;
    memcpy(&value, at, sizeof value);
    il_plain_print(out, "%.17g", value);
    break;
  }
  default: break; /* other kinds are for settings */
  }
}

void il_attr_write(FILE *out, const il_op_info *info, const void *attr, int rank) {
  if (!info->attr_size || !attr) return;
  fputs(" {", out);
  for (const il_field *field = info->fields; field && field->name; field++) {
    const char *at = (const char *)attr + field->offset;
    fprintf(out, "%s%s=", field == info->fields ? "" : " ", field->name);
    if (field->count <= 1) {
      write_entry(out, field, at);
      continue;
    }
    for (int i = 0; i < il_attr_length(field, rank); i++) {
      fputc(i ? ',' : '[', out);
      write_entry(out, field, at + (size_t)i * entry_size(field->kind));
    }
    fputs(il_attr_length(field, rank) ? "]" : "[]", out);
  }
  fputc('}', out);
}

static bool skip(const char **text, const char *expected) {
  size_t length = strlen(expected);
  if (strncmp(*text, expected, length) != 0) return false;
  *text += length;
  return true;
}

static bool read_entry(const char **text, const il_field *field, char *at) {
  const char *start = *text;
  char *end;
  if (*start == ' ' || *start == '\t' || *start == '\n' || *start == '\r' || *start == '+')
    return false;
  errno = 0;
  if (field->kind == IL_FIELD_DOUBLE) {
    double value =
        il_real_parse(start, &end); /* overflow to infinity and underflow are what they say */
    memcpy(at, &value, sizeof value);
  } else {
    long long value = strtoll(start, &end, 10);
    if (errno) return false;
    if (field->kind == IL_FIELD_INT32) {
      if (value < INT32_MIN || value > INT32_MAX) return false;
      int32_t narrow = (int32_t)value;
      memcpy(at, &narrow, sizeof narrow);
    } else {
      int64_t wide = value;
      memcpy(at, &wide, sizeof wide);
    }
  }
  *text = end;
  return end != start;
}

const char *il_attr_read(const char **text, const il_op_info *info, void *attr, int rank,
                         const il_field **field) {
  *field = NULL;
  if (!info->attr_size) return NULL;
  memset(attr, 0, info->attr_size);
  if (!skip(text, " {")) return "attributes {…} expected";
  for (const il_field *f = info->fields; f && f->name; f++) {
    *field = f;
    if (f != info->fields && !skip(text, " ")) return "attribute expected";
    if (!skip(text, f->name) || !skip(text, "=")) return "attribute expected";
    char *at = (char *)attr + f->offset;
    if (f->count <= 1) {
      if (!read_entry(text, f, at)) return "number expected for attribute";
      continue;
    }
    if (!skip(text, "[")) return "[…] expected for attribute";
    for (int i = 0; i < il_attr_length(f, rank); i++) {
      if (i && !skip(text, ",")) return "one number per axis expected for attribute";
      if (!read_entry(text, f, at + (size_t)i * entry_size(f->kind)))
        return "number expected for attribute";
    }
    if (!skip(text, "]")) return "] expected after attribute";
  }
  *field = NULL;
  return skip(text, "}") ? NULL : "} expected after the attributes";
}
