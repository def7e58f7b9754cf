/* BOIL: Oh, Yoo, Kim, Yun, "BOIL: Towards Representation Change for Few-shot Learning", ICLR 2021: MAML whose inner loop
 * moves everything but the head, so that the representation changes and the head does not. */
#include <innerloop/meta.h>

const il_algorithm il_boil = {.name = "boil",
                              .paper = "Oh, Yoo, Kim, Yun, ICLR 2021",
                              .revision = 1,
                              .gradient = IL_GRADIENT_EXACT,
                              .adapts = "!head",
                              .begin = il_gradient_begin,
                              .step = il_gradient_step,
                              .score = il_net_score};
