/* Event files (see events.h). Field numbers are those of TensorFlow's event.proto, summary.proto and tensor.proto. */
#include "io/events.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct il_events {
  il_context *context;
  FILE *file;
  char *path;
  uint32_t crc[256];
};

/* ---- protocol buffers: what a message needs of them ---- */

typedef struct message {
  unsigned char *data;
  size_t size, room;
  bool failed; /* no memory */
} message;

static void add_bytes(message *m, const void *data, size_t size) {
  if (m->failed) return;
  if (size > m->room - m->size) {
    const size_t room = 2 * (m->size + size) + 64;
    unsigned char *more = realloc(m->data, room);
    m->failed = !more;
    if (!more) return;
    m->data = more;
    m->room = room;
  }
  if (size) memcpy(m->data + m->size, data, size);
  m->size += size;
}

static void add_varint(message *m, uint64_t value) {
  unsigned char byte[10];
  size_t size = 0;
  for (; value > 127; value >>= 7) byte[size++] = (unsigned char)(value | 128);
  byte[size++] = (unsigned char)value;
  add_bytes(m, byte, size);
}

static void little(unsigned char *to, int bytes, uint64_t value) {
  for (int i = 0; i < bytes; i++) to[i] = (unsigned char)(value >> 8 * i);
}

/* Wire types 0, 1, 5 and 2. */
static void add_integer(message *m, int field, int64_t value) {
  add_varint(m, (uint64_t)field << 3);
  add_varint(m, (uint64_t)value);
}
static void add_fixed(message *m, double value) {
  unsigned char byte[8];
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  little(byte, 8, bits);
  add_bytes(m, byte, 8);
}
static void add_double(message *m, int field, double value) {
  add_varint(m, (uint64_t)field << 3 | 1);
  add_fixed(m, value);
}
static void add_float(message *m, int field, float value) {
  unsigned char byte[4];
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  little(byte, 4, bits);
  add_varint(m, (uint64_t)field << 3 | 5);
  add_bytes(m, byte, 4);
}
static void add_field(message *m, int field, const void *data, size_t size) {
  add_varint(m, (uint64_t)field << 3 | 2);
  add_varint(m, size);
  add_bytes(m, data, size);
}
static void add_text(message *m, int field, const char *text) {
  add_field(m, field, text, strlen(text));
}
/* A message in a message; the inner one is used up. */
static void add_message(message *m, int field, message *inner) {
  m->failed |= inner->failed;
  add_field(m, field, inner->data, inner->size);
  free(inner->data);
  *inner = (message){0};
}

/* ---- TFRecord: length, its checksum, data, their checksum ---- */

/* CRC-32C (Castagnoli), reflected. */
static void make_table(uint32_t table[256]) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t c = i;
    for (int bit = 0; bit < 8; bit++) c = c >> 1 ^ (c & 1 ? 0x82f63b78u : 0);
    table[i] = c;
  }
}

static uint32_t masked(const il_events *e, const unsigned char *data, size_t size) {
  uint32_t c = ~0u;
  for (size_t i = 0; i < size; i++) c = c >> 8 ^ e->crc[(c ^ data[i]) & 255];
  c = ~c;
  return (c >> 15 | c << 17) + 0xa282ead8u;
}

static il_status broken(const il_events *e) {
  return il_fail(e->context, IL_ERROR_FILE, "%s: cannot be written: %s", e->path, strerror(errno));
}

/* Uses up the event. */
static il_status write_event(il_events *e, message *event) {
  unsigned char head[12], tail[4];
  il_status status = IL_OK;
  if (event->failed) status = il_fail_memory(e->context, "an event");
  if (status == IL_OK) {
    little(head, 8, event->size);
    little(head + 8, 4, masked(e, head, 8));
    little(tail, 4, masked(e, event->data, event->size));
    if (fwrite(head, sizeof head, 1, e->file) != 1 ||
        fwrite(event->data, event->size, 1, e->file) != 1 ||
        fwrite(tail, sizeof tail, 1, e->file) != 1)
      status = broken(e);
  }
  free(event->data);
  *event = (message){0};
  return status;
}

/* ---- events ---- */

static message begin(int64_t step) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  message event = {0};
  add_double(&event, 1, (double)t.tv_sec + 1e-9 * (double)t.tv_nsec);
  add_integer(&event, 2, step);
  return event;
}

static il_status write_value(il_events *e, int64_t step, message *value) {
  message event = begin(step), summary = {0};
  add_message(&summary, 1, value);
  add_message(&event, 5, &summary);
  return write_event(e, &event);
}

il_status il_events_scalar(il_events *e, int64_t step, const char *tag, double real) {
  message value = {0};
  add_text(&value, 1, tag);
  add_float(&value, 2, (float)real);
  return write_value(e, step, &value);
}

il_status il_events_text(il_events *e, int64_t step, const char *tag, const char *text) {
  message value = {0}, tensor = {0}, shape = {0}, dim = {0}, plugin = {0}, metadata = {0};
  add_integer(&dim, 1, 1);
  add_message(&shape, 2, &dim);
  add_integer(&tensor, 1, 7); /* DT_STRING */
  add_message(&tensor, 2, &shape);
  add_text(&tensor, 8, text);
  add_text(&plugin, 1, "text");
  add_message(&metadata, 1, &plugin);
  add_text(&value, 1, tag);
  add_message(&value, 8, &tensor);
  add_message(&value, 9, &metadata);
  return write_value(e, step, &value);
}

enum { BUCKETS = 30 }; /* as many as TensorBoard makes itself */

static void count(int64_t n, const double *x, double low, double high, double *bucket) {
  for (int64_t i = 0; i < n; i++) {
    if (!isfinite(x[i])) continue;
    int at = high > low ? (int)((x[i] - low) / (high - low) * BUCKETS) : BUCKETS - 1;
    at = at < 0 ? 0 : at < BUCKETS ? at : BUCKETS - 1;
    bucket[at]++;
  }
}

il_status il_events_histogram(il_events *e, int64_t step, const char *tag,
                              const il_tensor *tensor) {
  const int64_t n = il_shape_count(tensor->shape);
  double *x = calloc((size_t)n + 1, sizeof *x), bucket[BUCKETS] = {0};
  if (!x) return il_fail_memory(e->context, "a histogram");
  il_tensor_reals(tensor, IL_FLOAT64, x);
  double low = (double)INFINITY, high = -(double)INFINITY, sum = 0, squares = 0, finite = 0;
  for (int64_t i = 0; i < n; i++) {
    if (!isfinite(x[i])) continue;
    low = fmin(low, x[i]);
    high = fmax(high, x[i]);
    sum += x[i];
    squares += x[i] * x[i];
    finite++;
  }
  if (finite > 0) count(n, x, low, high, bucket);
  free(x);
  if (!(finite > 0)) return IL_OK;
  message value = {0}, histogram = {0}, limits = {0}, buckets = {0};
  for (int b = 0; b < BUCKETS; b++) {
    add_fixed(&limits, b == BUCKETS - 1 ? high : low + (high - low) * (b + 1) / BUCKETS);
    add_fixed(&buckets, bucket[b]);
  }
  add_double(&histogram, 1, low);
  add_double(&histogram, 2, high);
  add_double(&histogram, 3, finite);
  add_double(&histogram, 4, sum);
  add_double(&histogram, 5, squares);
  add_message(&histogram, 6, &limits);
  add_message(&histogram, 7, &buckets);
  add_text(&value, 1, tag);
  add_message(&value, 5, &histogram);
  return write_value(e, step, &value);
}

/* ---- files ---- */

#define PREFIX "events.out.tfevents."

/* Readers take files in the order of their names, which begin with a time in seconds. */
static long long latest(const char *folder) {
  long long found = 0, seconds;
  DIR *list = opendir(folder);
  for (const struct dirent *entry; list && (entry = readdir(list));)
    if (sscanf(entry->d_name, PREFIX "%lld", &seconds) == 1 && seconds > found) found = seconds;
  if (list) closedir(list);
  return found;
}

static FILE *create(il_events *e, const char *folder) {
  long long seconds = (long long)time(NULL), after = latest(folder);
  if (seconds <= after) seconds = after + 1;
  FILE *file = NULL;
  do {
    free(e->path);
    if (asprintf(&e->path, "%s/" PREFIX "%010lld.innerloop", folder, seconds++) < 0) {
      e->path = NULL;
      return NULL;
    }
    file = fopen(e->path, "wxe");
  } while (!file && errno == EEXIST);
  return file;
}

il_events *il_events_open(il_context *context, const char *folder, int64_t from) {
  il_events *e = calloc(1, sizeof *e);
  if (!e) {
    il_fail_memory(context, "an event file");
    return NULL;
  }
  e->context = context;
  make_table(e->crc);
  e->file = create(e, folder);
  if (!e->path)
    il_fail_memory(context, "a path");
  else if (!e->file)
    broken(e);
  else {
    message version = begin(0), event = begin(from), session = {0};
    add_text(&version, 3, "brain.Event:2");
    add_integer(&session, 1, 1); /* START */
    add_message(&event, 7, &session);
    write_event(e, &version);
    write_event(e, &event);
  }
  if (il_context_status(context) == IL_OK) return e;
  il_events_close(e);
  return NULL;
}

il_status il_events_flush(il_events *e) { return fflush(e->file) == 0 ? IL_OK : broken(e); }

il_status il_events_close(il_events *e) {
  if (!e) return IL_OK;
  const il_status status = e->file && fclose(e->file) != 0 ? broken(e) : IL_OK;
  free(e->path);
  free(e);
  return status;
}
