/* Reports: runs are opened one after the other, their parts of the page written, and then the page put together. */
#include <innerloop/report.h>

#include <stdlib.h>
#include <string.h>

#include <innerloop/version.h>

#include "base/room.h"
#include "base/error.h"
#include "base/locale.h"
#include "io/io.h"
#include "report/report_compare.h"

/* A text that is being written; begun, it must be ended. */
typedef struct buffer {
  FILE *file;
  char *text;
  size_t size;
} buffer;

static il_status begin(il_context *context, buffer *b) {
  b->file = open_memstream(&b->text, &b->size);
  return b->file ? IL_OK : il_fail_memory(context, "a page");
}

static il_status end(il_context *context, buffer *b) {
  FILE *file = b->file;
  b->file = NULL;
  return !file || il_text_close(file, &b->text) == 0 ? IL_OK : il_fail_memory(context, "a page");
}

static void drop(buffer *b) {
  if (b->file) fclose(b->file);
  free(b->text);
}

/* ---- where it goes ---- */

static bool ends_with(const char *text, const char *end) {
  const size_t a = strlen(text), b = strlen(end);
  return a >= b && !strcmp(text + a - b, end);
}

/* The page's path, and what the paths of its pictures begin with. Nothing is made yet. */
static il_status choose_paths(il_context *context, int runs, const char *const *run,
                              const char *out, il_report *report, char *stem) {
  if (!out) out = runs > 1 ? "." : run[0];
  const size_t most = IL_REPORT_PATH - sizeof "/report.html";
  if (strlen(out) > most)
    return il_fail(context, IL_ERROR_ARGUMENT, "%s: a path of more than %zu bytes", out, most);
  const bool page = ends_with(out, ".html") || ends_with(out, ".htm");
  snprintf(report->page, sizeof report->page, "%s%s", out, page ? "" : "/report.html");
  snprintf(stem, IL_REPORT_PATH, "%s", report->page);
  *strrchr(stem, '.') = 0;
  return IL_OK;
}

static il_status make_folder(il_context *context, const char *page) {
  const char *slash = strrchr(page, '/');
  if (!slash || slash == page) return IL_OK;
  char *folder = strndup(page, (size_t)(slash - page));
  if (!folder) return il_fail_memory(context, "a path");
  const il_status status = il_folder_make(context, folder);
  free(folder);
  return status;
}

static bool errs(const il_opened *o) {
  return il_tasks_shape(o->tasks, IL_TEST, 0)->loss == IL_LOSS_MEAN_SQUARED_ERROR;
}

/* Whether all runs can be opened and stand side by side, before any of them is worked on for minutes. */
static il_status check_runs(il_context *context, int runs, const char *const *run,
                            const il_report_options *options) {
  il_status status = IL_OK;
  bool error = false;
  for (int i = 0; i < runs && status == IL_OK; i++) {
    il_opened opened;
    status = il_opened_init(context, &opened, run[i], &options->evaluate);
    if (status == IL_OK && i == 0) error = errs(&opened);
    if (status == IL_OK && error != errs(&opened))
      status = il_fail(context, IL_ERROR_ARGUMENT,
                       "%s measures %s, but %s %s; expected runs that can stand side by side, or "
                       "a report of each",
                       run[0], error ? "a squared error" : "accuracy", run[i],
                       error ? "accuracy" : "a squared error");
    il_opened_free(&opened);
  }
  return status;
}

/* ---- the beginning of a page ---- */

static void tile(il_page *p, const char *figure, const char *what) {
  il_page_print(p, "<li><b>%s</b><span>", figure);
  il_page_text(p, what);
  il_page_print(p, "</span></li>\n");
}

static void tiles(il_page *p, const il_report_run *r) {
  const il_evaluation *e = &r->evaluation;
  const il_evaluation_row *row = &e->row[r->row];
  const il_tasks *tasks = r->opened.tasks;
  char text[64], what[160], condition[96];
  il_report_condition(row, condition, sizeof condition);
  il_page_print(p, "<ul class=\"tiles\">\n");
  il_page_figure_text(text, sizeof text, e->squared_error, row->mean, row->interval);
  snprintf(what, sizeof what, "%s%s%s", e->squared_error ? "mean squared error" : "accuracy in %",
           *condition ? ", " : "", condition);
  tile(p, text, what);
  if (e->squared_error) {
    for (int i = 0; i < e->count; i++)
      if (!strcmp(e->row[i].protocol, row->protocol) && e->row[i].steps == 0 && row->steps) {
        il_page_figure_text(text, sizeof text, true, e->row[i].mean, e->row[i].interval);
        tile(p, text, "before adaptation");
        break;
      }
  } else if (il_tasks_variants(tasks, IL_TEST) == 1) {
    snprintf(text, sizeof text, "%.1f", 100.0 / il_tasks_shape(tasks, IL_TEST, 0)->ways);
    tile(p, text, "accuracy in % by chance");
  }
  snprintf(text, sizeof text, "%d", e->tasks);
  if (il_tasks_classes(tasks, IL_TEST) >= 0)
    snprintf(what, sizeof what, "test tasks, of %d classes", il_tasks_classes(tasks, IL_TEST));
  else
    snprintf(what, sizeof what, "test tasks");
  tile(p, text, what);
  snprintf(text, sizeof text, "%lld", (long long)e->trained);
  tile(p, text, "meta-steps of training");
  il_page_print(p, "</ul>\n");
}

static void lead(il_page *p, const il_report_run *r) {
  il_page_print(p, "<p class=\"lead\">");
  il_page_text(p, r->opened.method.algorithm->name);
  il_page_print(p, " on ");
  il_page_text(p, r->evaluation.tested);
  il_page_print(p, ".</p>\n");
  const il_task_shape *s = il_tasks_shape(r->opened.tasks, IL_TEST, 0);
  if (s->targets)
    il_page_print(p,
                  "<p>In each task it is shown %d point%s, and then asked for others of the same "
                  "task.</p>\n",
                  s->support, s->support == 1 ? "" : "s");
  else if (s->shots && il_tasks_variants(r->opened.tasks, IL_TEST) == 1)
    il_page_print(p,
                  "<p>In each task it is shown %d example%s of each of %d classes, and then asked "
                  "which of these others belong to.</p>\n",
                  s->shots, s->shots == 1 ? "" : "s", s->ways);
}

static void write_run(il_page *p, const il_report_run *r, const char *name) {
  if (p->runs > 1) {
    il_page_print(p, "<section id=\"run-%d\">\n<h2 class=\"run\">", p->run + 1);
    il_page_text(p, name);
    il_page_print(p, "</h2>\n");
  }
  lead(p, r);
  tiles(p, r);
  il_report_steps(p, r);
  il_report_tasks(p, r);
  il_report_confusion(p, r);
  il_report_curves(p, r);
  il_report_what(p, r);
  il_report_repeat(p, r);
  if (p->runs > 1) il_page_print(p, "</section>\n");
}

/* ---- together ---- */

static il_status do_run(il_page *p, const il_report_options *options, il_report_summary *s,
                        const char *path, il_report *report) {
  il_report_run r;
  if (options->progress) options->progress(options->user, p->run, path);
  il_status status = il_report_run_init(p->context, &r, path, options);
  if (status == IL_OK && p->run == 0) status = make_folder(p->context, report->page);
  char *name = status == IL_OK ? il_report_name(p->context, path) : NULL;
  if (name) {
    write_run(p, &r, name);
    report->evaluation = r.evaluation;
    report->row = r.row;
    il_report_summarize(&r, s);
  }
  free(name);
  il_report_run_free(&r);
  return il_context_status(p->context);
}

static void write_header(il_page *p, const il_report_summary *s) {
  il_page_print(p, "<header><p class=\"over\">innerloop report</p>\n<h1>");
  if (p->runs == 1)
    il_page_text(p, s->name);
  else
    il_page_print(p, "%d runs side by side", p->runs);
  il_page_print(p, "</h1>\n");
  if (p->runs > 1) {
    il_page_print(p, "<nav aria-label=\"Runs\"><ul>\n");
    for (int i = 0; i < p->runs; i++) {
      il_page_print(p, "<li><a href=\"#run-%d\">", i + 1);
      il_page_text(p, s[i].name);
      il_page_print(p, "</a></li>\n");
    }
    il_page_print(p, "</ul></nav>\n");
  }
  il_page_print(p, "</header>\n<main>\n");
}

static il_status write_page(il_page *p, const il_report_summary *s, const buffer *body,
                            const char *path) {
  buffer whole = {0};
  char title[300];
  il_status status = begin(p->context, &whole);
  if (status != IL_OK) return status;
  p->html = whole.file;
  p->run = -1;
  if (p->runs == 1)
    snprintf(title, sizeof title, "%s · innerloop report", s->name);
  else
    snprintf(title, sizeof title, "%d runs · innerloop report", p->runs);
  il_page_begin(p, title);
  write_header(p, s);
  if (p->runs > 1) il_report_compare(p, p->runs, s);
  fwrite(body->text, 1, body->size, p->html);
  il_page_print(p,
                "</main>\n<footer>Written by innerloop %s. Nothing in this page is fetched from "
                "anywhere; its pictures lie beside it as PNG files too.</footer>\n",
                INNERLOOP_VERSION);
  il_page_end(p);
  status = end(p->context, &whole);
  if (status == IL_OK) status = il_context_status(p->context);
  if (status == IL_OK)
    status = il_atomic_write(p->context, path, 1, &(il_piece){whole.text, whole.size});
  drop(&whole);
  return status;
}

il_status il_report_write(il_context *context, int runs, const char *const *run,
                          const il_report_options *options, il_report *report) {
  const int most = IL_REPORT_RUNS;
  char stem[IL_REPORT_PATH];
  *report = (il_report){0};
  if (runs < 1 || runs > most)
    return il_fail(context, IL_ERROR_ARGUMENT, "a report of %d runs; expected 1 to %d", runs, most);
  il_report_summary *s = calloc((size_t)runs, sizeof *s);
  if (!s) return il_fail_memory(context, "a report");
  buffer body = {0};
  il_page p = {.context = context, .stem = stem, .runs = runs};
  locale_t plain, before = il_text_enter(&plain);
  il_status status = choose_paths(context, runs, run, options->out, report, stem);
  if (status == IL_OK && runs > 1) status = check_runs(context, runs, run, options);
  if (status == IL_OK) status = begin(context, &body);
  p.html = body.file;
  for (int i = 0; i < runs && status == IL_OK; i++) {
    p.run = i;
    status = do_run(&p, options, &s[i], run[i], report);
  }
  if (status == IL_OK) status = end(context, &body);
  if (status == IL_OK) status = write_page(&p, s, &body, report->page);
  report->pictures = p.pictures;
  il_text_leave(before, plain);
  drop(&body);
  for (int i = 0; i < runs; i++) il_report_summary_free(&s[i]);
  free(s);
  return status;
}
