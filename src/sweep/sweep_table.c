/* What a sweep found: means over seeds, the files that keep them, and the record of each evaluation. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/room.h"
#include "base/locale.h"
#include "io/csv.h"
#include "io/io.h"
#include "sweep/sweep.h"
#include "train/checkpoint.h"

/* ---- figures ---- */

void il_sweep_take(il_sweep *s, int r, const il_evaluation *e) {
  il_sweep_run *run = &s->run[r];
  il_sweep_point *point = &s->point[run->point];
  const int wanted = point->inner_steps;
  const il_evaluation_row *best = NULL;
  for (int i = 0; i < e->count; i++) {
    const il_evaluation_row *row = &e->row[i];
    const bool fits = !strcmp(row->protocol, point->protocol) || !strcmp(row->protocol, "query");
    if (fits && (!best || abs(row->steps - wanted) < abs(best->steps - wanted))) best = row;
  }
  if (!best) return;
  run->mean = best->mean;
  run->interval = best->interval;
  point->inner_steps = best->steps;
  point->tasks = e->tasks;
  snprintf(point->protocol, sizeof point->protocol, "%s", best->protocol);
}

static void summarize(const il_sweep *s, int p) {
  il_sweep_point *point = &s->point[p];
  const il_sweep_run *run = &s->run[(ptrdiff_t)p * s->seeds];
  double sum = 0, squares = 0, widths = 0;
  point->done = point->failed = 0;
  for (int i = 0; i < s->seeds; i++) {
    point->failed += run[i].state == IL_SWEEP_FAILED;
    if (run[i].state != IL_SWEEP_DONE) continue;
    point->done++;
    sum += run[i].mean;
    widths += run[i].interval * run[i].interval;
  }
  const int n = point->done;
  point->mean = n ? sum / n : (double)NAN;
  point->interval = n ? sqrt(widths / n) : (double)NAN;
  for (int i = 0; i < s->seeds; i++) {
    const double d = run[i].mean - point->mean;
    if (run[i].state == IL_SWEEP_DONE) squares += d * d;
  }
  point->spread = n > 1 ? sqrt(squares / (n - 1)) : (double)NAN;
}

void il_sweep_summarize(il_sweep *s) {
  for (int p = 0; p < s->points; p++) summarize(s, p);
}

/* ---- JSON ---- */

static json_t *text_of(const char *text) { return json_stringn_nocheck(text, strlen(text)); }
static json_t *real_of(double real) { return isfinite(real) ? json_real(real) : json_null(); }

static const char *figure_of(bool squared_error) { return squared_error ? "loss" : "accuracy"; }

static json_t *run_json(const il_sweep *s, const il_sweep_run *run) {
  json_t *json = json_pack("{s:o, s:I, s:I}", "folder", text_of(run->folder), "seed",
                           (json_int_t)run->seed, "step", (json_int_t)run->made);
  if (json && run->state == IL_SWEEP_DONE) {
    json_object_set_new(json, figure_of(s->point[run->point].squared_error), real_of(run->mean));
    json_object_set_new(json, "interval", real_of(run->interval));
  } else if (json && run->failure) {
    json_object_set_new(json, "failed", text_of(run->failure));
  }
  return json;
}

static json_t *point_json(const il_sweep *s, int p) {
  const il_sweep_point *point = &s->point[p];
  json_t *settings = json_object(), *runs = json_array();
  for (int a = 0; a < s->axes; a++)
    json_object_set_new(settings, s->axis[a].key, text_of(point->value[a]));
  for (int i = 0; i < s->seeds; i++)
    json_array_append_new(runs, run_json(s, &s->run[(ptrdiff_t)p * s->seeds + i]));
  return json_pack("{s:o, s:i, s:i, s:s, s:i, s:i, s:o, s:o, s:o, s:o}", "settings", settings,
                   "done", point->done, "failed", point->failed, "protocol", point->protocol,
                   "inner_steps", point->inner_steps, "tasks", point->tasks,
                   figure_of(point->squared_error), real_of(point->mean), "spread",
                   real_of(point->spread), "interval", real_of(point->interval), "runs", runs);
}

char *il_sweep_json(const il_sweep *s) {
  json_t *points = json_array(), *seeds = json_array();
  for (int i = 0; i < s->seeds; i++) json_array_append_new(seeds, json_integer(s->seed[i]));
  bool good = points && seeds;
  for (int p = 0; good && p < s->points; p++)
    good = json_array_append_new(points, point_json(s, p)) == 0;
  json_t *all =
      json_pack("{s:o, s:o, s:o}", "folder", text_of(s->out), "seeds", seeds, "points", points);
  char *text = good && all ? json_dumps(all, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) : NULL;
  json_decref(all);
  return text;
}

/* ---- CSV ---- */

/* A text that csv readers take as it stands needs no quotes. */
static void print_field(FILE *out, const char *text) {
  if (text[strcspn(text, "\",;\t\r\n ")])
    il_csv_print(out, text);
  else
    fputs(text, out);
}

static void print_figure(FILE *out, double figure) {
  if (isfinite(figure))
    il_plain_print(out, ",%.9g", figure);
  else
    fputc(',', out);
}

static char *csv_of(const il_sweep *s) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (!out) return NULL;
  for (int a = 0; a < s->axes; a++) fprintf(out, "%s,", s->axis[a].key);
  fprintf(out, "seeds,failed,protocol,inner_steps,tasks,%s,spread,interval\n",
          figure_of(s->point->squared_error));
  for (int p = 0; p < s->points; p++) {
    const il_sweep_point *point = &s->point[p];
    for (int a = 0; a < s->axes; a++) {
      print_field(out, point->value[a]);
      fputc(',', out);
    }
    fprintf(out, "%d,%d,%s,%d,%d", point->done, point->failed, point->protocol, point->inner_steps,
            point->tasks);
    print_figure(out, point->mean);
    print_figure(out, point->spread);
    print_figure(out, point->interval);
    fputc('\n', out);
  }
  il_text_close(out, &text);
  return text;
}

static il_status write_text(il_sweep *s, const char *folder, const char *name, const char *text) {
  char *path = text ? il_run_path(s->context, folder, name) : NULL;
  const il_piece piece[] = {{text, text ? strlen(text) : 0}, {"\n", 1}};
  const bool line = text && *text == '{'; /* JSON, which has no end of line */
  const il_status status = path ? il_atomic_write(s->context, path, line ? 2 : 1, piece)
                                : il_fail_memory(s->context, "the table of a sweep");
  free(path);
  return status;
}

il_status il_sweep_write(il_sweep *s) {
  char *json = il_sweep_json(s), *csv = csv_of(s);
  il_status status = write_text(s, s->out, "sweep.json", json);
  if (status == IL_OK) status = write_text(s, s->out, "sweep.csv", csv);
  free(json);
  free(csv);
  return status;
}

/* ---- the record of an evaluation ---- */

il_status il_sweep_record_write(il_sweep *s, int r, const il_evaluation *e) {
  json_t *rows = json_array();
  for (int i = 0; i < e->count; i++) {
    const il_evaluation_row *row = &e->row[i];
    json_array_append_new(rows, json_pack("{s:s, s:i, s:o, s:o}", "protocol", row->protocol,
                                          "inner_steps", row->steps, figure_of(e->squared_error),
                                          real_of(row->mean), "interval", real_of(row->interval)));
  }
  json_t *all =
      json_pack("{s:I, s:i, s:o, s:o, s:o}", "step", (json_int_t)e->trained, "tasks", e->tasks,
                "tested", text_of(e->tested), "results", rows, "config", text_of(s->text[r]));
  char *text = all ? json_dumps(all, JSON_INDENT(1) | JSON_REAL_PRECISION(17)) : NULL;
  const il_status status = write_text(s, s->run[r].folder, "eval.json", text);
  free(text);
  json_decref(all);
  return status;
}

static const char *known_protocol(const char *name) {
  static const char *const known[] = {"transductive", "support", "each", "running", "query"};
  for (int i = 0; name && i < 5; i++)
    if (!strcmp(name, known[i])) return known[i];
  return NULL;
}

static bool read_row(const json_t *json, il_evaluation *e) {
  const json_t *mean = json_object_get(json, "accuracy"), *loss = json_object_get(json, "loss"),
               *steps = json_object_get(json, "inner_steps"),
               *interval = json_object_get(json, "interval");
  const char *protocol = known_protocol(json_string_value(json_object_get(json, "protocol")));
  if (!protocol || !json_is_number(mean ? mean : loss) || !json_is_integer(steps)) return false;
  e->row[e->count++] = (il_evaluation_row){
      .protocol = protocol,
      .steps = (int)json_integer_value(steps),
      .mean = json_number_value(mean ? mean : loss),
      .interval = json_is_number(interval) ? json_number_value(interval) : (double)NAN};
  e->squared_error = !mean;
  return true;
}

bool il_sweep_record_read(const il_sweep *s, int r, il_evaluation *e) {
  *e = (il_evaluation){0};
  const il_sweep_run *run = &s->run[r];
  char *path = il_run_path(s->context, run->folder, "eval.json");
  json_t *all = path ? json_load_file(path, JSON_REJECT_DUPLICATES, NULL) : NULL;
  free(path);
  const json_t *rows = json_object_get(all, "results");
  const char *config = json_string_value(json_object_get(all, "config"));
  e->trained = json_integer_value(json_object_get(all, "step"));
  e->tasks = (int)json_integer_value(json_object_get(all, "tasks"));
  bool good = config && !strcmp(config, s->text[r]) && e->trained == run->steps && e->tasks > 0 &&
              json_array_size(rows) > 0 && json_array_size(rows) <= IL_EVALUATION_ROWS;
  for (size_t i = 0; good && i < json_array_size(rows); i++)
    good = read_row(json_array_get(rows, i), e);
  json_decref(all);
  return good;
}
