/* A learner in the caller's memory: placed once, adapted to a few examples, asked about others. It belongs to the core: no file,
 * no clock, no thread, no lock, no system call, and every byte that it takes, also while it is placed, is one of the room.
 *
 *   static char room[1 << 22];
 *   il_learner *l = il_learner_place(bytes, size, room, sizeof room);
 *   il_learner_adapt(l, n, x, y);
 *   il_learner_predict(l, 1, query, scores);
 *   if (il_learner_status(l) != IL_OK) puts(il_learner_message(l));
 *
 * The bytes are those of a learner's file, which `innerloop export` and `innerloop adapt` write and every run's folder has
 * (checkpoint.safetensors). They are read while the learner is placed and may be gone afterwards. They need not be trusted: a file that is cut,
 * or that lies, is an error. Answers are those of `innerloop predict`, to the bit.
 *
 * One thread at a time for each learner; any number of learners, also over the same bytes, at the same time. There is
 * nothing to free: the learner ends with its room. */
#ifndef INNERLOOP_LEARNER_H
#define INNERLOOP_LEARNER_H

#include "shape.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A placed learner: where it lies in the room. */
typedef struct il_learner il_learner;

/* What a learner is placed for; it can be placed again, in the same room, for something else. 0: as the file has it, which is as
 * it was trained, or what it was adapted to. */
typedef struct il_learner_options {
  /* Classes, from 2 on; as many as its head has outputs where the algorithm has no head of its own (protonet has). */
  int ways;
  int examples; /* that it will adapt to, of all classes together: exactly so many each time */
  /* The file is an adapted one, and the learner will not be adapted to anything else: a fraction of the room. */
  bool answers_only;
} il_learner_options;

/* The room that placing takes, in bytes, for memory aligned to nothing; 0: it cannot be placed, and placing it in a large room says
 * why, or malloc has not so much. The same file, options, build of innerloop and instruction set give the same number each
 * time. THIS function alone takes memory from malloc, a little more than what it returns, and gives it back; where there is no
 * malloc, place the learner in a large room and ask il_learner_used. options: NULL for all 0. */
IL_API size_t il_learner_room(const void *bytes, size_t size, const il_learner_options *options);

/* Places a learner, which may then be adapted, or asked where the file is an adapted one. After an error a learner comes
 * back as well, that does nothing and says what went wrong; only where the room is too small even for that it is NULL, which all
 * functions below take for such a learner. Takes milliseconds to seconds, for graphs are built and planned. */
IL_API il_learner *il_learner_place(const void *bytes, size_t size, void *room, size_t room_size);
/* The same for what options say; NULL: as the file has it. */
IL_API il_learner *il_learner_place_for(const void *bytes, size_t size,
                                        const il_learner_options *options, void *room,
                                        size_t room_size);

/* Adapts to n examples, as the learner was trained to; what it was adapted to before is forgotten.
 * Refused arguments leave the learner as it was.
 * x: [n, example…] of the learner's type, numbers as its data had them (bytes 0 to 255 for pictures): the scale is the
 * learner's. y: int32_t [n], the class of each from 0, every class at least once; for a learner of numbers float
 * [n, outputs]. Both aligned as their types are, not changed, and not needed afterwards. */
IL_API il_status il_learner_adapt(il_learner *l, int n, const void *x, const void *y);

/* scores: [n, outputs] of n examples, each of which is looked at alone. The largest score is the class that it is held
 * for, the softmax of the scores what each class is held for; for a learner of numbers, the numbers. An error
 * before anything was adapted to. */
IL_API il_status il_learner_predict(il_learner *l, int n, const void *x, float *scores);

/* Of the last call, or of placing where that failed: then for good. */
IL_API il_status il_learner_status(const il_learner *l);
IL_API const char *il_learner_message(const il_learner *l); /* one sentence, or "" */

/* Bytes of the room that were taken: it could have been so large. */
IL_API size_t il_learner_used(const il_learner *l);

/* What a placed learner takes and gives. */
typedef struct il_learner_info {
  const char *algorithm; /* "maml" */
  il_shape example;      /* [height, width, channels], [time, channels] or [features] */
  il_type type;          /* of x: IL_UINT8 or IL_FLOAT32 */
  int ways, examples;    /* that it is placed for */
  int outputs;           /* scores of an example */
  bool numbers;          /* y are numbers, no classes */
  bool adapted;          /* it can be asked */
} il_learner_info;
/* false: it was not placed, and the info is all 0. */
IL_API bool il_learner_describe(const il_learner *l, il_learner_info *info);
/* What a class is called in the file of an adapted learner; NULL: it says nothing of it. Of no meaning after adapting to others. */
IL_API const char *il_learner_class_name(const il_learner *l, int cls);

#ifdef __cplusplus
}
#endif
#endif
