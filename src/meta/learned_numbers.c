/* Learned numbers of the inner loop (learned_numbers.h). */
#include "meta/learned_numbers.h"

#include <innerloop/field.h>
#include <stdio.h>
#include <string.h>

#include "base/elementary.h"
#include "base/error.h"
#include "base/pattern.h"

typedef enum form { AS_IT_IS, LOGIT, LOGARITHM } form;
static const char *const suffix[] = {"", ".logit", ".log"};

typedef struct number {
  const char *name;
  form form;
  double start;
} number;

static bool learnable(const il_field *f) { return f->kind == IL_FIELD_DOUBLE; }

static form form_of(const il_field *f) {
  return f->low < 0 ? AS_IT_IS : f->high <= 1 ? LOGIT : LOGARITHM;
}

/* The index-th of all that can be learned. False: there are not so many. */
static bool number_at(const il_inner *inner, int index, number *n) {
  const number own[] = {
      {"lr", AS_IT_IS, inner->lr}, {"l2", AS_IT_IS, inner->l2}, {"clip", LOGARITHM, inner->clip}};
  const int count = sizeof own / sizeof *own;
  if (index < count) {
    *n = own[index];
    return true;
  }
  const il_field *f = inner->optimizer ? inner->optimizer->fields : NULL;
  for (int left = index - count; f && f->name; f++) {
    if (!learnable(f) || left-- > 0) continue;
    *n = (number){.name = f->name, .form = form_of(f)};
    il_field alone = *f;
    alone.offset = 0;
    if (inner->settings)
      memcpy(&n->start, (const char *)inner->settings + f->offset, sizeof n->start);
    else
      il_field_read(&alone, f->fallback, &n->start);
    return true;
  }
  return false;
}

/* Whether the entry is "inner.momentum.logit", or "inner.lr.conv1.weight", of the key "inner.momentum" or "inner.lr". */
static bool is_key(const char *entry, const char *key, size_t length) {
  return !strncmp(entry, "inner.", 6) && 6 + strcspn(entry + 6, ".") == length &&
         !strncmp(entry, key, length);
}

static bool is_named(const il_pattern *e, const char *name) {
  return !e->no && strlen(name) == e->length && !strncmp(e->text, name, e->length);
}

static il_status unknown(il_context *context, const il_inner *inner, const il_pattern *e) {
  char all[256] = "";
  number n;
  for (int i = 0; number_at(inner, i, &n) && strlen(all) + strlen(n.name) + 3 < sizeof all; i++) {
    if (i) strcat(all, ", ");
    strcat(all, n.name);
  }
  return il_fail(context, IL_ERROR_CONFIG,
                 "inner.learned: found \"%s%.*s\", expected some of %s, comma between",
                 e->no ? "!" : "", (int)e->length, e->text, all);
}

static il_status declare(il_context *context, const il_algorithm *algorithm, number n,
                         il_entries *entries) {
  il_entry e = {.drawn = true};
  char key[IL_ENTRY_NAME];
  snprintf(key, sizeof key, "inner.%s", n.name);
  if (il_learned_setting(entries, (const char *const[]){key, NULL}))
    return il_fail(context, IL_ERROR_CONFIG,
                   "inner.learned: found %s twice, or with %s, which learns it as it is; expected "
                   "it to be left out",
                   n.name, algorithm->name);
  if (n.form == LOGIT && !(n.start > 0 && n.start < 1))
    return il_fail(context, IL_ERROR_CONFIG,
                   "inner.%s: found %.9g, but one that is learned starts above 0 and below 1",
                   n.name, n.start);
  if (n.form == LOGARITHM && !(n.start > 0))
    return il_fail(context, IL_ERROR_CONFIG,
                   "inner.%s: found %.9g, but one that is learned starts above 0", n.name, n.start);
  e.low = e.high = n.form == LOGIT       ? il_double_log(n.start / (1 - n.start))
                   : n.form == LOGARITHM ? il_double_log(n.start)
                                         : n.start;
  if (n.form == LOGIT || n.form == LOGARITHM) e.flags |= IL_NO_DECAY;
  snprintf(e.name, sizeof e.name, "inner.%s%s", n.name, suffix[n.form]);
  return il_entries_add(context, entries, e) ? IL_OK : il_context_status(context);
}

il_status il_learned_numbers_declare(il_context *context, const il_algorithm *algorithm,
                                     const il_inner *inner, il_entries *entries) {
  il_pattern e;
  if (!inner->learned || !*inner->learned) return IL_OK;
  if (!algorithm->step || algorithm->all_classes || algorithm->gradient != IL_GRADIENT_EXACT)
    return il_fail(context, IL_ERROR_CONFIG,
                   "inner.learned: found %s, but %s learns nothing through inner steps; expected "
                   "none",
                   inner->learned, algorithm->name);
  il_status status = IL_OK;
  for (const char *at = inner->learned; !status && il_pattern_next(&at, &e);) {
    number n;
    int i = 0;
    while (number_at(inner, i, &n) && !is_named(&e, n.name)) i++;
    status = number_at(inner, i, &n) ? declare(context, algorithm, n, entries)
                                     : unknown(context, inner, &e);
  }
  return status;
}

il_rate il_learned_number(il_build *b, const char *name, double constant) {
  il_rate rate = {.constant = constant};
  for (int f = AS_IT_IS; f <= LOGARITHM; f++) {
    char entry[IL_ENTRY_NAME];
    snprintf(entry, sizeof entry, "inner.%s%s", name, suffix[f]);
    const int at = il_values_find(&b->meta, entry);
    if (at < 0) continue;
    const il_value v = b->meta.at[at];
    rate.value = f == LOGIT ? il_sigmoid(b->g, v) : f == LOGARITHM ? il_exp(b->g, v) : v;
    if (f == LOGIT) rate.rest = il_sigmoid(b->g, il_neg(b->g, v));
  }
  return rate;
}

static void put(il_build *b, il_values *learned, const char *name, const char *rest, il_value v) {
  il_entry e = {.drawn = true};
  if (!il_valid(v)) return;
  snprintf(e.name, sizeof e.name, "%s%s", name, rest);
  il_values_put(b->g, learned, e, v);
}

il_values il_learned_settings(il_build *b, const il_optimizer *optimizer) {
  il_values learned = {0};
  for (const il_field *f = optimizer->fields; f && f->name; f++) {
    if (!learnable(f)) continue;
    const il_rate rate = il_learned_number(b, f->name, 0);
    put(b, &learned, f->name, "", rate.value);
    put(b, &learned, f->name, ".rest", rate.rest);
  }
  return learned;
}

bool il_is_learned(const il_inner *inner, const char *name) {
  il_pattern e;
  for (const char *at = inner->learned; at && il_pattern_next(&at, &e);)
    if (is_named(&e, name)) return true;
  return false;
}

const char *il_learned_setting(const il_entries *entries, const char *const *settings) {
  for (const char *const *s = settings; s && *s; s++)
    for (int i = 0; i < entries->count; i++)
      if (is_key(entries->entry[i].name, *s, strcspn(*s, "="))) return *s;
  return NULL;
}
