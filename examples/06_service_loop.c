/* A service that adapts while others predict: every worker thread has a learner of its own, in a room of its own, over the ONE
 * file in memory, which nobody writes to. Users are given to workers; what one is shown, others never wait for. No lock is
 * taken beside those of the queues, which are the service's own.
 *
 *   06_service_loop learner.safetensors          (of the preset glyphs-5w1s-maml, as in 05_recognise_from_memory.c) */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <innerloop/learner.h>

enum { SIDE = 28, PIXELS = SIDE * SIDE, CLASSES = 5, WORKERS = 3, REQUESTS = 60, ROOM = 8 << 20 };

/* A user shows one picture of each class now and then, in an order of their own, and asks in between. */
typedef struct request {
  int user;
  bool shows;
  uint8_t x[CLASSES][PIXELS]; /* the pictures shown, or one that is asked about */
  int32_t y[CLASSES];         /* their classes, or the one that is right */
} request;

typedef struct worker {
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t more;
  request queue[REQUESTS];
  int arrived, done;
  bool closed;
  const void *file;
  size_t size;
  int shown, asked, right; /* read by others after the thread has ended */
  il_status status;
  char message[256];
} worker;

/* ---- a worker ---- */

static void serve(worker *w, il_learner *l, const request *r) {
  if (r->shows) {
    w->shown++;
    il_learner_adapt(l, CLASSES, r->x, r->y);
    return;
  }
  float score[CLASSES] = {0};
  il_learner_predict(l, 1, r->x[0], score);
  int best = 0;
  for (int k = 1; k < CLASSES; k++)
    if (score[k] > score[best]) best = k;
  w->asked++;
  w->right += best == r->y[0];
}

static void *work(void *argument) {
  worker *w = argument;
  char *room = malloc(ROOM); /* the last that is taken from the system */
  il_learner *l = il_learner_place(w->file, w->size, room, room ? ROOM : 0);
  for (;;) {
    pthread_mutex_lock(&w->lock);
    while (w->done == w->arrived && !w->closed) pthread_cond_wait(&w->more, &w->lock);
    const request *r = w->done < w->arrived ? &w->queue[w->done++] : NULL;
    pthread_mutex_unlock(&w->lock);
    if (!r) break;
    serve(w, l, r);
    if (w->status == IL_OK && il_learner_status(l) != IL_OK) {
      w->status = il_learner_status(l);
      snprintf(w->message, sizeof w->message, "%s", il_learner_message(l));
    }
  }
  free(room);
  return NULL;
}

/* ---- the service ---- */

static void send(worker *w, const request *r) {
  pthread_mutex_lock(&w->lock);
  w->queue[w->arrived++] = *r;
  pthread_cond_signal(&w->more);
  pthread_mutex_unlock(&w->lock);
}

/* Shapes in five turns, moved a little. */
static void draw(int shape, int moved, uint8_t *x) {
  for (int i = 0; i < PIXELS; i++) {
    const int w = i % SIDE - SIDE / 2 - moved % 3, h = i / SIDE - SIDE / 2 - moved % 2;
    const int inside = abs(w) < 9 && abs(h) < 9, bar = abs(w) < 2, beam = abs(h) < 2;
    const int r = w * w + h * h;
    const int on[CLASSES] = {bar, beam, bar || beam, r > 36 && r < 81, abs(w - h) < 2};
    x[i] = inside && on[shape] ? 255 : 0;
  }
}

/* What user u does as the i-th. The classes of user u are the shapes from u on. */
static void compose(int u, int i, request *r) {
  *r = (request){.user = u, .shows = i % 10 == 0};
  for (int k = 0; k < (r->shows ? CLASSES : 1); k++) {
    r->y[k] = r->shows ? k : i % CLASSES;
    draw((r->y[k] + u + i / 10) % CLASSES, r->shows ? 0 : i, r->x[k]);
  }
}

static worker workers[WORKERS];

int main(int argc, char **argv) {
  static uint8_t file[1 << 20];
  FILE *in = argc == 2 ? fopen(argv[1], "rb") : NULL;
  const size_t size = in ? fread(file, 1, sizeof file, in) : 0;
  if (in) fclose(in);
  for (int u = 0; u < WORKERS; u++) {
    worker *w = &workers[u];
    w->file = file;
    w->size = size;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->more, NULL);
    if (pthread_create(&w->thread, NULL, work, w) != 0) return puts("no thread"), 1;
  }
  static request r;
  for (int i = 0; i < REQUESTS; i++)
    for (int u = 0; u < WORKERS; u++) {
      compose(u, i, &r);
      send(&workers[r.user % WORKERS], &r);
    }
  int failed = 0;
  for (int u = 0; u < WORKERS; u++) {
    worker *w = &workers[u];
    pthread_mutex_lock(&w->lock);
    w->closed = true;
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    printf("user %d: shown %d times, %d of %d answers right\n", u, w->shown, w->right, w->asked);
    if (w->status != IL_OK) printf("user %d: %s\n", u, w->message);
    failed |= w->status != IL_OK || 2 * w->right < w->asked;
  }
  return failed;
}
