/* innerloop export: a run's learner as one file, for C programs and other machines. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "io/io.h"

typedef struct input {
  const char *run, *out;
  bool json;
} input;

static const struct argp_option options[] = {
    {"out", OPTION_OUT, "FILE", 0, "file to write", 0}, JSON_OPTION, {0}};

static error_t parse_option(int key, char *arg, struct argp_state *state) {
  input *in = state->input;
  switch (key) {
  case OPTION_OUT: in->out = arg; return 0;
  case OPTION_JSON: in->json = true; return 0;
  case ARGP_KEY_ARG:
    if (in->run) return ARGP_ERR_UNKNOWN;
    in->run = arg;
    return 0;
  case ARGP_KEY_END:
    if (!in->run) argp_error(state, "expected the folder of a run");
    if (!in->out) argp_error(state, "--out is missing");
    return 0;
  default: return ARGP_ERR_UNKNOWN;
  }
}

const struct argp export_argp = {
    options,
    parse_option,
    "RUN",
    "Writes what a run has learned into one file: net, weights, algorithm, what it takes. "
    "`innerloop adapt` takes it like a run, and C programs place it in memory "
    "(innerloop/learner.h), which takes the room that is said.",
    NULL,
    NULL,
    NULL};

static void say(il_context *context, const input *in) {
  size_t size;
  const unsigned char *map = il_map_file(context, in->out, &size);
  if (!map) return;
  const size_t room = il_learner_room(map, size, NULL);
  il_unmap_file(map, size);
  if (room == 0) /* what was just written is whole */
    il_fail_memory(context, "the size of the learner in memory");
  else if (in->json)
    printf("{\"bytes\": %zu, \"room\": %zu}\n", size, room);
  else
    printf("%s: %zu bytes; placed in memory (il_learner_place) it takes %zu bytes on this "
           "machine\n",
           in->out, size, room);
}

int run_export(int argc, char **argv) {
  input in = {0};
  parse(&export_argp, argc, argv, &in);
  il_context *context = new_context();
  if (il_learner_export(context, in.run, in.out) == IL_OK) say(context, &in);
  return finish(context);
}
