/* The greedy algorithm on a model and samples: divides them, runs, and records each step in metrics.jsonl. */
#include <errno.h>
#include <innerloop/greedy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/locale.h"
#include "fit/model.h"

il_fit_greedy_options il_fit_greedy_defaults(void) {
  return (il_fit_greedy_options){.greedy = il_greedy_defaults(), .held_out = 0.5};
}

typedef struct record {
  il_context *context;
  const il_net *net;
  const il_fit_greedy_options *o;
  FILE *file;
} record;

static void write_list(FILE *f, const char *name, int count, const double *number) {
  fprintf(f, "\"%s\": [", name);
  for (int i = 0; i < count; i++) {
    fputs(i ? ", " : "", f);
    il_json_real(f, number[i]);
  }
  fputc(']', f);
}

static void write_step(void *user, const il_greedy_report *r) {
  const record *c = user;
  FILE *f = c->file;
  if (f) {
    const double figure[] = {
        c->o->greedy.rule.fraction, r->loss,         r->mean_log_p, r->mean_log_q, r->variance_mean,
        r->gradient_length,         r->gradient_max, r->change};
    static const char *const name[] = {"fraction", "loss",     "log_p",        "log_q",
                                       "variance", "gradient", "gradient_max", "change"};
    fprintf(f, "{\"step\": %d", r->step);
    for (int i = 0; i < 8; i++) {
      fprintf(f, ", \"%s\": ", name[i]);
      il_json_real(f, figure[i]);
    }
    fprintf(f,
            ", \"units\": %lld, \"scalars\": %lld, \"touched\": %lld, \"bytes\": %llu, "
            "\"operations\": %llu, \"candidates\": {",
            (long long)r->choice.units, (long long)r->choice.scalars, (long long)r->touched,
            (unsigned long long)r->choice.bytes, (unsigned long long)r->choice.operations);
    write_list(f, "log_p", r->candidates, r->log_p);
    fputs(", ", f);
    write_list(f, "log_q", r->candidates, r->log_q);
    fputs(", ", f);
    write_list(f, "loss", r->candidates, r->held_loss);
    fputs("}, \"tensors\": {", f);
    for (int p = 0; p < r->parameters; p++)
      il_plain_print(f, "%s\"%s\": {\"variance\": %.9g, \"gradient\": %.9g}", p ? ", " : "",
                     il_net_parameter_name(c->net, p), r->variance[p], r->gradient_norm[p]);
    fputs("}}\n", f);
  }
  if (c->o->greedy.progress) c->o->greedy.progress(c->o->greedy.user, r);
}

static void forward_walk(void *user, int64_t done, int64_t all) {
  const record *c = user;
  c->o->greedy.walking(c->o->greedy.user, done, all);
}

static il_greedy_part part_of(const il_samples *s) {
  return (il_greedy_part){.count = (int)s->count,
                          .type = s->type,
                          .x = s->inputs,
                          .label = s->label,
                          .target = s->target};
}

static il_status run(record *c, il_model *model, const il_samples *samples,
                     il_greedy_result *result) {
  il_samples *kept = NULL, *held = NULL;
  il_greedy_options o = c->o->greedy;
  if (il_samples_hold_out(c->context, samples, c->o->held_out, o.seed, &kept, &held) == IL_OK) {
    il_greedy_part train = part_of(kept), rest = part_of(held);
    o.progress = write_step;
    o.walking = o.walking ? forward_walk : NULL;
    o.user = c;
    o.moments = model->norms ? (const void *const *)model->value + model->parameters : NULL;
    il_greedy_run(c->context, model->net, IL_FLOAT32, &o, &train, &rest,
                  (void *const *)model->value, result);
  }
  il_samples_free(kept);
  il_samples_free(held);
  return il_context_status(c->context);
}

il_status il_fit_greedy(il_context *context, il_model *model, const il_samples *samples,
                        const il_fit_greedy_options *options, il_greedy_result *result) {
  *result = (il_greedy_result){0};
  if (il_samples_fit_net(context, "samples", samples, model) != IL_OK)
    return il_context_status(context);
  if (samples->count > INT32_MAX / 2)
    return il_fail(context, IL_ERROR_DATA, "il_fit_greedy: %lld samples; at most %d",
                   (long long)samples->count, INT32_MAX / 2);
  record c = {.context = context, .net = model->net, .o = options};
  if (options->metrics && !(c.file = fopen(options->metrics, options->append ? "ae" : "we")))
    return il_fail(context, IL_ERROR_FILE, "%s: cannot be written: %s", options->metrics,
                   strerror(errno));
  if (run(&c, model, samples, result) == IL_OK) il_model_trained_on(model, samples);
  bool bad = c.file && ferror(c.file);
  if (c.file && (fclose(c.file) != 0 || bad))
    il_fail(context, IL_ERROR_FILE, "%s: cannot be written: %s", options->metrics, strerror(errno));
  return il_context_status(context);
}
