/* A learner in memory: the room that it takes, and how long placing, adapting and one answer take on one thread.
 *   learner FILE [SECONDS]
 * Prints one JSON line: bytes of file and rooms (answers only: of a learner that will not adapt again, 0 where the file is not
 * adapted), median milliseconds of the thread (its own: who else uses the machine
 * does not count), and what malloc gave out meanwhile. The examples are noise. */
#include <innerloop/learner.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MOST = 10000 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void *noise(const il_learner_info *info, int count) {
  const int64_t numbers = count * il_shape_count(info->example);
  uint8_t *bytes = malloc((size_t)numbers * sizeof(float));
  for (int64_t i = 0; i < numbers && bytes; i++) {
    const unsigned drawn = (unsigned)(i * 2654435761u) >> 7;
    if (info->type == IL_UINT8)
      bytes[i] = (uint8_t)drawn;
    else
      ((float *)(void *)bytes)[i] = (float)(drawn % 1000) * 1e-3f;
  }
  return bytes;
}

static uint8_t file[64 << 20];
static float scores[1 << 20];
static double spent[3][MOST];

int main(int argc, char **argv) {
  FILE *in = argc > 1 ? fopen(argv[1], "rb") : NULL;
  const size_t size = in ? fread(file, 1, sizeof file, in) : 0;
  if (in) fclose(in);
  const size_t room = il_learner_room(file, size, NULL),
               less = il_learner_room(file, size, &(il_learner_options){.answers_only = true});
  void *memory = malloc(room + 1024);
  il_learner *l = il_learner_place(file, size, memory, room ? room : 1024);
  il_learner_info info;
  if (!il_learner_describe(l, &info)) {
    fprintf(stderr, "learner: %s\n", il_learner_message(l));
    return 1;
  }
  void *x = noise(&info, info.examples), *y = calloc((size_t)info.examples, sizeof(float));
  for (int i = 0; i < info.examples && !info.numbers; i++) ((int32_t *)y)[i] = i % info.ways;
  const size_t before = mallinfo2().uordblks;
  int count = 0;
  for (const double end = now() + (argc > 2 ? atof(argv[2]) : 2); now() < end && count < MOST;) {
    const double start = now();
    l = il_learner_place(file, size, memory, room);
    const double placed = now();
    il_learner_adapt(l, info.examples, x, y);
    const double adapted = now();
    il_learner_predict(l, 1, x, scores);
    const double answered = now();
    spent[0][count] = placed - start;
    spent[1][count] = adapted - placed;
    spent[2][count++] = answered - adapted;
  }
  const size_t taken = mallinfo2().uordblks - before;
  if (il_learner_status(l) != IL_OK) {
    fprintf(stderr, "learner: %s\n", il_learner_message(l));
    return 1;
  }
  for (int i = 0; i < 3; i++) qsort(spent[i], (size_t)count, sizeof(double), by_size);
  printf("{\"algorithm\": \"%s\", \"ways\": %d, \"examples\": %d, \"file_bytes\": %zu, "
         "\"room_bytes\": %zu, \"room_answers_only_bytes\": %zu, \"place_ms\": %.3f, "
         "\"adapt_ms\": %.3f, \"predict_ms\": %.4f, \"malloc_bytes\": %zu}\n",
         info.algorithm, info.ways, info.examples, size, room, less, 1e3 * spent[0][count / 2],
         1e3 * spent[1][count / 2], 1e3 * spent[2][count / 2], taken);
  free(memory);
  free(x);
  free(y);
  return 0;
}
