/* Episode lists: text with class names, so that a list outlives the file of the dataset. One line an episode;
 * its classes, separated by tabs, are "name:rotation:shot,shot|query,query" with quarter turns and the
 * examples counted from 0. Lines that begin with # are comments. */
#include "base/room.h"
#include "data/episode.h"
#include "io/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_episode(FILE *out, const il_dataset *dataset, const il_episode *e) {
  const int *example = e->example;
  for (int w = 0; w < e->ways; w++) {
    fprintf(out, "%s%s:%d:", w > 0 ? "\t" : "", il_dataset_class_name(dataset, e->cls[w]),
            e->rotation[w]);
    for (int i = 0; i < e->shots + e->queries; i++)
      fprintf(out, "%s%d", i == 0 ? "" : i == e->shots ? "|" : ",", *example++);
    if (e->queries == 0) fputc('|', out);
  }
  fputc('\n', out);
}

/* A line names one class for each way. */
static il_status refuse_fused(il_context *context, const il_sampler *sampler, const char *path) {
  return il_fail(context, IL_ERROR_ARGUMENT,
                 "%s: a list has no episodes of fused classes, found task.fused %d, expected 1",
                 path, sampler->options.fused);
}

il_status il_sampler_write_list(il_context *context, const il_sampler *sampler, il_split split,
                                uint64_t count, const char *path) {
  if (sampler->options.fused > 1) return refuse_fused(context, sampler, path);
  if (count == 0 || il_splits_count(sampler->splits, split) == 0)
    return il_fail(context, IL_ERROR_DATA, "%s: there is no episode of the %s split to write", path,
                   il_split_name(split));
  char *text = NULL;
  size_t size = 0;
  void *memory = malloc(il_sampler_episode_size(sampler));
  FILE *out = memory ? open_memstream(&text, &size) : NULL;
  bool failed = !out;
  if (out) {
    const il_episode_options *o = &sampler->options;
    fprintf(out, "# innerloop episodes: %s, ways %d, shots %d, queries %d, seed %llu\n",
            il_split_name(split), o->ways, o->shots, o->queries, (unsigned long long)o->seed);
    for (uint64_t i = 0; i < count && !ferror(out); i++) {
      il_episode episode;
      il_sampler_draw(sampler, split, i, memory, &episode);
      print_episode(out, sampler->dataset, &episode);
    }
    failed = il_text_close(out, &text) != 0;
  }
  il_status status = failed ? il_fail_memory(context, "the text of an episode list")
                            : il_atomic_write(context, path, 1, &(il_piece){text, size});
  free(text);
  free(memory);
  return status;
}

/* ---- reading ---- */

typedef struct reader {
  const il_sampler *sampler;
  il_split split;
  const char *path;
  int line;
  const bool *in_split; /* [classes of the dataset] */
} reader;

static il_status refuse(const reader *r, int position, const char *found) {
  return il_fail(r->sampler->context, IL_ERROR_FORMAT, "%s:%d: class %d of the episode %s", r->path,
                 r->line, position, found);
}

/* A number without sign or leading zero, below bound, followed by `stop`. */
static bool read_number(char **at, int bound, char stop, int *value) {
  char *c = *at;
  if (*c < '0' || *c > '9' || (*c == '0' && c[1] >= '0' && c[1] <= '9')) return false;
  int64_t v = 0;
  for (; *c >= '0' && *c <= '9'; c++)
    if ((v = v * 10 + (*c - '0')) >= bound) return false;
  if (*c != stop) return false;
  *value = (int)v;
  *at = stop ? c + 1 : c;
  return true;
}

static il_status read_examples(const reader *r, int w, char *at, int bound, int *example) {
  const il_episode_options *o = &r->sampler->options;
  int n = o->shots + o->queries;
  for (int i = 0; i < n; i++) {
    char stop = i == o->shots - 1 ? '|' : i == n - 1 ? 0 : ',';
    if (!read_number(&at, bound, stop, &example[i]))
      return il_fail(
          r->sampler->context, IL_ERROR_FORMAT,
          "%s:%d: class %d of the episode has no such examples, expected %d of support, '|', %d of "
          "query, each below %d",
          r->path, r->line, w + 1, o->shots, o->queries, bound);
    for (int j = 0; j < i; j++)
      if (example[j] == example[i]) return refuse(r, w + 1, "names an example twice");
  }
  return *at ? refuse(r, w + 1, "has text after its examples") : IL_OK;
}

static il_status read_class(const reader *r, int w, char *text, il_episode *e) {
  const il_dataset *dataset = r->sampler->dataset;
  const il_episode_options *o = &r->sampler->options;
  char *examples = strrchr(text, ':'), *turns = NULL;
  if (examples) {
    *examples++ = 0;
    turns = strrchr(text, ':');
  }
  if (!turns) return refuse(r, w + 1, "is not 'name:rotation:examples|examples'");
  *turns++ = 0;
  e->cls[w] = il_dataset_find(dataset, text);
  if (e->cls[w] < 0)
    return il_fail(r->sampler->context, IL_ERROR_DATA, "%s:%d: the dataset has no class '%s'",
                   r->path, r->line, text);
  if (!r->in_split[e->cls[w]])
    return il_fail(r->sampler->context, IL_ERROR_DATA, "%s:%d: class '%s' is not in the %s split",
                   r->path, r->line, text, il_split_name(r->split));
  if (!read_number(&turns, 4, 0, &e->rotation[w]))
    return refuse(r, w + 1, "has no rotation of 0 to 3");
  if (e->rotation[w] != 0 && !il_dataset_square(dataset))
    return refuse(r, w + 1, "is rotated, but the examples are no square images");
  for (int v = 0; v < w; v++)
    if (e->cls[v] == e->cls[w] && e->rotation[v] == e->rotation[w])
      return refuse(r, w + 1, "is there twice");
  return read_examples(r, w, examples, il_dataset_examples(dataset, e->cls[w]),
                       e->example + (size_t)w * (size_t)(o->shots + o->queries));
}

static il_status read_episode(const reader *r, char *line, il_episode *e) {
  int w = 0;
  for (char *text = line; text; w++) {
    char *tab = strchr(text, '\t');
    if (tab) *tab++ = 0;
    if (w < e->ways) {
      il_status status = read_class(r, w, text, e);
      if (status) return status;
    }
    text = tab;
  }
  if (w != e->ways)
    return il_fail(r->sampler->context, IL_ERROR_FORMAT,
                   "%s:%d: the episode has %d classes, expected %d", r->path, r->line, w, e->ways);
  return IL_OK;
}

static il_status read_lines(reader *r, FILE *file, int **list, uint64_t *count) {
  il_context *context = r->sampler->context;
  size_t size = il_sampler_episode_size(r->sampler), room = 0, line_room = 0;
  char *line = NULL;
  il_status status = IL_OK;
  ssize_t got;
  errno = 0;
  while (!status && (got = getline(&line, &line_room, file)) >= 0) {
    r->line++;
    size_t length = (size_t)got;
    if (strlen(line) != length) {
      status =
          il_fail(context, IL_ERROR_FORMAT, "%s:%d: the line has a zero byte", r->path, r->line);
      break;
    }
    while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r')) line[--length] = 0;
    if (*line == '#') continue;
    if (*count == room) {
      room = room ? 2 * room : 64;
      int *grown = room > SIZE_MAX / size ? NULL : realloc(*list, room * size);
      if (!grown) {
        status = il_fail_memory(context, "an episode list");
        break;
      }
      *list = grown;
    }
    il_episode episode;
    il_episode_place(r->sampler, *list + *count * (size / sizeof(int)), &episode);
    status = read_episode(r, line, &episode);
    *count += 1;
  }
  if (!status && !feof(file))
    status = il_fail(context, IL_ERROR_FILE, "%s cannot be read: %s", r->path, strerror(errno));
  if (!status && *count == 0)
    status =
        il_fail(context, IL_ERROR_FORMAT, "%s has no episode, expected at least one line", r->path);
  free(line);
  return status;
}

il_status il_sampler_read_list(il_sampler *sampler, il_split split, const char *path,
                               uint64_t *count) {
  il_context *context = sampler->context;
  if (sampler->options.fused > 1) return refuse_fused(context, sampler, path);
  bool *in_split = calloc((size_t)sampler->dataset->classes, sizeof *in_split);
  if (!in_split) return il_fail_memory(context, "an episode list");
  for (int i = 0; i < il_splits_count(sampler->splits, split); i++)
    in_split[il_splits_class(sampler->splits, split, i)] = true;
  reader r = {sampler, split, path, 0, in_split};
  int *list = NULL;
  uint64_t read = 0;
  FILE *file = il_open_file(context, path);
  il_status status = file ? read_lines(&r, file, &list, &read) : il_context_status(context);
  if (file) fclose(file);
  free(in_split);
  if (status) {
    free(list);
    return status;
  }
  free(sampler->list[split]);
  sampler->list[split] = list;
  sampler->list_count[split] = read;
  if (count) *count = read;
  return IL_OK;
}
