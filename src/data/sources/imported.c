/* Tasks of the classes of an imported file: pictures, signals or features, whatever a dataset holds; Omniglot is one
 * whose shape is known before it is there. */
#include <stdlib.h>

#include "base/error.h"
#include "data/class_tasks.h"
#include "data/source.h"

static il_dataset *dataset(il_context *context, const void *settings, const char *data) {
  (void)settings;
  if (data) return il_dataset_open(context, data);
  il_fail(context, IL_ERROR_CONFIG,
          "task.data: missing; --data names a folder or file, or what `innerloop data import` has "
          "made of one");
  return NULL;
}

static void *open_dataset(il_context *context, const void *settings, const il_source_options *o) {
  il_dataset *d = dataset(context, settings, o->data);
  return d ? il_class_tasks_open(context, d, (il_shape){0}, o) : NULL;
}

static void *open_omniglot(il_context *context, const void *settings, const il_source_options *o) {
  /* As it is imported unless asked otherwise. */
  if (o->shapes_only && !o->data) return il_class_tasks_open(context, NULL, IL_SHAPE(28, 28, 1), o);
  return open_dataset(context, settings, o);
}

const il_source il_source_dataset = {.name = "dataset",
                                     .doc = "classes of pictures, signals or features in a file",
                                     .needs_data = true,
                                     .shape_of_data = true,
                                     .open = open_dataset,
                                     .dataset = dataset,
                                     IL_CLASS_TASKS};

const il_source il_source_omniglot = {.name = "omniglot",
                                      .doc = "Omniglot's characters in an imported file",
                                      .needs_data = true,
                                      .open = open_omniglot,
                                      .dataset = dataset,
                                      IL_CLASS_TASKS};
