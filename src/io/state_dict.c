/* Matching of a file's tensors with a net's values, by name or by suffix and shape. */
#include "base/room.h"
#include "io/state_dict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t il_state_module(const char *name) {
  const char *dot = strrchr(name, '.');
  return dot ? (size_t)(dot - name) : 0;
}

const char *il_state_suffix(const char *name) {
  const char *dot = strrchr(name, '.');
  return dot ? dot + 1 : name;
}

bool il_state_same_module(const char *a, const char *b) {
  size_t n = il_state_module(a);
  return n == il_state_module(b) && !memcmp(a, b, n);
}

/* What is no value of the net: a count of batches that a norm has seen, what a training script kept, an optimizer's
 * moments in a checkpoint, and what else our own files hold under prefixes. */
static bool beside(const il_tensor *tensor) {
  static const char *const prefix[] = {"adam.first.", "adam.second.", "outer/",
                                       "meta/",       "carry/",       "adapted/"};
  for (size_t i = 0; i < sizeof prefix / sizeof *prefix; i++)
    if (!strncmp(tensor->name, prefix[i], strlen(prefix[i]))) return true;
  return tensor->shape.rank == 0 || !strcmp(il_state_suffix(tensor->name), "num_batches_tracked");
}

int il_state_tensors(int count, const il_tensor *tensor, il_tensor *kept) {
  static const char *const dicts[] = {
      "state_dict.", "model_state_dict.", "model_state.", "model.",  "net.",
      "network.",    "params.",           "parameters.",  "weights."};
  const char *chosen = "";
  for (size_t d = 0; !*chosen && d < sizeof dicts / sizeof *dicts; d++)
    for (int i = 0; !*chosen && i < count; i++)
      if (!strncmp(tensor[i].name, dicts[d], strlen(dicts[d]))) chosen = dicts[d];
  size_t length = strlen(chosen);
  int n = 0;
  for (int i = 0; i < count; i++) {
    if (strncmp(tensor[i].name, chosen, length) || beside(&tensor[i])) continue;
    kept[n] = tensor[i];
    kept[n++].name += length;
  }
  return n;
}

int il_state_modules(int count, const il_tensor *tensor, bool natural, int *first) {
  int modules = 0;
  for (int i = 0; i < count; i++) {
    int k = modules - 1; /* most often the one before */
    while (k >= 0 && !il_state_same_module(tensor[first[k]].name, tensor[i].name)) k--;
    if (k < 0) first[modules++] = i;
  }
  for (int i = 1; natural && i < modules; i++)
    for (int k = i; k > 0 && strverscmp(tensor[first[k - 1]].name, tensor[first[k]].name) > 0;
         k--) {
      int kept = first[k];
      first[k] = first[k - 1];
      first[k - 1] = kept;
    }
  return modules;
}

static bool fits(const il_state_value *value, const il_tensor *tensor) {
  return il_tensor_is_real(tensor) && il_shape_equal(tensor->shape, value->shape);
}

static bool match_by_name(int values, const il_state_value *value, int count,
                          const il_tensor *tensor, int *found) {
  int used = 0;
  for (int v = 0; v < values; v++) {
    found[v] = -1;
    for (int i = 0; i < count && found[v] < 0; i++)
      if (!strcmp(tensor[i].name, value[v].name)) found[v] = i;
    if (found[v] < 0 ? !value[v].optional : !fits(&value[v], &tensor[found[v]])) return false;
    used += found[v] >= 0;
  }
  return used == count;
}

/* Whether the module of the file that begins with tensor `first` is the net's module of value v; gives its tensors to
 * all values of the module. */
static bool take_module(int values, const il_state_value *value, int v, int count,
                        const il_tensor *tensor, int first, int *found) {
  int used = 0, owned = 0;
  for (int i = 0; i < count; i++) owned += il_state_same_module(tensor[i].name, tensor[first].name);
  for (int w = v; w < values; w++) {
    if (!il_state_same_module(value[w].name, value[v].name)) continue;
    found[w] = -1;
    for (int i = 0; i < count && found[w] < 0; i++)
      if (il_state_same_module(tensor[i].name, tensor[first].name) &&
          !strcmp(il_state_suffix(tensor[i].name), il_state_suffix(value[w].name)))
        found[w] = i;
    if (found[w] < 0 ? !value[w].optional : !fits(&value[w], &tensor[found[w]])) return false;
    used += found[w] >= 0;
  }
  return used == owned;
}

/* Gives each module of the net the first of the file that fits and is left: first[k] = -1 then; missed[v] where there
 * is none, for the module's first value. Gives how many modules fit. */
static int match_modules(int values, const il_state_value *value, int count,
                         const il_tensor *tensor, int modules, int *first, int *found,
                         bool *missed) {
  int taken = 0;
  for (int v = 0; v < values; v++) {
    int w = 0;
    while (!il_state_same_module(value[w].name, value[v].name)) w++;
    missed[v] = false;
    if (w < v) continue; /* its module has been looked for */
    int k = 0;
    while (k < modules &&
           (first[k] < 0 || !take_module(values, value, v, count, tensor, first[k], found)))
      k++;
    missed[v] = k == modules;
    if (missed[v]) continue;
    first[k] = -1;
    taken++;
  }
  return taken;
}

static bool any(int count, const bool *flags) {
  for (int i = 0; i < count; i++)
    if (flags[i]) return true;
  return false;
}

bool il_state_sorted(int count, const il_tensor *tensor) {
  for (int i = 1; i < count; i++)
    if (strcmp(tensor[i - 1].name, tensor[i].name) > 0) return false;
  return true;
}

bool il_state_match(int values, const il_state_value *value, int count, const il_tensor *tensor,
                    bool natural, int *found) {
  if (count > values) return false; /* also a bound on the work that a file can cause */
  if (match_by_name(values, value, count, tensor, found)) return true;
  int *first = malloc(((size_t)count + 1) * sizeof *first);
  bool *missed = malloc((size_t)values + 1), good = false;
  if (first && missed) {
    int modules = il_state_modules(count, tensor, natural, first);
    good = match_modules(values, value, count, tensor, modules, first, found, missed) == modules &&
           !any(values, missed);
  }
  free(missed);
  free(first);
  return good;
}

static void print_shape(FILE *out, const char *before, const char *name, il_shape shape) {
  fprintf(out, "%s%s [", before, name);
  for (int i = 0; i < shape.rank; i++)
    fprintf(out, "%s%lld", i ? ", " : "", (long long)shape.dim[i]);
  fputc(']', out);
}

/* Prints the tensors of the modules that found no counterpart. */
static void print_rest(FILE *out, int values, const il_state_value *value, const bool *missed,
                       int modules, const int *first, int count, const il_tensor *tensor) {
  int shown = 0;
  fputs("the file has", out);
  for (int i = 0; i < count; i++) {
    bool rest = false;
    for (int k = 0; k < modules; k++)
      rest |= first[k] >= 0 && il_state_same_module(tensor[first[k]].name, tensor[i].name);
    if (rest) print_shape(out, shown++ ? ", " : " ", tensor[i].name, tensor[i].shape);
  }
  fputs(shown ? "; the net has" : " nothing else; the net has", out);
  shown = 0;
  for (int v = 0; v < values; v++) {
    bool rest = false;
    for (int w = 0; w < values; w++)
      rest |= missed[w] && il_state_same_module(value[w].name, value[v].name);
    if (rest && !value[v].optional)
      print_shape(out, shown++ ? ", " : " ", value[v].name, value[v].shape);
  }
  if (!shown) fputs(" nothing else", out);
}

il_status il_state_mismatch(il_context *context, const char *path, int values,
                            const il_state_value *value, int count, const il_tensor *tensor) {
  if (count > IL_STATE_MOST)
    return il_fail(context, IL_ERROR_DATA, "%s has %d tensors, expected the at most %d of a net",
                   path, count, IL_STATE_MOST);
  int *first = malloc(((size_t)count + 1) * sizeof *first);
  int *found = malloc(((size_t)values + 1) * sizeof *found);
  bool *missed = malloc((size_t)values + 1);
  char *text = NULL;
  size_t size = 0;
  FILE *out = first && found && missed ? open_memstream(&text, &size) : NULL;
  if (out) {
    int modules = il_state_modules(count, tensor, true, first);
    int fit = match_modules(values, value, count, tensor, modules, first, found, missed);
    print_rest(out, values, value, missed, modules, first, count, tensor);
    il_text_close(out, &text);
    char but[64] = "";
    if (fit) snprintf(but, sizeof but, ", apart from %d layers that do", fit);
    if (text)
      il_fail(context, IL_ERROR_DATA, "%s does not fit the net%s: %s", path, but, text);
    else
      il_fail_memory(context, "a sentence");
  } else {
    il_fail_memory(context, "a sentence");
  }
  free(text);
  free(missed);
  free(found);
  free(first);
  return il_context_status(context);
}
