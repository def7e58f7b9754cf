/* Datasets, episodes, samples, and sources of tasks. */
#ifndef INNERLOOP_DATA_H
#define INNERLOOP_DATA_H

#include "base.h"
#include "field.h"
#include "meta.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The parts that the classes are divided into. */
typedef enum il_split {
  IL_TRAIN = 0,      /* what is learned from */
  IL_VALIDATION = 1, /* what choices are made by, such as when to stop */
  IL_TEST = 2,       /* what figures are of */
} il_split;
IL_API const char *il_split_name(il_split split); /* "train" "validation" "test" */

/* Classes of examples of one shape (images [h,w,c], signals [t,channels], features [n]; bytes or floats) in one
 * memory-mapped safetensors file, or built in memory; immutable, may be read by any number of threads. */
typedef struct il_dataset il_dataset;

/* Opens an imported dataset (a .safetensors file). NULL after an error. */
IL_API il_dataset *il_dataset_open(il_context *context, const char *path);
/* The built-in drawn alphabets: alphabets × classes characters, each drawn once by every writer; a pure
 * function of the fields. Images are side × side pixels (8 to 512) in 1 channel, white on black, or in 3,
 * each drawing in its own two colours. */
typedef struct il_glyphs {
  int alphabets, classes, writers; /* classes: of one alphabet */
  int side, channels;              /* see above */
  uint64_t seed;                   /* of all drawings */
} il_glyphs;
/* Draws them. NULL after an error. */
IL_API il_dataset *il_dataset_glyphs(il_context *context, const il_glyphs *glyphs);
/* Examples in the caller's memory, class after class. */
typedef struct il_dataset_arrays {
  int classes; /* how many */
  const int32_t
      *start;       /* [classes + 1]: the first example of each class, then how many there are */
  il_type type;     /* IL_UINT8 or IL_FLOAT32 */
  il_shape example; /* [height,width,channels], [time,channels] or [features] */
  const void *examples; /* [start[classes], example…] */
  double scale;         /* nets see x·scale; 0: 1/255 for bytes, else 1 */
  /* [classes]; NULL: "0", "1" …, and origins "" */
  const char *const *name, *const *origin;
} il_dataset_arrays;
/* Copies them. NULL after an error: an empty class, a number that is not finite, two classes of one name. */
IL_API il_dataset *il_dataset_new(il_context *context, const il_dataset_arrays *arrays);
/* Writes a file that il_dataset_open takes; atomic. */
IL_API il_status il_dataset_write(const il_dataset *dataset, const char *path);
/* Accepts NULL. */
IL_API void il_dataset_free(il_dataset *dataset);
/* How many classes it has. */
IL_API int il_dataset_classes(const il_dataset *dataset);
IL_API int il_dataset_examples(const il_dataset *dataset, int cls); /* of one class */
IL_API il_shape il_dataset_shape(const il_dataset *dataset);        /* of every example */
IL_API il_type il_dataset_type(const il_dataset *dataset);          /* IL_UINT8 or IL_FLOAT32 */
IL_API double il_dataset_scale(const il_dataset *dataset); /* nets see x·scale: 1/255 for bytes */
/* The numbers of one example, of il_dataset_shape and il_dataset_type; the dataset's. */
IL_API const void *il_dataset_example(const il_dataset *dataset, int cls, int example);
IL_API const char *il_dataset_class_name(const il_dataset *dataset,
                                         int cls); /* "Greek/character01" */
/* "background" / "evaluation" for Omniglot; the alphabet's set for others; "" where the source has none. */
IL_API const char *il_dataset_class_origin(const il_dataset *dataset, int cls);

/* Quarter turns of pictures, in episodes. */
typedef enum il_rotations {
  IL_ROTATIONS_NONE = 0,    /* as they are */
  IL_ROTATIONS_RANDOM = 1,  /* one of 0/90/180/270 degrees, drawn per class per episode */
  IL_ROTATIONS_CLASSES = 2, /* each rotation of a class is a class of its own */
} il_rotations;

/* Whose classes an episode takes together. */
typedef enum il_within {
  IL_WITHIN_ANY = 0,      /* any of the split */
  IL_WITHIN_ALPHABET = 1, /* of one alphabet: names that are the same up to the last slash */
  IL_WITHIN_ORIGIN = 2,   /* of one il_dataset_class_origin, such as a superclass */
} il_within;

/* How classes are divided. */
typedef struct il_split_options {
  const char *
      kind; /* "auto" (what there is, see least_test), "random" (train, validation, test; by seed), "official"
                        (background / evaluation, validation from background), "alphabets" (whole alphabets),
                        "file", or "test" (every class) */
  const char *path; /* kind "file": lines "train Greek/character01" */
  /* Of classes for random, of alphabets for alphabets: counts, or shares of all where below 1; 0 test: the rest. */
  double train, validation, test;
  /* auto: a fifth tests, but no fewer classes than least_test; as many validate where least_train or more are left
   * to train, else none; the rest trains. A source takes 0 for the classes that its tasks need. */
  int least_train, least_test;
  bool tests_only; /* there need be no class to train */
  uint64_t seed;   /* of kind random, and of which alphabets */
  /* The classes that are left once all are divided: their names or origins, * for any text, comma between, ! in front for
   * all others; NULL or "": all. */
  const char *only;
  /* A file of lines "2.5 Greek/character01" (* for any text, the last that means a class decides): how often classes are
   * drawn, the others with 1; 0: never. NULL or "": all alike. */
  const char *weights;
} il_split_options;

/* Which classes belong to which split; asserted disjoint when made. */
typedef struct il_splits il_splits;
/* Divides the classes. NULL after an error, where there are too few of them. */
IL_API il_splits *il_splits_new(il_context *context, const il_dataset *dataset,
                                const il_split_options *options);
/* Accepts NULL. */
IL_API void il_splits_free(il_splits *splits);
/* How many classes a split has. */
IL_API int il_splits_count(const il_splits *splits, il_split split);
/* The dataset's class that is the index-th of a split. */
IL_API int il_splits_class(const il_splits *splits, il_split split, int index);

/* What an episode of a classification task is: index i of a split is always the same episode. */
typedef struct il_episode_options {
  int ways, shots, queries; /* queries: per class, apart from the shots */
  il_rotations rotations;   /* applied in training; in validation and test only if rotate_test */
  bool rotate_test;         /* see rotations */
  uint64_t seed;            /* of all episodes */
  /* One alphabet (or origin) is drawn of those that have `ways` classes, then its classes; each quarter turn of it, where
   * rotations are classes, is an alphabet of its own. */
  il_within within;
  /* So many classes of the dataset make one class of an episode (2: pairs), whose shots, and whose queries, come from them
   * in turn; there are as many shots at least. 0 or 1: each is one. */
  int fused;
} il_episode_options;

/* One drawn episode: indexes plus transforms, arrays of ways×(shots+queries), class-major: for class position
 * w, its shots, then its queries. Label of position w is w; shot i, and query i, are of class w·fused + i % fused. */
typedef struct il_episode {
  int ways, shots, queries; /* as in il_episode_options */
  int fused;                /* at least 1 */
  int *cls;                 /* [ways·fused] dataset class */
  int *rotation;            /* [ways·fused] quarter turns */
  int *example;             /* [ways·(shots+queries)] */
} il_episode;

/* Draws episodes of a dataset. */
typedef struct il_sampler il_sampler;
/* Refuses what the classes cannot give (ways > classes, shots + queries > examples). Dataset and splits
 * must outlive it. */
IL_API il_sampler *il_sampler_new(il_context *context, const il_dataset *dataset,
                                  const il_splits *splits, const il_episode_options *options);
/* Accepts NULL. */
IL_API void il_sampler_free(il_sampler *sampler);
/* Bytes of memory that an il_episode of this sampler needs for its arrays. */
IL_API size_t il_sampler_episode_size(const il_sampler *sampler);
/* Pure function of (seed, split, index); memory of il_sampler_episode_size bytes, int-aligned. Any thread. */
IL_API void il_sampler_draw(const il_sampler *sampler, il_split split, uint64_t index, void *memory,
                            il_episode *episode);
/* Copies the examples ([n, example…] of the dataset's type) and labels (int32 [n]); support: class-major
 * [ways·shots], query [ways·queries]. */
IL_API void il_sampler_fill(const il_sampler *sampler, const il_episode *episode, void *support_x,
                            int32_t *support_y, void *query_x, int32_t *query_y);
/* Episode lists: text, one line an episode, "class:rotation:example,example|example" …; replaying a list
 * makes draw(split, i) return line i (error beyond its end is raised at loading: count is known). */
IL_API il_status il_sampler_write_list(il_context *context, const il_sampler *sampler,
                                       il_split split, uint64_t count, const char *path);
/* Replays a list; *count (may be NULL) receives how many episodes it has. */
IL_API il_status il_sampler_read_list(il_sampler *sampler, il_split split, const char *path,
                                      uint64_t *count);

/* Sinusoid regression: amplitude in [0.1, 5], phase in [0, π], x in [−5, 5], y = A·sin(x − phase);
 * episode index of a split, a pure function. x and y are float [shots] and [queries]. */
IL_API void il_sinusoid_draw(uint64_t seed, il_split split, uint64_t index, int shots, int queries,
                             float *support_x, float *support_y, float *query_x, float *query_y);

/* ---- augmentation ---- */
/* What is drawn anew for each example each time it is trained on; a pure function of (seed, use, example). Zero:
 * nothing. Pixels from outside are 0, a signal is held at its ends. Applied in this order. */
typedef struct il_augment {
  bool rotate;          /* by 0, 90, 180 or 270 degrees; square images only */
  bool flip_horizontal; /* left and right exchanged, half of the time */
  bool flip_vertical;   /* top and bottom exchanged, half of the time */
  int crop; /* pads by so many pixels (or steps of time) on each side and crops back at a random place */
  double degrees; /* affine, images only: turned by up to ± so many degrees, */
  double shift;   /* moved by up to ± this share of the side (of a signal: in time), */
  double scale;   /* images only: scaled by 1 ± scale, */
  double shear;   /* slanted along both sides by up to ± this share of the other, areas kept, */
  double stretch; /* one side up to 1 + this times as long, the other as much shorter; bilinear */
  double elastic; /* images only: the points of a 5×5 grid over it moved by up to ± this share of
                     the side, what is between them by bilinear weights */
  double
      erase; /* probability that a rectangle (a stretch) of 2 % to 20 % of the example becomes 0 */
  double jitter; /* normal noise of this share of the example's own standard deviation */
  double gain;   /* each channel times 1 ± gain */
} il_augment;
/* Its members as settings, for configurations. */
extern IL_API const il_field il_augment_fields[];
IL_API bool il_augment_any(const il_augment *augment); /* it does something */
/* The augmented u8 or float image [h,w,c], signal [t,channels] or features [n] into `out`, which may not overlap. */
IL_API void il_augment_apply(const il_augment *augment, uint64_t seed, uint64_t use,
                             uint64_t example, il_type type, il_shape shape, const void *in,
                             void *out);
/* IL_ERROR_CONFIG when the options do not suit examples of this shape. */
IL_API il_status il_augment_check(il_context *context, const il_augment *augment, il_shape example);

/* ---- sources of tasks: constant records; who uses one does not know which it is ---- */
/* What every source is asked for; each takes what it knows. */
typedef struct il_source_options {
  int ways, shots,
      queries; /* support and query examples of a class, or of a task without classes */
  int train_ways, train_shots, train_queries; /* of training tasks; 0: the same */
  bool class_labels; /* training examples are labelled by their class among all that train */
  int train_ways_most; /* a range: train_ways to so many classes, each number a variant; 0: no range */
  int64_t
      pool; /* training tasks, of each shape, that are drawn again and again; 0: always new ones */
  int train_shots_most;   /* a range: train_shots to so many, each number a variant; 0: no range */
  il_rotations rotations; /* as in il_episode_options */
  bool rotate_test;       /* rotate in validation and test tasks, too */
  il_within within,
      train_within; /* as in il_episode_options: of validation and test tasks; of training tasks */
  int fused;        /* as in il_episode_options */
  il_augment augment;     /* of training examples; zero: none */
  bool augment_set[2];    /* of support and query sets */
  il_split_options split; /* how classes are divided */
  bool replayed; /* test episodes will come from a list, of whatever classes: there is no split */
  const char *data; /* file of the data set; NULL: none was named */
  uint64_t seed;    /* of all that is drawn */
  bool
      shapes_only; /* nothing will be drawn: where shapes are known without the data, it stays closed */
} il_source_options;

/* Which task: number `index` of those of a split that have one shape. */
typedef struct il_task_id {
  il_split split; /* where it belongs */
  int variant;    /* of the shape, from 0; 0 where tasks have only one */
  uint64_t index; /* of its split, from 0 */
} il_task_id;

/* Where one task goes; [0]: support set, [1]: query set. */
typedef struct il_task_memory {
  void *x[2]; /* [n, example…]: bytes where the shape says IL_UINT8, else floats */
  void *y[2]; /* int32 [n], or float [n, outputs] where the shape says targets */
} il_task_memory;

enum { IL_TASK_VARIANTS = 64 }; /* shapes of a split's tasks, at most */
/* Where tasks come from: a constant record. */
typedef struct il_source {
  const char *name, *doc; /* as in task.source; what it gives */
  size_t size;            /* of the settings */
  const il_field *fields; /* of the settings; NULL: not set by name */
  bool needs_data;        /* opens il_source_options.data */
  bool shape_of_data;     /* and only then knows what tasks look like */
  bool one_task; /* each split is one task, whose sizes are its own whatever the options say */
  /* Something to draw from; NULL after an error. A source of your own may give back its settings, which
   * then must outlive it. */
  void *(*open)(il_context *context, const void *settings, const il_source_options *options);
  /* Fills a zeroed shape. Left 0: support, query: ways·shots, ways·queries; scale: 1. */
  void (*describe)(void *data, il_split split, int variant, il_task_shape *shape);
  size_t (*scratch)(void *data); /* bytes of memory that a draw needs; NULL: none */
  /* A pure function of seed and id, called from any thread. Anything but IL_OK ends the run that asked. */
  il_status (*draw)(void *data, il_task_id id, void *scratch, const il_task_memory *task);
  void (*close)(void *data); /* NULL: nothing to do */
  /* What some have and others do not: NULL. */
  /* In how many shapes (at most IL_TASK_VARIANTS) tasks of a split come: other shots, other sizes; what nets see of
   * an example, and the kind of y, are the same in all. 0: the split has no task. NULL: in one. */
  int (*variants)(void *data, il_split split);
  /* How many of 1 task have that shape, in the mean. NULL: as many of each. */
  double (*share)(void *data, il_split split, int variant);
  int (*classes)(void *data, il_split split); /* NULL: tasks do not come from classes */
  /* How many different tasks a split has; evaluation takes each at most once, 0 … count·share − 1 of a variant. NULL:
   * any number. */
  int64_t (*count)(void *data, il_split split);
  /* A number that tells its data from others wherever they lie; NULL: those of the sampler's data set, if there is one. */
  uint64_t (*content)(void *data);
  /* A number that tells how its data are divided into training, validation and test, and weighed, from other ways; 0: they
   * are not. */
  uint64_t (*division)(void *data);
  size_t (*bytes)(void *data);                        /* of memory that examples take */
  il_sampler *(*sampler)(void *data, il_split split); /* episodes, which may come from a list */
  il_dataset *(*dataset)(il_context *context, const void *settings, const char *data); /* alone */
} il_source;

/* The sources that have names: dataset, omniglot, glyphs, sinusoid, table, tasks. */
IL_API int il_sources(void);
/* The index-th source, from 0. */
IL_API const il_source *il_source_at(int index);
IL_API const il_source *il_source_find(const char *name); /* NULL: none */

/* An opened source. */
typedef struct il_tasks il_tasks;
/* settings: what the source's fields describe; may be gone afterwards, unless the source says otherwise. The options'
 * texts must outlive the tasks. NULL after an error. */
IL_API il_tasks *il_tasks_open(il_context *context, const il_source *source, const void *settings,
                               const il_source_options *options);
IL_API void il_tasks_free(il_tasks *tasks);                          /* accepts NULL */
IL_API int il_tasks_variants(const il_tasks *tasks, il_split split); /* 0: the split has no task */
/* How many of 1 task have that shape: 1 over all variants of a split. */
IL_API double il_tasks_share(const il_tasks *tasks, il_split split, int variant);
IL_API int64_t il_tasks_count(const il_tasks *tasks, il_split split); /* −1: any number */
/* The shape of a split's tasks; variants are numbered from 0. */
IL_API const il_task_shape *il_tasks_shape(const il_tasks *tasks, il_split split, int variant);
IL_API int il_tasks_classes(const il_tasks *tasks, il_split split); /* −1: there are none */
/* Draws `count` tasks of one shape from `first` on, one after the other into `memory`: x and y of either set are
 * [count, n, example…] and [count, n] or [count, n, outputs], as a run takes them. A task is the same whenever and by
 * whatever thread it is drawn. An error goes into the context that opened the tasks. */
IL_API il_status il_tasks_draw(const il_tasks *tasks, il_task_id first, int count,
                               const il_task_memory *memory);

/* Where the outputs of runs that follow each other go: output place[i] of run r to memory[i] + r·bytes[i]. */
typedef struct il_results {
  int count;           /* outputs */
  const int *place;    /* of each (function.h) */
  void *const *memory; /* of the first run */
  const size_t *bytes; /* of one run */
} il_results;
/* Runs one after the other, each on the `count` tasks that follow those of the one before:
 *   for r < runs: il_tasks_draw(tasks, first + r·count, count, memory), il_run_go(run, count)
 * memory: what the inputs of the run are bound to. Ends at the first error, which stands in the context of the tasks, or of
 * the run. */
IL_API il_status il_tasks_go(const il_tasks *tasks, il_task_id first, int count,
                             const il_task_memory *memory, il_run *run, int64_t runs,
                             const il_results *results);
/* One such run, as one argument: to a language in which every argument of a call costs, a small run costs no more. */
typedef struct il_tasks_call {
  const il_tasks *tasks;        /* NULL: none are drawn; memory holds those of the run */
  const il_task_id *first;      /* of the tasks that are drawn */
  const il_task_memory *memory; /* what the inputs of the run are bound to */
  il_run *run;                  /* what computes */
  int count;                    /* of tasks */
} il_tasks_call;
/* il_tasks_draw, where the call says so, and then il_run_go. */
IL_API il_status il_tasks_call_go(const il_tasks_call *call);

/* ---- samples ---- */
/* `count` examples, each with a label or with targets. Fill it by hand over your own memory, or take one
 * from a function below and free it with il_samples_free. Never written to by the library. */
typedef struct il_samples {
  int64_t count;        /* how many there are */
  il_shape example;     /* [features], a signal [t,channels] or an image [h,w,c] */
  il_type type;         /* IL_FLOAT32, or IL_UINT8: pixels, which nets see divided by 255 */
  const void *inputs;   /* [count, example…] */
  const int32_t *label; /* [count], each in [0, outputs); NULL: targets */
  const float *target;  /* [count, outputs], each in [0, 1]; NULL: labels */
  int outputs;          /* classes, or targets of an example; 1 with labels 0 and 1: one score */
} il_samples;

/* A file with samples: an imported dataset (the classes are the labels), or inputs with labels or targets in any file
 * of il_labelled_read (io.h): what torch.save wrote, .npz, safetensors. Inputs are [n, features] or images: u8
 * pixels, or reals of any type; [n,c,h,w] out of PyTorch, [n,h,w,c] otherwise, [n,h,w] of one channel. Whole numbers
 * [n] are labels, reals [n] or [n, outputs] targets in [0, 1]. NULL after an error. */
IL_API il_samples *il_samples_open(il_context *context, const char *path);
/* The same for a net that takes signals: inputs of the file that could be grey images are signals, [n,channels,t] out of
 * PyTorch, [n,t,channels] otherwise, [n,t] of one channel. Imported datasets say themselves what they hold; so do signals
 * that il_samples_write wrote, which il_samples_open takes for signals too. */
IL_API il_samples *il_samples_open_signals(il_context *context, const char *path);
/* All examples of some classes of a dataset, labelled 0 … classes − 1 in the order of `cls`. */
IL_API il_samples *il_samples_of_classes(il_context *context, const il_dataset *dataset,
                                         int classes, const int *cls);
/* A copy of the examples at `index`. */
IL_API il_samples *il_samples_subset(il_context *context, const il_samples *samples, int64_t count,
                                     const int64_t *index);
/* Divides without overlap: of each class (of all samples, where there are targets) the share `test` in
 * (0, 1), at least one example, goes into *held, the rest into *kept; drawn by seed. Both must be freed. */
IL_API il_status il_samples_hold_out(il_context *context, const il_samples *samples, double test,
                                     uint64_t seed, il_samples **kept, il_samples **held);
/* Writes safetensors that il_samples_open reads back. */
IL_API il_status il_samples_write(il_context *context, const il_samples *samples, const char *path);
IL_API void il_samples_free(il_samples *samples); /* accepts NULL */

/* ---- tasks cut from samples ---- */
/* How a task is cut from samples. */
typedef enum il_episode_kind {
  /* Some classes, renumbered 0 … ways − 1; of each, `shots` examples to adapt on and `queries` others. */
  IL_EPISODES_BY_CLASS = 1,
  /* All classes with their own labels: `shots` examples of all to adapt on and `queries` others. */
  IL_EPISODES_ALL_CLASSES = 2,
} il_episode_kind;
/* What a task is: how support and query set, which never share an example, are drawn from samples. */
typedef struct il_episodes {
  il_episode_kind kind;     /* how they are cut */
  int ways, shots, queries; /* ways: by class only */
  bool rotate; /* by class: the images of each class of a task are turned by 0 to 3 quarter turns */
} il_episodes;

#ifdef __cplusplus
}
#endif
#endif
