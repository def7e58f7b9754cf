/* The pickle machine: opcodes of protocols 2 to 5 that plain data needs. A call (REDUCE, NEWOBJ) becomes a value that
 * says what would have been called. Every length is checked against the bytes that are left, every stack access
 * against the stack and its marks. */
#include "io/pickle.h"

#include <stdlib.h>
#include <string.h>

enum { GLOBAL_MAX = 256, PROTOCOL_MAX = 5 };

typedef struct machine {
  il_pickle_reader *reader;
  const unsigned char *data;
  size_t size, at;
  il_pickle **stack; /* grows */
  size_t depth, stack_room;
  size_t *mark; /* depths of the stack */
  size_t marks, mark_room;
  il_pickle **memo; /* [memo_room], NULL where nothing was put */
  size_t memo_room, memoized;
  il_pickle *none, *yes, *no;
  bool failed;
} machine;

static bool refuse(machine *m, const char *what) {
  if (!m->failed)
    il_fail(m->reader->context, IL_ERROR_FORMAT, "%s: the pickle is damaged at byte %zu: %s",
            m->reader->path, m->at, what);
  m->failed = true;
  return false;
}

static bool no_memory(machine *m) {
  il_fail_memory(m->reader->context, "the values of a pickle");
  m->failed = true;
  return false;
}

/* Room for one more element of `size` bytes in a growing list. */
static bool grow(machine *m, void *list, size_t count, size_t *room, size_t size) {
  if (count < *room) return true;
  size_t wanted = *room ? 2 * *room : 64;
  void *old, *grown;
  memcpy(&old, list, sizeof old);
  grown = realloc(old, wanted * size);
  if (!grown) return no_memory(m);
  memcpy(list, &grown, sizeof grown);
  *room = wanted;
  return true;
}

static il_pickle *make(machine *m, il_pickle_kind kind) {
  il_pickle *value = il_arena_alloc(m->reader->arena, sizeof *value);
  if (!value) {
    no_memory(m);
    return NULL;
  }
  value->kind = kind;
  return value;
}

static void push(machine *m, il_pickle *value) {
  if (value && grow(m, &m->stack, m->depth, &m->stack_room, sizeof *m->stack))
    m->stack[m->depth++] = value;
}

/* Never below the last mark, as Python's own unpickler. */
static il_pickle *pop(machine *m) {
  size_t floor = m->marks ? m->mark[m->marks - 1] : 0;
  if (m->depth > floor) return m->stack[--m->depth];
  refuse(m, "a value is missing on the stack");
  return NULL;
}

static il_pickle *top(machine *m) {
  il_pickle *value = pop(m);
  if (value) m->depth++;
  return value;
}

static bool pop_mark(machine *m, size_t *begin) {
  if (!m->marks) return refuse(m, "a mark is missing on the stack");
  *begin = m->mark[--m->marks];
  return true;
}

/* The next count bytes; NULL at the end of the data. */
static const unsigned char *take(machine *m, uint64_t count) {
  if (count > m->size - m->at) {
    refuse(m, "it ends within a value");
    return NULL;
  }
  const unsigned char *bytes = m->data + m->at;
  m->at += (size_t)count;
  return bytes;
}

static uint64_t number(machine *m, int bytes) {
  const unsigned char *b = take(m, (uint64_t)bytes);
  uint64_t value = 0;
  for (int i = bytes - 1; b && i >= 0; i--) value = value << 8 | b[i];
  return value;
}

static void push_integer(machine *m, int64_t integer) {
  il_pickle *value = make(m, IL_PICKLE_INT);
  if (!value) return;
  value->integer = integer;
  push(m, value);
}

static void push_text(machine *m, il_pickle_kind kind, uint64_t length) {
  const unsigned char *text = take(m, length);
  il_pickle *value = text ? make(m, kind) : NULL;
  if (!value) return;
  value->text = (const char *)text;
  value->length = (size_t)length;
  push(m, value);
}

/* Two's complement, little-endian. */
static void push_long(machine *m, uint64_t length) {
  if (length > 8) {
    push_text(m, IL_PICKLE_LONG, length);
    return;
  }
  const unsigned char *b = take(m, length);
  if (!b) return;
  uint64_t value = length && b[length - 1] & 0x80 ? UINT64_MAX : 0;
  for (int i = (int)length - 1; i >= 0; i--) value = value << 8 | b[i];
  push_integer(m, (int64_t)value);
}

static void push_real(machine *m) {
  const unsigned char *b = take(m, 8);
  il_pickle *value = b ? make(m, IL_PICKLE_FLOAT) : NULL;
  if (!value) return;
  uint64_t bits = 0;
  for (int i = 0; i < 8; i++) bits = bits << 8 | b[i];
  memcpy(&value->real, &bits, 8);
  push(m, value);
}

static bool append(machine *m, il_pickle *value, il_pickle *const *items, size_t count) {
  if (!count) return true;
  if (value->count + count > value->room) {
    size_t room = 2 * value->count + count;
    il_pickle **grown = il_arena_alloc(m->reader->arena, room * sizeof *grown);
    if (!grown) return no_memory(m);
    if (value->count) memcpy(grown, value->item, value->count * sizeof *grown);
    value->item = grown;
    value->room = room;
  }
  memcpy(value->item + value->count, items, count * sizeof *items);
  value->count += count;
  return true;
}

/* A value of the uppermost count of the stack, or of everything above the last mark. */
static void push_collected(machine *m, il_pickle_kind kind, size_t begin) {
  if (kind == IL_PICKLE_DICT && (m->depth - begin) % 2) {
    refuse(m, "a dict has a key without a value");
    return;
  }
  il_pickle *value = make(m, kind);
  if (!value) return;
  if (m->depth > begin && !append(m, value, m->stack + begin, m->depth - begin)) return;
  m->depth = begin;
  push(m, value);
}

static void push_marked(machine *m, il_pickle_kind kind) {
  size_t begin;
  if (pop_mark(m, &begin)) push_collected(m, kind, begin);
}

static void push_counted(machine *m, il_pickle_kind kind, size_t count) {
  size_t floor = m->marks ? m->mark[m->marks - 1] : 0;
  if (m->depth - floor < count)
    refuse(m, "a value is missing on the stack");
  else
    push_collected(m, kind, m->depth - count);
}

/* Appends what lies above begin to the list or dict below it. */
static void extend(machine *m, il_pickle_kind kind, size_t begin) {
  size_t floor = m->marks ? m->mark[m->marks - 1] : 0;
  if (begin <= floor || m->depth < begin) {
    refuse(m, "a value is missing on the stack");
    return;
  }
  il_pickle *target = m->stack[begin - 1];
  if (target->kind != kind)
    refuse(m, kind == IL_PICKLE_LIST ? "it appends to what is no list"
                                     : "it sets a key of what is no dict");
  else if (kind == IL_PICKLE_DICT && (m->depth - begin) % 2)
    refuse(m, "a dict has a key without a value");
  else if (append(m, target, m->stack + begin, m->depth - begin))
    m->depth = begin;
}

static void extend_marked(machine *m, il_pickle_kind kind) {
  size_t begin;
  if (pop_mark(m, &begin)) extend(m, kind, begin);
}

static void push_global(machine *m, const char *module, size_t module_length, const char *name,
                        size_t name_length) {
  if (!module_length || !name_length || module_length + name_length > GLOBAL_MAX) {
    refuse(m, "a global has no name or one of more than 256 bytes");
    return;
  }
  char *text = il_arena_alloc(m->reader->arena, module_length + name_length + 2);
  il_pickle *value = make(m, IL_PICKLE_GLOBAL);
  if (!text || !value) {
    no_memory(m);
    return;
  }
  memcpy(text, module, module_length);
  text[module_length] = '.';
  memcpy(text + module_length + 1, name, name_length);
  value->text = text;
  value->length = module_length + name_length + 1;
  if (memchr(text, 0, value->length)) {
    refuse(m, "a global's name holds a NUL");
  } else if (!m->reader->known(m->reader->context, m->reader->path, text)) {
    m->failed = true;
  } else {
    push(m, value);
  }
}

static bool line(machine *m, const char **text, size_t *length) {
  const unsigned char *begin = m->data + m->at, *end = memchr(begin, '\n', m->size - m->at);
  if (!end) return refuse(m, "it ends within a global's name");
  *text = (const char *)begin;
  *length = (size_t)(end - begin);
  m->at += *length + 1;
  return true;
}

static void global(machine *m) {
  const char *module, *name;
  size_t module_length, name_length;
  if (line(m, &module, &module_length) && line(m, &name, &name_length))
    push_global(m, module, module_length, name, name_length);
}

static void stack_global(machine *m) {
  const il_pickle *name = pop(m), *module = name ? pop(m) : NULL;
  if (!module) return;
  if (name->kind != IL_PICKLE_TEXT || module->kind != IL_PICKLE_TEXT)
    refuse(m, "a global's name is no text");
  else
    push_global(m, module->text, module->length, name->text, name->length);
}

/* An ordered dict is a dict from the start, so that keys can be set: made of nothing or of a list of pairs. */
static il_pickle *ordered_dict(machine *m, const il_pickle *arguments) {
  il_pickle *dict = make(m, IL_PICKLE_DICT);
  if (!dict || arguments->kind != IL_PICKLE_TUPLE || !arguments->count) return dict;
  const il_pickle *pairs = arguments->item[0];
  if (arguments->count > 1 || (pairs->kind != IL_PICKLE_LIST && pairs->kind != IL_PICKLE_TUPLE)) {
    refuse(m, "an OrderedDict is made of something else than a list of pairs");
    return NULL;
  }
  for (size_t i = 0; i < pairs->count; i++) {
    const il_pickle *pair = pairs->item[i];
    bool good = (pair->kind == IL_PICKLE_LIST || pair->kind == IL_PICKLE_TUPLE) && pair->count == 2;
    if (!good) refuse(m, "an OrderedDict is made of something else than a list of pairs");
    if (!good || !append(m, dict, pair->item, 2)) return NULL;
  }
  return dict;
}

static void call(machine *m, il_pickle_kind kind) {
  il_pickle *part[3] = {0};
  if (!(part[1] = pop(m)) || !(part[0] = pop(m))) return;
  if (part[0]->kind != IL_PICKLE_GLOBAL) {
    refuse(m, "it calls what is no global");
    return;
  }
  if (il_pickle_is_global(part[0], "collections.OrderedDict")) {
    push(m, ordered_dict(m, part[1]));
    return;
  }
  part[2] = m->none;
  il_pickle *value = make(m, kind);
  if (value && append(m, value, part, 3)) push(m, value);
}

/* Gives an object its attributes; those of a dict (a state dict's _metadata) say nothing about its content. */
static void build(machine *m) {
  il_pickle *state = pop(m), *object = state ? top(m) : NULL;
  if (!object || object->kind == IL_PICKLE_DICT) return;
  if (object->kind == IL_PICKLE_OBJECT || object->kind == IL_PICKLE_CALL)
    object->item[2] = state;
  else
    refuse(m, "it gives attributes to what is no object");
}

static void persistent(machine *m) {
  il_pickle_reader *r = m->reader;
  il_pickle *id = pop(m), *value = id ? make(m, IL_PICKLE_PERSISTENT) : NULL;
  if (!value || !append(m, value, &id, 1)) return;
  if (!grow(m, &r->persistent, r->persistents, &r->persistent_room, sizeof *r->persistent)) return;
  r->persistent[r->persistents++] = value;
  push(m, value);
}

static void remember(machine *m, uint64_t index) {
  il_pickle *value = top(m);
  if (!value) return;
  /* A pickle numbers its values from 0 or 1, so an index beyond its own bytes is a lie. */
  if (index > m->size) {
    refuse(m, "a memo's number is larger than the pickle");
    return;
  }
  if (index >= m->memo_room) {
    size_t room = m->memo_room ? m->memo_room : 64;
    while (room <= index) room *= 2;
    il_pickle **grown = realloc(m->memo, room * sizeof *grown);
    if (!grown) {
      no_memory(m);
      return;
    }
    memset(grown + m->memo_room, 0, (room - m->memo_room) * sizeof *grown);
    m->memo = grown;
    m->memo_room = room;
  }
  if (!m->memo[index]) m->memoized++;
  m->memo[index] = value;
}

static void recall(machine *m, uint64_t index) {
  if (index < m->memo_room && m->memo[index])
    push(m, m->memo[index]);
  else
    refuse(m, "it recalls what it never remembered");
}

static void protocol(machine *m) {
  uint64_t version = number(m, 1);
  if (m->failed || (version >= 2 && version <= PROTOCOL_MAX)) return;
  il_fail(m->reader->context, IL_ERROR_UNSUPPORTED,
          "%s: the pickle has protocol %d, expected 2 to %d", m->reader->path, (int)version,
          PROTOCOL_MAX);
  m->failed = true;
}

/* One opcode; its letter in Python's pickletools stands beside it. */
static void step(machine *m, int opcode) {
  size_t begin;
  switch (opcode) {
  case 0x80: protocol(m); break;     /* PROTO */
  case 0x95: number(m, 8); break;    /* FRAME: a hint for reading from a pipe */
  case 'N': push(m, m->none); break; /* NONE */
  case 0x88: push(m, m->yes); break; /* NEWTRUE */
  case 0x89: push(m, m->no); break;  /* NEWFALSE */
  case 'J': push_integer(m, (int32_t)number(m, 4)); break; /* BININT */
  case 'K': push_integer(m, (int64_t)number(m, 1)); break; /* BININT1 */
  case 'M': push_integer(m, (int64_t)number(m, 2)); break; /* BININT2 */
  case 0x8a: push_long(m, number(m, 1)); break;            /* LONG1 */
  case 0x8b: push_long(m, number(m, 4)); break; /* LONG4; a negative length is too long */
  case 'G': push_real(m); break;                /* BINFLOAT */
  case 'U':                                     /* SHORT_BINSTRING */
  case 'C':                                     /* SHORT_BINBYTES */
  case 0x8c: push_text(m, IL_PICKLE_TEXT, number(m, 1)); break; /* SHORT_BINUNICODE */
  case 'T':                                                     /* BINSTRING */
  case 'B':                                                     /* BINBYTES */
  case 'X': push_text(m, IL_PICKLE_TEXT, number(m, 4)); break;  /* BINUNICODE */
  case 0x8d:                                                    /* BINUNICODE8 */
  case 0x8e:                                                    /* BINBYTES8 */
  case 0x96: push_text(m, IL_PICKLE_TEXT, number(m, 8)); break; /* BYTEARRAY8 */
  case '(':                                                     /* MARK */
    if (grow(m, &m->mark, m->marks, &m->mark_room, sizeof *m->mark)) m->mark[m->marks++] = m->depth;
    break;
  case '0': /* POP: the mark itself, where nothing lies above it */
    if (m->marks && m->mark[m->marks - 1] == m->depth)
      m->marks--;
    else
      pop(m);
    break;
  case '1': /* POP_MARK */
    if (pop_mark(m, &begin)) m->depth = begin;
    break;
  case '2': push(m, top(m)); break;                         /* DUP */
  case ')': push_counted(m, IL_PICKLE_TUPLE, 0); break;     /* EMPTY_TUPLE */
  case 0x85: push_counted(m, IL_PICKLE_TUPLE, 1); break;    /* TUPLE1 */
  case 0x86: push_counted(m, IL_PICKLE_TUPLE, 2); break;    /* TUPLE2 */
  case 0x87: push_counted(m, IL_PICKLE_TUPLE, 3); break;    /* TUPLE3 */
  case 't': push_marked(m, IL_PICKLE_TUPLE); break;         /* TUPLE */
  case ']': push_counted(m, IL_PICKLE_LIST, 0); break;      /* EMPTY_LIST */
  case 'l': push_marked(m, IL_PICKLE_LIST); break;          /* LIST */
  case 'a': extend(m, IL_PICKLE_LIST, m->depth - 1); break; /* APPEND */
  case 'e': extend_marked(m, IL_PICKLE_LIST); break;        /* APPENDS */
  case '}': push_counted(m, IL_PICKLE_DICT, 0); break;      /* EMPTY_DICT */
  case 'd': push_marked(m, IL_PICKLE_DICT); break;          /* DICT */
  case 's': extend(m, IL_PICKLE_DICT, m->depth - 2); break; /* SETITEM */
  case 'u': extend_marked(m, IL_PICKLE_DICT); break;        /* SETITEMS */
  case 'c': global(m); break;                               /* GLOBAL */
  case 0x93: stack_global(m); break;                        /* STACK_GLOBAL */
  case 'R': call(m, IL_PICKLE_CALL); break;                 /* REDUCE */
  case 0x81: call(m, IL_PICKLE_OBJECT); break;              /* NEWOBJ */
  case 'b': build(m); break;                                /* BUILD */
  case 'Q': persistent(m); break;                           /* BINPERSID */
  case 'q': remember(m, number(m, 1)); break;               /* BINPUT */
  case 'r': remember(m, number(m, 4)); break;               /* LONG_BINPUT */
  case 0x94: remember(m, m->memoized); break;               /* MEMOIZE */
  case 'h': recall(m, number(m, 1)); break;                 /* BINGET */
  case 'j': recall(m, number(m, 4)); break;                 /* LONG_BINGET */
  default:
    il_fail(
        m->reader->context, IL_ERROR_UNSUPPORTED,
        "%s: the pickle has the opcode 0x%02x at byte %zu, which tensors, numbers, texts, lists "
        "and dicts do not need",
        m->reader->path, opcode, m->at - 1);
    m->failed = true;
  }
}

il_pickle *il_pickle_read(il_pickle_reader *reader, const unsigned char *data, size_t size,
                          size_t *used) {
  machine m = {.reader = reader, .data = data, .size = size};
  m.none = make(&m, IL_PICKLE_NONE);
  m.yes = make(&m, IL_PICKLE_BOOL);
  m.no = make(&m, IL_PICKLE_BOOL);
  if (m.yes) m.yes->integer = 1;
  il_pickle *result = NULL;
  while (!m.failed) {
    const unsigned char *opcode = take(&m, 1);
    if (!opcode) break;
    if (*opcode == '.') { /* STOP */
      result = pop(&m);
      if (result && (m.depth || m.marks)) {
        refuse(&m, "it ends with more than one value");
        result = NULL;
      }
      break;
    }
    step(&m, *opcode);
  }
  *used = m.at;
  free(m.stack);
  free(m.mark);
  free(m.memo);
  return result;
}

bool il_pickle_is_text(const il_pickle *value, const char *text) {
  return value->kind == IL_PICKLE_TEXT && value->length == strlen(text) &&
         !memcmp(value->text, text, value->length);
}

bool il_pickle_is_global(const il_pickle *value, const char *global_name) {
  return value->kind == IL_PICKLE_GLOBAL && !strcmp(value->text, global_name);
}

const char *il_pickle_kind_name(il_pickle_kind kind) {
  switch (kind) {
  case IL_PICKLE_NONE: return "None";
  case IL_PICKLE_BOOL: return "a bool";
  case IL_PICKLE_INT:
  case IL_PICKLE_LONG: return "a whole number";
  case IL_PICKLE_FLOAT: return "a number";
  case IL_PICKLE_TEXT: return "a text";
  case IL_PICKLE_TUPLE: return "a tuple";
  case IL_PICKLE_LIST: return "a list";
  case IL_PICKLE_DICT: return "a dict";
  case IL_PICKLE_GLOBAL: return "a global";
  case IL_PICKLE_CALL: return "a call";
  case IL_PICKLE_OBJECT: return "an object";
  case IL_PICKLE_PERSISTENT: return "a storage";
  }
  return "nothing";
}
