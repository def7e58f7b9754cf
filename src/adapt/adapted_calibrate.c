/* What an adapted learner may expect of itself: each example of the support set is left out once, and asked about. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "adapt/adapted.h"
#include "base/elementary.h"
#include "base/error.h"

/* Fewer say too little; more cost time and say nothing new. */
enum { LEAST = 10, MOST = 256, AT_ONCE = 8 };

typedef struct leaving {
  il_adapted *a;
  il_task_shape shape; /* one example less */
  int *index;          /* [count] examples that are left out */
  int count;
  il_function *function;
  il_run *run;
  int32_t *order; /* [AT_ONCE, steps, batch] */
  char *x[2];     /* [AT_ONCE, support, example…], [AT_ONCE, 1, example…] */
  int32_t *y;     /* [AT_ONCE, support] */
  void *scores;   /* [AT_ONCE, ways] */
  double *score;  /* [count, ways] */
} leaving;

/* Examples of classes that have others; evenly chosen where there are many. */
static il_status choose(leaving *l) {
  const il_adapted *a = l->a;
  int *of = calloc((size_t)a->shape.ways, sizeof *of);
  l->index = calloc((size_t)a->shape.support, sizeof *l->index);
  if (!of || !l->index) {
    free(of);
    return il_fail_memory(a->context, "examples that are left out");
  }
  for (int i = 0; i < a->shape.support; i++) of[a->support_y[i]]++;
  int able = 0;
  for (int i = 0; i < a->shape.support; i++)
    if (of[a->support_y[i]] > 1) l->index[able++] = i;
  free(of);
  l->count = able < MOST ? able : MOST;
  for (int i = 0; i < l->count; i++) l->index[i] = l->index[(int)((int64_t)i * able / l->count)];
  return IL_OK;
}

static il_status prepare(leaving *l) {
  il_adapted *a = l->a;
  const size_t example = (size_t)il_shape_count(a->shape.example) * il_adapted_number(a),
               support = (size_t)l->shape.support, ways = (size_t)l->shape.ways;
  const il_task_needs needs =
      il_method_needs(&a->method, a->learner->net, &l->shape, a->method.inner.steps, false);
  const size_t order = (size_t)needs.steps * (size_t)needs.batch;
  l->x[0] = malloc(AT_ONCE * support * example);
  l->x[1] = malloc(AT_ONCE * example);
  l->y = malloc(AT_ONCE * support * sizeof *l->y);
  l->scores = malloc(AT_ONCE * ways * sizeof(double));
  l->score = malloc((size_t)l->count * ways * sizeof *l->score);
  l->order = malloc(AT_ONCE * order * sizeof *l->order + 1);
  int32_t *place = malloc(support * sizeof *place);
  const bool made = l->x[0] && l->x[1] && l->y && l->scores && l->score && l->order && place;
  for (size_t t = 0; made && needs.batch && t < AT_ONCE; t++) /* the same for all */
    il_method_order(l->shape.support, needs, a->method.seed, place, l->order + t * order);
  free(place);
  if (!made) return il_fail_memory(a->context, "examples that are left out");
  l->function = il_adapted_function(a, &l->shape);
  l->run = il_run_new(a->context, l->function, a->team, AT_ONCE);
  if (!l->run || il_learned_bind(a->learner, l->run) != IL_OK) return il_context_status(a->context);
  il_run_input(l->run, il_function_input(l->function, "support_x"), l->x[0]);
  il_run_input(l->run, il_function_input(l->function, "support_y"), l->y);
  il_run_input(l->run, il_function_input(l->function, "order"), l->order);
  il_run_input(l->run, il_function_input(l->function, "query_x"), l->x[1]);
  il_run_output(l->run, il_function_output(l->function, "scores"), l->scores);
  return IL_OK;
}

/* Task t of a run: all examples but `out`, and it. */
static void fill(leaving *l, int t, int out) {
  const il_adapted *a = l->a;
  const size_t n = (size_t)il_shape_count(a->shape.example), bytes = n * il_adapted_number(a),
               stored = n * (a->shape.x == IL_UINT8 ? 1 : sizeof(float));
  const size_t support = (size_t)l->shape.support;
  size_t at = (size_t)t * support;
  for (int i = 0; i < a->shape.support; i++) {
    const char *from = (const char *)a->support_x + (size_t)i * stored;
    if (i == out) {
      il_adapted_copy(a, from, n, l->x[1] + (size_t)t * bytes);
    } else {
      il_adapted_copy(a, from, n, l->x[0] + at * bytes);
      l->y[at++] = a->support_y[i];
    }
  }
}

static il_status ask(leaving *l) {
  const size_t ways = (size_t)l->shape.ways;
  il_status status = IL_OK;
  for (int first = 0; first < l->count && status == IL_OK; first += AT_ONCE) {
    const int n = l->count - first < AT_ONCE ? l->count - first : AT_ONCE;
    for (int t = 0; t < n; t++) fill(l, t, l->index[first + t]);
    status = il_run_go(l->run, n);
    for (size_t i = 0; i < (size_t)n * ways && status == IL_OK; i++)
      l->score[(size_t)first * ways + i] = il_adapted_score(l->a, l->scores, i);
  }
  return status;
}

/* Mean of −log p of the right class. */
static double surprise(const leaving *l, double temperature, double *probability) {
  const int ways = l->shape.ways;
  double sum = 0;
  for (int i = 0; i < l->count; i++) {
    il_adapted_softmax(ways, l->score + (size_t)i * (size_t)ways, temperature, probability);
    const double p = probability[l->a->support_y[l->index[i]]];
    sum -= il_double_log(p > 1e-12 ? p : 1e-12);
  }
  return sum / l->count;
}

static int by_size(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static il_status conclude(leaving *l) {
  il_adapted *a = l->a;
  const int ways = l->shape.ways;
  double *work = malloc(((size_t)ways + (size_t)l->count) * sizeof *work);
  if (!work) return il_fail_memory(a->context, "the calibration");
  double *sure = work + ways;
  /* Golden section over the logarithm of the temperature, from 1/100 to 100. */
  const double log_hundred = il_double_log(100), golden = 0.6180339887498949;
  double low = -log_hundred, high = log_hundred;
  for (int i = 0; i < 40; i++) {
    const double left = high - golden * (high - low), right = low + golden * (high - low);
    if (surprise(l, il_double_exp(left), work) <= surprise(l, il_double_exp(right), work))
      high = right;
    else
      low = left;
  }
  a->temperature = il_double_exp((low + high) / 2);
  a->left_out = l->count;
  a->right = 0;
  for (int i = 0; i < l->count; i++) {
    const int best =
        il_adapted_softmax(ways, l->score + (size_t)i * (size_t)ways, a->temperature, work);
    if (best == a->support_y[l->index[i]]) sure[a->right++] = work[best];
  }
  /* The twentieth part of the right answers that was least sure. */
  if (a->right >= LEAST) {
    qsort(sure, (size_t)a->right, sizeof *sure, by_size);
    a->reject = sure[a->right / 20];
  }
  free(work);
  return IL_OK;
}

il_status il_adapted_calibrate(il_adapted *a) {
  leaving l = {.a = a, .shape = a->shape};
  l.shape.support--;
  il_status status = choose(&l);
  if (status == IL_OK && l.count >= LEAST && l.shape.support > 0) {
    status = prepare(&l);
    if (status == IL_OK) status = ask(&l);
    if (status == IL_OK) status = conclude(&l);
  }
  il_run_free(l.run);
  il_function_free(l.function);
  for (int set = 0; set < 2; set++) free(l.x[set]);
  free(l.index);
  free(l.order);
  free(l.y);
  free(l.scores);
  free(l.score);
  return status;
}
