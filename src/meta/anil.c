/* ANIL: Raghu, Raghu, Bengio, Vinyals, "Rapid Learning or Feature Reuse?", ICLR 2020: MAML whose inner loop moves the
 * head alone; the body is learned by the outer loop and never adapts. */
#include <innerloop/meta.h>

const il_algorithm il_anil = {.name = "anil",
                              .paper = "Raghu, Raghu, Bengio, Vinyals, ICLR 2020",
                              .revision = 1,
                              .gradient = IL_GRADIENT_EXACT,
                              .adapts = "head",
                              .begin = il_gradient_begin,
                              .step = il_gradient_step,
                              .score = il_net_score};
