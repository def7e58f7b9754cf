/* Pairs of classes, counted in a hash table: of thousands of classes most pairs never meet. */
#include "report/confusion.h"

#include <stdlib.h>

il_status il_confusion_init(il_context *context, il_confusion *c, int classes) {
  *c = (il_confusion){.context = context, .classes = classes, .room = 1024};
  c->asked = calloc((size_t)classes + 1, sizeof *c->asked);
  c->right = calloc((size_t)classes + 1, sizeof *c->right);
  c->pair = calloc((size_t)c->room, sizeof *c->pair);
  if (c->asked && c->right && c->pair) return IL_OK;
  return il_fail_memory(context, "a confusion matrix");
}

void il_confusion_free(il_confusion *c) {
  free(c->asked);
  free(c->right);
  free(c->pair);
  *c = (il_confusion){0};
}

/* Where the pair is, or the empty place where it would be. */
static il_confused *place(il_confused *pair, int room, int of, int as) {
  uint64_t hash = ((uint64_t)(uint32_t)of << 32 | (uint32_t)as) * 0x9e3779b97f4a7c15u;
  size_t at = (size_t)(hash >> 32) & (size_t)(room - 1);
  while (pair[at].met && (pair[at].of != of || pair[at].as != as))
    at = (at + 1) & (size_t)(room - 1);
  return &pair[at];
}

static il_status grow(il_confusion *c) {
  if (c->room > 1 << 28) return il_fail_memory(c->context, "a confusion matrix");
  il_confused *more = calloc(2 * (size_t)c->room, sizeof *more);
  if (!more) return il_fail_memory(c->context, "a confusion matrix");
  for (int i = 0; i < c->room; i++)
    if (c->pair[i].met) *place(more, 2 * c->room, c->pair[i].of, c->pair[i].as) = c->pair[i];
  free(c->pair);
  c->pair = more;
  c->room *= 2;
  return IL_OK;
}

il_status il_confusion_add(il_confusion *c, int ways, const int *cls, int label, int answer) {
  c->asked[cls[label]]++;
  if (answer == label) c->right[cls[label]]++;
  for (int w = 0; w < ways; w++) {
    if (2 * c->count >= c->room && grow(c) != IL_OK) return IL_ERROR_MEMORY;
    il_confused *p = place(c->pair, c->room, cls[label], cls[w]);
    c->count += !p->met;
    p->of = cls[label];
    p->as = cls[w];
    p->met++;
    p->taken += w == answer;
  }
  return IL_OK;
}

const il_confused *il_confusion_find(const il_confusion *c, int of, int as) {
  const il_confused *p = place(c->pair, c->room, of, as);
  return p->met ? p : NULL;
}

/* Most often; of equally many the more certain; then in the order of classes. */
static int by_taken(const void *left, const void *right) {
  const il_confused *a = left, *b = right;
  if (a->taken != b->taken) return a->taken < b->taken ? 1 : -1;
  if (a->met != b->met) return a->met > b->met ? 1 : -1;
  if (a->of != b->of) return a->of > b->of ? 1 : -1;
  return (a->as > b->as) - (a->as < b->as);
}

il_confused *il_confusion_worst(const il_confusion *c, int *count) {
  il_confused *worst = malloc(((size_t)c->count + 1) * sizeof *worst);
  *count = 0;
  if (!worst) {
    il_fail_memory(c->context, "a confusion matrix");
    return NULL;
  }
  for (int i = 0; i < c->room; i++)
    if (c->pair[i].taken && c->pair[i].of != c->pair[i].as) worst[(*count)++] = c->pair[i];
  qsort(worst, (size_t)*count, sizeof *worst, by_taken);
  return worst;
}
