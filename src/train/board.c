/* Training into event files (see board.h). It reads what training has computed, and a clock; it changes nothing. */
#include "base/room.h"
#include "train/board.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "saved/learned_file.h"

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Markdown shows what is indented as it stands. */
static char *indented(const char *text) {
  char *made = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&made, &size);
  if (!out) return NULL;
  fputs("    ", out);
  for (const char *p = text; *p; p++) {
    fputc(*p, out);
    if (*p == '\n' && p[1]) fputs("    ", out);
  }
  il_text_close(out, &made);
  return made;
}

il_status il_board_open(il_board *b, il_context *context, const char *folder, int64_t made,
                        const char *config) {
  char *text = indented(config);
  if (!text) return il_fail_memory(context, "the text of a configuration");
  *b = (il_board){.since = now(), .counted = made};
  b->events = il_events_open(context, folder, made + 1);
  il_status status =
      b->events ? il_events_text(b->events, made + 1, "config", text) : il_context_status(context);
  if (status == IL_OK) status = il_events_flush(b->events);
  free(text);
  return status;
}

il_status il_board_step(il_board *b, const il_meta_step *s, int64_t made) {
  if (!b->events) return IL_OK;
  const double at = now(), seconds = at - b->since;
  const struct {
    const char *tag;
    double value; /* not finite: there is none */
  } scalar[] = {{"loss/train", s->loss},
                {"loss/support", s->support_loss},
                {"accuracy/train", s->accuracy},
                {"rate/outer_lr", il_method_lr(s->method, made - 1)},
                {"rate/steps_per_second", (double)(made - b->counted) / seconds}};
  il_status status = IL_OK;
  for (size_t i = 0; i < sizeof scalar / sizeof *scalar && status == IL_OK; i++)
    if (isfinite(scalar[i].value))
      status = il_events_scalar(b->events, made, scalar[i].tag, scalar[i].value);
  b->since = at;
  b->counted = made;
  return status == IL_OK ? il_events_flush(b->events) : status;
}

il_status il_board_validation(il_board *b, int64_t made, bool squared_error, double value,
                              double interval) {
  if (!b->events) return IL_OK;
  il_status status = il_events_scalar(
      b->events, made, squared_error ? "loss/validation" : "accuracy/validation", value);
  if (status == IL_OK) status = il_events_scalar(b->events, made, "interval/validation", interval);
  return status == IL_OK ? il_events_flush(b->events) : status;
}

il_status il_board_parameters(il_board *b, const il_meta_step *s, int64_t made) {
  if (!b->events) return IL_OK;
  il_arena arena = {0};
  il_tensor *tensor = il_arena_alloc(&arena, ((size_t)s->learner->meta.count + 1) * sizeof *tensor);
  int count = 0;
  il_status status = tensor ? il_buffers_tensors(s->context, &arena, &s->learner->meta,
                                                 IL_ROLE_META, tensor, &count)
                            : il_fail_memory(s->context, "parameters to show");
  for (int i = 0; i < count && status == IL_OK; i++) {
    char tag[160];
    snprintf(tag, sizeof tag, "parameters/%s", tensor[i].name);
    status = il_events_histogram(b->events, made, tag, &tensor[i]);
  }
  il_arena_free(&arena);
  return status == IL_OK ? il_events_flush(b->events) : status;
}

il_status il_board_close(il_board *b) {
  il_events *events = b->events;
  b->events = NULL;
  return il_events_close(events);
}
