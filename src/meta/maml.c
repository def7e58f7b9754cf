/* MAML: Finn, Abbeel, Levine, "Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks", ICML 2017,
 * Algorithm 2. The inner loop is that of gradient_steps.c, all parameters adapt, and the objective is the query loss
 * after it, differentiated through it: nothing else is MAML's own. */
#include <innerloop/meta.h>

const il_algorithm il_maml = {.name = "maml",
                              .paper = "Finn, Abbeel, Levine, ICML 2017",
                              .revision = 1,
                              .gradient = IL_GRADIENT_EXACT,
                              .adapts = "*",
                              .begin = il_gradient_begin,
                              .step = il_gradient_step,
                              .score = il_net_score};
