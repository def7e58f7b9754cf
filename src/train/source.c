/* Datasets, splits and samplers by configuration; batches of tasks drawn on all workers. */
#include "train/source.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"

/* The sampler knows classes; only here the keys are known that the user can change. */
static il_status check_room(const il_source *s) {
  const il_config *c = s->config;
  int turns = il_config_is(c, IL_KEY_ROTATIONS, "classes") ? 4 : 1;
  for (int split = IL_TRAIN; split <= IL_TEST; split++) {
    int factor = split == IL_TRAIN || il_config_int(c, IL_KEY_ROTATE_TEST) ? turns : 1;
    int classes = factor * il_splits_count(s->splits, (il_split)split);
    if (classes == 0 && split == IL_VALIDATION) continue; /* validation is then left out */
    if (s->ways > classes)
      return il_fail(s->context, IL_ERROR_CONFIG,
                     "task.ways: found %d, but the %s split has %d classes", s->ways,
                     il_split_name((il_split)split), classes);
  }
  int examples = il_dataset_examples(s->dataset, 0);
  for (int i = 1; i < il_dataset_classes(s->dataset); i++)
    if (il_dataset_examples(s->dataset, i) < examples)
      examples = il_dataset_examples(s->dataset, i);
  if (s->shots + s->queries > examples)
    return il_fail(s->context, IL_ERROR_CONFIG,
                   "task.shots and queries: found %d + %d, but a class has only %d examples",
                   s->shots, s->queries, examples);
  return IL_OK;
}

static il_status open_images(il_source *s) {
  const il_config *c = s->config;
  if (il_config_is(c, IL_KEY_SOURCE, "omniglot") && !*il_config_text(c, IL_KEY_DATA))
    return il_fail(
        s->context, IL_ERROR_CONFIG,
        "task.data: missing; task.source omniglot needs --data with the folder of Omniglot's "
        "archives or a file made by `innerloop data import`");
  const il_glyphs glyphs = {.alphabets = il_config_int(c, IL_KEY_GLYPH_ALPHABETS),
                            .classes = il_config_int(c, IL_KEY_GLYPH_CLASSES),
                            .writers = il_config_int(c, IL_KEY_GLYPH_WRITERS),
                            .side = il_config_int(c, IL_KEY_GLYPH_SIDE),
                            .channels = il_config_int(c, IL_KEY_GLYPH_CHANNELS),
                            .seed = (uint64_t)il_config_long(c, IL_KEY_GLYPH_SEED)};
  s->dataset = il_config_is(c, IL_KEY_SOURCE, "glyphs")
                   ? il_dataset_glyphs(s->context, &glyphs)
                   : il_dataset_open(s->context, il_config_text(c, IL_KEY_DATA));
  if (!s->dataset) return il_context_status(s->context);
  const char *path = il_config_text(c, IL_KEY_SPLIT_FILE);
  bool counted = !il_config_is(c, IL_KEY_SPLIT, "official"); /* its counts are the data's */
  il_split_options split = {.kind = il_config_text(c, IL_KEY_SPLIT),
                            .path = *path ? path : NULL,
                            .train = counted ? il_config_int(c, IL_KEY_TRAIN_CLASSES) : 0,
                            .validation = il_config_int(c, IL_KEY_VALIDATION_CLASSES),
                            .test = counted ? il_config_int(c, IL_KEY_TEST_CLASSES) : 0,
                            .seed = (uint64_t)il_config_long(c, IL_KEY_SPLIT_SEED)};
  s->splits = il_splits_new(s->context, s->dataset, &split);
  if (!s->splits || check_room(s) != IL_OK) return il_context_status(s->context);
  il_episode_options episode = {.ways = s->ways,
                                .shots = s->shots,
                                .queries = s->queries,
                                .rotations = (il_rotations)il_config_int(c, IL_KEY_ROTATIONS),
                                .rotate_test = il_config_int(c, IL_KEY_ROTATE_TEST),
                                .seed = s->seed};
  s->sampler = il_sampler_new(s->context, s->dataset, s->splits, &episode);
  int size[3];
  il_dataset_image_size(s->dataset, size);
  s->example = IL_SHAPE(size[0], size[1], size[2]);
  return il_context_status(s->context);
}

/* open: false leaves images closed. */
static il_source *describe(il_context *context, const il_config *config, int queries, bool open) {
  if (il_config_validate(config) != IL_OK) return NULL;
  il_source *s = calloc(1, sizeof *s);
  if (!s) {
    il_fail_memory(context, "a source of tasks");
    return NULL;
  }
  s->context = context;
  s->config = config;
  s->regression = il_config_is(config, IL_KEY_SOURCE, "sinusoid");
  s->ways = s->regression ? 1 : il_config_int(config, IL_KEY_WAYS);
  s->shots = il_config_int(config, IL_KEY_SHOTS);
  s->queries = queries ? queries : il_config_int(config, IL_KEY_QUERIES);
  s->support = s->ways * s->shots;
  s->query = s->ways * s->queries;
  s->outputs = s->regression ? 1 : s->ways;
  s->example = IL_SHAPE(1);
  s->seed = (uint64_t)il_config_long(config, IL_KEY_SEED);
  if (!s->regression && open && open_images(s) != IL_OK) {
    il_source_free(s);
    return NULL;
  }
  return s;
}

il_source *il_source_new(il_context *context, const il_config *config, int queries) {
  return describe(context, config, queries, true);
}

il_source *il_source_shapes(il_context *context, const il_config *config) {
  const bool glyphs = il_config_is(config, IL_KEY_SOURCE, "glyphs");
  const bool closed = glyphs || (il_config_is(config, IL_KEY_SOURCE, "omniglot") &&
                                 !*il_config_text(config, IL_KEY_DATA));
  il_source *s = describe(context, config, 0, !closed);
  if (!s || !closed) return s;
  const int64_t side = glyphs ? il_config_int(config, IL_KEY_GLYPH_SIDE) : 28;
  s->example = IL_SHAPE(side, side, glyphs ? il_config_int(config, IL_KEY_GLYPH_CHANNELS) : 1);
  return s;
}

il_source *il_source_of_division(il_context *context, const il_config *config,
                                 const il_division *division, il_loss loss) {
  il_source *s = calloc(1, sizeof *s);
  if (!s) {
    il_fail_memory(context, "a source of tasks");
    return NULL;
  }
  *s = (il_source){.context = context,
                   .config = config,
                   .division = division,
                   .loss = loss,
                   .ways = division->outputs,
                   .shots = division->episodes.shots,
                   .queries = division->episodes.queries,
                   .support = division->support,
                   .query = division->query,
                   .outputs = division->outputs,
                   .example = division->samples->example,
                   .seed = (uint64_t)il_config_long(config, IL_KEY_SEED)};
  return s;
}

void il_source_free(il_source *source) {
  if (!source) return;
  il_sampler_free(source->sampler);
  il_splits_free(source->splits);
  il_dataset_free(source->dataset);
  free(source);
}

il_net *il_source_net(const il_source *s) {
  const il_config *c = s->config;
  if (c->layers) return il_net_new(s->context, c->layers, c->layer, s->example, s->outputs);
  return il_net_preset(s->context, il_config_text(c, IL_KEY_MODEL), s->example, s->outputs,
                       il_config_int(c, IL_KEY_FILTERS));
}

il_maml il_source_maml(const il_source *source) {
  il_maml maml = il_config_maml(source->config);
  if (source->division) maml.loss = source->loss;
  return maml;
}

bool il_source_dropout(const il_source *source, const il_net *net) {
  (void)source;
  for (int i = 0; i < il_net_layers(net); i++)
    if (il_net_layer(net, i)->kind == IL_LAYER_DROPOUT) return true;
  return false;
}

static il_shape with_examples(int examples, il_shape example) {
  il_shape shape = {.rank = example.rank + 1};
  shape.dim[0] = examples;
  for (int i = 0; i < example.rank; i++) shape.dim[i + 1] = example.dim[i];
  return shape;
}

void il_source_task(const il_source *s, il_graph *g, bool dropout, il_task *task) {
  bool targets = s->regression || (s->division && !s->division->samples->label);
  il_type x = s->division     ? s->division->samples->type
              : s->regression ? il_graph_real(g)
                              : IL_UINT8;
  il_type y = targets ? il_graph_real(g) : IL_INT32;
  il_shape support_y = targets ? IL_SHAPE(s->support, s->outputs) : IL_SHAPE(s->support);
  il_shape query_y = targets ? IL_SHAPE(s->query, s->outputs) : IL_SHAPE(s->query);
  *task = (il_task){0};
  task->support_x = il_input(g, "support_x", IL_TASK, x, with_examples(s->support, s->example));
  task->support_y = il_input(g, "support_y", IL_TASK, y, support_y);
  task->query_x = il_input(g, "query_x", IL_TASK, x, with_examples(s->query, s->example));
  task->query_y = il_input(g, "query_y", IL_TASK, y, query_y);
  if (dropout) task->dropout_key = il_input(g, "dropout_key", IL_TASK, IL_INT32, IL_SHAPE(2));
  if (x != IL_UINT8) return;
  il_scope_push(g, "pixels");
  task->support_x = il_scale(g, il_cast(g, task->support_x), 1.0 / 255);
  task->query_x = il_scale(g, il_cast(g, task->query_x), 1.0 / 255);
  il_scope_pop(g);
}

il_status il_batch_init(il_batch *b, const il_source *s, il_type real, bool dropout, int tasks,
                        int threads) {
  size_t x = s->regression ? il_type_size(real) : (size_t)il_shape_count(s->example);
  size_t y = s->regression ? il_type_size(real) : sizeof(int32_t);
  if (s->division) x = il_samples_stride(s->division->samples);
  if (s->division && !s->division->samples->label) y = sizeof(float) * (size_t)s->outputs;
  *b = (il_batch){
      .source = s, .real = real, .tasks = tasks, .threads = threads, .inputs = dropout ? 5 : 4};
  b->size[0] = x * (size_t)s->support;
  b->size[1] = y * (size_t)s->support;
  b->size[2] = x * (size_t)s->query;
  b->size[3] = y * (size_t)s->query;
  b->size[4] = 2 * sizeof(int32_t);
  size_t examples = (size_t)(s->support + s->query);
  b->scratch_size = s->regression ? 2 * sizeof(float) * examples
                    : s->division ? (sizeof(int64_t) + sizeof(int32_t)) * examples +
                                        il_division_scratch(s->division)
                                  : il_sampler_episode_size(s->sampler);
  b->scratch_size =
      (b->scratch_size + 63) / 64 * 64; /* workers keep off each other's cache lines */
  b->scratch = malloc(b->scratch_size * (size_t)threads);
  bool made = b->scratch != NULL;
  for (int i = 0; i < b->inputs; i++) {
    b->input[i] = malloc(b->size[i] * (size_t)tasks);
    made = made && b->input[i];
  }
  if (made) return IL_OK;
  il_batch_free(b);
  return il_fail_memory(s->context, "a batch of tasks");
}

size_t il_batch_bytes(const il_batch *b) {
  size_t bytes = b->scratch_size * (size_t)b->threads;
  for (int i = 0; i < b->inputs; i++) bytes += b->size[i] * (size_t)b->tasks;
  return bytes;
}

void il_batch_free(il_batch *b) {
  for (int i = 0; i < IL_BATCH_INPUTS; i++) free(b->input[i]);
  free(b->scratch);
  *b = (il_batch){0};
}

typedef struct draw {
  il_batch *batch;
  il_split split;
  uint64_t first;
  int tasks, threads;
} draw;

static void store(il_type real, const float *from, int count, void *to) {
  if (real == IL_FLOAT32)
    memcpy(to, from, (size_t)count * sizeof(float));
  else
    for (int i = 0; i < count; i++) ((double *)to)[i] = (double)from[i];
}

/* One task of a division into its places; scratch: examples, labels, then what drawing needs. */
static void draw_divided(const il_source *s, il_split split, uint64_t index, void *scratch,
                         void *const *at) {
  const il_samples *data = s->division->samples;
  int examples = s->support + s->query;
  size_t stride = il_samples_stride(data), row = (size_t)s->outputs;
  int64_t *example = scratch;
  int32_t *label = (int32_t *)(example + examples);
  il_division_draw(s->division, (uint64_t)split, index, label + examples, example, label);
  bool own = s->division->episodes.kind == IL_EPISODES_ALL_CLASSES;
  for (int i = 0; i < examples; i++) {
    int query = i >= s->support;
    size_t to = (size_t)(query ? i - s->support : i), from = (size_t)example[i];
    const char *input = (const char *)data->inputs + from * stride;
    int turns = own ? 0 : il_division_turns(s->division, (uint64_t)split, index, label[i]);
    if (turns)
      il_image_turn(input, (int)data->example.dim[0],
                    (size_t)data->example.dim[2] * il_type_size(data->type), turns,
                    (char *)at[2 * query] + to * stride);
    else
      memcpy((char *)at[2 * query] + to * stride, input, stride);
    if (data->label)
      ((int32_t *)at[2 * query + 1])[to] = own ? data->label[from] : label[i];
    else
      memcpy((float *)at[2 * query + 1] + to * row, data->target + from * row, row * sizeof(float));
  }
}

void il_batch_draw_task(il_batch *b, int worker, il_split split, uint64_t first, int task) {
  const il_source *s = b->source;
  void *scratch = b->scratch + (size_t)worker * b->scratch_size;
  void *at[IL_BATCH_INPUTS];
  for (int i = 0; i < b->inputs; i++) at[i] = (char *)b->input[i] + (size_t)task * b->size[i];
  uint64_t index = first + (uint64_t)task;
  if (s->division) {
    draw_divided(s, split, index, scratch, at);
  } else if (s->regression) {
    float *sx = scratch, *sy = sx + s->support, *qx = sy + s->support, *qy = qx + s->query;
    il_sinusoid_draw(s->seed, split, index, s->shots, s->queries, sx, sy, qx, qy);
    store(b->real, sx, s->support, at[0]);
    store(b->real, sy, s->support, at[1]);
    store(b->real, qx, s->query, at[2]);
    store(b->real, qy, s->query, at[3]);
  } else {
    il_episode episode;
    il_sampler_draw(s->sampler, split, index, scratch, &episode);
    il_sampler_fill(s->sampler, &episode, at[0], at[1], at[2], at[3]);
  }
  if (b->inputs > 4) {
    uint64_t key = il_random_mix(il_random_mix(s->seed, (uint64_t)split), index);
    memcpy(at[4], &key, sizeof key);
  }
}

static void draw_worker(void *argument, int worker) {
  const draw *d = argument;
  for (int t = worker; t < d->tasks; t += d->threads)
    il_batch_draw_task(d->batch, worker, d->split, d->first, t);
}

void il_batch_draw(il_batch *batch, il_team *team, il_split split, uint64_t first, int tasks) {
  draw d = {batch, split, first, tasks, il_team_threads(team)};
  il_team_run(team, draw_worker, &d);
}
