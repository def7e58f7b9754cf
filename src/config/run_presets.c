/* Presets: settings with the source of their protocol, and how they differ from it. */
#include <string.h>

#include "config/config.h"

#define SETTINGS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define OMNIGLOT_SPLIT                                                                             \
  "task.source=omniglot", "task.split=random", "task.train_classes=1100",                          \
      "task.validation_classes=100", "task.test_classes=0", "task.rotations=random",               \
      "meta.query_statistics=query", "outer.optimizer=adam", "outer.lr=0.001"

#define PROTONET                                                                                   \
  OMNIGLOT_SPLIT, "meta.algorithm=protonet", "meta.query_statistics=running",                      \
      "task.train_classes=1028", "task.validation_classes=172", "task.rotations=classes",          \
      "task.rotate_test=true", "task.shots=1", "task.queries=15", "task.train_ways=60",            \
      "task.train_queries=5", "model.preset=conv4", "outer.schedule=cosine", "outer.meta_batch=4", \
      "outer.lr=0.002", "outer.steps=5000", "eval.every=500"
#define PROTONET_SOURCE                                                                            \
  "Snell et al. 2017 as their program trains it: 1028/172/423 characters, each of four rotations " \
  "a class of its own in training and test, 60 ways and 5 queries in training, 15 in test, "       \
  "running norm statistics, 20000 episodes. Four of them make a meta-step, so that they run side " \
  "by side, under Adam 2e-3 that falls along a cosine (there: one, 1e-3, halved every 2000), and " \
  "validation classes do not train in the end."

#define PRETRAIN                                                                                   \
  OMNIGLOT_SPLIT, "meta.query_statistics=running", "task.rotations=classes", "task.ways=5",        \
      "task.shots=1", "task.queries=15", "task.train_ways=128", "task.train_queries=1",            \
      "model.preset=conv4", "outer.meta_batch=1", "outer.steps=20000", "outer.schedule=cosine",    \
      "eval.every=1000"
#define PRETRAIN_SOURCE                                                                            \
  "Chen et al. 2019, who train on all characters of all alphabets to test on others: here 1100 "   \
  "characters, each of four rotations a class of its own, in batches of two pictures of 128 of "   \
  "these classes, and running norm statistics. "

/* One block of a strided net that ends in all of its last features; `init`: of the convolution. */
#define STRIDED(init)                                                                              \
  "{kind: conv, units: 64, kernel: 3, stride: 2, pad: 1" init "}, {kind: norm}, {kind: relu}, "
#define STRIDED_NET(init)                                                                          \
  "model.layers=[" STRIDED(init) STRIDED(init) STRIDED(init)                                       \
      STRIDED(init) "{kind: flatten}, {kind: linear}]"

#define TNET                                                                                       \
  "{kind: conv, units: 64, kernel: 3, stride: 2, pad: 1, bias: false}, "                           \
  "{kind: conv, units: 64, kernel: 1, bias: false}, {kind: norm}, {kind: relu}"

#define MNIST1D                                                                                    \
  "task.source=mnist1d", "meta.algorithm=hyper", "inner.order=listed", "inner.loop=keep",          \
      "outer.optimizer=sgd", "outer.lr=0.3", "outer.meta_batch=1", "eval.every=0", "eval.tasks=2", \
      "checkpoint.every=50", "log.every=1"

static const il_preset presets[] = {
    {"glyphs-5w1s-maml",
     "The demo: 5-way 1-shot MAML on built-in drawn characters, no download; a minute or two on "
     "two cores.",
     "Our own task. Shows that everything works; its figures compare with nothing published.",
     SETTINGS("task.source=glyphs", "task.ways=5", "task.shots=1", "task.queries=5",
              "task.split=random", "task.train_classes=300", "task.validation_classes=20",
              "glyphs.alphabets=20", "glyphs.classes=20", "glyphs.writers=20",
              "task.rotations=random", "model.preset=omniglot_conv", "model.filters=16",
              "inner.steps=1", "inner.lr=0.4", "outer.meta_batch=16", "outer.steps=1500",
              "outer.lr=0.003", "eval.every=250", "checkpoint.every=500")},
    {"omniglot-5w1s-maml", "5-way 1-shot MAML on Omniglot, strided convolutions, second order.",
     "Finn et al. 2017 as independent implementations train it: 1 inner step, 1 query per class, "
     "meta-batch 32, Adam 1e-3, random 1100/100/423 split of classes, random rotations in training "
     "only. "
     "inner.lr 0.4 multiplies the gradient of the MEAN cross-entropy; the original code's 0.4 "
     "multiplies "
     "a sum over classes and equals 2.0 here.",
     SETTINGS(OMNIGLOT_SPLIT, "task.ways=5", "task.shots=1", "task.queries=1",
              "model.preset=omniglot_conv", "inner.steps=1", "inner.lr=0.4", "outer.meta_batch=32",
              "outer.steps=15000")},
    {"omniglot-20w1s-maml", "20-way 1-shot MAML on Omniglot, strided convolutions, second order.",
     "Finn et al. 2017 with 5 inner steps and meta-batch 16. The original code's 0.1 multiplies a "
     "sum over "
     "classes and equals 2.0 on the mean; inner.lr here is 0.4 on the MEAN cross-entropy, as for "
     "5-way.",
     SETTINGS(OMNIGLOT_SPLIT, "task.ways=20", "task.shots=1", "task.queries=1",
              "model.preset=omniglot_conv", "inner.steps=5", "inner.lr=0.4", "outer.meta_batch=16",
              "outer.steps=15000")},
    {"omniglot-fc-5w1s-maml", "5-way 1-shot MAML on Omniglot, fully connected 256-128-64-64.",
     "Finn et al. 2017, the net without convolutions; everything else as omniglot-5w1s-maml.",
     SETTINGS(OMNIGLOT_SPLIT, "task.ways=5", "task.shots=1", "task.queries=1",
              "model.preset=omniglot_fc", "inner.steps=1", "inner.lr=0.4", "outer.meta_batch=32",
              "outer.steps=15000")},
    {"omniglot-5w1s-conv4-maml",
     "5-way 1-shot MAML on Omniglot, max-pool convolutions, 15 queries, 5 inner steps.",
     "The net of Vinyals et al. 2016 with MAML's 5 inner steps and 15 queries per class, "
     "meta-batch 8; "
     "everything else as omniglot-5w1s-maml.",
     SETTINGS(OMNIGLOT_SPLIT, "task.ways=5", "task.shots=1", "task.queries=15",
              "model.preset=conv4", "inner.steps=5", "inner.lr=0.4", "outer.meta_batch=8",
              "outer.steps=15000")},
    {"omniglot-5w1s-500steps",
     "5-way 1-shot MAML on Omniglot through 500 inner steps, which one operation takes.",
     "For long inner loops, no paper: omniglot-5w1s-maml with 500 steps of 0.02, whose "
     "meta-gradient is clipped, and meta-batch 4. inner.loop keep holds the weights before every "
     "step of a task on each thread, 230 MB in all; remake 36 MB, for one more pass through the "
     "steps.",
     SETTINGS(OMNIGLOT_SPLIT, "task.ways=5", "task.shots=1", "task.queries=1",
              "model.preset=omniglot_conv", "inner.steps=500", "inner.lr=0.02", "inner.loop=keep",
              "outer.meta_batch=4", "outer.clip=10", "outer.steps=2000",
              "eval.steps=0,1,10,100,500", "eval.every=200", "checkpoint.every=100")},
    {"omniglot-5w1s-anil", "5-way 1-shot ANIL on Omniglot: only the last layer adapts.",
     "Raghu et al. 2020: omniglot-5w1s-maml with 5 inner steps on the head alone.",
     SETTINGS(OMNIGLOT_SPLIT, "meta.algorithm=anil", "task.ways=5", "task.shots=1",
              "task.queries=1", "model.preset=omniglot_conv", "inner.steps=5", "inner.lr=0.4",
              "outer.meta_batch=32", "outer.steps=15000")},
    {"omniglot-20w1s-anil", "20-way 1-shot ANIL on Omniglot: only the last layer adapts.",
     "Raghu et al. 2020, table 2, whose net and training are MAML's: omniglot-20w1s-maml on the "
     "head alone.",
     SETTINGS(OMNIGLOT_SPLIT, "meta.algorithm=anil", "task.ways=20", "task.shots=1",
              "task.queries=1", "model.preset=omniglot_conv", "inner.steps=5", "inner.lr=0.4",
              "outer.meta_batch=16", "outer.steps=15000")},
    {"omniglot-5w1s-boil", "5-way 1-shot BOIL on Omniglot: all but the last layer adapts.",
     "Oh et al. 2021; the setting is omniglot-5w1s-maml's.",
     SETTINGS(OMNIGLOT_SPLIT, "meta.algorithm=boil", "task.ways=5", "task.shots=1",
              "task.queries=1", "model.preset=omniglot_conv", "inner.steps=1", "inner.lr=0.4",
              "outer.meta_batch=32", "outer.steps=15000")},
    {"omniglot-5w1s-tnet",
     "5-way 1-shot T-net on Omniglot: linear layers between those that adapt, learned by the outer "
     "loop.",
     "Lee & Choi 2018, who call them T: a 1×1 convolution behind each of omniglot-5w1s-maml's net, "
     "out of inner.adapts; everything else as there. With a nonlinearity between the two it is a "
     "warp layer (Flennerhag et al. 2020).",
     SETTINGS(
         OMNIGLOT_SPLIT, "meta.algorithm=maml", "task.ways=5", "task.shots=1", "task.queries=1",
         "model.layers=[" TNET ", " TNET ", " TNET ", " TNET ", {kind: mean_pool}, {kind: linear}]",
         "inner.adapts=!conv2.*,conv4.*,conv6.*,conv8.*", "inner.steps=1", "inner.lr=0.4",
         "outer.meta_batch=32", "outer.steps=15000")},
    {"omniglot-5w1s-meta-sgd",
     "5-way 1-shot Meta-SGD on Omniglot: an inner rate of its own for every weight, learned.",
     "Li et al. 2017: 1 inner step, rates that start evenly drawn from 0.005 to 0.1; net, split "
     "and outer loop are omniglot-5w1s-maml's.",
     SETTINGS(OMNIGLOT_SPLIT, "meta.algorithm=meta_sgd", "task.ways=5", "task.shots=1",
              "task.queries=1", "model.preset=omniglot_conv", "inner.steps=1",
              "outer.meta_batch=32", "outer.steps=15000")},
    {"omniglot-5w1s-protonet", "5-way 1-shot ProtoNet on Omniglot, trained on 60 ways.",
     PROTONET_SOURCE, SETTINGS(PROTONET, "task.ways=5")},
    {"omniglot-20w1s-protonet", "20-way 1-shot ProtoNet on Omniglot, trained on 60 ways.",
     PROTONET_SOURCE, SETTINGS(PROTONET, "task.ways=20")},
    {"omniglot-20w1s-within",
     "20-way 1-shot ProtoNet on Omniglot within one alphabet, trained on the background alphabets.",
     "The task of Lake et al. 2015: the official split of 30 background and 20 evaluation "
     "alphabets, "
     "tests of 20 characters of one alphabet; here every picture's writer is drawn anew, there one "
     "writes the examples and another the questions. ProtoNet after Snell et al. 2017, trained "
     "within alphabets, too, each quarter turn of one an alphabet of its own, on pictures that are "
     "distorted anew each time as Koch et al. 2015 did. No class validates; the average of the "
     "weights is kept.",
     SETTINGS(PROTONET, "task.split=official", "task.train_classes=0", "task.validation_classes=0",
              "task.within=alphabet", "task.ways=20", "task.train_ways=20", "task.queries=1",
              "task.rotate_test=false", "augment.degrees=10", "augment.shift=0.07",
              "augment.scale=0.15", "outer.meta_batch=2", "outer.lr=0.001", "outer.ema=0.99",
              "outer.steps=8000", "eval.every=0", "eval.tasks=10000", "checkpoint.every=100")},
    {"omniglot-5w1s-reptile", "5-way 1-shot Reptile on Omniglot.",
     "Nichol et al. 2018: 10 shots in training, 5 inner steps of Adam 1e-3 without first moment, "
     "whose mean squares are never reset (as RMSProp has it), on mini-batches of 10, meta-batch 5, "
     "outer rate 1 down to 0, 50 inner steps in evaluation; a net that ends in all of its last "
     "features. Here mean squares, too, move to the mean of a meta-step's tasks, and classes are "
     "turned at random.",
     SETTINGS(OMNIGLOT_SPLIT, "meta.algorithm=reptile", "reptile.carried=true",
              "task.train_classes=1150", "task.validation_classes=50", "task.ways=5",
              "task.shots=1", "task.queries=1", "task.train_shots=10", STRIDED_NET(""),
              "inner.optimizer=rmsprop", "inner.alpha=0.999", "inner.lr=0.001", "inner.steps=5",
              "inner.batch=10", "outer.optimizer=sgd", "outer.lr=1", "outer.schedule=linear",
              "outer.meta_batch=5", "outer.steps=100000", "eval.steps=0,1,5,10,20,50",
              "eval.every=5000", "checkpoint.every=5000", "log.every=100")},
    {"glyphs-5w1s-protonet",
     "5-way 1-shot ProtoNet on built-in drawn characters, no download, trained on 20 ways.",
     "Our own task, for a first look; its figures compare with nothing published.",
     SETTINGS("meta.algorithm=protonet", "meta.query_statistics=running", "task.source=glyphs",
              "task.ways=5", "task.shots=1", "task.queries=5", "task.train_ways=20",
              "task.split=random", "task.train_classes=300", "task.validation_classes=20",
              "task.rotations=random", "model.preset=omniglot_conv", "model.filters=16",
              "outer.meta_batch=4", "outer.steps=400", "outer.lr=0.003", "eval.every=200")},
    {"glyphs84-5w5s-maml",
     "5-way 5-shot MAML on built-in coloured drawings of 84×84 pixels, the shape of miniImageNet.",
     "Finn et al. 2017's setting for miniImageNet: 4 blocks of 32 filters with max pool, 15 "
     "queries, "
     "meta-batch 4, 5 inner steps of 0.01, Adam 1e-3. The pictures are our own.",
     SETTINGS("task.source=glyphs", "glyphs.side=84", "glyphs.channels=3", "task.ways=5",
              "task.shots=5", "task.queries=15", "task.split=random", "task.train_classes=64",
              "task.validation_classes=16", "glyphs.alphabets=10", "glyphs.classes=10",
              "glyphs.writers=25", "model.preset=conv4", "model.filters=32", "inner.steps=5",
              "inner.lr=0.01", "outer.meta_batch=4", "outer.steps=60000", "eval.every=1000")},
    {"sinusoid-5shot-maml",
     "Regression of sinusoids from 5 points, a net with two hidden layers of 40.",
     "Finn et al. 2017, section 5.1: 1 inner step of 0.01 on the mean squared error, meta-batch "
     "25, Adam "
     "1e-3, 70000 meta-steps; the queries of a training task are as many as its shots.",
     SETTINGS("task.source=sinusoid", "task.shots=5", "task.queries=5", "model.preset=mlp",
              "inner.steps=1", "inner.lr=0.01", "outer.meta_batch=25", "outer.steps=70000",
              "eval.every=5000", "eval.queries=100", "checkpoint.every=5000", "log.every=100")},
    {"sinusoid-10shot-maml", "Regression of sinusoids from 10 points.",
     "As sinusoid-5shot-maml, with 10 shots and 10 queries.",
     SETTINGS("task.source=sinusoid", "task.shots=10", "task.queries=10", "model.preset=mlp",
              "inner.steps=1", "inner.lr=0.01", "outer.meta_batch=25", "outer.steps=70000",
              "eval.every=5000", "eval.queries=100", "checkpoint.every=5000", "log.every=100")},
    {"sinusoid-10shot-cavia",
     "Regression of sinusoids from 10 points by five context numbers beside the input.",
     "Zintgraf et al. 2019, section 5.1: 1 inner step of 1.0 on the context alone, meta-batch 25, "
     "Adam 1e-3, 50000 meta-steps; tested on 100 points of x, which are drawn here and evenly "
     "spaced there.",
     SETTINGS("task.source=sinusoid", "task.shots=10", "task.queries=10", "model.preset=mlp",
              "meta.algorithm=cavia", "cavia.contexts=5", "inner.steps=1", "inner.lr=1",
              "outer.meta_batch=25", "outer.steps=50000", "eval.every=5000", "eval.queries=100",
              "checkpoint.every=5000", "log.every=100")},
    {"omniglot-5w1s-cavia", "5-way 1-shot CAVIA on Omniglot: a context of 100 numbers adapts.",
     "Zintgraf et al. 2019, whose pictures are miniImageNet's: the context enters behind the third "
     "norm layer, 2 inner steps of 1.0, 100 numbers. Everything else as omniglot-5w1s-conv4-maml.",
     SETTINGS(OMNIGLOT_SPLIT, "meta.algorithm=cavia", "cavia.contexts=100", "task.ways=5",
              "task.shots=1", "task.queries=15", "model.preset=conv4", "inner.steps=2",
              "inner.lr=1", "outer.meta_batch=8", "outer.steps=15000")},
    {"omniglot-5w1s-protomaml",
     "5-way 1-shot Proto-MAML on Omniglot: a head of prototypes, from which everything adapts.",
     "Triantafillou et al. 2020, whose pictures are Meta-Dataset's; everything else as "
     "omniglot-5w1s-maml, with 5 inner steps of 0.1 and 5 queries per class.",
     SETTINGS(OMNIGLOT_SPLIT, "meta.algorithm=protomaml", "task.ways=5", "task.shots=1",
              "task.queries=5", "model.preset=omniglot_conv", "inner.steps=5", "inner.lr=0.1",
              "outer.meta_batch=16", "outer.steps=15000")},
#define MAMLPP                                                                                     \
  OMNIGLOT_SPLIT, "meta.algorithm=mamlpp", "task.train_classes=1150",                              \
      "task.validation_classes=50", "task.shots=1", "task.queries=1", "model.preset=conv4",        \
      "inner.steps=5", "outer.meta_batch=8", "outer.schedule=cosine", "outer.lr_end=0.00001",      \
      "outer.steps=50000", "eval.every=2500"
#define MAMLPP_SOURCE                                                                              \
  "Antoniou et al. 2019: 1150/50/423 characters turned in training alone, 5 inner steps whose "    \
  "learned rates start at 0.1, losses after every step for the first 5000 meta-steps, meta-batch " \
  "8, Adam 1e-3 down to 1e-5 along a cosine, 50000 meta-steps. Their net has leaky relus, and "    \
  "their figures are those of the five best checkpoints together."
    {"omniglot-5w1s-maml++", "5-way 1-shot MAML++ on Omniglot, max-pool convolutions.",
     MAMLPP_SOURCE, SETTINGS(MAMLPP, "task.ways=5")},
    {"omniglot-20w1s-maml++", "20-way 1-shot MAML++ on Omniglot, max-pool convolutions.",
     MAMLPP_SOURCE, SETTINGS(MAMLPP, "task.ways=20")},
    {"omniglot-5w1s-meta-curvature",
     "5-way 1-shot Meta-Curvature on Omniglot: learned curvature of the inner gradients.",
     "Park & Oliva 2019 on omniglot-5w1s-maml's setting.",
     SETTINGS(OMNIGLOT_SPLIT, "meta.algorithm=meta_curvature", "task.ways=5", "task.shots=1",
              "task.queries=1", "model.preset=omniglot_conv", "inner.steps=1", "inner.lr=0.4",
              "outer.meta_batch=32", "outer.steps=15000")},
    {"omniglot-5w1s-imaml", "5-way 1-shot iMAML on Omniglot: 16 inner steps, implicit gradient.",
     "Rajeswaran et al. 2019's program: 16 inner steps of 0.1 on the support loss alone and one "
     "step "
     "back towards the start behind them, lambda 2, 5 steps of conjugate gradients, a net that "
     "ends "
     "in all of its last features, meta-batch 32, Adam 1e-3, 20000 meta-steps; 1150/50/423 "
     "characters, theirs 1200/423. It solves (2 + H/(lambda + 10)) x = v, which is a damping of 22 "
     "but for a factor; its Adam has eps 1e-3.",
     SETTINGS(OMNIGLOT_SPLIT, "meta.algorithm=imaml", "task.train_classes=1150",
              "task.validation_classes=50", "task.ways=5", "task.shots=1", "task.queries=1",
              STRIDED_NET(", init: xavier_uniform"), "inner.steps=16", "inner.lr=0.1",
              "imaml.damping=22", "imaml.pull=end", "outer.meta_batch=32", "outer.steps=20000",
              "eval.steps=0,1,2,5,10,16")},
    {"omniglot-5w1s-matching", "5-way 1-shot matching networks on Omniglot, trained on 60 ways.",
     "Vinyals et al. 2016 without full context embeddings, trained as omniglot-5w1s-protonet; a "
     "learned scale multiplies the cosines.",
     SETTINGS(PROTONET, "meta.algorithm=matching", "task.ways=5")},
    {"omniglot-5w1s-r2d2", "5-way 1-shot R2-D2 on Omniglot, trained on 60 ways.",
     "Bertinetto et al. 2019 train on 60 ways, too; the net and everything else as "
     "omniglot-5w1s-protonet.",
     SETTINGS(PROTONET, "meta.algorithm=r2d2", "task.ways=5")},
    {"omniglot-5w1s-metaoptnet",
     "5-way 1-shot MetaOptNet with ridge regression on Omniglot, trained on 60 ways.",
     "Lee et al. 2019's ridge head, whose pictures are others; trained as omniglot-5w1s-protonet.",
     SETTINGS(PROTONET, "meta.algorithm=metaoptnet", "task.ways=5")},
    {"omniglot-5w1s-relation", "5-way 1-shot Relation Network on Omniglot.",
     "Sung et al. 2018 as their program trains it: 19 queries per class, statistics of the query "
     "set, classes turned in training alone, Adam 1e-3 that is halved every 100000 episodes, "
     "gradients no longer than 0.5, 1000000 episodes; 1100/100/423 characters, theirs 1200/423. "
     "Four of the episodes make a meta-step, so that they run side by side.",
     SETTINGS(OMNIGLOT_SPLIT, "meta.algorithm=relation", "task.ways=5", "task.shots=1",
              "task.queries=19", "model.preset=relation_conv", "outer.meta_batch=4",
              "outer.clip=0.5", "outer.schedule=step", "outer.decay_every=25000",
              "outer.steps=250000", "eval.every=2500", "checkpoint.every=2500")},
    {"omniglot-5w1s-baseline",
     "5-way 1-shot baseline on Omniglot: pre-training on all classes, then a linear head.",
     PRETRAIN_SOURCE "Their head takes 100 steps of momentum on batches of 4; here they are 100 "
                     "steps of 0.5 on the support set.",
     SETTINGS(PRETRAIN, "meta.algorithm=baseline", "inner.steps=100", "inner.lr=0.5",
              "eval.steps=0,10,100")},
    {"omniglot-5w1s-baselinepp",
     "5-way 1-shot Baseline++ on Omniglot: the same with cosines in the place of linear scores.",
     PRETRAIN_SOURCE "The scale of the cosines is 10 as there, and 100 steps of 0.5 fit the head.",
     SETTINGS(PRETRAIN, "meta.algorithm=baselinepp", "inner.steps=100", "inner.lr=0.5",
              "eval.steps=0,10,100")},
    {"omniglot-5w1s-simpleshot",
     "5-way 1-shot SimpleShot on Omniglot: pre-training on all classes, then nearest class means.",
     "Wang et al. 2019 (CL2N), whose pictures are miniImageNet's; trained as "
     "omniglot-5w1s-baseline.",
     SETTINGS(PRETRAIN, "meta.algorithm=simpleshot")},
    {"pictures-5w1s-maml",
     "5-way 1-shot MAML on one's own pictures, given by --data; any size, grey or colour.",
     "For a folder of classes, no paper: the net of omniglot-5w1s-maml with 32 filters, which ends "
     "in a mean over the picture, 3 inner steps, and a rate that falls along a cosine. A class "
     "needs 6 pictures.",
     SETTINGS("task.source=dataset", "task.split=auto", "task.ways=5", "task.shots=1",
              "task.queries=5", "model.preset=omniglot_conv", "model.filters=32", "inner.steps=3",
              "inner.lr=0.4", "outer.meta_batch=8", "outer.steps=4000", "outer.lr=0.002",
              "outer.schedule=cosine", "eval.every=500", "checkpoint.every=500")},
    {"pictures-5w5s-protonet",
     "5-way 5-shot ProtoNet on one's own pictures, given by --data; any size, grey or colour.",
     "For a folder of classes, no paper: the same net, which maps pictures to the numbers whose "
     "means are compared. A class needs 10 pictures.",
     SETTINGS("meta.algorithm=protonet", "meta.query_statistics=running", "task.source=dataset",
              "task.split=auto", "task.ways=5", "task.shots=5", "task.queries=5",
              "model.preset=omniglot_conv", "model.filters=32", "outer.meta_batch=8",
              "outer.steps=2000", "outer.lr=0.002", "outer.schedule=cosine", "eval.every=250",
              "checkpoint.every=500")},
    {"features-5w5s-maml", "5-way 5-shot MAML on one's own lists of features, given by --data.",
     "For one's own table or array, no paper: two hidden layers of 64, 5 inner steps. Features of "
     "deviation about 1 suit the rates (`data import --scale auto`). A class needs 10 examples.",
     SETTINGS("task.source=dataset", "task.split=auto", "task.ways=5", "task.shots=5",
              "task.queries=5", "model.preset=mlp", "model.filters=64", "inner.steps=5",
              "inner.lr=0.1", "outer.meta_batch=16", "outer.steps=4000", "outer.schedule=cosine",
              "eval.every=500", "checkpoint.every=500")},
    {"signals-5w5s-maml",
     "5-way 5-shot MAML on one's own signals, given by --data; any length and number of channels.",
     "For recordings with labels, no paper: three convolutions along time that end in a mean over "
     "it, 5 inner steps. Signals of deviation about 1 suit the rates (`data import --scale auto`). "
     "A class needs 10 recordings.",
     SETTINGS("task.source=dataset", "task.split=auto", "task.ways=5", "task.shots=5",
              "task.queries=5", "model.preset=conv1d", "model.filters=32", "inner.steps=5",
              "inner.lr=0.4", "outer.meta_batch=8", "outer.steps=2000", "outer.lr=0.002",
              "outer.schedule=cosine", "eval.every=250", "checkpoint.every=500")},
    {"regression-10shot-maml",
     "Regression from 10 rows on the tasks of an imported table, given by --data.",
     "For one's own table, no paper: sinusoid-10shot-maml's net and inner loop with 3 inner steps, "
     "and a rate that "
     "falls along a cosine. Inner steps of 0.01 suit columns of deviation 1.",
     SETTINGS("task.source=table", "task.split=auto", "task.shots=10", "task.queries=10",
              "model.preset=mlp", "inner.steps=3", "inner.lr=0.01", "outer.meta_batch=16",
              "outer.steps=10000", "outer.schedule=cosine", "eval.every=1000",
              "eval.validation_tasks=200", "checkpoint.every=1000", "log.every=100")},
    {"mnist1d-learn-rate",
     "Learns the rate of 200 SGD steps of a small net on MNIST-1D, from 1.5 on.",
     "Greydanus 2020, notebook metalearn-learn-rate: 40-50-10 with tanh from one fixed start, "
     "batches "
     "of 50 in the data set's order, the mean loss before each step, 50 outer steps of SGD 0.3; "
     "hyper.lr=0.15 is its other start. Its net is drawn by PyTorch's seed 0, ours by our own.",
     SETTINGS(MNIST1D, "model.layers=[{kind: linear, units: 50}, {kind: tanh}, {kind: linear}]",
              "hyper.lr=1.5", "inner.steps=200", "inner.batch=50", "outer.steps=50",
              "eval.steps=0,10,50,100,200")},
    {"mnist1d-learn-activation",
     "Learns the activation function of a small net that 301 RMSProp steps train on MNIST-1D.",
     "Greydanus 2020, notebook metalearn-activation-function: 40-128-10 on 10000 signals, an "
     "activation elu(x) + 0.2 f(x), f a 1-100-1 net with tanh, both with noise of 0.1, batches of "
     "100, "
     "the mean loss of the last 200 steps, 301 outer steps of SGD 0.3 on a gradient cut at 0.1. "
     "There, noise is the same in each outer step and present in testing.",
     SETTINGS(
         MNIST1D, "mnist1d.examples=10000",
         "model.layers=[{kind: linear, units: 128}, {kind: activation, units: 100, rate: 0.1}, "
         "{kind: linear}]",
         "hyper.rates=none", "hyper.last=200", "inner.steps=301", "inner.batch=100",
         "inner.optimizer=rmsprop", "inner.alpha=0.4", "inner.initial=1", "inner.lr=0.01",
         "outer.clip_value=0.1", "outer.steps=301", "eval.steps=0,10,100,301")},
};

int il_presets(void) { return (int)(sizeof presets / sizeof *presets); }
const il_preset *il_preset_at(int index) { return &presets[index]; }

const il_preset *il_preset_find(const char *name) {
  for (int i = 0; i < il_presets(); i++)
    if (!strcmp(presets[i].name, name)) return &presets[i];
  return NULL;
}

il_status il_preset_apply(il_config *config, const il_preset *preset) {
  for (const char *const *setting = preset->settings; *setting; setting++)
    if (il_config_set(config, *setting) != IL_OK) return IL_ERROR_CONFIG;
  il_config_unask(config);
  return IL_OK;
}
