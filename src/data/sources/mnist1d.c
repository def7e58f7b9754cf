/* MNIST-1D: Greydanus, "Scaling down deep learning", 2020; its program's data set number for number: ten templates of 12
 * points, each padded, stretched, scaled, moved, sheared and covered with noise that is drawn for each example, and
 * sampled at 40 places. A task is all of it: the training examples are the support set, in the program's order. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/elementary.h"
#include "base/error.h"
#include "data/dataset.h"
#include "data/numpy_random.h"
#include "data/source.h"

enum { CLASSES = 10, POINTS = 12, LONG = 72, LENGTH = 40, RADIUS = 8 };
enum { PAD_LEAST = 36, PAD_MOST = 60, MOVE = 48 };

typedef struct settings {
  int examples, validation;
  int64_t seed;
} settings;

typedef struct mnist1d {
  float *x;        /* [examples, LENGTH], in the program's order: training, then test examples */
  int32_t *y;      /* [examples] */
  int train, test; /* how many of each */
  int validation;  /* the last training examples, so many, do not train */
} mnist1d;

/* ---- the program ---- */

static const double template[CLASSES][POINTS] = {
    {5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5},
    {5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5},
    {5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5},
    {5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5},
    {5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5},
    {5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5},
    {5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5},
    {5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5},
    {5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5},
    {5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5},
};

/* Of deviation 1/6, starting at 0. */
static void normalize(const double in[POINTS], double out[POINTS]) {
  double mean = 0, square = 0;
  for (int i = 0; i < POINTS; i++) mean += in[i];
  mean /= POINTS;
  for (int i = 0; i < POINTS; i++) square += (in[i] - mean) * (in[i] - mean);
  const double deviation = sqrt(square / POINTS), first = (in[0] - mean) / deviation;
  for (int i = 0; i < POINTS; i++) out[i] = ((in[i] - mean) / deviation - first) / 6;
}

/* Place i of n evenly spaced ones from 0 to 1, rounded as numpy.linspace rounds. */
static double place(int i, int n) { return i == n - 1 ? 1 : i * (1.0 / (n - 1)); }

/* Linear interpolation at m evenly spaced places. */
static void resample(const double *x, int n, double *out, int m) {
  for (int i = 0, j = 0; i < m; i++) {
    const double at = place(i, m);
    while (j < n - 2 && place(j + 1, n) <= at) j++;
    if (at >= 1)
      out[i] = x[n - 1];
    else
      out[i] = (x[j + 1] - x[j]) / (place(j + 1, n) - place(j, n)) * (at - place(j, n)) + x[j];
  }
}

/* A Gaussian filter of deviation 2, cut at RADIUS; the signal goes on as in a mirror beside its ends. */
static void smooth(const double x[LONG], double out[LONG]) {
  double weight[RADIUS + 1], sum = 0;
  for (int k = 0; k <= RADIUS; k++) {
    weight[k] = il_double_exp(-0.125 * k * k);
    sum += k ? 2 * weight[k] : weight[k];
  }
  for (int i = 0; i < LONG; i++) {
    out[i] = x[i] * (weight[0] / sum);
    for (int k = RADIUS; k > 0; k--) {
      const int left = i - k < 0 ? k - i - 1 : i - k,
                right = i + k < LONG ? i + k : 2 * LONG - 1 - i - k;
      out[i] += (x[left] + x[right]) * (weight[k] / sum);
    }
  }
}

static void draw_example(il_numpy_random *r, const double shape[POINTS], double out[LENGTH]) {
  double padded[POINTS + PAD_MOST + 1] = {0}, x[LONG], moved[LONG], noise[LONG], correlated[LONG];
  const int pad = PAD_LEAST + (int)(il_numpy_rand(r) * (PAD_MOST - PAD_LEAST + 1));
  for (int i = 0; i < POINTS; i++) padded[i] = shape[i] + 1e-8; /* 0 is what is padded */
  resample(padded, POINTS + pad, x, LONG);
  const double scale = 1 + 0.4 * (il_numpy_rand(r) - 0.5);
  const int by = (int)il_numpy_upto(r, MOVE - 1);
  for (int i = 0; i < LONG; i++) moved[(i + by) % LONG] = x[i] * scale;
  for (int i = 0; i < LONG; i++) noise[i] = 0.25 * il_numpy_randn(r);
  smooth(noise, correlated);
  for (int i = 0; i < LONG; i++)
    if (moved[i] == 0) moved[i] = correlated[i];
  for (int i = 0; i < LONG; i++) moved[i] += 0.02 * il_numpy_randn(r);
  const double shear = 0.75 * (il_numpy_rand(r) - 0.5);
  for (int i = 0; i < LONG; i++) moved[i] -= shear * (place(i, LONG) - 0.5);
  resample(moved, LONG, out, LENGTH);
}

/* All examples of a class after the other, as they are drawn. */
static void draw_all(il_numpy_random *r, int each, double *x) {
  for (int c = 0; c < CLASSES; c++) {
    double shape[POINTS];
    normalize(template[c], shape);
    for (int i = 0; i < each; i++, x += LENGTH) draw_example(r, shape, x);
  }
}

/* Of mean 0 and deviation 1 over all numbers, in random order. */
static void finish(const double *drawn, const int *order, int count, int each, mnist1d *s) {
  const size_t numbers = (size_t)count * LENGTH;
  double mean = 0, square = 0;
  for (size_t i = 0; i < numbers; i++) mean += drawn[i];
  mean /= (double)numbers;
  for (size_t i = 0; i < numbers; i++) square += (drawn[i] - mean) * (drawn[i] - mean);
  const double deviation = sqrt(square / (double)numbers);
  for (int i = 0; i < count; i++) {
    s->y[i] = order[i] / each;
    for (int t = 0; t < LENGTH; t++)
      s->x[(size_t)i * LENGTH + (size_t)t] =
          (float)((drawn[(size_t)order[i] * LENGTH + (size_t)t] - mean) / deviation);
  }
}

static void close_source(void *data) {
  mnist1d *s = data;
  if (!s) return;
  free(s->x);
  free(s->y);
  free(s);
}

static mnist1d *make(il_context *context, const settings *set, bool empty) {
  const int each = set->examples / CLASSES, count = each * CLASSES;
  mnist1d *s = calloc(1, sizeof *s);
  if (!s) {
    il_fail_memory(context, "MNIST-1D");
    return NULL;
  }
  s->train = (int)(count * 0.8);
  s->test = count - s->train;
  s->validation = set->validation;
  if (s->validation >= s->train) {
    il_fail(context, IL_ERROR_CONFIG,
            "mnist1d.validation: found %d, but there are %d training examples; expected fewer",
            s->validation, s->train);
    close_source(s);
    return NULL;
  }
  if (empty) return s;
  double *drawn = malloc((size_t)count * LENGTH * sizeof *drawn);
  int *order = malloc((size_t)count * sizeof *order);
  s->x = malloc((size_t)count * LENGTH * sizeof *s->x);
  s->y = malloc((size_t)count * sizeof *s->y);
  const bool fine = drawn && order && s->x && s->y;
  if (fine) {
    il_numpy_random r;
    il_numpy_seed(&r, (uint32_t)set->seed);
    draw_all(&r, each, drawn);
    il_numpy_permutation(&r, count, order);
    finish(drawn, order, count, each, s);
  } else {
    il_fail_memory(context, "MNIST-1D");
    close_source(s);
  }
  free(drawn);
  free(order);
  return fine ? s : NULL;
}

/* ---- as a source ---- */

static const il_field fields[] = {
    IL_FIELD(settings, examples, IL_FIELD_INT32, "5000", 20, 100000, "",
             "signals, four of five for training; a tenth of each class"),
    IL_FIELD(settings, seed, IL_FIELD_INT64, "42", 0, 4294967295.0, "", "seed of the drawing"),
    IL_FIELD(settings, validation, IL_FIELD_INT32, "0", 0, 99999, "",
             "training examples, the last ones, that are the query set in training and validation "
             "instead; 0: there, queries are examples that train"),
    {0}};

static void *open_source(il_context *context, const void *set, const il_source_options *o) {
  return make(context, set, o->shapes_only);
}

/* Where examples of a set stand, and how many: [0] support, [1] query. */
static void part_of(const mnist1d *s, il_split split, int first[2], int count[2]) {
  first[0] = 0;
  if (split == IL_TEST) {
    count[0] = first[1] = s->train;
    count[1] = s->test;
    return;
  }
  count[0] = s->train - s->validation;
  count[1] = s->validation ? s->validation : s->test;
  first[1] = s->train - count[1];
}

static void describe(void *data, il_split split, int variant, il_task_shape *shape) {
  (void)variant;
  int first[2], count[2];
  part_of(data, split, first, count);
  *shape = (il_task_shape){.ways = CLASSES,
                           .shots = count[0] / CLASSES,
                           .queries = count[1] / CLASSES,
                           .support = count[0],
                           .query = count[1],
                           .outputs = CLASSES,
                           .example = IL_SHAPE(LENGTH, 1),
                           .x = IL_FLOAT32,
                           .loss = IL_LOSS_CROSS_ENTROPY};
}

static il_status draw(void *data, il_task_id id, void *scratch, const il_task_memory *memory) {
  (void)scratch;
  const mnist1d *s = data;
  int first[2], count[2];
  part_of(s, id.split, first, count);
  for (int set = 0; set < 2; set++) {
    memcpy(memory->x[set], s->x + (size_t)first[set] * LENGTH,
           (size_t)count[set] * LENGTH * sizeof *s->x);
    memcpy(memory->y[set], s->y + first[set], (size_t)count[set] * sizeof *s->y);
  }
  return IL_OK;
}

static size_t bytes(void *data) {
  const mnist1d *s = data;
  return (size_t)(s->train + s->test) * (LENGTH * sizeof *s->x + sizeof *s->y);
}

/* Examples by class, in the order in which they stand. */
static il_dataset *dataset(il_context *context, const void *set, const char *data) {
  (void)data;
  mnist1d *s = make(context, set, false);
  if (!s) return NULL;
  const int count = s->train + s->test;
  float *x = malloc((size_t)count * LENGTH * sizeof *x);
  il_dataset *d = NULL;
  if (x) {
    int32_t start[CLASSES + 1] = {0};
    for (int c = 0, at = 0; c < CLASSES; c++) {
      for (int i = 0; i < count; i++)
        if (s->y[i] == c)
          memcpy(x + (size_t)at++ * LENGTH, s->x + (size_t)i * LENGTH, LENGTH * sizeof *x);
      start[c + 1] = at;
    }
    d = il_dataset_new(context, &(il_dataset_arrays){.classes = CLASSES,
                                                     .start = start,
                                                     .type = IL_FLOAT32,
                                                     .example = IL_SHAPE(LENGTH, 1),
                                                     .examples = x});
  } else {
    il_fail_memory(context, "MNIST-1D");
  }
  free(x);
  close_source(s);
  return d;
}

const il_source il_source_mnist1d = {.name = "mnist1d",
                                     .doc = "MNIST-1D, all of it in each task; no download",
                                     .size = sizeof(settings),
                                     .fields = fields,
                                     .one_task = true,
                                     .open = open_source,
                                     .describe = describe,
                                     .draw = draw,
                                     .close = close_source,
                                     .bytes = bytes,
                                     .dataset = dataset};
