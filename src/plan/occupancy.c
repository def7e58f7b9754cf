/* Which bytes of an arena are taken at which times: a tree over the instants whose nodes hold unions of spans, so that
 * a place is found without looking at every buffer that lives at the same time.
 *
 * A time from `first` to `last` is cut into few nodes, two of a size at most. A buffer is known as `whole` to those that
 * its time is cut into, and as `part` to these and all above its first and last instant. Two buffers live together if
 * the one begins or ends during a `whole` node of the other, or lies within the other: then its ends are `part` of
 * nodes that the other is cut into. */
#include "plan/occupancy.h"

#include <string.h>
#include "base/room.h"

bool il_occupancy_start(il_occupancy *o, il_context *context, int64_t instants) {
  *o = (il_occupancy){.context = context, .width = 1};
  while (o->width < instants) o->width *= 2;
  o->part = il_new(o->context, 2 * (size_t)o->width, sizeof *o->part);
  o->whole = il_new(o->context, 2 * (size_t)o->width, sizeof *o->whole);
  return o->part && o->whole;
}

void il_occupancy_end(il_occupancy *o) {
  for (int64_t n = 0; n < 2 * o->width; n++) {
    if (o->part) il_release(o->part[n].span);
    if (o->whole) il_release(o->whole[n].span);
  }
  il_release(o->part);
  il_release(o->whole);
  *o = (il_occupancy){0};
}

/* The first span that ends at `offset` or later. */
static int64_t search(const il_spans *s, size_t offset) {
  int64_t low = 0, high = s->count;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (s->span[middle].end < offset)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static bool add(il_occupancy *o, il_spans *s, il_span span) {
  const int64_t at = search(s, span.begin);
  int64_t end = at;
  for (; end < s->count && s->span[end].begin <= span.end; end++) {
    if (s->span[end].begin < span.begin) span.begin = s->span[end].begin;
    if (s->span[end].end > span.end) span.end = s->span[end].end;
  }
  o->looks += 1 + end - at;
  if (end == at && s->count == s->capacity) {
    const int64_t capacity = s->capacity ? 2 * s->capacity : 2;
    il_span *grown = il_grow(o->context, s->span, (size_t)capacity * sizeof *grown);
    if (!grown) return false;
    s->span = grown;
    s->capacity = capacity;
  }
  memmove(&s->span[at + 1], &s->span[end], (size_t)(s->count - end) * sizeof span);
  s->count += at + 1 - end;
  s->span[at] = span;
  return true;
}

static size_t raised(il_occupancy *o, const il_spans *s, size_t offset, size_t bytes) {
  if (s->count == 0) return offset; /* most of them */
  for (int64_t i = search(s, offset); i < s->count && s->span[i].begin < offset + bytes; i++) {
    o->looks++;
    if (s->span[i].end > offset) offset = s->span[i].end;
  }
  return offset;
}

size_t il_occupancy_lowest(il_occupancy *o, int64_t first, int64_t last, size_t bytes) {
  size_t offset = 0, before;
  do {
    before = offset;
    int64_t low = first + o->width, high = last + o->width;
    for (; low; low /= 2, high /= 2) {
      offset = raised(o, &o->whole[low], offset, bytes);
      offset = raised(o, &o->whole[high], offset, bytes);
    }
    low = first + o->width;
    high = last + o->width + 1;
    for (; low < high; low /= 2, high /= 2) {
      if (low & 1) offset = raised(o, &o->part[low++], offset, bytes);
      if (high & 1) offset = raised(o, &o->part[--high], offset, bytes);
    }
  } while (offset != before);
  return offset;
}

bool il_occupancy_take(il_occupancy *o, int64_t first, int64_t last, il_span span) {
  int64_t low = first + o->width, high = last + o->width;
  for (; low; low /= 2, high /= 2)
    if (!add(o, &o->part[low], span) || (high != low && !add(o, &o->part[high], span)))
      return false;
  low = first + o->width;
  high = last + o->width + 1;
  for (; low < high; low /= 2, high /= 2) {
    if (low & 1) {
      if (!add(o, &o->part[low], span) || !add(o, &o->whole[low], span)) return false;
      low++;
    }
    if (high & 1) {
      high--;
      if (!add(o, &o->part[high], span) || !add(o, &o->whole[high], span)) return false;
    }
  }
  return true;
}
