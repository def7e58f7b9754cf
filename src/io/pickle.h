/* Python pickles as data: a stack machine that builds a tree of values and never calls anything. */
#ifndef IL_IO_PICKLE_H
#define IL_IO_PICKLE_H

#include "base/arena.h"
#include "base/error.h"

typedef enum il_pickle_kind {
  IL_PICKLE_NONE = 1,
  IL_PICKLE_BOOL,
  IL_PICKLE_INT,  /* of up to 64 bits */
  IL_PICKLE_LONG, /* a larger whole number: its little-endian bytes, as text */
  IL_PICKLE_FLOAT,
  IL_PICKLE_TEXT,   /* also bytes; not NUL-terminated */
  IL_PICKLE_TUPLE,  /* item[count] */
  IL_PICKLE_LIST,   /* item[count] */
  IL_PICKLE_DICT,   /* item[count]: key, value, key, value, … */
  IL_PICKLE_GLOBAL, /* text: "module.name", NUL-terminated */
  IL_PICKLE_CALL,   /* what Python would have called: item[0] the global, item[1] its arguments */
  IL_PICKLE_OBJECT, /* item[0] the class, item[1] its arguments, item[2] its state once BUILD gave it */
  IL_PICKLE_PERSISTENT, /* item[0]: the id of something that lies outside the pickle */
} il_pickle_kind;

typedef struct il_pickle il_pickle;
struct il_pickle {
  il_pickle_kind kind;
  union {
    int64_t integer; /* BOOL, INT */
    double real;
    struct {
      const char *text;
      size_t length;
    };
    struct {
      il_pickle **item;
      size_t count, room;
      void *found; /* PERSISTENT: for the reader of the file */
    };
  };
};

typedef struct il_pickle_reader {
  il_context *context;
  const char *path; /* for sentences */
  il_arena *arena;  /* owns the tree; texts stay in the data */
  /* Whether a global is known; false after an error that says what to do instead. */
  bool (*known)(il_context *context, const char *path, const char *global);
  il_pickle **persistent; /* every PERSISTENT value met, in order */
  size_t persistents, persistent_room;
} il_pickle_reader;

/* Reads one pickle of protocol 2 to 5 from data; *used is its length. The tree takes at most some 100 bytes
 * per byte of the pickle; it can contain itself, so who walks it limits depth and visits. NULL after an error. */
il_pickle *il_pickle_read(il_pickle_reader *reader, const unsigned char *data, size_t size,
                          size_t *used);

/* Whether a value is this text, or this global. */
bool il_pickle_is_text(const il_pickle *value, const char *text);
bool il_pickle_is_global(const il_pickle *value, const char *global);
/* What it is, for sentences: "a list". */
const char *il_pickle_kind_name(il_pickle_kind kind);

#endif
