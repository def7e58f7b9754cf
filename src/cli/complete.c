/* innerloop help --complete: what a command line can go on with, from the tables that it is parsed by. The scripts in
 * completion/ ask this and know no word of it themselves.
 *
 * A line of the answer is a candidate, a tab and what it means. A line that begins with a tab asks the shell for names of
 * files: "files", "files .yaml" or "folders". What an argument can be follows from its name in the help: see put_kind. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

typedef struct request {
  int count;
  char *const *word; /* of the command or action; the last one is to be completed */
  const struct argp *argp;
} request;

/* ---- candidates ---- */

/* Three parts of one word, such as "--set=", "outer.steps", "="; `doc` in one line. */
static void offer(const char *current, const char *before, const char *text, const char *after,
                  const char *doc) {
  char whole[512];
  const int length = snprintf(whole, sizeof whole, "%s%s%s", before, text, after);
  if (length >= (int)sizeof whole || strncmp(whole, current, strlen(current))) return;
  printf("%s\t", whole);
  for (const char *c = doc; *c; c++) putchar(*c == '\n' || *c == '\t' ? ' ' : *c);
  putchar('\n');
}

static void offer_commands(const command *table, const char *current) {
  for (; table->name; table++) offer(current, "", table->name, "", table->doc);
}

/* KEY=VALUE: keys, and behind the sign the values where these are a list. */
static void offer_settings(const char *current, const char *before) {
  const char *typed = current + strlen(before), *sign = strchr(typed, '=');
  for (int i = 0; i < il_config_keys(); i++) {
    char accepts[256], head[512], *state = NULL;
    const il_config_key key = il_config_key_at(i, accepts, sizeof accepts);
    if (!sign) {
      offer(current, before, key.key, "=", key.doc);
      continue;
    }
    if (strlen(key.key) != (size_t)(sign - typed) || strncmp(key.key, typed, strlen(key.key)))
      continue;
    const bool list = !strncmp(accepts, "one of ", 7);
    if (!list && strcmp(accepts, "true or false") != 0) return;
    if ((size_t)snprintf(head, sizeof head, "%s%s=", before, key.key) >= sizeof head) return;
    char values[256];
    snprintf(values, sizeof values, "%s", list ? accepts + 7 : "true|false");
    for (char *v = strtok_r(values, "|", &state); v; v = strtok_r(NULL, "|", &state))
      offer(current, head, v, "", strcmp(v, key.fallback) ? "" : "default");
    return;
  }
}

static void offer_presets(const char *current, const char *before) {
  for (int i = 0; i < il_presets(); i++)
    offer(current, before, il_preset_at(i)->name, "", il_preset_at(i)->note);
}

static void offer_import_kinds(const char *current, const char *before) {
  for (int i = 0; i < il_import_kinds(); i++)
    offer(current, before, il_import_kind_name(i), "", il_import_kind_doc(i));
}

static bool one_of(const char *word, const char *const *list) {
  while (*list && strcmp(word, *list)) list++;
  return *list != NULL;
}

/* One of the names that stand for an argument, such as FILE or a word that is typed as it is. */
static void put_kind(const char *kind, const char *current, const char *before) {
  static const char *const files[] = {"FILE", "DATA",  "PATH",    "SRC",     "IN",
                                      "OUT",  "MODEL", "PICTURE", "LEARNER", NULL};
  static const char *const folders[] = {"FOLDER", "RUN", NULL};
  const char *dot = strchr(kind, '.');
  if (!strcmp(kind, "KEY=VALUE"))
    offer_settings(current, before);
  else if (!strcmp(kind, "PRESET"))
    offer_presets(current, before);
  else if (!strcmp(kind, "KIND"))
    offer_import_kinds(current, before);
  else if (one_of(kind, folders))
    puts("\tfolders");
  else if (one_of(kind, files))
    puts("\tfiles");
  else if (dot)
    printf("\tfiles %s\n", dot);
  else if (*kind >= 'a' && *kind <= 'z')
    offer(current, before, kind, "", "");
}

/* "PRESET|CONFIG.yaml", "[PATH]", "PICTURE|-…". */
static void put_kinds(const char *spec, size_t length, const char *current, const char *before) {
  char text[256], *state = NULL;
  snprintf(text, sizeof text, "%.*s", (int)length, spec);
  for (char *kind = strtok_r(text, "[]|,", &state); kind; kind = strtok_r(NULL, "[]|,", &state)) {
    char *more = strstr(kind, "…");
    if (more) *more = 0;
    put_kind(kind, current, before);
  }
}

/* ---- options ---- */

static bool is_end(const struct argp_option *o) {
  return !o->name && !o->key && !o->doc && !o->group;
}

static void offer_options(const struct argp *argp, const char *current) {
  for (const struct argp_option *o = argp->options; o && !is_end(o); o++)
    if (o->name && !(o->flags & OPTION_HIDDEN))
      offer(current, "--", o->name, "", o->doc ? o->doc : "");
  for (const struct argp_child *c = argp->children; c && c->argp; c++)
    offer_options(c->argp, current);
}

/* The option that the word names, without what stands behind "="; NULL: none. */
static const struct argp_option *find_option(const struct argp *argp, const char *word) {
  const bool whole = word[0] == '-' && word[1] == '-';
  const size_t length = strcspn(word, "=");
  for (const struct argp_option *o = argp->options; o && !is_end(o); o++) {
    if (whole && o->name && strlen(o->name) == length - 2 &&
        !strncmp(word + 2, o->name, length - 2))
      return o;
    if (!whole && word[0] == '-' && word[1] && !word[2] && o->key == word[1]) return o;
  }
  const struct argp_option *found = NULL;
  for (const struct argp_child *c = argp->children; c && c->argp && !found; c++)
    found = find_option(c->argp, word);
  return found;
}

static bool takes_next(const struct argp_option *o, const char *word) {
  return o && o->arg && !(o->flags & OPTION_ARG_OPTIONAL) && !strchr(word, '=');
}

/* The line of `args_doc` that holds: one that begins with an option only where that is given. */
static const char *arguments_of(const request *r) {
  const char *first = r->argp->args_doc ? r->argp->args_doc : "";
  for (const char *line = strchr(first, '\n'); line; line = strchr(line, '\n')) {
    line++;
    const size_t length = strcspn(line, " \n");
    for (int i = 0; i + 1 < r->count; i++)
      if (*line == '-' && strlen(r->word[i]) == length && !strncmp(r->word[i], line, length))
        return line + length;
  }
  return first;
}

/* The index-th argument, or the last one, which may be repeated. */
static void put_argument(const request *r, int index) {
  const char *current = r->word[r->count - 1];
  const char *at = arguments_of(r);
  at += strspn(at, " ");
  size_t length = strcspn(at, " \n");
  if (!length) {
    offer_options(r->argp, current);
    return;
  }
  while (index-- > 0) {
    const char *next = at + length + strspn(at + length, " ");
    const size_t more = strcspn(next, " \n");
    if (!more) {
      if (!strstr(at, "…")) return; /* there are no further ones */
      break;
    }
    at = next;
    length = more;
  }
  put_kinds(at, length, current, "");
}

static void complete_argp(const request *r) {
  const char *current = r->word[r->count - 1];
  const struct argp_option *waiting = NULL; /* for its value */
  int arguments = 0;
  bool only_arguments = false; /* after "--" */
  for (int i = 0; i + 1 < r->count; i++) {
    const char *word = r->word[i];
    if (waiting) {
      waiting = NULL;
    } else if (only_arguments || *word != '-' || !word[1]) {
      arguments++;
    } else if (!strcmp(word, "--")) {
      only_arguments = true;
    } else {
      const struct argp_option *o = find_option(r->argp, word);
      if (takes_next(o, word)) waiting = o;
    }
  }
  const char *sign = strchr(current, '=');
  if (waiting) {
    put_kinds(waiting->arg, strlen(waiting->arg), current, "");
  } else if (only_arguments || *current != '-') {
    put_argument(r, arguments);
  } else if (sign) {
    const struct argp_option *o = find_option(r->argp, current);
    char before[128];
    const size_t length = (size_t)(sign - current) + 1;
    if (!o || !o->arg || length >= sizeof before) return;
    snprintf(before, sizeof before, "%.*s", (int)length, current);
    put_kinds(o->arg, strlen(o->arg), current, before);
  } else {
    offer_options(r->argp, current);
    offer(current, "--", "help", "", "explain the command");
    offer(current, "--", "usage", "", "print its options in short");
  }
}

int print_completions(int count, char *const *word) {
  const command *table = commands;
  bool help = false;
  for (; count > 1 && table; count--, word++) {
    if (table == commands && !help && !strcmp(*word, "help")) {
      help = true;
      continue;
    }
    const command *c = find_command(table, *word);
    if (!c) return 0;
    table = c->actions;
    if (table) continue;
    if (!help) complete_argp(&(request){count - 1, word + 1, c->argp});
    return 0;
  }
  if (count < 1) return usage_error("help --complete: expected the words of a command line");
  offer_commands(table, *word);
  if (table != commands) {
    if (!help) offer(*word, "--", "help", "", "explain the actions");
    return 0;
  }
  if (help) {
    offer(*word, "", "config", "", "all keys of a configuration");
    offer(*word, "--", "man", "", "pages of the manual");
    return 0;
  }
  offer(*word, "", "help", "", "explain a command");
  offer(*word, "--", "help", "", "list the commands");
  offer(*word, "--", "version", "", "print the version");
  return 0;
}
