/* The tutorial in C with the public headers alone: samples, a model, plain training, evaluation and loss, then tasks
 * cut from the same samples, meta-training, adaptation, and a saved model. tutorial [train_data.txt [test_data.txt]] */
#include <innerloop/innerloop.h>
#include <stdio.h>
#include <stdlib.h>

static void show(void *user, const il_fit_progress *p) {
  (void)user;
  printf("Epoch %d - Loss: %.4f\n", p->epoch, p->loss);
}

/* Without files: 20 drawn characters, a quarter of each held out. */
static void load(il_context *context, int argc, char **argv, il_samples **train,
                 il_samples **test) {
  int characters[20];
  for (int c = 0; c < 20; c++) characters[c] = c;
  if (argc > 1) *train = il_samples_open(context, argv[1]);
  if (argc > 2) *test = il_samples_open(context, argv[2]);
  if (argc > 2 || (argc > 1 && !*train)) return;
  il_samples *all = *train;
  il_dataset *glyphs = all ? NULL : il_dataset_glyphs(context, &(il_glyphs){2, 10, 20, 28, 1, 1});
  if (glyphs) all = il_samples_of_classes(context, glyphs, 20, characters);
  if (all) il_samples_hold_out(context, all, 0.25, 1, train, test);
  il_samples_free(all);
  il_dataset_free(glyphs);
}

int main(int argc, char **argv) {
  il_context *context = il_context_new();
  il_team *team = il_team_new(context, 0);

  /* Samples: inputs with labels. */
  il_samples *train = NULL, *test = NULL;
  load(context, argc, argv, &train, &test);

  /* Model parameters: linear, relu, linear; cross-entropy takes its raw scores. */
  il_model_options kind = {.kind = "mlp", .hidden = 64, .seed = 1};
  il_model *model =
      train && test ? il_model_new(context, &kind, train->example, train->outputs) : NULL;

  /* Training. */
  il_fit_options fit = il_fit_defaults();
  fit.team = team;
  fit.progress = show;
  if (model) il_fit(context, model, train, &fit);

  /* Evaluation and loss. */
  il_test_result before = {0}, after = {0};
  if (model) il_test(context, model, test, fit.loss, team, &before);

  /* Meta-data: what a task is. Each has 32 samples that update the parameters and 32 others that supply the
   * gradient. */
  il_meta_options meta = il_meta_defaults();
  meta.episodes = (il_episodes){IL_EPISODES_ALL_CLASSES, 0, 32, 32, false};
  meta.team = team;
  meta.steps = 100;

  /* Meta-training, adaptation, evaluation. */
  if (model) il_meta_fit(context, model, train, &meta);
  if (model) il_adapt(context, model, train, &meta);
  if (model) il_test(context, model, test, fit.loss, team, &after);
  if (model) il_model_save(model, "tutorial.safetensors");

  il_status status = il_context_status(context);
  if (status == IL_OK)
    printf("test loss %.4f, accuracy %.1f %%; meta-trained %.4f, %.1f %%\n", before.loss,
           100 * before.accuracy, after.loss, 100 * after.accuracy);
  else
    fprintf(stderr, "%s\n", il_context_message(context));
  il_model_free(model);
  il_samples_free(train);
  il_samples_free(test);
  il_team_free(team);
  il_context_free(context);
  return status == IL_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
