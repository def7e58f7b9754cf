/* The whole public interface of innerloop, in the order of the folders of src/. */
#ifndef INNERLOOP_INNERLOOP_H
#define INNERLOOP_INNERLOOP_H
#include "base.h"
#include "field.h"
#include "shape.h"
#include "graph.h"
#include "values.h"
#include "grad.h"
#include "plan.h"
#include "function.h"
#include "nn.h"
#include "optim.h"
#include "meta.h"
#include "io.h"
#include "data.h"
#include "config.h"
#include "train.h"
#include "fit.h"
#include "greedy.h"
#include "study.h"
#include "measure.h"
#include "version.h"
#endif
