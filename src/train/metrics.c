/* Appending to metrics.jsonl, and cutting it back when training resumes. */
#include "base/locale.h"
#include "io/io.h"
#include "train/metrics.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static il_status broken(const il_metrics *m) {
  return il_fail(m->context, IL_ERROR_FILE, "%s: cannot be written: %s", m->path, strerror(errno));
}

/* Whether the file is empty or begins as metrics do, be it with half a line or with the zeros that a power cut leaves: what a
 * link may lead to is not cut. */
static bool is_metrics(FILE *file) {
  static const char begins[] = "{\"step\": ";
  char found[sizeof begins - 1];
  const size_t length = fread(found, 1, sizeof found, file);
  rewind(file);
  for (size_t i = 0; i < length; i++)
    if (found[i] != begins[i] && found[i]) return false;
  return true;
}

/* Length of the leading lines whose step is at most `step`, -1 where they cannot be read. A half line, left by a crash, is not
 * counted. */
static long kept_length(FILE *file, int64_t step) {
  char *line = NULL;
  size_t room = 0;
  long kept = 0;
  ssize_t length;
  while ((length = getline(&line, &room, file)) > 0 && line[length - 1] == '\n') {
    long long at = 0;
    if (sscanf(line, "{\"step\": %lld", &at) != 1 || at > step) break;
    kept += (long)length;
  }
  const int error = errno;
  if (length < 0 && !feof(file)) kept = -1;
  free(line);
  errno = error;
  return kept;
}

il_status il_metrics_open(il_metrics *m, il_context *context, const char *path, int64_t step) {
  *m = (il_metrics){.context = context, .path = path};
  const bool exists = access(path, F_OK) == 0;
  FILE *old = exists ? il_open_file(context, path) : NULL; /* which no pipe is: it would wait */
  if (exists && !old) return il_context_status(context);
  const bool begins = !old || is_metrics(old);
  const long kept = old && begins ? kept_length(old, step) : 0;
  const int error = errno;
  const bool failed = old && (ferror(old) || kept < 0);
  if (old) fclose(old);
  if (failed)
    return il_fail(context, IL_ERROR_FILE, "%s cannot be read: %s", path, strerror(error));
  if (!begins)
    return il_fail(context, IL_ERROR_FILE,
                   "%s: found no metrics, expected {\"step\": … in each line; nothing was changed",
                   path);
  if (old && truncate(path, kept) != 0) return broken(m);
  m->file = fopen(path, "ae");
  return m->file ? IL_OK : broken(m);
}

enum { STEPS = 64 }; /* of rates of inner steps, at most, that stand in a line */

/* A learned number, or a list of one for each inner step. */
static void print_learned(FILE *file, const il_buffers *learned, int index, bool steps) {
  const void *at = il_buffers_at(learned, index);
  const int64_t count = il_shape_count(learned->entry[index].shape);
  for (int64_t k = 0; k < count; k++) {
    const double x =
        learned->type == IL_FLOAT64 ? ((const double *)at)[k] : (double)((const float *)at)[k];
    fputs(k ? ", " : steps ? "[" : "", file);
    il_json_real(file, x);
  }
  if (steps) fputc(']', file);
}

/* One that is no number was not measured; one that is infinite is null. */
static void print_figure(FILE *file, const char *name, double real) {
  if (isnan(real)) return;
  il_plain_print(file, ", \"%s\": ", name);
  il_json_real(file, real);
}

il_status il_metrics_step(il_metrics *m, int64_t step, double loss, double accuracy,
                          double support_loss, int64_t skipped, const il_buffers *learned) {
  il_plain_print(m->file, "{\"step\": %lld", (long long)step);
  print_figure(m->file, "loss", loss);
  print_figure(m->file, "support_loss", support_loss);
  print_figure(m->file, "accuracy", accuracy);
  if (skipped > 0) il_plain_print(m->file, ", \"skipped\": %lld", (long long)skipped);
  for (int i = 0; i < learned->count; i++) {
    const il_entry *e = &learned->entry[i];
    const bool one = e->shape.rank == 0,
               steps = (e->flags & IL_EACH_STEP) && e->shape.rank == 1 && e->shape.dim[0] <= STEPS;
    if (!e->drawn || !(one || steps)) continue;
    il_plain_print(m->file, ", \"%s\": ", e->name);
    print_learned(m->file, learned, i, steps);
  }
  fputs("}\n", m->file);
  return fflush(m->file) == 0 ? IL_OK : broken(m);
}

il_status il_metrics_validation(il_metrics *m, int64_t step, const char *what, double value,
                                double interval) {
  il_plain_print(m->file, "{\"step\": %lld, \"validation_%s\": ", (long long)step, what);
  il_json_real(m->file, value);
  fputs(", \"interval\": ", m->file);
  il_json_real(m->file, interval);
  fputs("}\n", m->file);
  return fflush(m->file) == 0 ? IL_OK : broken(m);
}

il_status il_metrics_ended(il_metrics *m, int64_t step, int64_t best, int64_t since) {
  il_plain_print(m->file,
                 "{\"step\": %lld, \"ended\": true, \"best_step\": %lld, "
                 "\"validations_since\": %lld}\n",
                 (long long)step, (long long)best, (long long)since);
  return fflush(m->file) == 0 ? IL_OK : broken(m);
}

il_status il_metrics_sync(il_metrics *m) {
  if (fflush(m->file) != 0) return broken(m);
  return fdatasync(fileno(m->file)) == 0 || errno == EINVAL || errno == ENOTSUP ? IL_OK : broken(m);
}

il_status il_metrics_close(il_metrics *m) {
  FILE *file = m->file;
  m->file = NULL;
  return !file || fclose(file) == 0 ? IL_OK : broken(m);
}
