/* What was trained on what, and how to do it again. */
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "data/dataset.h"
#include "data/episode.h"
#include "learner/learned.h"
#include "nn/net.h"
#include "report/report_run.h"

static void fact(il_page *p, const char *name) {
  il_page_print(p, "<tr><th scope=\"row\">%s</th><td>", name);
}
static void end_fact(il_page *p) { il_page_print(p, "</td></tr>\n"); }

static void say_algorithm(il_page *p, const il_report_run *r) {
  const il_method *m = &r->opened.method;
  fact(p, "Algorithm");
  il_page_text(p, m->algorithm->name);
  if (m->algorithm->paper) {
    il_page_print(p, " <span class=\"soft\">(");
    il_page_text(p, m->algorithm->paper);
    il_page_print(p, ")</span>");
  }
  end_fact(p);
  fact(p, "Inner loop");
  if (!m->algorithm->step)
    il_page_print(p, "no inner steps");
  else {
    il_page_print(p, "%d step%s of ", m->inner.steps, m->inner.steps == 1 ? "" : "s");
    il_page_text(p, m->inner.optimizer ? m->inner.optimizer->name : "sgd");
    bool learned = false;
    const il_entries *e = &r->opened.learner->meta_entries;
    for (int i = 0; i < e->count; i++) learned |= !strncmp(e->entry[i].name, "inner.lr", 8);
    if (learned)
      il_page_print(p, ", rates learned");
    else
      il_page_print(p, ", rate %g", m->inner.lr);
    if (m->inner.learned && *m->inner.learned) {
      il_page_print(p, ", learned from where they are set: ");
      il_page_text(p, m->inner.learned);
    }
    if (m->inner.batch) il_page_print(p, ", mini-batches of %d", m->inner.batch);
    if (m->inner.first_order) il_page_print(p, ", first order");
  }
  end_fact(p);
  fact(p, "Outer loop");
  il_page_text(p, m->outer->name);
  il_page_print(p, ", rate %g", m->lr);
  if (m->schedule != IL_SCHEDULE_CONSTANT)
    il_page_print(p, " (%s)", m->schedule == IL_SCHEDULE_COSINE ? "cosine" : "linear");
  il_page_print(p, ", %d tasks a meta-step, %lld of %lld meta-steps done", m->meta_batch,
                (long long)r->opened.trained, (long long)m->steps);
  end_fact(p);
}

static void print_shape(il_page *p, il_shape shape) {
  for (int i = 0; i < shape.rank; i++)
    il_page_print(p, "%s%lld", i ? "×" : "", (long long)shape.dim[i]);
}

static void say_net(il_page *p, const il_report_run *r) {
  const il_learned *l = r->opened.learner;
  int64_t numbers = 0;
  for (int i = 0; i < l->meta_entries.count; i++)
    numbers += il_shape_count(l->meta_entries.entry[i].shape);
  fact(p, "Net");
  il_page_text(p, r->opened.config->layers ? "layers of one's own"
                                           : il_config_get(r->opened.config, "model.preset"));
  il_page_print(p, ", %lld learned numbers: <span class=\"soft\">", (long long)numbers);
  for (int i = 0; i < l->net->layers; i++) {
    if (i) il_page_print(p, " → ");
    il_page_text(p, l->net->layer[i].name);
    const il_layer *layer = &l->net->layer[i].layer;
    if (layer->units) il_page_print(p, " (%d)", layer->units);
  }
  il_page_print(p, "</span>");
  end_fact(p);
}

/* The counts of made_of without JSON's marks. */
static void say_counts(il_page *p, const char *json) {
  char *text = strdup(json), *to = text;
  if (!text) return;
  for (const char *from = json; *from; from++)
    if (!strchr("{}\"", *from)) *to++ = *from;
  *to = 0;
  il_page_text(p, text);
  free(text);
}

/* What the import wrote into the file, which it is read from again: the importer says it to nobody else. */
static void say_provenance(il_page *p, const il_report_run *r, const char *path) {
  static const char *const key[] = {"made_by", "made_from", "made_with", "made_of", "made_of_hash"};
  static const char *const name[] = {"by", "from", "with", "of", "content"};
  const char *dot = strrchr(path, '.');
  if (!dot || strcmp(dot, ".safetensors") != 0) return;
  il_safetensors *file = il_safetensors_open(r->context, path);
  bool any = false;
  for (int i = 0; file && i < 5; i++) any |= il_safetensors_metadata(file, key[i]) != NULL;
  if (any) {
    fact(p, "Imported");
    for (int i = 0, said = 0; i < 5; i++) {
      const char *value = il_safetensors_metadata(file, key[i]);
      if (!value) continue;
      il_page_print(p, "%s<span class=\"soft\">%s</span> ", said++ ? "; " : "", name[i]);
      if (!strcmp(key[i], "made_of"))
        say_counts(p, value);
      else
        il_page_text(p, value);
    }
    end_fact(p);
  }
  il_safetensors_close(file);
}

static void say_data(il_page *p, const il_report_run *r) {
  const il_config *c = r->opened.config;
  const il_tasks *tasks = r->opened.tasks;
  const il_task_shape *s = il_tasks_shape(tasks, IL_TEST, 0);
  const char *path = il_config_get(c, "task.data");
  fact(p, "Data");
  il_page_text(p, tasks->source->name);
  if (tasks->source->needs_data) {
    il_page_print(p, " <code>");
    il_page_text(p, path);
    il_page_print(p, "</code>");
  } else {
    il_page_print(p, " <span class=\"soft\">(");
    il_page_text(p, tasks->source->doc);
    il_page_print(p, ")</span>");
  }
  if (r->dataset) {
    const int classes = il_dataset_classes(r->dataset);
    il_page_print(p, ": %d examples of %d classes", r->dataset->start[classes], classes);
  }
  il_page_print(p, "; one example is ");
  print_shape(p, s->example);
  il_page_print(p, s->x == IL_UINT8 ? " byte" : " number");
  if (il_shape_count(s->example) != 1) il_page_print(p, "s");
  end_fact(p);
  if (tasks->source->needs_data) say_provenance(p, r, path);
}

static void say_split(il_page *p, const il_report_run *r) {
  const il_tasks *tasks = r->opened.tasks;
  const il_config *c = r->opened.config;
  const char *kind = il_config_get(c, "task.split");
  if (r->dataset && !r->options->evaluate.episodes) {
    fact(p, "Split of the classes");
    if (!strcmp(kind, "test"))
      il_page_print(p, "none: all %d classes are tested", il_tasks_classes(tasks, IL_TEST));
    else {
      il_page_print(p, "%s", kind);
      if (strcmp(kind, "file") != 0)
        il_page_print(p, ", seed %s", il_config_get(c, "task.split_seed"));
      il_page_print(p, ": %d train, %d validate, %d test; no class is in two parts",
                    il_tasks_classes(tasks, IL_TRAIN), il_tasks_classes(tasks, IL_VALIDATION),
                    il_tasks_classes(tasks, IL_TEST));
    }
    end_fact(p);
  }
  if (r->dataset) {
    const char *ways = il_config_get(c, "task.train_ways"),
               *shots = il_config_get(c, "task.train_shots"),
               *queries = il_config_get(c, "task.train_queries");
    fact(p, "Training tasks");
    il_page_text(p, strcmp(ways, "0") ? ways : il_config_get(r->opened.run, "task.ways"));
    il_page_print(p, "-way, ");
    il_page_text(p, strcmp(shots, "0") ? shots : il_config_get(r->opened.run, "task.shots"));
    il_page_print(p, " support and ");
    il_page_text(p, strcmp(queries, "0") ? queries : il_config_get(r->opened.run, "task.queries"));
    il_page_print(p, " query examples of each class");
    end_fact(p);
  }
  fact(p, "Tested on");
  il_page_text(p, r->evaluation.tested);
  il_page_print(p, "; %d tasks", r->evaluation.tasks);
  end_fact(p);
  fact(p, "Seed, precision");
  il_page_print(p, "%s, %s", il_config_get(c, "seed"), il_config_get(c, "precision"));
  end_fact(p);
}

static void list_classes(il_page *p, const il_report_run *r) {
  if (!r->sampler || !r->sampler->splits || r->options->evaluate.episodes) return;
  const int classes = il_splits_count(r->sampler->splits, IL_TEST);
  il_page_print(p, "<details><summary>The %d test class%s</summary><p class=\"soft\">", classes,
                classes == 1 ? "" : "es");
  for (int i = 0; i < classes; i++) {
    if (i) il_page_print(p, " · ");
    il_page_text(
        p, il_dataset_class_name(r->dataset, il_splits_class(r->sampler->splits, IL_TEST, i)));
  }
  il_page_print(p, "</p></details>\n");
}

void il_report_what(il_page *p, const il_report_run *r) {
  il_page_heading(p, "What was trained on what");
  il_page_print(p, "<table class=\"facts\"><tbody>\n");
  say_algorithm(p, r);
  say_net(p, r);
  say_data(p, r);
  say_split(p, r);
  il_page_print(p, "</tbody></table>\n");
  list_classes(p, r);
}

/* An option, which no narrow page breaks after a hyphen. */
static void option(il_page *p, const char *name) {
  il_page_print(p, " <span class=\"w\">--%s</span> ", name);
}

void il_report_repeat(il_page *p, const il_report_run *r) {
  const long long done = r->opened.trained, all = r->opened.method.steps;
  const il_evaluate_options *e = &r->options->evaluate;
  char *text = il_config_dump(r->opened.run);
  il_page_heading(p, "Do it again");
  il_page_print(p, "<p>Every result repeats to the bit, on any number of threads.");
  if (done < all)
    il_page_print(p, " This page is of %lld meta-steps; the first command makes all %lld.", done,
                  all);
  il_page_print(p, "</p>\n<pre>");
  il_page_print(p, "innerloop train ");
  il_page_shell(p, r->path);
  il_page_print(p, "/config.yaml");
  option(p, "out");
  il_page_print(p, "again\ninnerloop eval again");
  if (e->data) {
    option(p, "data");
    il_page_shell(p, e->data);
  }
  if (e->episodes) {
    option(p, "episodes");
    il_page_shell(p, e->episodes);
  }
  if (e->tasks) {
    option(p, "tasks");
    il_page_print(p, "%d", e->tasks);
  }
  for (const char *const *s = e->settings; s && *s; s++) {
    option(p, "set");
    il_page_shell(p, *s);
  }
  il_page_print(p, "</pre>\n<details><summary>config.yaml, complete</summary><pre>");
  if (text) il_page_text(p, text);
  il_page_print(p, "</pre></details>\n");
  free(text);
}
