/* Values that torch.save pickled, as named tensors: which classes and functions are known, how storages and views of
 * them become dense tensors. Limits: nesting, visits of values (a value can contain itself or be shared), and the
 * budget of the file. */
#include "io/torch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NESTING_MAX = 64, PATH_MAX_LENGTH = 1000, VISITS_PER_BYTE = 16, VISITS_LEAST = 4096 };

static const struct {
  const char *global; /* as the pickle has it */
  il_type type;
} storages[] = {{"torch.FloatStorage", IL_FLOAT32}, {"torch.DoubleStorage", IL_FLOAT64},
                {"torch.HalfStorage", IL_FLOAT16},  {"torch.BFloat16Storage", IL_BFLOAT16},
                {"torch.CharStorage", IL_INT8},     {"torch.ShortStorage", IL_INT16},
                {"torch.IntStorage", IL_INT32},     {"torch.LongStorage", IL_INT64},
                {"torch.ByteStorage", IL_UINT8},    {"torch.BoolStorage", IL_BOOL}};
enum { STORAGES = sizeof storages / sizeof *storages };

/* Calls that give a tensor: the tensor is the first argument of the last three. */
static const char rebuild_tensor_2[] = "torch._utils._rebuild_tensor_v2";
static const char rebuild_tensor_1[] = "torch._utils._rebuild_tensor";
static const char rebuild_parameter[] = "torch._utils._rebuild_parameter";
static const char rebuild_parameter_state[] = "torch._utils._rebuild_parameter_with_state";
static const char rebuild_subclass[] = "torch._tensor._rebuild_from_type_v2";
static const char tensor_dataset[] = "torch.utils.data.dataset.TensorDataset";
static const char torch_size[] = "torch.Size";

static const char *const others[] = {"collections.OrderedDict",
                                     rebuild_tensor_2,
                                     rebuild_tensor_1,
                                     rebuild_parameter,
                                     rebuild_parameter_state,
                                     rebuild_subclass,
                                     tensor_dataset,
                                     torch_size,
                                     "torch.Tensor",
                                     "torch.nn.parameter.Parameter",
                                     "torch.device",
                                     "torch.float32",
                                     "torch.float64",
                                     "torch.float16",
                                     "torch.bfloat16",
                                     "torch.int8",
                                     "torch.int16",
                                     "torch.int32",
                                     "torch.int64",
                                     "torch.uint8",
                                     "torch.bool"};

const char *il_torch_storage_name(il_type type) {
  for (int i = 0; i < STORAGES; i++)
    if (storages[i].type == type) return storages[i].global + strlen("torch.");
  return NULL;
}

/* How to save instead, by the beginning of what was met; the first that fits. */
static const struct {
  const char *beginning, *advice;
} advices[] = {
    {"numpy.", "save tensors, torch.from_numpy(array), or a .npz"},
    {"torch.Complex", "save the real numbers of torch.view_as_real(x)"},
    {"torch._utils._rebuild_sparse", "save x.to_dense()"},
    {"torch._utils._rebuild_qtensor", "save x.dequantize()"},
    {"torch._utils._rebuild_tensor_v3", "save a common type, x.float() or x.long()"},
    {"torch.utils.data.dataset.", "save the tensors, torch.save((inputs, targets), …)"},
    {"torch.nn.", "save the parameters alone, torch.save(model.state_dict(), …)"},
    {"__main__.",
     "save the parameters alone, torch.save(model.state_dict(), …), or the tensors of a "
     "data set, torch.save((inputs, targets), …)"},
    {"", "save tensors, torch.save(model.state_dict(), …) or torch.save((inputs, targets), …)"}};

static bool known(il_context *context, const char *path, const char *global) {
  for (int i = 0; i < STORAGES; i++)
    if (!strcmp(global, storages[i].global)) return true;
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (!strcmp(global, others[i])) return true;
  size_t i = 0;
  while (strncmp(global, advices[i].beginning, strlen(advices[i].beginning))) i++;
  il_fail(
      context, IL_ERROR_UNSUPPORTED,
      "%s asks for %s, which is no tensor, parameter, state dict or TensorDataset, and nothing of "
      "a file is run: %s",
      path, global, advices[i].advice);
  return false;
}

/* ---- storages ---- */

static il_status bad_storage(const il_torch *torch, const char *what) {
  return il_fail(torch->out->context, IL_ERROR_FORMAT, "%s: the description of a storage is %s",
                 torch->out->path, what);
}

/* ('storage', class, key, device, elements), and in streams None or (view key, offset, elements). */
static il_status describe(il_torch *torch, const il_pickle *id, il_torch_storage *storage) {
  if (id->kind != IL_PICKLE_TUPLE || id->count < 5 || id->count > 6 ||
      !il_pickle_is_text(id->item[0], "storage"))
    return bad_storage(torch, "not of the form ('storage', class, key, device, elements)");
  const il_pickle *class = id->item[1], *key = id->item[2], *count = id->item[4];
  for (int i = 0; i < STORAGES; i++)
    if (il_pickle_is_global(class, storages[i].global)) storage->type = storages[i].type;
  if (!storage->type) return bad_storage(torch, "of no known class");
  if (key->kind != IL_PICKLE_TEXT || !key->length || key->length > 256)
    return bad_storage(torch, "without a key of 1 to 256 bytes");
  if (count->kind != IL_PICKLE_INT || count->integer < 0)
    return bad_storage(torch, "without a number of elements");
  storage->key = key->text;
  storage->key_length = key->length;
  storage->count = count->integer;
  if (id->count == 6 && id->item[5]->kind != IL_PICKLE_NONE) {
    const il_pickle *view = id->item[5];
    if (view->kind != IL_PICKLE_TUPLE || view->count != 3 || view->item[1]->kind != IL_PICKLE_INT ||
        view->item[1]->integer < 0 || view->item[2]->kind != IL_PICKLE_INT ||
        view->item[2]->integer < 0)
      return bad_storage(torch, "a view not of the form (key, offset, elements)");
    storage->offset = view->item[1]->integer;
    if (storage->offset > storage->count ||
        view->item[2]->integer > storage->count - storage->offset)
      return bad_storage(torch, "a view that reaches beyond its storage");
  }
  int64_t bytes;
  if (__builtin_mul_overflow(storage->count, (int64_t)il_type_size(storage->type), &bytes) ||
      (uint64_t)bytes > torch->out->budget)
    return bad_storage(torch, "of more bytes than the file can hold");
  return IL_OK;
}

il_pickle *il_torch_unpickle(il_torch *torch, const unsigned char *data, size_t size,
                             size_t *used) {
  torch->reader.context = torch->out->context;
  torch->reader.path = torch->out->path;
  torch->reader.arena = &torch->out->arena;
  torch->reader.known = known;
  return il_pickle_read(&torch->reader, data, size, used);
}

il_status il_torch_begin(il_torch *torch, il_tensors *out, const unsigned char *data, size_t size,
                         size_t *used) {
  torch->out = out;
  torch->root = il_torch_unpickle(torch, data, size, used);
  if (!torch->root) return il_context_status(out->context);
  torch->pickle_size = *used;
  torch->storages = torch->reader.persistents;
  torch->storage = il_tensors_alloc(out, torch->storages * sizeof *torch->storage);
  if (!torch->storage) return il_context_status(out->context);
  for (size_t i = 0; i < torch->storages; i++) {
    il_pickle *value = torch->reader.persistent[i];
    if (describe(torch, value->item[0], &torch->storage[i])) break;
    value->found = &torch->storage[i];
  }
  return il_context_status(out->context);
}

void il_torch_end(il_torch *torch) { free(torch->reader.persistent); }

/* ---- the walk over the values ---- */

typedef struct walk {
  il_torch *torch;
  il_tensors *out;
  uint64_t visits; /* that are left */
  int depth;
  size_t length;
  char path[PATH_MAX_LENGTH + 1];
} walk;

static il_status refuse(const walk *w, const char *what) {
  return il_fail(w->out->context, IL_ERROR_FORMAT, "%s: \"%s\" %s", w->out->path,
                 w->length ? w->path : "tensor", what);
}

/* Adds the value at the path. */
static il_status add(walk *w, il_type type, il_shape shape, const void *data) {
  return w->length ? il_tensors_add(w->out, w->path, w->length, type, shape, data)
                   : il_tensors_add(w->out, "tensor", 6, type, shape, data);
}

static bool extend(walk *w, const char *text, size_t length) {
  if (length > PATH_MAX_LENGTH - w->length) {
    refuse(w, "has a longer path than 1000 bytes");
    return false;
  }
  memcpy(w->path + w->length, text, length);
  w->path[w->length += length] = 0;
  return true;
}

/* The numbers of a tuple; -1 where it is none. */
static int integers(const il_pickle *value, int64_t *out) {
  if (value->kind != IL_PICKLE_TUPLE && value->kind != IL_PICKLE_LIST) return -1;
  if (value->count > IL_MAX_RANK) return IL_MAX_RANK + 1;
  for (size_t i = 0; i < value->count; i++) {
    if (value->item[i]->kind != IL_PICKLE_INT) return -1;
    out[i] = value->item[i]->integer;
  }
  return (int)value->count;
}

/* A shape, or the call torch.Size((…)). */
static int sizes(const il_pickle *value, int64_t *out) {
  if (value->kind == IL_PICKLE_CALL && il_pickle_is_global(value->item[0], torch_size) &&
      value->item[1]->kind == IL_PICKLE_TUPLE && value->item[1]->count == 1)
    value = value->item[1]->item[0];
  return integers(value, out);
}

/* Dense: as it lies in the storage where that is possible, else copied. */
static il_status add_view(walk *w, const il_torch_storage *s, int64_t offset, il_shape shape,
                          const int64_t *stride) {
  int64_t count = il_tensors_elements(s->type, shape), last = offset, dense = 1;
  if (count < 0) return refuse(w, "has a negative dimension or more than 2^62 bytes");
  bool in_order = true;
  for (int d = shape.rank - 1; d >= 0; d--) {
    int64_t reach;
    if (stride[d] < 0) return refuse(w, "has a negative stride");
    if (count && (__builtin_mul_overflow(shape.dim[d] - 1, stride[d], &reach) ||
                  __builtin_add_overflow(last, reach, &last)))
      return refuse(w, "reaches beyond its storage");
    if (shape.dim[d] != 1 && stride[d] != dense) in_order = false;
    if (shape.dim[d]) dense *= shape.dim[d];
  }
  if (offset < 0 || (count && last >= s->count)) return refuse(w, "reaches beyond its storage");
  size_t size = il_type_size(s->type);
  const unsigned char *from = s->data + (count ? (size_t)offset * size : 0);
  bool swap = s->swap && size > 1;
  if (!count || (in_order && !swap && (uintptr_t)from % size == 0))
    return add(w, s->type, shape, from);
  void *copy = il_tensors_alloc(w->out, (uint64_t)count * size);
  if (!copy) return il_context_status(w->out->context);
  if (in_order && !swap)
    memcpy(copy, from, (size_t)count * size);
  else
    il_tensors_copy(from, s->type, shape, stride, swap, copy);
  return add(w, s->type, shape, copy);
}

/* (storage, offset, sizes, strides, requires_grad, hooks, metadata) */
static il_status visit_tensor(walk *w, const il_pickle *arguments) {
  if (arguments->kind != IL_PICKLE_TUPLE || arguments->count < 4 ||
      arguments->item[0]->kind != IL_PICKLE_PERSISTENT || arguments->item[1]->kind != IL_PICKLE_INT)
    return refuse(w, "is a tensor that is not made of a storage, an offset, sizes and strides");
  il_shape shape = {0};
  int64_t stride[IL_MAX_RANK];
  shape.rank = sizes(arguments->item[2], shape.dim);
  int strides = sizes(arguments->item[3], stride);
  if (shape.rank < 0 || shape.rank != strides)
    return refuse(w, "has sizes and strides that are not as many whole numbers");
  if (shape.rank > IL_MAX_RANK) return refuse(w, "has more than 8 dimensions");
  if (arguments->count > 6 && arguments->item[6]->kind == IL_PICKLE_DICT &&
      arguments->item[6]->count)
    return refuse(w, "is a tensor with a pending negation: save x.resolve_neg()");
  return add_view(w, arguments->item[0]->found, arguments->item[1]->integer, shape, stride);
}

static il_status visit(walk *w, const il_pickle *value);

static il_status visit_call(walk *w, const il_pickle *value) {
  const il_pickle *called = value->item[0], *arguments = value->item[1];
  if (il_pickle_is_global(called, rebuild_tensor_2) ||
      il_pickle_is_global(called, rebuild_tensor_1))
    return visit_tensor(w, arguments);
  bool good = arguments->kind == IL_PICKLE_TUPLE && arguments->count > 0;
  if (good && (il_pickle_is_global(called, rebuild_parameter) ||
               il_pickle_is_global(called, rebuild_parameter_state) ||
               il_pickle_is_global(called, torch_size)))
    return visit(w, arguments->item[0]);
  /* (function, class, its arguments, state) */
  if (good && il_pickle_is_global(called, rebuild_subclass) && arguments->count >= 3 &&
      (il_pickle_is_global(arguments->item[0], rebuild_tensor_2) ||
       il_pickle_is_global(arguments->item[0], rebuild_parameter))) {
    il_pickle *part[] = {arguments->item[0], arguments->item[2]};
    il_pickle inner = {.kind = IL_PICKLE_CALL, .item = part, .count = 2};
    return visit(w, &inner);
  }
  if (good && il_pickle_is_global(called, "torch.device")) {
    w->out->left_out++;
    return IL_OK;
  }
  return refuse(w, "is made by a call that makes no tensor");
}

static il_status visit_number(walk *w, const il_pickle *value) {
  il_type type = value->kind == IL_PICKLE_BOOL  ? IL_BOOL
                 : value->kind == IL_PICKLE_INT ? IL_INT64
                                                : IL_FLOAT64;
  unsigned char *data = il_tensors_alloc(w->out, 8);
  if (!data) return il_context_status(w->out->context);
  if (type == IL_BOOL)
    *data = (unsigned char)value->integer;
  else
    memcpy(data, type == IL_INT64 ? (const void *)&value->integer : &value->real, 8);
  return add(w, type, il_shape_scalar(), data);
}

/* A list of whole numbers, or of reals, is one tensor: labels are often saved so. */
static bool is_vector(const il_pickle *list) {
  il_pickle_kind kind = list->count > 0 ? list->item[0]->kind : IL_PICKLE_NONE;
  if (kind != IL_PICKLE_INT && kind != IL_PICKLE_FLOAT) return false;
  for (size_t i = 1; i < list->count; i++)
    if (list->item[i]->kind != kind) return false;
  return true;
}

static il_status visit_vector(walk *w, const il_pickle *list) {
  bool real = list->item[0]->kind == IL_PICKLE_FLOAT;
  int64_t *data = il_tensors_alloc(w->out, (uint64_t)list->count * 8);
  if (!data) return il_context_status(w->out->context);
  for (size_t i = 0; i < list->count; i++)
    memcpy(data + i, real ? (const void *)&list->item[i]->real : &list->item[i]->integer, 8);
  return add(w, real ? IL_FLOAT64 : IL_INT64, IL_SHAPE((int64_t)list->count), data);
}

static il_status visit_list(walk *w, const il_pickle *list) {
  if (is_vector(list)) return visit_vector(w, list);
  size_t length = w->length;
  for (size_t i = 0; i < list->count; i++) {
    char index[32];
    int size = snprintf(index, sizeof index, "[%zu]", i);
    if (!extend(w, index, (size_t)size) || visit(w, list->item[i])) break;
    w->path[w->length = length] = 0;
  }
  return il_context_status(w->out->context);
}

static il_status visit_dict(walk *w, const il_pickle *dict) {
  size_t length = w->length;
  for (size_t i = 0; i + 1 < dict->count; i += 2) {
    const il_pickle *key = dict->item[i];
    char number[32];
    size_t size = key->length;
    const char *text = key->text;
    if (key->kind == IL_PICKLE_INT) {
      size = (size_t)snprintf(number, sizeof number, "%" PRId64, key->integer);
      text = number;
    } else if (key->kind != IL_PICKLE_TEXT) {
      return refuse(w, "is a dict with keys that are neither texts nor whole numbers");
    }
    if ((length && !extend(w, ".", 1)) || !extend(w, text, size) || visit(w, dict->item[i + 1]))
      break;
    w->path[w->length = length] = 0;
  }
  return il_context_status(w->out->context);
}

static il_status visit(walk *w, const il_pickle *value) {
  if (w->visits-- == 0)
    return refuse(w, "is one of so many repetitions of shared values that the file was refused");
  if (w->depth == NESTING_MAX) return refuse(w, "is nested more than 64 levels deep");
  w->depth++;
  il_status status = IL_OK;
  switch (value->kind) {
  case IL_PICKLE_NONE:
  case IL_PICKLE_TEXT:
  case IL_PICKLE_GLOBAL: w->out->left_out++; break;
  case IL_PICKLE_BOOL:
  case IL_PICKLE_INT:
  case IL_PICKLE_FLOAT: status = visit_number(w, value); break;
  case IL_PICKLE_LONG: status = refuse(w, "is a whole number of more than 64 bits"); break;
  case IL_PICKLE_TUPLE:
  case IL_PICKLE_LIST: status = visit_list(w, value); break;
  case IL_PICKLE_DICT: status = visit_dict(w, value); break;
  case IL_PICKLE_CALL: status = visit_call(w, value); break;
  case IL_PICKLE_OBJECT:
    if (il_pickle_is_global(value->item[0], tensor_dataset) &&
        value->item[2]->kind == IL_PICKLE_DICT)
      status = visit_dict(w, value->item[2]);
    else
      status = refuse(w, "is an object other than a TensorDataset");
    break;
  case IL_PICKLE_PERSISTENT: status = refuse(w, "is a storage, expected a tensor"); break;
  }
  w->depth--;
  return status;
}

il_status il_torch_collect(il_torch *torch) {
  walk w = {.torch = torch,
            .out = torch->out,
            .visits = (uint64_t)torch->pickle_size * VISITS_PER_BYTE + VISITS_LEAST};
  return visit(&w, torch->root);
}
