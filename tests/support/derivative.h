/* Checks an operation's derivatives in double: first and second order against central differences, and the
 * two modes against each other. Returns the worst relative error; NaN counts as infinite. */
#ifndef TESTS_SUPPORT_DERIVATIVE_H
#define TESTS_SUPPORT_DERIVATIVE_H

#include <innerloop/grad.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "graph/graph.h"
#include "graph/sample.h"

typedef struct il_derivative_report {
  bool exists;      /* the operation has such a sample */
  int64_t compared; /* numbers compared with differences */
  double first,
      second;     /* worst error relative to the largest derivative (or 1, if that is smaller) */
  double duality; /* |⟨u, Jv⟩ − ⟨Jᵀu, v⟩| relative to their size */
} il_derivative_report;

enum { DERIVATIVE_MAX = 16, DERIVATIVE_OUTPUTS = 64 };

/* A group of values beside the weights that project them to one number: Σ weight⊙value. Projections are
 * taken outside of the graph, so that nothing but the operation under test is differentiated. */
typedef struct il_projection {
  int count;
  int64_t size[DERIVATIVE_MAX];
  double *value[DERIVATIVE_MAX];        /* outputs */
  const double *weight[DERIVATIVE_MAX]; /* inputs */
} il_projection;

typedef struct il_derivative {
  il_graph *g;
  il_value real[DERIVATIVE_MAX];
  int index[DERIVATIVE_MAX]; /* of real[i] among the inputs */
  int reals;
  void *in[DERIVATIVE_OUTPUTS];
  void *out[DERIVATIVE_OUTPUTS];
} il_derivative;

static inline void derivative_run(il_derivative *d) {
  const il_bindings bindings = {1, (const void *const *)d->in, d->out};
  if (il_reference_run(d->g, &bindings) != IL_OK) abort();
}

static inline double *derivative_output(il_derivative *d, il_value v) {
  const int i = il_graph_outputs(d->g);
  char name[16];
  if (i >= DERIVATIVE_OUTPUTS) abort();
  snprintf(name, sizeof name, "y%d", i);
  d->out[i] = calloc((size_t)il_shape_count(il_value_shape(d->g, v)), sizeof(double));
  il_output(d->g, name, v);
  return d->out[i];
}

/* A new input of v's shape, for weights and tangents. */
static inline il_value derivative_weight(il_derivative *d, il_value v) {
  const int i = il_graph_inputs(d->g);
  if (i >= DERIVATIVE_OUTPUTS) abort();
  d->in[i] = calloc((size_t)il_shape_count(il_value_shape(d->g, v)), sizeof(double));
  return il_op_sample_input(d->g, il_value_shape(d->g, v), -1, 1, 0);
}

static inline void derivative_project(il_derivative *d, il_projection *p, il_value v,
                                      il_value weight) {
  for (int i = 0; i < il_graph_inputs(d->g); i++)
    if (il_graph_input(d->g, i).id == weight.id) p->weight[p->count] = d->in[i];
  p->size[p->count] = il_shape_count(il_value_shape(d->g, v));
  p->value[p->count++] = derivative_output(d, v);
}

static inline double derivative_number(const il_projection *p) {
  double sum = 0;
  for (int i = 0; i < p->count; i++)
    for (int64_t k = 0; k < p->size[i]; k++) sum += p->value[i][k] * p->weight[i][k];
  return sum;
}

static inline double worse(double worst, double error) {
  return !(error <= worst) ? (isnan(error) ? (double)INFINITY : error) : worst;
}

/* analytic[i]: derivative of the projection by real input i. Moves every element by ±h. */
static inline double derivative_compare(il_derivative *d, const il_projection *p,
                                        double *const *analytic, int64_t *compared) {
  double scale = 1, worst = 0;
  derivative_run(d);
  double *copy[DERIVATIVE_MAX];
  for (int i = 0; i < d->reals; i++) {
    const size_t count = (size_t)il_shape_count(il_value_shape(d->g, d->real[i]));
    copy[i] = malloc(count * sizeof(double));
    memcpy(copy[i], analytic[i], count * sizeof(double));
    for (size_t k = 0; k < count; k++) scale = fmax(scale, fabs(copy[i][k]));
  }
  for (int i = 0; i < d->reals; i++) {
    const int64_t count = il_shape_count(il_value_shape(d->g, d->real[i]));
    double *x = d->in[d->index[i]];
    for (int64_t k = 0; k < count; k++, ++*compared) {
      const double at = x[k], h = 6e-6 * fmax(1, fabs(at));
      x[k] = at + h;
      derivative_run(d);
      const double up = derivative_number(p);
      x[k] = at - h;
      derivative_run(d);
      const double slope = (up - derivative_number(p)) / ((at + h) - (at - h));
      x[k] = at;
      worst = worse(worst, fabs(slope - copy[i][k]) / scale);
    }
    free(copy[i]);
  }
  return worst;
}

/* Builds gradient (first), its gradient (second) and the tangent, and compares. */
static inline void derivative_orders(il_derivative *d, il_value y, int sample,
                                     il_derivative_report *report) {
  il_value gradient[DERIVATIVE_MAX], second[DERIVATIVE_MAX], w[DERIVATIVE_MAX], dy;
  double *first_out[DERIVATIVE_MAX], *second_out[DERIVATIVE_MAX];
  const il_value u = derivative_weight(d, y);
  il_vjp(d->g, 1, &y, &u, d->reals, d->real, gradient);
  for (int i = 0; i < d->reals; i++) w[i] = derivative_weight(d, d->real[i]);
  il_vjp(d->g, d->reals, gradient, w, d->reals, d->real, second);
  il_jvp(d->g, d->reals, d->real, w, 1, &y, &dy); /* ⟨u, J·w⟩ must equal ⟨Jᵀu, w⟩ */
  if (il_context_status(d->g->context) != IL_OK) return;
  bool fits = il_shape_equal(il_value_shape(d->g, dy), il_value_shape(d->g, y));
  for (int i = 0; i < d->reals; i++) {
    const il_shape shape = il_value_shape(d->g, d->real[i]);
    fits = fits && il_shape_equal(il_value_shape(d->g, gradient[i]), shape) &&
           il_shape_equal(il_value_shape(d->g, second[i]), shape);
  }
  if (!fits) { /* a derivative of another shape than its variable */
    report->first = report->second = report->duality = (double)INFINITY;
    return;
  }
  il_projection by_u = {0}, by_w = {0}, tangent = {0};
  derivative_project(d, &by_u, y, u);
  derivative_project(d, &tangent, dy, u);
  for (int i = 0; i < d->reals; i++) derivative_project(d, &by_w, gradient[i], w[i]);
  for (int i = 0; i < d->reals; i++) {
    first_out[i] = derivative_output(d, gradient[i]);
    second_out[i] = derivative_output(d, second[i]);
  }
  il_op_sample_fill(d->g, 17 + (uint64_t)sample, d->in);
  report->first = derivative_compare(d, &by_u, first_out, &report->compared);
  report->second = derivative_compare(d, &by_w, second_out, &report->compared);
  derivative_run(d);
  const double found = derivative_number(&tangent), expected = derivative_number(&by_w);
  report->duality = worse(0, fabs(found - expected) / fmax(1, fabs(expected)));
}

static inline il_derivative_report derivative_check(il_context *context,
                                                    const il_op_info *const *ops,
                                                    const il_op_info *info, int sample) {
  il_derivative_report report = {0};
  il_derivative d = {.g = il_graph_new(context, IL_FLOAT64)};
  if (!d.g) abort();
  d.g->ops = ops;
  const il_value y = info->sample ? info->sample(d.g, sample) : (il_value){0};
  report.exists = y.id != 0;
  for (int i = 0; i < il_graph_inputs(d.g); i++) {
    const il_value x = il_graph_input(d.g, i);
    d.in[i] = calloc((size_t)il_shape_count(il_value_shape(d.g, x)), sizeof(double));
    if (il_value_type(d.g, x) != IL_FLOAT64) continue;
    d.index[d.reals] = i;
    d.real[d.reals++] = x;
  }
  if (report.exists && d.reals > 0 && il_value_type(d.g, y) == IL_FLOAT64)
    derivative_orders(&d, y, sample, &report);
  for (int i = 0; i < il_graph_outputs(d.g); i++) free(d.out[i]);
  for (int i = 0; i < il_graph_inputs(d.g); i++) free(d.in[i]);
  il_graph_free(d.g);
  return report;
}

#endif
