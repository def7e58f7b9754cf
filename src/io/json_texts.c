#include "io/json_texts.h"

#include <jansson.h>

il_status il_texts_of_json(il_context *context, const char *path, const char *key, const char *text,
                           il_arena *arena, il_texts *list) {
  json_t *json = json_loads(text, 0, NULL);
  const size_t count = json_array_size(json);
  const char **item =
      json_is_array(json) ? il_arena_alloc(arena, (count + 1) * sizeof *item) : NULL;
  il_status status = IL_OK;
  if (!json_is_array(json))
    status = il_fail(context, IL_ERROR_FORMAT, "%s: the metadata '%s' is no JSON list of texts",
                     path, key);
  for (size_t i = 0; !status && item && i < count; i++) {
    const char *value = json_string_value(json_array_get(json, i));
    if (!value)
      status = il_fail(context, IL_ERROR_FORMAT, "%s: item %zu of the metadata '%s' is no text",
                       path, i, key);
    else if (!(item[i] = il_arena_string(arena, value)))
      item = NULL;
  }
  json_decref(json);
  if (!status && !item) status = il_fail_memory(context, "the texts of a file");
  if (!status) *list = (il_texts){.name = key, .count = (int64_t)count, .text = item};
  return status;
}

char *il_json_of_texts(int count, const char *const *text) {
  json_t *list = json_array();
  bool good = list != NULL;
  for (int i = 0; good && i < count; i++)
    good = json_array_append_new(list, json_string(text[i])) == 0;
  char *json = good ? json_dumps(list, JSON_COMPACT) : NULL;
  json_decref(list);
  return json;
}
