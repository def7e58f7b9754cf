/* MAML by hand, examples/01_maml_sinusoid.c, as a side of bench/python_loop.py: its task, its function and its meta-step,
 * on request.   maml_by_hand THREADS
 * Prints "ready", then answers each line "N …" of standard input with one JSON line about N more meta-steps. */
#include <time.h>

#define main example_main /* the program itself is not run; go and meta_step are what is measured */
int example_main(void);
#include "../examples/01_maml_sinusoid.c"
#undef main

static double read_clock(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void answer(const il_context *context, const il_function *f, il_run *run) {
  char line[64];
  uint64_t s = 0;
  while (fgets(line, sizeof line, stdin) && il_context_status(context) == IL_OK) {
    const long steps = strtol(line, NULL, 10);
    double query = 0;
    const double start = read_clock(CLOCK_MONOTONIC), used = read_clock(CLOCK_PROCESS_CPUTIME_ID);
    for (long i = 0; i < steps; i++) query = go(f, run, s++);
    printf("{\"seconds\": %.9f, \"processor\": %.9f, \"loss\": %.17g}\n",
           read_clock(CLOCK_MONOTONIC) - start, read_clock(CLOCK_PROCESS_CPUTIME_ID) - used, query);
    fflush(stdout);
  }
}

int main(int argc, char **argv) {
  il_context *context = il_context_new();
  il_net *net = il_net_preset(context, "mlp", IL_SHAPE(1), 1, 0);
  il_entries learned = {0};
  il_buffers memory;
  il_net_entries(context, net, &learned);
  il_optimizer_slots(context, &il_adam, learned.count, learned.entry, &learned);
  il_buffers_init(context, &memory, learned.count, learned.entry, IL_FLOAT32, true);
  il_buffers_initialize(&memory, 1);
  il_function *f = meta_step(context, net, &learned);
  il_team *team = il_team_new(context, argc > 1 ? atoi(argv[1]) : 0);
  il_run *run = il_run_new(context, f, team, TASKS);
  if (run) {
    il_run_buffers(run, &memory, "");
    printf("{\"ready\": true}\n");
    fflush(stdout);
    answer(context, f, run);
  }
  const il_status status = il_context_status(context);
  if (status != IL_OK) fprintf(stderr, "maml_by_hand: %s\n", il_context_message(context));
  il_run_free(run);
  il_team_free(team);
  il_function_free(f);
  il_buffers_free(&memory);
  il_entries_free(&learned);
  il_net_free(net);
  il_context_free(context);
  return status == IL_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
