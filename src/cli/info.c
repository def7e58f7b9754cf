/* innerloop info. */
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"

static const struct argp_option options[] = {JSON_OPTION, {0}};
static error_t parse_option(int key, char *arg, struct argp_state *state) {
  (void)arg;
  if (key != OPTION_JSON) return ARGP_ERR_UNKNOWN;
  *(bool *)state->input = true;
  return 0;
}
static const struct argp argp = {
    options, parse_option, NULL, "Prints version, worker threads and how innerloop was built.",
    NULL,    NULL,         NULL};

int run_info(int argc, char **argv) {
  bool json = false;
  parse(&argp, argc, argv, &json);
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
#if defined __AVX512F__
  const char *set = "AVX-512";
#elif defined __AVX2__ && defined __FMA__
  const char *set = "AVX2 and FMA";
#elif defined __aarch64__
  const char *set = "NEON";
#else
  const char *set = "baseline";
#endif
  if (json)
    printf(
        "{\"version\": \"%s\", \"threads\": %ld, \"instructions\": \"%s\", \"compiler\": \"%s\"}\n",
        INNERLOOP_VERSION, cores, set, __VERSION__);
  else
    printf("innerloop %s\nthreads       %ld\ninstructions  %s\ncompiler      %s\n",
           INNERLOOP_VERSION, cores, set, __VERSION__);
  return 0;
}
