/* Recognise from memory: a learner's file lies in an array, the learner in another; it is shown one picture of each of five
 * shapes and names others. It needs the core alone, and takes nothing from the system: this runs where there is no malloc.
 *
 *   innerloop train glyphs-5w1s-maml && innerloop export runs/glyphs-5w1s-maml --out learner.safetensors
 *   05_recognise_from_memory learner.safetensors */
#include <stdio.h>
#include <stdlib.h>

#include <innerloop/learner.h>

enum { SIDE = 28, SHAPES = 5, ASKED = 40 };
typedef uint8_t picture[SIDE * SIDE];
static const char *const name[SHAPES] = {"bar", "beam", "cross", "ring", "slope"};

/* White on black, moved by some pixels. */
static void draw(int shape, int right, int down, uint8_t *x) {
  for (int i = 0; i < SIDE * SIDE; i++) {
    const int w = i % SIDE - SIDE / 2 - right, h = i / SIDE - SIDE / 2 - down, r = w * w + h * h;
    const int inside = abs(w) < 9 && abs(h) < 9, bar = abs(w) < 2, beam = abs(h) < 2;
    const int on[SHAPES] = {bar, beam, bar || beam, r > 36 && r < 81, abs(w - h) < 2};
    x[i] = inside && on[shape] ? 255 : 0;
  }
}

static uint8_t file[1 << 20]; /* on a device: a constant, flashed with the program */
static char room[8 << 20];

int main(int argc, char **argv) {
  FILE *in = argc == 2 ? fopen(argv[1], "rb") : NULL;
  const size_t size = in ? fread(file, 1, sizeof file, in) : 0;
  if (in) fclose(in);

  static picture shown[SHAPES], asked;
  int32_t is[SHAPES];
  for (int i = 0; i < SHAPES; i++) draw(is[i] = i, 0, 0, shown[i]);
  il_learner *l = il_learner_place(file, size, room, sizeof room);
  il_learner_adapt(l, SHAPES, shown, is);

  int right = 0;
  for (int i = 0; i < ASKED; i++) {
    float score[SHAPES] = {0};
    draw(i % SHAPES, i / 8 - 2, i % 7 - 3, asked);
    il_learner_predict(l, 1, asked, score);
    int best = 0;
    for (int k = 1; k < SHAPES; k++)
      if (score[k] > score[best]) best = k;
    if (i < SHAPES) printf("a %s is named %s\n", name[i % SHAPES], name[best]);
    right += best == i % SHAPES;
  }
  if (il_learner_status(l) != IL_OK) return puts(il_learner_message(l)), 1;
  printf("%d of %d are right; the room took %zu bytes\n", right, ASKED, il_learner_used(l));
  return right < ASKED / 2;
}
