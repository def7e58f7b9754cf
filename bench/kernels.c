/* Speed of each kernel on the shapes of few-shot nets, beside the machine's peak measured in the same run.
 * Built by -DINNERLOOP_BENCH=ON.
 * Argument: a word that the problem's line must contain; none: all problems.
 * Multiply-adds on padding are not counted. One thread; best and median of the rounds. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/kernel.h"
#include "kernels/simd.h"

enum { ROUNDS = 9, MAX_BUFFERS = 4 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Independent chains of fused multiply-adds: GFLOP/s that no kernel can pass. */
static double peak(void) {
  il_vec acc[12];
  double best = 0;
  for (int i = 0; i < 12; i++) acc[i] = (il_vec){0} + (float)i;
  il_vec b = (il_vec){0} + 1e-3f;
  for (int round = 0; round < 5; round++) {
    const double start = now();
    for (int i = 0; i < 400000; i++) {
#pragma GCC unroll 12
      for (int k = 0; k < 12; k++) acc[k] = il_fma_scalar(0.5f, b, acc[k]);
    }
    const double rate = 400000.0 * 12 * IL_VL * 2 / (now() - start) * 1e-9;
    if (rate > best) best = rate;
  }
  float sum = 0;
  for (int i = 0; i < 12; i++) sum += acc[i][0];
  volatile float sink = sum; /* keeps the chains alive */
  (void)sink;
  return best;
}

static double taps_inside(int out, int stride, int pad, int dilation, int kernel, int size) {
  int count = 0;
  for (int o = 0; o < out; o++)
    for (int k = 0; k < kernel; k++) {
      const int at = o * stride + k * dilation - pad;
      count += at >= 0 && at < size;
    }
  return count;
}

typedef struct il_run {
  il_problem problem;
  double flops;                             /* 0: report bytes */
  size_t in[MAX_BUFFERS], out[MAX_BUFFERS]; /* floats */
  int32_t index_of; /* operand that holds indexes below index_bound; 0: none */
  int32_t index_bound;
} il_run;

static void *block(size_t floats) {
  float *x = aligned_alloc(64, (floats * sizeof *x + 127) / 64 * 64);
  if (!x) exit(1);
  for (size_t i = 0; i < floats; i++) x[i] = (float)((i * 2654435761u >> 8) % 2048) / 1024 - 1;
  return x;
}

static void measure(const il_run *run, const char *filter, double limit) {
  char text[512];
  il_problem_text(&run->problem, text, sizeof text);
  if (filter && !strstr(text, filter)) return;
  const il_kernel *kernel = il_kernel_select(&run->problem);
  if (!kernel) {
    printf("%-66s no kernel\n", text);
    return;
  }
  void *in[MAX_BUFFERS] = {0}, *out[MAX_BUFFERS] = {0};
  double bytes = 0;
  for (int i = 0; i < MAX_BUFFERS; i++) {
    if (run->in[i]) in[i] = block(run->in[i]);
    if (run->out[i]) out[i] = block(run->out[i]);
    bytes += 4 * (double)(run->in[i] + run->out[i]);
  }
  if (run->index_of)
    for (size_t i = 0; i < run->in[run->index_of - 1]; i++)
      ((int32_t *)in[run->index_of - 1])[i] = (int32_t)((i * 7) % (size_t)run->index_bound);
  const size_t table_size = kernel->table ? kernel->table(&run->problem) : 0;
  void *table = table_size ? block(table_size / 4 + 1) : NULL;
  const double start = now();
  if (table) kernel->prepare(&run->problem, table);
  const double prepared = now() - start;
  void *scratch = block((kernel->scratch ? kernel->scratch(&run->problem) : 0) / 4 + 16);
  int repeat = 1;
  for (;; repeat *= 2) {
    const double begin = now();
    for (int i = 0; i < repeat; i++)
      kernel->run(&run->problem, table, (const void *const *)in, out, scratch);
    if (now() - begin > 2e-3) break;
  }
  double time[ROUNDS];
  for (int round = 0; round < ROUNDS; round++) {
    const double begin = now();
    for (int i = 0; i < repeat; i++)
      kernel->run(&run->problem, table, (const void *const *)in, out, scratch);
    time[round] = (now() - begin) / repeat;
  }
  qsort(time, ROUNDS, sizeof *time, by_size);
  const double best = time[0], middle = time[ROUNDS / 2];
  if (run->flops > 0)
    printf("%-66s %9.2f us  best %6.1f  median %6.1f GFLOP/s  %3.0f %%  (table %.0f us)\n", text,
           best * 1e6, run->flops / best * 1e-9, run->flops / middle * 1e-9,
           100 * run->flops / best * 1e-9 / limit, prepared * 1e6);
  else
    printf("%-66s %9.2f us  best %6.1f  median %6.1f GB/s\n", text, best * 1e6, bytes / best * 1e-9,
           bytes / middle * 1e-9);
  for (int i = 0; i < MAX_BUFFERS; i++) {
    free(in[i]);
    free(out[i]);
  }
  free(table);
  free(scratch);
}

static void convolution(int n, int size, int c, int k, int stride, const char *filter,
                        double limit) {
  const int out = (size + 2 - 3) / stride + 1;
  il_run run = {.problem = {.type = IL_FLOAT32,
                            .conv = {.n = n,
                                     .h = size,
                                     .w = size,
                                     .c = c,
                                     .oh = out,
                                     .ow = out,
                                     .k = k,
                                     .kh = 3,
                                     .kw = 3,
                                     .sh = stride,
                                     .sw = stride,
                                     .ph = 1,
                                     .pw = 1,
                                     .dh = 1,
                                     .dw = 1,
                                     .groups = 1}}};
  const double taps = taps_inside(out, stride, 1, 1, 3, size);
  run.flops = 2.0 * n * c * k * taps * taps;
  const size_t x = (size_t)(n * size * size * c), w = (size_t)(9 * c * k),
               y = (size_t)(n * out * out * k);
  const size_t operand[3][3] = {{x, w, y}, {y, w, x}, {x, y, w}};
  static const il_op op[] = {IL_OP_CONV2D, IL_OP_CONV2D_TRANSPOSE, IL_OP_CONV2D_WEIGHT};
  for (int i = 0; i < 3; i++) {
    if (c == 1 && i == 1) continue; /* nobody needs the gradient by an image */
    run.problem.op = op[i];
    run.in[0] = operand[i][0];
    run.in[1] = operand[i][1];
    run.out[0] = operand[i][2];
    measure(&run, filter, limit);
  }
}

static void product(int64_t m, int64_t n, int64_t k, const char *filter, double limit) {
  for (int t = 0; t < 3; t++) {
    const il_run run = {.problem = {.op = IL_OP_MATMUL,
                                    .type = IL_FLOAT32,
                                    .matmul = {.batch = 1,
                                               .m = m,
                                               .n = n,
                                               .k = k,
                                               .transpose_a = t == 2,
                                               .transpose_b = t == 1}},
                        .flops = 2.0 * (double)(m * n * k),
                        .in = {(size_t)(m * k), (size_t)(n * k)},
                        .out = {(size_t)(m * n)}};
    measure(&run, filter, limit);
  }
}

/* Training-mode normalisation and relu, as plans fuse it: two sums, then one pass. */
static void programs(int64_t rows, int64_t width, const char *filter, double limit) {
  static il_tile_program statistics, normalise, activation;
  statistics = (il_tile_program){.rows = rows,
                                 .width = width,
                                 .operands = 2,
                                 .codes = 2,
                                 .results = 2,
                                 .registers = 4,
                                 .mode = {IL_TILE_FULL, IL_TILE_CHANNEL},
                                 .code = {{IL_OP_SUB, 2, {0, 1}}, {IL_OP_MUL, 3, {2, 2}}},
                                 .result = {{.reg = 2}, {.reg = 3, .sum = true}}};
  normalise = (il_tile_program){
      .rows = rows,
      .width = width,
      .operands = 5,
      .codes = 5,
      .results = 1,
      .registers = 10,
      .mode = {IL_TILE_FULL, IL_TILE_CHANNEL, IL_TILE_CHANNEL, IL_TILE_CHANNEL, IL_TILE_CHANNEL},
      .code = {{IL_OP_SUB, 5, {0, 1}},
               {IL_OP_MUL, 6, {5, 2}},
               {IL_OP_MUL, 7, {6, 3}},
               {IL_OP_ADD, 8, {7, 4}},
               {IL_OP_RELU, 9, {8}}},
      .result = {{.reg = 9}}};
  activation = (il_tile_program){.rows = rows,
                                 .width = width,
                                 .operands = 1,
                                 .codes = 1,
                                 .results = 1,
                                 .registers = 2,
                                 .mode = {IL_TILE_FULL},
                                 .code = {{IL_OP_EXP, 1, {0}}},
                                 .result = {{.reg = 1}}};
  const size_t all = (size_t)(rows * width), line = (size_t)width;
  il_run run = {.problem = {.op = IL_OP_NONE, .type = IL_FLOAT32, .tile = &statistics},
                .in = {all, line},
                .out = {all, line}};
  measure(&run, filter, limit);
  run.problem.tile = &activation;
  run.in[1] = run.out[1] = 0;
  measure(&run, filter, limit);
  static const il_op function[] = {IL_OP_LOG, IL_OP_TANH, IL_OP_SIN, IL_OP_SIGMOID, IL_OP_POW};
  for (size_t i = 0; i < sizeof function / sizeof *function; i++) {
    activation.code[0].op = (uint16_t)function[i];
    if (filter) measure(&run, filter, limit);
  }
  run.problem.tile = &normalise;
  il_run wide = run;
  for (int i = 1; i < MAX_BUFFERS; i++) wide.in[i] = line;
  normalise.operands = 4;
  normalise.code[3].arg[1] = 3;
  measure(&wide, filter, limit);
}

static void streams(const char *filter, double limit) {
  const size_t all = 980 * 64;
  il_run run = {.problem = {.op = IL_OP_SUM,
                            .type = IL_FLOAT32,
                            .reduce = {.rank = 2, .dim = {980, 64}, .reduced = 1}},
                .in = {all},
                .out = {64}};
  measure(&run, filter, limit);
  run.problem.reduce.reduced = 2;
  run.out[0] = 980;
  measure(&run, filter, limit);
  run.problem.reduce = (il_reduce_geometry){.rank = 1, .dim = {(int64_t)all}, .reduced = 1};
  run.out[0] = 1;
  measure(&run, filter, limit);
  run = (il_run){
      .problem = {.op = IL_OP_TRANSPOSE,
                  .type = IL_FLOAT32,
                  .move = {.rank = 4, .dim = {3, 3, 64, 64}, .stride = {3 * 4096, 4096, 1, 64}}},
      .in = {9 * 4096},
      .out = {9 * 4096}};
  measure(&run, filter, limit);
  run = (il_run){.problem = {.op = IL_OP_BROADCAST,
                             .type = IL_FLOAT32,
                             .move = {.rank = 2, .dim = {980, 64}, .stride = {0, 1}}},
                 .in = {64},
                 .out = {all}};
  measure(&run, filter, limit);
  run = (il_run){.problem = {.op = IL_OP_POOL_ARGMAX,
                             .type = IL_FLOAT32,
                             .pool = {.n = 5,
                                      .h = 28,
                                      .w = 28,
                                      .c = 64,
                                      .oh = 14,
                                      .ow = 14,
                                      .kh = 2,
                                      .kw = 2,
                                      .sh = 2,
                                      .sw = 2,
                                      .dh = 1,
                                      .dw = 1}},
                 .in = {4 * all},
                 .out = {all}};
  measure(&run, filter, limit);
  run.problem.op = IL_OP_AVERAGE_POOL;
  measure(&run, filter, limit);
  run.problem.op = IL_OP_AVERAGE_POOL_TRANSPOSE;
  run.in[0] = all;
  run.out[0] = 4 * all;
  measure(&run, filter, limit);
  run =
      (il_run){.problem = {.op = IL_OP_GATHER,
                           .type = IL_FLOAT32,
                           .gather = {.rows = 4 * (int64_t)all, .width = 1, .count = (int64_t)all}},
               .in = {4 * all, all},
               .out = {all},
               .index_of = 2,
               .index_bound = (int32_t)(4 * all)};
  measure(&run, filter, limit);
  run.problem.op = IL_OP_SCATTER_ADD;
  run.in[0] = run.in[1] = all;
  run.out[0] = 4 * all;
  run.index_of = 1;
  measure(&run, filter, limit);
}

int main(int argc, char **argv) {
  const char *filter = argc > 1 ? argv[1] : NULL;
  const double limit = peak();
  printf("peak of one core: %.1f GFLOP/s\n", limit);
  static const int images[] = {5, 25, 80};
  for (size_t i = 0; i < sizeof images / sizeof *images; i++) {
    convolution(images[i], 28, 1, 64, 2, filter, limit);
    convolution(images[i], 14, 64, 64, 2, filter, limit);
    convolution(images[i], 7, 64, 64, 2, filter, limit);
    convolution(images[i], 4, 64, 64, 2, filter, limit);
  }
  convolution(5, 28, 1, 64, 1, filter, limit);
  convolution(5, 14, 64, 64, 1, filter, limit);
  convolution(5, 84, 3, 32, 1, filter, limit);
  convolution(5, 42, 32, 32, 1, filter, limit);
  convolution(5, 7, 40, 20, 1, filter, limit);
  product(5, 40, 1, filter, limit);
  product(10, 40, 40, filter, limit);
  product(5, 5, 64, filter, limit);
  product(20, 1, 40, filter, limit);
  product(75, 64, 64, filter, limit);
  product(25, 64, 784, filter, limit);
  programs(980, 64, filter, limit);
  programs(245, 64, filter, limit);
  programs(5, 5, filter, limit);
  streams(filter, limit);
  printf("peak of one core: %.1f GFLOP/s\n", peak());
  return 0;
}
