/* Fields of settings (innerloop/field.h): their text forms, read and written with a point whatever the locale. */
#include <ctype.h>
#include <errno.h>
#include <innerloop/field.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/locale.h"

static int choice_index(const char *choices, const char *text) {
  size_t length = strlen(text);
  int index = 0;
  for (const char *at = choices; *at; index++) {
    size_t width = strcspn(at, "|");
    if (width == length && !strncmp(at, text, length)) return index;
    at += width + (at[width] == '|');
  }
  return -1;
}

static bool read_number(const il_field *f, const char *text, int64_t *integer, double *real) {
  if (isspace((unsigned char)*text)) return false; /* strtoll passes over it, YAML may not */
  char *end = NULL;
  errno = 0;
  if (f->kind == IL_FIELD_DOUBLE) {
    *real = il_real_parse(text, &end);
  } else {
    *integer = strtoll(text, &end, 10);
    *real = (double)*integer;
  }
  const bool whole = *text && !*end && !errno;
  return whole && isfinite(*real) && *real >= f->low && *real <= f->high;
}

/* "3" or "1-5": digits alone, and what is not a single number does not begin with 0. */
static bool read_range(const il_field *f, const char *text, char *at) {
  int64_t number[2];
  for (int i = 0; i < 2; i++) {
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 9) return false;
    number[i] = strtoll(text, NULL, 10);
    text += digits;
    if (i == 0 && *text == 0) {
      number[1] = number[0];
      break;
    }
    if (*text != (i ? 0 : '-') || number[0] == 0) return false;
    text++;
  }
  if ((double)number[0] < f->low || number[0] > number[1] || (double)number[1] > f->high)
    return false;
  memcpy(at, (const int[2]){(int)number[0], (int)number[1]}, 2 * sizeof(int));
  return true;
}

bool il_field_read(const il_field *f, const char *text, void *settings) {
  char *at = (char *)settings + f->offset;
  int64_t integer = 0;
  double real = 0;
  int number = 0;
  switch (f->kind) {
  case IL_FIELD_INT64:
    if (!read_number(f, text, &integer, &real)) return false;
    memcpy(at, &integer, sizeof integer);
    return true;
  case IL_FIELD_INT32:
    if (!read_number(f, text, &integer, &real) || integer != (int32_t)integer) return false;
    number = (int)integer;
    memcpy(at, &number, sizeof number);
    return true;
  case IL_FIELD_DOUBLE:
    if (!read_number(f, text, &integer, &real)) return false;
    memcpy(at, &real, sizeof real);
    return true;
  case IL_FIELD_BOOL:
    if (strcmp(text, "true") && strcmp(text, "false")) return false;
    *(bool *)at = *text == 't';
    return true;
  case IL_FIELD_ENUM:
    number = choice_index(f->choices, text);
    if (number < 0) return false;
    number += (int)f->low;
    memcpy(at, &number, sizeof number);
    return true;
  case IL_FIELD_TEXT: memcpy(at, &text, sizeof text); return true;
  case IL_FIELD_RANGE: return read_range(f, text, at);
  }
  return false;
}

void il_fields_default(const il_field *fields, void *settings) {
  for (const il_field *f = fields; f && f->name; f++) il_field_read(f, f->fallback, settings);
}

const il_field *il_field_find(const il_field *fields, const char *name) {
  for (const il_field *f = fields; f && f->name; f++)
    if (!strcmp(f->name, name)) return f;
  return NULL;
}

/* 0.9999999 is printed as 1, which is more than it. */
static bool rounds_up(double high) {
  char text[32];
  il_plain_text(text, sizeof text, "%g", high);
  return il_real_parse(text, NULL) > high;
}

void il_field_accepts(const il_field *f, char *text, size_t size) {
  switch (f->kind) {
  case IL_FIELD_INT64:
  case IL_FIELD_INT32:
    il_plain_text(text, size, "an integer from %.0f to %.0f", f->low, f->high);
    break;
  case IL_FIELD_DOUBLE:
    il_plain_text(text, size,
                  rounds_up(f->high) ? "a number from %g to below %g" : "a number from %g to %g",
                  f->low, f->high);
    break;
  case IL_FIELD_BOOL: snprintf(text, size, "true or false"); break;
  case IL_FIELD_ENUM: snprintf(text, size, "one of %s", f->choices); break;
  case IL_FIELD_TEXT: snprintf(text, size, "text"); break;
  case IL_FIELD_RANGE:
    il_plain_text(text, size, "an integer from %.0f to %.0f, or a range of them such as 1-5",
                  f->low, f->high);
    break;
  }
}

il_status il_field_set(il_context *context, const char *where, const char *prefix,
                       const il_field *f, const char *text, void *settings) {
  if (il_field_read(f, text, settings)) return IL_OK;
  char accepted[IL_FIELD_TEXT_SIZE];
  il_field_accepts(f, accepted, sizeof accepted);
  return il_fail(context, IL_ERROR_CONFIG, "%s%s%s: found \"%s\", expected %s", where, prefix,
                 f->name, text, accepted);
}

int il_field_print(const il_field *f, const void *settings, char *text, size_t size) {
  const char *at = (const char *)settings + f->offset, *words = NULL;
  int64_t integer = 0;
  double real = 0;
  int number = 0, range[2];
  switch (f->kind) {
  case IL_FIELD_INT64:
    memcpy(&integer, at, sizeof integer);
    return snprintf(text, size, "%lld", (long long)integer);
  case IL_FIELD_INT32:
    memcpy(&number, at, sizeof number);
    return snprintf(text, size, "%d", number);
  case IL_FIELD_DOUBLE: memcpy(&real, at, sizeof real); return il_real_print(real, text, size);
  case IL_FIELD_BOOL: return snprintf(text, size, "%s", *(const bool *)at ? "true" : "false");
  case IL_FIELD_ENUM:
    memcpy(&number, at, sizeof number);
    number -= (int)f->low;
    for (words = f->choices; number > 0 && *words; number--) {
      words += strcspn(words, "|");
      words += *words == '|';
    }
    return snprintf(text, size, "%.*s", number ? 0 : (int)strcspn(words, "|"), words);
  case IL_FIELD_TEXT:
    memcpy(&words, at, sizeof words);
    return snprintf(text, size, "%s", words ? words : "");
  case IL_FIELD_RANGE:
    memcpy(range, at, sizeof range);
    return range[0] == range[1] ? snprintf(text, size, "%d", range[0])
                                : snprintf(text, size, "%d-%d", range[0], range[1]);
  }
  return snprintf(text, size, "%s", "");
}
