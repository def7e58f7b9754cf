/* Settings described by a table: of a struct's fields come their defaults, their text forms, what they accept and the
 * help. Whoever has such a table (a source of tasks, an algorithm, an optimizer) needs no code for its settings. */
#ifndef INNERLOOP_FIELD_H
#define INNERLOOP_FIELD_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a field holds. */
typedef enum il_field_kind {
  IL_FIELD_INT64 = 1,  /* int64_t, uint64_t */
  IL_FIELD_INT32 = 2,  /* int, int32_t */
  IL_FIELD_DOUBLE = 3, /* double */
  IL_FIELD_BOOL = 4,   /* bool; "true" or "false" */
  IL_FIELD_ENUM = 5,   /* int or an enum; one of choices, the first of which has the number `low` */
  IL_FIELD_TEXT = 6,   /* const char *: the text that was given, which must outlive the struct */
  IL_FIELD_RANGE = 7,  /* int[2]: "1-5", or "3" for 3-3 */
} il_field_kind;

/* One row; a table ends with a zeroed one. Operations describe their attributes with the first four alone. */
typedef struct il_field {
  const char *name;     /* as in files and on the command line */
  il_field_kind kind;   /* what it holds */
  size_t offset;        /* in the struct */
  int count;            /* 1; attributes of operations may be arrays */
  const char *fallback; /* the default, as text */
  double low, high;     /* accepted numbers */
  const char *choices;  /* "first|second" */
  const char *doc;      /* in a few words */
} il_field;

/* The row of a member, which gives the key its name. */
#define IL_FIELD(type, member, kind, fallback, low, high, choices, doc)                            \
  { #member, kind, offsetof(type, member), 1, fallback, low, high, choices, doc }

enum { IL_FIELD_TEXT_SIZE = 320 }; /* room for what il_field_print writes of anything but a text */

/* Every field's default. */
IL_API void il_fields_default(const il_field *fields, void *settings);
/* The row of that name; NULL: none. */
IL_API const il_field *il_field_find(const il_field *fields, const char *name);
/* Sets one field; false, and nothing is set, where the text is none of what the field accepts. */
IL_API bool il_field_read(const il_field *field, const char *text, void *settings);
/* The same, with a sentence: where ("file.yaml:3: " or "") and prefix ("task." or "") precede the field's name. */
IL_API il_status il_field_set(il_context *context, const char *where, const char *prefix,
                              const il_field *field, const char *text, void *settings);
/* The field's value as text that il_field_read reads back; returns its length as snprintf does. */
IL_API int il_field_print(const il_field *field, const void *settings, char *text, size_t size);
/* "an integer from 1 to 1000", "one of a|b". */
IL_API void il_field_accepts(const il_field *field, char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
