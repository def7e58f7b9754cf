/* A trained classifier before and after meta-training, on unseen classes and on its own. */
#include <innerloop/study.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/random.h"
#include "data/samples.h"
#include "graph/graph.h"
#include "nn/net.h"
#include "fit/model.h"

enum { VALIDATION_TASKS = 100, SHOTS = 2, UNSEEN_QUERIES = 5 }; /* no more than test tasks */
static const int shots_of[SHOTS] = {1, 5};

typedef struct improvement {
  il_context *context;
  const il_dataset *dataset;
  const il_improve_options *options;
  il_improve_result *result;
  int backgrounds, unseens;
  int *background, *unseen; /* classes of the dataset */
  il_samples *train, *test, *validation_tasks, *test_tasks;
  il_model *plain, *headed, *meta; /* headed: plain under a new last layer */
  il_improve_progress progress;
} improvement;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- progress ---- */

static void show(improvement *p) {
  if (p->options->progress) p->options->progress(p->options->user, &p->progress);
}

static void begin(improvement *p, const char *stage, const char *piece, int64_t of) {
  p->progress = (il_improve_progress){stage, piece, 0, of};
  show(p);
}

static void piece_done(improvement *p) {
  p->progress.done++;
  show(p);
}

static void epoch_done(void *user, const il_fit_progress *done) {
  (void)done;
  piece_done(user);
}

static void meta_steps_done(void *user, const il_meta_progress *done) {
  improvement *p = user;
  p->progress.done = done->step;
  show(p);
}

/* ---- data ---- */

/* Unseen classes are put in an order drawn by seed; the first sixth, or one task's classes, validates, the rest tests. */
static il_status divide_classes(improvement *p) {
  int classes = il_dataset_classes(p->dataset), named = 0;
  p->background = calloc(2 * (size_t)classes, sizeof *p->background);
  if (!p->background) return il_fail_memory(p->context, "the classes of a dataset");
  p->unseen = p->background + classes;
  for (int c = 0; c < classes; c++)
    named += !strcmp(il_dataset_class_origin(p->dataset, c), "background");
  for (int c = 0; c < classes; c++) {
    bool back =
        named ? !strcmp(il_dataset_class_origin(p->dataset, c), "background") : c < classes * 3 / 5;
    if (back)
      p->background[p->backgrounds++] = c;
    else
      p->unseen[p->unseens++] = c;
  }
  uint64_t seed = il_random_mix(p->options->fit.seed, 0x756e73u /* "uns" */);
  il_random random = il_random_start(seed, 0);
  for (int i = p->unseens - 1; i > 0; i--) {
    int j = (int)il_random_below(&random, (uint32_t)i + 1), kept = p->unseen[i];
    p->unseen[i] = p->unseen[j];
    p->unseen[j] = kept;
  }
  return IL_OK;
}

/* Of each class its last examples test: whoever trained the classifier elsewhere can leave them out. */
static void hold_out_last(improvement *p, const il_samples *all, int classes) {
  int64_t *index = calloc((size_t)all->count, sizeof *index), kept = 0, held = 0;
  if (!index) {
    il_fail_memory(p->context, "dividing samples");
    return;
  }
  for (int64_t c = 0, first = 0; c < classes; c++) {
    const int64_t examples = il_dataset_examples(p->dataset, p->background[c]);
    const int64_t tests = (int64_t)(p->options->hold_out * (double)examples + 0.5);
    for (int64_t i = 0; i < examples; i++) {
      if (i < examples - tests)
        index[kept++] = first + i;
      else
        index[all->count - ++held] = first + i;
    }
    first += examples;
  }
  p->train = il_samples_subset(p->context, all, kept, index);
  if (p->train) p->test = il_samples_subset(p->context, all, held, index + kept);
  free(index);
}

static int validation_classes(const improvement *p) {
  int sixth = p->unseens / 6, ways = p->options->meta.episodes.ways;
  return sixth < ways ? ways : sixth;
}

static int64_t fewest_examples(const improvement *p, int classes, const int *cls) {
  int64_t fewest = classes ? INT64_MAX : 0;
  for (int c = 0; c < classes; c++) {
    int64_t examples = il_dataset_examples(p->dataset, cls[c]);
    if (examples < fewest) fewest = examples;
  }
  return fewest;
}

/* Everything that the data must have is asked before any work, of all parts at once. */
static il_status check_data(improvement *p, int classes) {
  const il_episodes *e = &p->options->meta.episodes;
  if (!(p->options->hold_out > 0 && p->options->hold_out < 1))
    return il_fail(p->context, IL_ERROR_ARGUMENT,
                   "improve: hold_out %g, expected more than 0 and less than 1",
                   p->options->hold_out);
  const il_shape example = il_dataset_shape(p->dataset);
  char found[96];
  if (e->rotate && !il_dataset_square(p->dataset))
    return il_fail(
        p->context, IL_ERROR_DATA,
        "improve: an example has shape %s, but the classes of a task are to be turned by "
        "quarter turns; expected square images, or --no-rotate (episodes.rotate false)",
        il_shape_text(example, found));
  int64_t own = e->shots + e->queries + 1, unseen = shots_of[SHOTS - 1] + UNSEEN_QUERIES;
  while (own - (int64_t)(p->options->hold_out * (double)own + 0.5) < e->shots + e->queries) own++;
  int64_t own_found = fewest_examples(p, classes < p->backgrounds ? classes : p->backgrounds,
                                      p->background),
          unseen_found = fewest_examples(p, p->unseens, p->unseen);
  if (p->backgrounds >= e->ways && p->unseens >= 2 * e->ways && own_found >= own &&
      unseen_found >= unseen)
    return IL_OK;
  return il_fail(p->context, IL_ERROR_DATA,
                 "improve: the data have %d background classes (%lld or more examples each) and %d "
                 "others (%lld or more each); %d-way tasks need %d background classes of %lld "
                 "examples and %d others, %d to validate and %d to test, of %lld",
                 p->backgrounds, (long long)own_found, p->unseens, (long long)unseen_found, e->ways,
                 e->ways, (long long)own, 2 * e->ways, e->ways, e->ways, (long long)unseen);
}

static il_status make_samples(improvement *p) {
  int classes = p->result->classes, validation = validation_classes(p);
  il_samples *all = il_samples_of_classes(p->context, p->dataset, classes, p->background);
  if (all && p->options->init)
    hold_out_last(p, all, classes);
  else if (all)
    il_samples_hold_out(p->context, all, p->options->hold_out, p->options->fit.seed, &p->train,
                        &p->test);
  il_samples_free(all);
  if (il_context_status(p->context) != IL_OK) return il_context_status(p->context);
  p->validation_tasks = il_samples_of_classes(p->context, p->dataset, validation, p->unseen);
  p->test_tasks = il_samples_of_classes(p->context, p->dataset, p->unseens - validation,
                                        p->unseen + validation);
  p->result->unseen_validation = validation;
  p->result->unseen_test = p->unseens - validation;
  return il_context_status(p->context);
}

/* ---- the plain classifier ---- */

static il_status classifier(improvement *p) {
  const il_improve_options *o = p->options;
  int classes = o->classes ? o->classes : p->backgrounds;
  il_shape image = il_dataset_shape(p->dataset);
  if (o->init) {
    p->plain = il_model_open(p->context, &o->model, o->init, image);
    if (!p->plain) return il_context_status(p->context);
    classes = (int)il_net_parameter_shape(p->plain->net, il_model_head(p->plain)).dim[1];
  }
  if (check_data(p, classes) != IL_OK) return il_context_status(p->context);
  if (classes > p->backgrounds || classes < o->meta.episodes.ways)
    return il_fail(p->context, IL_ERROR_DATA,
                   "the classifier has %d classes, expected %d (of a task) to the %d of the "
                   "background set",
                   classes, o->meta.episodes.ways, p->backgrounds);
  if (!o->init) p->plain = il_model_new(p->context, &o->model, image, classes);
  if (!p->plain) return il_context_status(p->context);
  p->result->classes = classes;
  return make_samples(p);
}

static il_status train_classifier(improvement *p) {
  const il_improve_options *o = p->options;
  double begun = now();
  p->result->train = p->train->count;
  p->result->test = p->test->count;
  il_fit_options fit = o->fit;
  fit.progress = epoch_done;
  fit.user = p;
  if (!o->init) begin(p, "training the classifier", "epochs", fit.epochs);
  if (!o->init && il_fit(p->context, p->plain, p->train, &fit) != IL_OK)
    return il_context_status(p->context);
  begin(p, "testing the classifier", NULL, 0);
  p->result->seconds_plain = now() - begun;
  il_test_result r;
  il_status status = il_test(p->context, p->plain, p->test, o->fit.loss, o->fit.team, &r);
  p->result->original = r.accuracy;
  return status;
}

/* ---- unseen classes ---- */

static const double rate[] = {0.01, 0.03, 0.1, 0.4, 1};
static const int steps[] = {1, 5, 10, 20};
enum { RATES = sizeof rate / sizeof *rate, STEPS = sizeof steps / sizeof *steps };

/* Gradient descent on support sets, with the rate and the number of steps that do best on validation classes. */
static il_status adapt_to_unseen(improvement *p, const il_model *m, il_improve_adapted *best) {
  il_meta_options o = p->options->meta;
  double chosen = -1, mean, interval;
  o.episodes.shots = best->shots;
  o.episodes.queries = UNSEEN_QUERIES;
  o.episodes.rotate = false;
  for (int r = 0; r < RATES; r++)
    for (int s = 0; s < STEPS; s++) {
      o.inner_lr = rate[r];
      o.inner_steps = steps[s];
      if (o.stop && *o.stop) return il_fail(p->context, IL_ERROR_INTERRUPTED, "stopped");
      int tasks = p->options->tasks < VALIDATION_TASKS ? p->options->tasks : VALIDATION_TASKS;
      if (il_meta_test(p->context, m, p->validation_tasks, &o, tasks, &mean, &interval) != IL_OK)
        return il_context_status(p->context);
      piece_done(p);
      if (mean <= chosen) continue;
      chosen = mean;
      best->lr = rate[r];
      best->steps = steps[s];
    }
  o.inner_lr = best->lr;
  o.inner_steps = best->steps;
  il_status status = il_meta_test(p->context, m, p->test_tasks, &o, p->options->tasks, &best->mean,
                                  &best->interval);
  piece_done(p);
  return status;
}

static il_status compare_on_unseen(improvement *p) {
  il_improve_result *r = p->result;
  il_meta_options meta = p->options->meta, *o = &meta;
  meta.progress = meta_steps_done;
  meta.user = p;
  p->headed = il_model_with_head(p->context, p->plain, o->episodes.ways, o->seed);
  p->meta = p->headed ? il_model_copy(p->context, p->headed) : NULL;
  if (!p->meta) return il_context_status(p->context);
  double begun = now();
  begin(p, "meta-training from its weights", "meta-steps", o->steps);
  if (il_meta_fit(p->context, p->meta, p->train, o) != IL_OK) return il_context_status(p->context);
  r->meta_steps = o->steps;
  r->seconds_meta = now() - begun;
  begin(p, "adapting to unseen classes", "settings", 2 * SHOTS * (RATES * STEPS + 1));
  for (int k = 0; k < SHOTS; k++) {
    r->plain[k].shots = r->meta[k].shots = shots_of[k];
    if (adapt_to_unseen(p, p->headed, &r->plain[k]) != IL_OK ||
        adapt_to_unseen(p, p->meta, &r->meta[k]) != IL_OK)
      return il_context_status(p->context);
  }
  return IL_OK;
}

/* ---- the original classes afterwards ---- */

/* The body's parameters and running statistics of `from` under the head of `under`. */
static il_model *combine(improvement *p, const il_model *from, const il_model *under) {
  il_model *m = il_model_copy(p->context, under);
  int head = il_model_head(under);
  for (int v = 0; m && v < m->values; v++)
    if ((v < head || v >= m->parameters) && /* a norm behind the head is as wide as that */
        il_shape_equal(il_model_value_shape(m, v), il_model_value_shape(from, v)))
      memcpy(m->value[v], from->value[v],
             (size_t)il_shape_count(il_model_value_shape(m, v)) * sizeof(float));
  return m;
}

/* What the last layer sees of each sample. */
static il_samples *features(improvement *p, const il_model *m, const il_samples *s) {
  il_layer layer[IL_MODEL_ROOM + 1];
  int count = 0, last = 0, units = 0;
  for (int i = 0; i < il_net_layers(m->net); i++)
    if (il_net_layer(m->net, i)->kind == IL_LAYER_LINEAR) last = i;
  for (; count < last; count++) layer[count] = *il_net_layer(m->net, count);
  units = (int)il_net_parameter_shape(m->net, il_model_head(m)).dim[0];
  layer[count++] = (il_layer){.kind = IL_LAYER_FLATTEN}; /* nothing, where it is flat */
  il_net *net = il_net_new(p->context, count, layer, s->example, units);
  il_model *body = net ? il_model_of_net(p->context, net) : NULL;
  il_samples like = *s, *f = NULL;
  like.example = IL_SHAPE(units);
  like.type = IL_FLOAT32;
  if (body) f = il_samples_new(p->context, &like, s->count);
  for (int v = 0; f && v < body->values; v++) /* the head's parameters are left out */
    memcpy(body->value[v],
           m->value[v < body->parameters ? v : v - body->parameters + m->parameters],
           (size_t)il_shape_count(il_model_value_shape(body, v)) * sizeof(float));
  if (f) {
    memcpy(il_samples_room(f).label, s->label, (size_t)s->count * sizeof *s->label);
    il_scores_of(p->context, body, s, units, p->options->fit.team,
                 (float *)(void *)il_samples_room(f).inputs);
  }
  il_model_free(body);
  return f;
}

enum { HEAD_EPOCHS = 20 };

static il_status new_head(improvement *p, const il_model *body, double *accuracy) {
  il_fit_options o = il_fit_defaults();
  o.epochs = HEAD_EPOCHS;
  o.progress = epoch_done;
  o.user = p;
  o.lr = 0.01;
  o.batch = 256;
  o.seed = p->options->fit.seed;
  o.team = p->options->fit.team;
  o.stop = p->options->fit.stop;
  il_model_options kind = {.kind = "linear", .seed = o.seed};
  il_samples *train = features(p, body, p->train), *test = features(p, body, p->test);
  il_model *head =
      train && test ? il_model_new(p->context, &kind, train->example, train->outputs) : NULL;
  il_test_result r = {0};
  if (head && il_fit(p->context, head, train, &o) == IL_OK)
    il_test(p->context, head, test, o.loss, o.team, &r);
  *accuracy = r.accuracy;
  il_model_free(head);
  il_samples_free(train);
  il_samples_free(test);
  return il_context_status(p->context);
}

static il_status original_classes(improvement *p) {
  il_improve_result *r = p->result;
  const il_improve_options *o = p->options;
  il_test_result tested = {0};
  il_model *m = combine(p, p->meta, p->plain);
  if (!m) return il_context_status(p->context);
  il_status status =
      il_measure_norms(p->context, m, p->train, o->fit.loss, o->fit.seed, o->fit.team);
  if (status == IL_OK) status = il_test(p->context, m, p->test, o->fit.loss, o->fit.team, &tested);
  r->original_old_head = tested.accuracy;
  begin(p, "training a new last layer for the original classes", "epochs", 2 * HEAD_EPOCHS);
  if (status == IL_OK) status = new_head(p, m, &r->original_new_head);
  il_model_free(m);
  return status == IL_OK ? new_head(p, p->plain, &r->original_new_head_plain) : status;
}

il_improve_options il_improve_defaults(void) {
  il_improve_options o = {.model = {.kind = "omniglot_conv"},
                          .hold_out = 0.25,
                          .fit = il_fit_defaults(),
                          .meta = il_meta_defaults(),
                          .tasks = 1000};
  o.fit.epochs = 10;
  o.fit.batch = 128;
  o.fit.parts = 4;
  o.fit.lr = 0.003;
  o.meta.episodes = (il_episodes){IL_EPISODES_BY_CLASS, 5, 1, 3, true};
  o.meta.inner_steps = 1;
  o.meta.inner_lr = 0.4;
  o.meta.meta_batch = 16;
  o.meta.steps = 1500;
  return o;
}

il_status il_improve(il_context *context, const il_dataset *dataset,
                     const il_improve_options *options, il_improve_result *result,
                     il_model **saved) {
  *result = (il_improve_result){0};
  if (saved) *saved = NULL;
  improvement p = {.context = context, .dataset = dataset, .options = options, .result = result};
  double begun = now();
  il_status status = divide_classes(&p);
  if (status == IL_OK) status = classifier(&p);
  if (status == IL_OK) status = train_classifier(&p);
  if (status == IL_OK) status = compare_on_unseen(&p);
  if (status == IL_OK) status = original_classes(&p);
  result->seconds = now() - begun;
  if (status == IL_OK && saved) {
    *saved = p.meta;
    p.meta = NULL;
  }
  il_model_free(p.plain);
  il_model_free(p.headed);
  il_model_free(p.meta);
  il_samples_free(p.train);
  il_samples_free(p.test);
  il_samples_free(p.validation_tasks);
  il_samples_free(p.test_tasks);
  free(p.background);
  return status;
}
