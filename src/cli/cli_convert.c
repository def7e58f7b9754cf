/* innerloop convert: tensors from one format of files to another, and what a file holds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "cli/cli.h"

typedef struct input {
  const char *in, *out, *to;
  bool list, json, widen;
} input;

enum { OPTION_TO = 256, OPTION_LIST, OPTION_WIDEN };
static const struct argp_option options[] = {
    {"to", OPTION_TO, "pth|npz|npy|safetensors", 0, "what OUT becomes, whatever its ending", 0},
    {"bf16-as-f32", OPTION_WIDEN, NULL, 0, "write bf16 tensors as f32, which holds them exactly",
     0},
    {"list", OPTION_LIST, NULL, 0, "show the names, types and shapes in IN", 0},
    JSON_OPTION,
    {0}};

static error_t parse_option(int key, char *arg, struct argp_state *state) {
  input *in = state->input;
  switch (key) {
  case OPTION_TO: in->to = arg; return 0;
  case OPTION_LIST: in->list = true; return 0;
  case OPTION_WIDEN: in->widen = true; return 0;
  case OPTION_JSON: in->json = true; return 0;
  case ARGP_KEY_ARG:
    if (in->out) return ARGP_ERR_UNKNOWN;
    *(in->in ? &in->out : &in->in) = arg;
    return 0;
  case ARGP_KEY_END:
    if (!in->in) argp_error(state, "an argument is missing");
    if (in->list && (in->out || in->to || in->widen))
      argp_error(state, "--list shows one file and writes none");
    if (in->json && !in->list) argp_error(state, "--json belongs to --list");
    if (!in->list && !in->out) argp_error(state, "expected IN and OUT, or --list IN");
    return 0;
  default: return ARGP_ERR_UNKNOWN;
  }
}
const struct argp convert_argp = {
    options,
    parse_option,
    "IN OUT\n--list IN",
    "Converts tensors between PyTorch's .pth and .pt, numpy's .npz and .npy, and .safetensors: IN "
    "by "
    "its content, OUT by its ending. Every value keeps its bits; nothing in IN is executed.",
    NULL,
    NULL,
    NULL};

/* Names come from files: what a terminal would obey is shown as '?'. */
static void print_name(const char *name) {
  for (const unsigned char *c = (const unsigned char *)name; *c; c++)
    putchar(*c < 32 || *c == 127 ? '?' : *c);
}

static void print_dims(const il_tensor *tensor, const char *separator) {
  for (int i = 0; i < tensor->shape.rank; i++)
    printf("%s%lld", i ? separator : "", (long long)tensor->shape.dim[i]);
}

static void list(const il_tensors *tensors, bool json) {
  int count = il_tensors_count(tensors);
  if (json) {
    printf("{\"format\": \"%s\", \"tensors\": [", il_tensors_format(tensors));
    for (int i = 0; i < count; i++) {
      const il_tensor *t = il_tensors_at(tensors, i);
      printf("%s\n  {\"name\": ", i ? "," : "");
      print_json_string(t->name);
      printf(", \"type\": \"%s\", \"shape\": [", il_type_name(t->type));
      print_dims(t, ", ");
      printf("]}");
    }
    puts("]}");
    return;
  }
  long long elements = 0;
  for (int i = 0; i < count; i++) {
    const il_tensor *t = il_tensors_at(tensors, i);
    elements += il_shape_count(t->shape);
    printf("%-5s [", il_type_name(t->type));
    print_dims(t, ", ");
    printf("]  ");
    print_name(t->name);
    putchar('\n');
  }
  printf("%s: %d tensor%s, %lld elements", il_tensors_format(tensors), count, count == 1 ? "" : "s",
         elements);
  int left_out = il_tensors_left_out(tensors);
  if (left_out) printf("; %d texts or Nones are left out", left_out);
  putchar('\n');
}

/* bf16 tensors as f32, in memory that wide[i] owns. */
static il_status widen(int count, il_tensor *tensor, void **wide) {
  for (int i = 0; i < count; i++) {
    if (tensor[i].type != IL_BFLOAT16) continue;
    wide[i] = malloc((size_t)il_shape_count(tensor[i].shape) * sizeof(float) + 1);
    if (!wide[i]) return IL_ERROR_MEMORY;
    il_tensor_reals(&tensor[i], IL_FLOAT32, wide[i]);
    tensor[i].type = IL_FLOAT32;
    tensor[i].data = wide[i];
  }
  return IL_OK;
}

static void convert(il_context *context, const il_tensors *tensors, const input *in,
                    il_file_format format) {
  int count = il_tensors_count(tensors);
  il_tensor *tensor = calloc((size_t)count + 1, sizeof *tensor);
  void **wide = calloc((size_t)count + 1, sizeof *wide);
  il_status status = tensor && wide ? IL_OK : IL_ERROR_MEMORY;
  for (int i = 0; !status && i < count; i++) tensor[i] = *il_tensors_at(tensors, i);
  if (!status && in->widen) status = widen(count, tensor, wide);
  if (status)
    il_fail(context, status, "out of memory while converting");
  else if (il_tensors_write(context, in->out, format, count, tensor) == IL_OK)
    printf("%s: %d tensor%s from %s\n", in->out, count, count == 1 ? "" : "s",
           il_tensors_format(tensors));
  int left_out = il_tensors_left_out(tensors);
  if (left_out)
    fprintf(stderr, "innerloop: %s: %d texts or Nones were left out\n", in->in, left_out);
  for (int i = 0; wide && i < count; i++) free(wide[i]);
  free(wide);
  free(tensor);
}

/* What a checkpoint says of itself would be lost with it. */
static bool same_file(const char *a, const char *b) {
  struct stat one, other;
  return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
         one.st_ino == other.st_ino;
}

int run_convert(int argc, char **argv) {
  input in = {0};
  parse(&convert_argp, argc, argv, &in);
  il_file_format format = 0;
  if (!in.list) {
    char ending[64];
    snprintf(ending, sizeof ending, ".%s", in.to ? in.to : "");
    format = il_file_format_of(in.to ? ending : in.out);
    if (!format)
      return usage_error("convert: found %s \"%s\", expected pth, pt, npz, npy or safetensors%s",
                         in.to ? "--to" : "the name", in.to ? in.to : in.out,
                         in.to ? "" : " as its ending, or --to FORMAT");
    if (same_file(in.in, in.out))
      return usage_error("convert: %s is both IN and OUT; expected another name", in.out);
  }
  il_context *context = new_context();
  il_tensors *tensors = il_tensors_open(context, in.in);
  if (tensors && in.list)
    list(tensors, in.json);
  else if (tensors)
    convert(context, tensors, &in, format);
  il_tensors_close(tensors);
  return finish(context);
}
