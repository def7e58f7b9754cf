/* innerloop info. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cpu.h"
#include "cli/cli.h"
#include "cli/cli_ranks.h"
#include "kernels/kernel.h"

static const struct argp_option options[] = {JSON_OPTION, {0}};
static error_t parse_option(int key, char *arg, struct argp_state *state) {
  (void)arg;
  if (key != OPTION_JSON) return ARGP_ERR_UNKNOWN;
  *(bool *)state->input = true;
  return 0;
}
const struct argp info_argp = {options,
                               parse_option,
                               NULL,
                               "Prints version, worker threads, the instruction sets that there "
                               "are kernels for, the compiler, and the MPI for several machines."
                               "\vAll instruction sets of bit class \"fma\" give the same bits. "
                               "The best that the CPU runs is chosen; "
                               "the environment variable INNERLOOP_ISA names another.",
                               NULL,
                               NULL,
                               NULL};

static void print_json(const il_kernel_set *chosen, long cores) {
  int count;
  const il_kernel_set *const *set = il_kernel_sets(&count);
  printf("{\"version\": \"%s\", \"threads\": %ld, \"instructions\": \"%s\", \"kernels\": [",
         INNERLOOP_VERSION, cores, chosen->isa);
  for (int i = 0; i < count; i++)
    printf("%s{\"instructions\": \"%s\", \"bit_class\": \"%s\", \"runs_here\": %s}", i ? ", " : "",
           set[i]->isa, set[i]->bit_class, il_cpu_runs(set[i]->isa) ? "true" : "false");
  const char *mpi = mpi_name();
  printf("], \"compiler\": \"%s\", \"mpi\": ", __VERSION__);
  if (mpi)
    print_json_string(mpi);
  else
    fputs("null", stdout);
  puts("}");
}

static void print_text(const il_kernel_set *chosen, long cores) {
  int count;
  const il_kernel_set *const *set = il_kernel_sets(&count);
  printf("innerloop %s\nthreads       %ld\n", INNERLOOP_VERSION, cores);
  for (int i = 0; i < count; i++) {
    const bool fused = strcmp(set[i]->bit_class, "fma") == 0;
    printf("%-13s %-8s bit class %s%s%s\n", i ? "" : "instructions", set[i]->isa, set[i]->bit_class,
           fused ? ""
                 : " (no fused multiply-add: results may differ from the others' in the last bits)",
           set[i] == chosen            ? ", chosen"
           : !il_cpu_runs(set[i]->isa) ? ", not on this CPU"
                                       : "");
  }
  const char *mpi = mpi_name();
  printf("compiler      %s\n", __VERSION__);
  printf("mpi           %s\n", mpi ? mpi : "none: one machine (docs/scale.md)");
}

int run_info(int argc, char **argv) {
  bool json = false;
  parse(&info_argp, argc, argv, &json);
  const long cores = sysconf(_SC_NPROCESSORS_ONLN);
  il_context *context = new_context();
  const il_kernel_set *chosen = il_kernel_set_choose(context, NULL);
  if (!chosen) return finish(context);
  (json ? print_json : print_text)(chosen, cores);
  return finish(context);
}
