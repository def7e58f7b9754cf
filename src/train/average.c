/* Averages of meta-parameters (see average.h): e ← d·e + (1 − d)·w after every meta-step, with d = outer.ema or, as long as
 * it is smaller, (1 + n) / (10 + n) after n of them, so that the first weights are soon forgotten. */
#include "train/average.h"

#include <string.h>

static size_t bytes_of(const il_buffers *b, int i) {
  return (size_t)il_shape_count(b->entry[i].shape) * il_type_size(b->type);
}

il_status il_average_init(il_meta_step *s) {
  const il_entries *from = &s->learner->meta_entries;
  if (!(s->method->ema > 0)) return IL_OK;
  for (int i = 0; i < from->count; i++) {
    il_entry e = from->entry[i];
    if (!il_entry_rename(s->context, &e, "raw.", from->entry[i].name) ||
        !il_entries_add(s->context, &s->average_entries, e))
      return il_context_status(s->context);
  }
  return il_buffers_init(s->context, &s->average, s->average_entries.count,
                         s->average_entries.entry, s->method->real, false);
}

void il_average_free(il_meta_step *s) {
  il_buffers_free(&s->average);
  il_entries_free(&s->average_entries);
}

void il_average_start(il_meta_step *s) {
  for (int i = 0; i < s->average.count; i++)
    memcpy(il_buffers_at(&s->average, i), il_buffers_at(&s->learner->meta, i),
           bytes_of(&s->average, i));
}

void il_average_move(il_meta_step *s, int64_t made) {
  const double early = (1 + (double)made) / (10 + (double)made), ema = s->method->ema;
  const double share = 1 - (early < ema ? early : ema);
  for (int i = 0; i < s->average.count; i++) {
    void *average = il_buffers_at(&s->average, i);
    const void *now = il_buffers_at(&s->learner->meta, i);
    const int64_t count = il_shape_count(s->average.entry[i].shape);
    if (s->average.type == IL_FLOAT32)
      for (int64_t k = 0; k < count; k++) {
        const double e = (double)((float *)average)[k], w = (double)((const float *)now)[k];
        ((float *)average)[k] = (float)(e + share * (w - e));
      }
    else
      for (int64_t k = 0; k < count; k++) {
        double *e = &((double *)average)[k];
        *e += share * (((const double *)now)[k] - *e);
      }
  }
}

void il_average_exchange(il_meta_step *s) {
  enum { PART = 1024 };
  char part[PART];
  for (int i = 0; i < s->average.count; i++) {
    char *a = il_buffers_at(&s->average, i), *b = il_buffers_at(&s->learner->meta, i);
    for (size_t left = bytes_of(&s->average, i), n; left; left -= n, a += n, b += n) {
      n = left < PART ? left : PART;
      memcpy(part, a, n);
      memcpy(a, b, n);
      memcpy(b, part, n);
    }
  }
}
