/* A net's parameters cut into units, and what touching some of them costs an update. */
#include "greedy/greedy_units.h"

#include <stdlib.h>
#include <string.h>

#include "nn/net.h"

static int64_t elements(const il_net *net, int layer) {
  return il_shape_count(layer < 0 ? net->example : net->layer[layer].out);
}

/* What the gradient of one scalar costs: a term per output pixel and example. */
static uint64_t gradient_operations(const il_net *net, const il_net_parameter *p,
                                    int64_t examples) {
  const il_net_layer_record *r = &net->layer[p->layer];
  int64_t last = p->shape.dim[p->shape.rank - 1];
  int64_t terms = examples * (elements(net, p->layer) / last);
  bool linear = r->layer.kind == IL_LAYER_LINEAR;
  if (linear) terms = examples;
  return (uint64_t)((p->second ? 1 : 2) * terms) + 2;
}

/* What a layer keeps and computes so that the gradient passes from its output to its input. */
static il_unit_layer describe(const il_net *net, int index, int64_t examples, size_t real) {
  const il_net_layer_record *r = &net->layer[index];
  uint64_t in = (uint64_t)(examples * elements(net, index - 1));
  uint64_t out = (uint64_t)(examples * elements(net, index));
  il_unit_layer l = {.path_operations = out};
  switch (r->layer.kind) {
  case IL_LAYER_LINEAR:
  case IL_LAYER_CONV:
  case IL_LAYER_CONV1D: {
    const il_shape *w = &net->parameter[r->parameter].shape;
    uint64_t taps = (uint64_t)(il_shape_count(*w) / w->dim[w->rank - 1]);
    l.input_bytes = in * real;
    l.path_operations = 2 * taps * out;
    break;
  }
  case IL_LAYER_ATTENTION: { /* four products with weights, two between places */
    const uint64_t c = (uint64_t)r->out.dim[2], places = (uint64_t)(r->out.dim[0] * r->out.dim[1]);
    l.input_bytes = 5 * in * real; /* x, q, k, v, and what the heads have seen */
    l.path_bytes = (uint64_t)examples * places * places * real;
    l.path_operations = 8 * c * out + 4 * places * out;
    break;
  }
  case IL_LAYER_EMBEDDING: /* first of all: nothing passes to its input */
    l.input_bytes = in * real;
    l.path_operations = 0;
    break;
  case IL_LAYER_GRU: { /* x; of every step h, three gates, and what the new state takes of h */
    const il_shape *x = &net->parameter[r->parameter].shape,
                   *h = &net->parameter[r->parameter + 1].shape;
    const uint64_t units = (uint64_t)h->dim[0], steps = in / (uint64_t)x->dim[0];
    l.input_bytes = (in + steps * units) * real;
    l.path_bytes = 4 * steps * units * real;
    l.path_operations = steps * (6 * units * (uint64_t)(x->dim[0] + h->dim[0]) + 12 * units);
    break;
  }
  case IL_LAYER_NORM:
  case IL_LAYER_LAYER_NORM:
  case IL_LAYER_INSTANCE_NORM:
  case IL_LAYER_GROUP_NORM:
  case IL_LAYER_TASK_NORM:
    l.input_bytes = l.path_bytes = out * real; /* the normalised input serves both */
    l.shared = true;
    l.path_operations = 8 * out;
    break;
  case IL_LAYER_RELU:
  case IL_LAYER_DROPOUT: l.path_bytes = (out + 7) / 8; break; /* one bit: passed or not */
  case IL_LAYER_TANH:
  case IL_LAYER_SIGMOID: l.path_bytes = out * real; break;
  case IL_LAYER_ACTIVATION: /* what each hidden unit says of each number */
    l.path_bytes = out * (uint64_t)r->layer.units * real;
    l.path_operations = 6 * out * (uint64_t)r->layer.units;
    break;
  case IL_LAYER_MAX_POOL: l.path_bytes = out * sizeof(int32_t); break; /* where each maximum lay */
  case IL_LAYER_AVG_POOL:
  case IL_LAYER_MEAN_POOL: l.path_operations = in; break;
  case IL_LAYER_FLATTEN:
  case IL_LAYER_RESIDUAL:
  case IL_LAYER_SHORTCUT: l.path_operations = 0; break;
  case IL_LAYER_ADD: break;
  }
  return l;
}

static void number_units(il_greedy_units *u) {
  int64_t next = 0;
  for (int p = 0; p < u->parts; p++) {
    il_unit_part *part = &u->part[p];
    bool follows = p > 0 && u->part[p - 1].layer == part->layer;
    switch (u->granularity) {
    case IL_GREEDY_SCALAR:
      part->base = next;
      next += part->scalars;
      break;
    case IL_GREEDY_CHANNEL:
      part->base = follows ? u->part[p - 1].base : next;
      if (!follows) next += part->last;
      break;
    case IL_GREEDY_TENSOR: part->base = next++; break;
    case IL_GREEDY_LAYER: part->base = follows ? u->part[p - 1].base : next++; break;
    }
  }
  u->count = next;
}

static void fill_units(il_greedy_units *u) {
  for (int p = 0; p < u->parts; p++) {
    const il_unit_part *part = &u->part[p];
    int64_t n = u->granularity == IL_GREEDY_SCALAR    ? part->scalars
                : u->granularity == IL_GREEDY_CHANNEL ? part->last
                                                      : 1;
    for (int64_t i = 0; i < n; i++) {
      il_unit *unit = &u->unit[part->base + i];
      if (unit->parts++ == 0) unit->first = p;
      unit->scalars += part->scalars / n;
    }
  }
  for (int64_t i = 0; i < u->count; i++) {
    il_unit *unit = &u->unit[i];
    int64_t scalars[IL_GREEDY_PARAMETERS] = {0};
    for (int p = unit->first; p < unit->first + unit->parts; p++)
      scalars[p] = il_unit_share(u, unit, p);
    il_unit_cost(u, scalars, 1, &unit->alone);
  }
}

il_greedy_units *il_greedy_units_new(il_context *context, const il_net *net,
                                     il_greedy_granularity granularity, int64_t examples,
                                     il_type real) {
  if (granularity < IL_GREEDY_SCALAR || granularity > IL_GREEDY_LAYER || examples < 1) {
    il_fail(context, IL_ERROR_ARGUMENT,
            "il_greedy_units_new: granularity %d, %lld examples; expected 1 to 4, 1 or more",
            (int)granularity, (long long)examples);
    return NULL;
  }
  if (net->parameters > IL_GREEDY_PARAMETERS) {
    il_fail(context, IL_ERROR_UNSUPPORTED, "greedy: the net has %d parameters; at most %d",
            net->parameters, IL_GREEDY_PARAMETERS);
    return NULL;
  }
  il_greedy_units *u = calloc(1, sizeof *u);
  if (!u) {
    il_fail_memory(context, "units of parameters");
    return NULL;
  }
  *u = (il_greedy_units){.granularity = granularity,
                         .parts = net->parameters,
                         .layers = net->layers,
                         .real = il_type_size(real)};
  u->part = il_arena_alloc(&u->arena, ((size_t)u->parts + 1) * sizeof *u->part);
  u->layer = il_arena_alloc(&u->arena, ((size_t)u->layers + 1) * sizeof *u->layer);
  for (int p = 0; u->part && p < u->parts; p++) {
    const il_net_parameter *from = &net->parameter[p];
    u->part[p] = (il_unit_part){.scalars = il_shape_count(from->shape),
                                .last = from->shape.dim[from->shape.rank - 1],
                                .layer = from->layer,
                                .weight = !from->second,
                                .operations = gradient_operations(net, from, examples)};
    u->scalars += u->part[p].scalars;
  }
  for (int i = 0; u->layer && i < u->layers; i++) u->layer[i] = describe(net, i, examples, u->real);
  if (u->part) number_units(u);
  u->unit = il_arena_alloc(&u->arena, ((size_t)u->count + 1) * sizeof *u->unit);
  if (!u->part || !u->layer || !u->unit) {
    il_greedy_units_free(u);
    il_fail_memory(context, "units of parameters");
    return NULL;
  }
  fill_units(u);
  return u;
}

void il_greedy_units_free(il_greedy_units *units) {
  if (!units) return;
  il_arena_free(&units->arena);
  free(units);
}

int64_t il_greedy_units_count(const il_greedy_units *units) { return units->count; }
int64_t il_greedy_units_scalars(const il_greedy_units *units) { return units->scalars; }

int64_t il_greedy_unit_of(const il_greedy_units *units, int parameter, int64_t index) {
  const il_unit_part *part = &units->part[parameter];
  switch (units->granularity) {
  case IL_GREEDY_SCALAR: return part->base + index;
  case IL_GREEDY_CHANNEL: return part->base + index % part->last;
  case IL_GREEDY_TENSOR:
  case IL_GREEDY_LAYER: break;
  }
  return part->base;
}

int64_t il_unit_share(const il_greedy_units *units, const il_unit *unit, int part) {
  if (unit->parts == 1) return unit->scalars;
  const il_unit_part *p = &units->part[part];
  return units->granularity == IL_GREEDY_CHANNEL ? p->scalars / p->last : p->scalars;
}

void il_unit_cost(const il_greedy_units *units, const int64_t *scalars, int64_t count,
                  il_greedy_choice *choice) {
  *choice = (il_greedy_choice){.units = count};
  int lowest = units->layers;
  for (int p = 0; p < units->parts; p++) {
    const il_unit_part *part = &units->part[p];
    if (!scalars[p]) continue;
    choice->scalars += scalars[p];
    choice->operations += (uint64_t)scalars[p] * part->operations;
    if (part->weight) choice->bytes += units->layer[part->layer].input_bytes;
    if (part->layer < lowest) lowest = part->layer;
  }
  /* The gradient comes down from the top to the lowest layer that changes. */
  for (int l = lowest + 1; l < units->layers; l++) {
    choice->operations += units->layer[l].path_operations;
    choice->bytes += units->layer[l].path_bytes;
  }
  /* A norm layer on the way whose γ changes too keeps its normalised input once. */
  for (int p = 0; p < units->parts; p++) {
    const il_unit_part *part = &units->part[p];
    if (scalars[p] && part->weight && part->layer > lowest && units->layer[part->layer].shared)
      choice->bytes -= units->layer[part->layer].input_bytes;
  }
  uint64_t index = count < units->count ? sizeof(uint32_t) : 0; /* everything needs no list */
  choice->bytes += 2 * units->real * (uint64_t)choice->scalars + index * (uint64_t)count;
}
