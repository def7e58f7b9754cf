/* innerloop adapt: a run's learner is shown a few examples of new classes. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapt/adapted.h"
#include "cli/cli.h"
#include "data/dataset.h"
#include "import/importer.h"
#include "nn/net.h"

typedef struct input {
  settings common; /* config: the run */
  const char *support, *out;
  int invert; /* as in inversions */
  int head;   /* as in heads */
  bool json;
} input;

static const char *const inversions[] = {"auto", "yes", "no"};
enum { INVERT_AUTO, INVERT_YES, INVERT_NO };
static const char *const heads[] = {"trained", "means"};
enum { HEAD_TRAINED, HEAD_MEANS };
enum { OPTION_SUPPORT = 256, OPTION_INVERT, OPTION_HEAD };

static const struct argp_option options[] = {
    {"support", OPTION_SUPPORT, "PATH", 0,
     "a folder with one subfolder per class and a few pictures in each, or whatever `data import` "
     "takes",
     0},
    {"out", OPTION_OUT, "MODEL", 0, "file to write", 0},
    {"invert", OPTION_INVERT, "auto|yes|no", 0,
     "pictures: dark becomes bright; auto: where they are like the learner's only then (auto)", 0},
    {"head", OPTION_HEAD, "trained|means", 0,
     "means: instead of the last layer and inner steps, the nearest of the classes' mean features, "
     "for any number of classes (trained)",
     0},
    {"set", OPTION_SET, "KEY=VALUE", 0,
     "adapt otherwise than it was trained to: inner.steps, inner.lr, meta.query_statistics …", 0},
    THREADS_OPTION,
    JSON_OPTION,
    {0}};

static error_t parse_option(int key, char *arg, struct argp_state *state) {
  input *in = state->input;
  switch (key) {
  case OPTION_SUPPORT: in->support = arg; return 0;
  case OPTION_OUT: in->out = arg; return 0;
  case OPTION_JSON: in->json = true; return 0;
  case OPTION_INVERT: in->invert = parse_choice(state, "invert", arg, 3, inversions); return 0;
  case OPTION_HEAD: in->head = parse_choice(state, "head", arg, 2, heads); return 0;
  case ARGP_KEY_END:
    if (!in->common.config) argp_error(state, "expected the folder of a run, or a learner's file");
    if (!in->support) argp_error(state, "--support is missing");
    if (!in->out) argp_error(state, "--out is missing");
    return 0;
  default: return parse_setting(&in->common, key, arg, state);
  }
}

const struct argp adapt_argp = {
    options,
    parse_option,
    "RUN|LEARNER",
    "Shows the learner of a run, or of a file that `innerloop export` wrote, a few examples of "
    "classes, which it adapts to as it was trained "
    "to, "
    "and writes what comes of it into one file for `innerloop predict`. Each example is left out "
    "once where its class has others: that gives the accuracy to expect.",
    NULL,
    NULL,
    NULL};

/* ---- the support set ---- */

/* Imports into a file that is gone when it is closed. */
static il_dataset *import_hidden(il_context *context, const char *source,
                                 const il_import_options *o) {
  char path[NAMELESS_PATH];
  const int file = open_nameless(context, path);
  if (file < 0) return NULL;
  il_dataset *d = NULL;
  FILE *nowhere = fopen("/dev/null", "we");
  if (!nowhere)
    il_fail(context, IL_ERROR_FILE, "/dev/null: %s", strerror(errno));
  else if (import_shown(context, source, path, *o, NULL, nowhere) == IL_OK)
    d = il_dataset_open(context, path);
  if (nowhere) fclose(nowhere);
  close(file);
  const char *message = il_context_message(context);
  if (!d && !strncmp(message, path, strlen(path))) { /* which nobody knows */
    const il_status status = il_context_status(context);
    char *rest = strdup(message + strlen(path));
    il_context_clear(context);
    il_fail(context, status, "%s, imported into memory%s", source, rest ? rest : ": out of memory");
    free(rest);
  }
  return d;
}

/* Where the channels of a file's arrays stand, by what the learner takes; as its format has them where that says nothing. */
static il_import_channels channels_of(const char *path, il_shape e) {
  il_import_channels found = IL_CHANNELS_BY_FORMAT;
  il_context *context = il_context_new(); /* what is wrong with the file, its import says */
  il_tensors *file = context ? il_tensors_open(context, path) : NULL;
  for (int i = 0; file && i < il_tensors_count(file); i++) {
    const il_shape s = il_tensors_at(file, i)->shape;
    if (s.rank != e.rank + 1) continue;
    bool last = true, first = s.dim[1] == e.dim[e.rank - 1];
    for (int d = 0; d < e.rank; d++) last = last && s.dim[d + 1] == e.dim[d];
    for (int d = 0; d + 1 < e.rank; d++) first = first && s.dim[d + 2] == e.dim[d];
    if (last || first) found = last ? IL_CHANNELS_LAST : IL_CHANNELS_FIRST;
  }
  il_tensors_close(file);
  il_context_free(context);
  return found;
}

static il_import_options bring_to(const il_learner_input *learner, const char *kind,
                                  const char *path) {
  il_import_options o = {.few = true};
  if (!strcmp(kind, "pictures") && learner->example.rank == 3) {
    o.height = (int)learner->example.dim[0];
    o.width = (int)learner->example.dim[1];
    o.grey = learner->example.dim[2] == 1;
  } else if (!strcmp(kind, "arrays") && learner->example.rank >= 2) {
    o.layout = learner->example.rank == 3 ? IL_LAYOUT_IMAGES : IL_LAYOUT_SIGNALS;
    o.channels = channels_of(path, learner->example);
  } else if (!strcmp(kind, "csv") && learner->example.rank == 2) {
    o.layout = IL_LAYOUT_SIGNALS;
  }
  if (learner->type == IL_FLOAT32 && learner->scale != 1) o.scale = learner->scale;
  return o;
}

/* Whether the pixels are nearer to the learner's when they are inverted: by more than a quarter of the range, so that a
 * doubt changes nothing. */
static bool looks_inverted(const il_dataset *d, const il_learner_input *learner) {
  double mean, deviation;
  if (il_dataset_type(d) != IL_UINT8 || learner->deviation <= 0) return false;
  il_dataset_moments(d, &mean, &deviation);
  return fabs(mean - learner->mean) - fabs(255 - mean - learner->mean) > 64;
}

static il_dataset *open_support(il_context *context, const input *in,
                                const il_learner_input *learner, bool *inverted) {
  const char *kind = il_import_kind_of(in->support);
  *inverted = false;
  if (il_import_looked(context, in->support) != IL_OK) return NULL;
  if (!kind) {
    if (in->invert != INVERT_YES) return il_dataset_open(context, in->support);
    il_fail(context, IL_ERROR_ARGUMENT, "--invert: %s is imported already; invert when importing",
            in->support);
    return NULL;
  }
  if (!strcmp(kind, "omniglot")) kind = "pictures";
  il_import_options o = bring_to(learner, kind, in->support);
  o.kind = kind;
  const bool pictures = !strcmp(kind, "pictures");
  if (in->invert == INVERT_YES && !pictures) {
    il_fail(context, IL_ERROR_ARGUMENT, "--invert: %s has no pictures", in->support);
    return NULL;
  }
  o.invert = *inverted = in->invert == INVERT_YES;
  il_dataset *d = import_hidden(context, in->support, &o);
  if (!d || !pictures || in->invert != INVERT_AUTO || !looks_inverted(d, learner)) return d;
  il_dataset_free(d);
  o.invert = *inverted = true;
  return import_hidden(context, in->support, &o);
}

/* ---- what is said ---- */

static void warn_constant(const il_dataset *d) {
  const size_t n = (size_t)il_shape_count(il_dataset_shape(d)) * il_type_size(il_dataset_type(d));
  for (int c = 0; c < il_dataset_classes(d); c++)
    for (int e = 0; e < il_dataset_examples(d, c); e++) {
      const char *x = il_dataset_example(d, c, e);
      if (n > 8 && !memcmp(x, x + 4, n - 4))
        fprintf(stderr, "%s: example %d is one number everywhere; nothing can be learned from it\n",
                il_dataset_class_name(d, c), e + 1);
    }
}

/* "3", "3 to 7" */
static void print_range(char *text, size_t size, int from, int to) {
  snprintf(text, size, from == to ? "%d" : "%d to %d", from, to);
}

/* Tasks of another size than those that it was trained on. */
static void warn_size(const il_dataset *d, const il_learner_input *learner, const input *in) {
  const int ways = il_dataset_classes(d);
  if (ways < 1) return;
  int least = il_dataset_examples(d, 0), most = least;
  for (int c = 1; c < ways; c++) {
    const int n = il_dataset_examples(d, c);
    least = n < least ? n : least;
    most = n > most ? n : most;
  }
  char here[32], there[32];
  print_range(here, sizeof here, least, most);
  print_range(there, sizeof there, learner->shots[0], learner->shots[1]);
  if (!learner->ways ||
      (ways == learner->ways && least >= learner->shots[0] && most <= learner->shots[1]))
    return;
  fprintf(stderr,
          "the support set has %d classes of %s examples, the learner was trained on tasks of %d "
          "classes of %s",
          ways, here, learner->ways, there);
  struct stat info; /* a learner's file has no tasks to be evaluated on, its run has */
  if (in->head != HEAD_MEANS && stat(in->common.config, &info) == 0 && S_ISDIR(info.st_mode))
    fprintf(stderr, "; innerloop eval %s --ways %d --shots %d says how well it does",
            in->common.config, ways, least);
  fputc('\n', stderr);
}

/* Numbers of another kind than those that it was trained on. */
static void warn_numbers(const il_dataset *d, const il_learner_input *learner, bool inverted) {
  double mean, deviation;
  if (learner->deviation <= 0) return;
  il_dataset_moments(d, &mean, &deviation);
  if (!inverted && looks_inverted(d, learner))
    fprintf(stderr,
            "the pictures look inverted: their mean pixel is %.0f, of what the learner was trained "
            "on it is %.0f; --invert yes turns them\n",
            mean, learner->mean);
  else if (fabs(mean - learner->mean) > 2 * learner->deviation ||
           deviation > 5 * learner->deviation || deviation < learner->deviation / 5)
    fprintf(stderr,
            "the numbers of the support set (%.4g ± %.4g) are unlike those that the learner was "
            "trained on (%.4g ± %.4g)\n",
            mean, deviation, learner->mean, learner->deviation);
}

static void print_text(const il_adapted *a, const il_adapted_report *r, const char *out,
                       bool means) {
  const il_shape e = il_adapted_example(a);
  printf("%s: %d classes, %d examples", out, il_adapted_classes(a), r->examples);
  if (e.rank == 3)
    printf(", as the learner's %lld×%lld %s%s", (long long)e.dim[0], (long long)e.dim[1],
           e.dim[2] == 1 ? "grey" : "colour", il_adapted_inverted(a) ? ", inverted" : "");
  printf("\n%s", means ? "class means of the trained net's features" : r->algorithm);
  if (r->steps) printf(", %d inner step%s", r->steps, r->steps == 1 ? "" : "s");
  printf("; queries one at a time");
  printf(", norm statistics: %s\n", r->statistics);
  if (r->left_out == 0)
    puts("too few examples to leave some out: expect what `innerloop eval` says of the run; "
         "probabilities are not calibrated");
  else
    printf("left out once each: %d of %d named right (%.1f %%); probabilities are calibrated by "
           "that\n",
           r->right, r->left_out, 100.0 * r->right / r->left_out);
  if (r->left_out && r->right * il_adapted_classes(a) * 2 < 3 * r->left_out)
    puts("that is hardly better than guessing: look at the pictures, adapt with other "
         "meta.query_statistics, or train on data that is more like them");
  printf("ask it: innerloop predict %s %s\n", out, e.rank == 3 ? "PICTURE…" : "FILE");
}

static void print_json(const il_adapted *a, const il_adapted_report *r) {
  printf("{\"classes\": [");
  for (int c = 0; c < il_adapted_classes(a); c++) {
    if (c) fputs(", ", stdout);
    print_json_string(il_adapted_class_name(a, c));
  }
  printf("], \"examples\": %d, \"algorithm\": \"%s\", \"inner_steps\": %d, \"norm_statistics\": "
         "\"%s\", \"inverted\": %s, \"left_out\": %d, \"right\": %d, \"temperature\": %.9g, "
         "\"reject\": %.9g}\n",
         r->examples, r->algorithm, r->steps, r->statistics,
         il_adapted_inverted(a) ? "true" : "false", r->left_out, r->right, r->temperature,
         r->reject);
}

static void adapt(il_context *context, const input *in, const char *const *set, il_team *team) {
  il_learner_input learner;
  bool inverted;
  if (il_run_input_of(context, in->common.config, &learner) != IL_OK) return;
  if (learner.targets) {
    il_fail(context, IL_ERROR_UNSUPPORTED,
            "%s: the run learned to predict numbers; only one that learned classes can be shown "
            "others",
            in->common.config);
    return;
  }
  il_dataset *d = open_support(context, in, &learner, &inverted);
  if (!d) return;
  const il_adapt_options o = {
      .settings = set, .class_means = in->head == HEAD_MEANS, .inverted = inverted, .team = team};
  il_adapted *a = il_adapted_new(context, in->common.config, d, &o);
  if (a) { /* what does not fit at all is refused by a sentence of its own */
    if (!il_net_vocabulary(a->learner->net)) { /* tokens mean nothing as numbers */
      warn_constant(d);
      warn_numbers(d, &learner, inverted);
    }
    warn_size(d, &learner, in);
  }
  if (a && il_adapted_save(a, in->out) == IL_OK) {
    il_adapted_report r;
    il_adapted_describe(a, &r);
    if (in->json)
      print_json(a, &r);
    else
      print_text(a, &r, in->out, in->head == HEAD_MEANS);
  }
  il_adapted_free(a);
  il_dataset_free(d);
}

int run_adapt(int argc, char **argv) {
  input in = {0};
  parse(&adapt_argp, argc, argv, &in);
  il_context *context = new_context();
  const char *set[65] = {0};
  for (int i = 0; i < in.common.sets; i++) set[i] = in.common.set[i];
  il_team *team = il_team_new(context, in.common.threads);
  if (team) adapt(context, &in, set, team);
  il_team_free(team);
  return finish(context);
}
