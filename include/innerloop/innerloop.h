/* The whole public interface of innerloop. */
#ifndef INNERLOOP_INNERLOOP_H
#define INNERLOOP_INNERLOOP_H
#include "base.h"
#include "field.h"
#include "graph.h"
#include "grad.h"
#include "plan.h"
#include "nn.h"
#include "meta.h"
#include "data.h"
#include "greedy.h"
#include "files.h"
#include "train.h"
#include "fit.h"
#include "compare.h"
#include "measure.h"
#include "version.h"
#endif
