/* innerloop help --man: pages of the manual in roff, from the tables that --help, the command line and configurations
 * are read by. For groff and mandoc; ASCII, with escapes for the rest. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

enum { LINE = 62, WORDS = 48, NAME = WORDS + 16 };

/* ---- text ---- */

/* One character of UTF-8 in roff; gives the bytes it has. Sequences come from our own tables and are whole. */
static int put_character(FILE *out, const char *text) {
  const unsigned char *c = (const unsigned char *)text;
  if (*c == '\\') return fputs("\\e", out), 1;
  if (*c == '-') return fputs("\\-", out), 1;  /* as typed, not a hyphen */
  if (*c == '|') return fputs("|\\:", out), 1; /* long choices may break here */
  if (*c == '^') return fputs("\\(ha", out), 1;
  if (*c == '~') return fputs("\\(ti", out), 1;
  if (*c == '\'') return fputs("\\(aq", out), 1;
  if (*c == '"') return fputs("\\(dq", out), 1;
  if (*c < 0x80) return fputc(*c, out), 1;
  const int bytes = *c >= 0xf0 ? 4 : *c >= 0xe0 ? 3 : 2;
  unsigned code = *c & (0x7fU >> bytes);
  int read = 1;
  for (; read < bytes && (c[read] & 0xc0) == 0x80; read++) code = code << 6 | (c[read] & 0x3fU);
  if (code == 0x2026) /* which not every device has */
    fputs("...", out);
  else
    fprintf(out, "\\[u%04X]", code);
  return read;
}

static void put(FILE *out, const char *text, size_t length) {
  for (size_t i = 0; i < length;) i += (size_t)put_character(out, text + i);
}

/* `what stands between these` becomes bold; a word that begins like a request is none. */
static void put_word(FILE *out, const char *word, size_t length, bool *bold) {
  if (*word == '.') fputs("\\&", out);
  for (size_t i = 0; i < length;) {
    if (word[i] == '`') {
      *bold = !*bold;
      fputs(*bold ? "\\fB" : "\\fR", out);
      i++;
    } else {
      i += (size_t)put_character(out, word + i);
    }
  }
}

/* Words in lines of at most LINE characters. */
static void put_prose(FILE *out, const char *text, size_t length) {
  size_t column = 0;
  bool bold = false;
  for (size_t i = 0; i < length;) {
    const size_t word = strcspn(text + i, " \n"), left = word < length - i ? word : length - i;
    if (left && column && column + 1 + left > LINE) {
      fputc('\n', out);
      column = 0;
    }
    if (left) {
      if (column) fputc(' ', out);
      put_word(out, text + i, left, &bold);
      column += (column > 0) + left;
    }
    i += left + 1;
  }
  if (column) fputc('\n', out);
}

static bool is_literal(const char *line) { return line[0] == ' ' && line[1] == ' '; }

/* Lines; those that begin with two spaces stay as they are. */
static void put_text(FILE *out, const char *text) {
  bool literal = false, first = true;
  while (*text) {
    const size_t length = strcspn(text, "\n");
    if (is_literal(text) != literal) {
      literal = !literal;
      if (!literal) fputs(".fi\n.RE\n", out);
      if (!first) fputs(".PP\n", out);
      if (literal) fputs(".RS 4\n.nf\n", out);
    } else if (!literal && !first) {
      fputs(".PP\n", out);
    }
    if (literal) {
      put(out, text + 2, length - 2);
      fputc('\n', out);
    } else {
      put_prose(out, text, length);
    }
    first = false;
    text += length + (text[length] == '\n');
  }
  if (literal) fputs(".fi\n.RE\n", out);
}

static void put_styled(FILE *out, const char *font, const char *text) {
  fprintf(out, "\\f%s", font);
  put(out, text, strlen(text));
  fputs("\\fR", out);
}

/* ---- parts of a page ---- */

/* "data import": "INNERLOOP-DATA-IMPORT" or "innerloop-data-import". */
static void page_name(char name[NAME], const char *words, bool upper) {
  snprintf(name, NAME, "innerloop%s%s", *words ? "-" : "", words);
  for (char *c = name; *c; c++) {
    if (*c == ' ') *c = '-';
    if (upper) *c = (char)toupper((unsigned char)*c);
  }
}

static void put_head(FILE *out, const char *words, int section, const char *doc) {
  char name[NAME];
  page_name(name, words, true);
  fprintf(out, ".TH %s %d \"\" \"innerloop %s\" \"innerloop\"\n.SH NAME\n", name, section,
          INNERLOOP_VERSION);
  page_name(name, words, false);
  put(out, name, strlen(name));
  fputs(" \\- ", out);
  put_prose(out, doc, strlen(doc));
}

static void put_reference(FILE *out, const char *words, int section, bool last) {
  char name[NAME];
  page_name(name, words, false);
  fputs(".BR ", out);
  put(out, name, strlen(name));
  fprintf(out, " (%d)%s\n", section, last ? "" : ",");
}

static bool short_key(int key) { return key > 32 && key < 127; }

static void put_option(FILE *out, const struct argp_option *option) {
  const char *arg = option->arg;
  fputs(".TP\n", out);
  if (short_key(option->key)) {
    fprintf(out, "\\fB\\-%c\\fR", option->key);
    if (option->name) fputs(", ", out);
  }
  if (option->name) {
    fputs("\\fB\\-\\-", out);
    put(out, option->name, strlen(option->name));
    fputs("\\fR", out);
  }
  if (arg) {
    const bool optional = option->flags & OPTION_ARG_OPTIONAL;
    fputs(optional ? "[=" : "=", out);
    put_styled(out, "I", arg);
    if (optional) fputs("]", out);
  }
  fputc('\n', out);
  put_prose(out, option->doc, strlen(option->doc));
}

/* The options of one group in the order of the tables; its title stands among them. As argp has it, an option
 * without a group is in that of the one before it. */
static void put_group(FILE *out, const struct argp *argp, int group) {
  int at = 0;
  for (const struct argp_option *o = argp->options; o && (o->name || o->key || o->doc || o->group);
       o++) {
    const bool title = !o->name && !o->key;
    at = o->group ? o->group : at + title;
    if (at != group || o->flags & OPTION_HIDDEN) continue;
    if (title) {
      fputs(".SS ", out);
      put(out, o->doc, strcspn(o->doc, ":"));
      fputc('\n', out);
    } else {
      put_option(out, o);
    }
  }
  for (const struct argp_child *c = argp->children; c && c->argp; c++)
    put_group(out, c->argp, group);
}

static void put_options(FILE *out, const struct argp *argp) {
  fputs(".SH OPTIONS\n", out);
  put_group(out, argp, 0);
  fputs(".TP\n\\fB\\-?\\fR, \\fB\\-\\-help\\fR\nexplain the command\n"
        ".TP\n\\fB\\-\\-usage\\fR\nprint its options in short\n",
        out);
  for (int group = 1; group < 8; group++) put_group(out, argp, group);
}

/* One line for each way to call it. */
static void put_synopsis(FILE *out, const char *words, const char *arguments, bool options) {
  fputs(".SH SYNOPSIS\n", out);
  while (true) {
    const size_t length = strcspn(arguments, "\n");
    fputs("\\fBinnerloop", out);
    if (*words) fputc(' ', out);
    put(out, words, strlen(words));
    fputs("\\fR", out);
    if (options) fputs(" [\\fIOPTION\\fR...]", out);
    if (length) {
      fputs(" \\fI", out);
      put(out, arguments, length);
      fputs("\\fR", out);
    }
    fputc('\n', out);
    arguments += length;
    if (!*arguments++) return;
    fputs(".br\n", out);
  }
}

/* What argp prints behind the options, from the table or made by its filter. */
static void put_notes(FILE *out, const struct argp *argp, const char *after) {
  char *made = NULL;
  if (argp->help_filter) {
    made = argp->help_filter(ARGP_KEY_HELP_POST_DOC, after, NULL);
    if (made == after) made = NULL;
  }
  const char *text = made ? made : after;
  if (text && *text) {
    const bool examples = !strncmp(text, "Example", 7);
    fprintf(out, ".SH %s\n", examples ? "EXAMPLES" : "NOTES");
    put_text(out, examples ? text + strcspn(text, "\n") + 1 : text);
  }
  free(made);
}

/* ---- pages ---- */

static void command_page(FILE *out, const char *words, const command *c) {
  put_head(out, words, 1, c->doc);
  if (c->actions) {
    put_synopsis(out, words, "ACTION [ARGUMENT…]", false);
    fputs(".SH ACTIONS\n", out);
    for (const command *a = c->actions; a->name; a++) {
      fputs(".TP\n\\fB", out);
      put(out, a->name, strlen(a->name));
      fputs("\\fR ", out);
      put_styled(out, "I", a->argp->args_doc);
      fputc('\n', out);
      put_prose(out, a->doc, strlen(a->doc));
    }
  } else {
    const char *doc = c->argp->doc, *after = strchr(doc, '\v');
    put_synopsis(out, words, c->argp->args_doc ? c->argp->args_doc : "", true);
    fputs(".SH DESCRIPTION\n", out);
    put_prose(out, doc, after ? (size_t)(after - doc) : strlen(doc));
    put_options(out, c->argp);
    put_notes(out, c->argp, after ? after + 1 : NULL);
  }
  fputs(".SH SEE ALSO\n", out);
  for (const command *a = c->actions; a && a->name; a++) {
    char both[WORDS];
    snprintf(both, sizeof both, "%s %s", words, a->name);
    put_reference(out, both, 1, false);
  }
  put_reference(out, "", 1, false);
  put_reference(out, "config", 5, true);
}

static void main_page(FILE *out) {
  put_head(out, "", 1, "a meta-learning engine");
  put_synopsis(out, "", "COMMAND [ARGUMENT…]", false);
  fputs(".SH COMMANDS\n", out);
  for (const command *c = commands; c->name; c++) {
    fputs(".TP\n", out);
    put_styled(out, "B", c->name);
    fputc('\n', out);
    put_prose(out, c->doc, strlen(c->doc));
  }
  fputs(
      ".TP\n\\fBhelp\\fR [\\fICOMMAND\\fR|\\fBconfig\\fR]\nexplain a command, or list all keys of "
      "a configuration\n"
      ".TP\n\\fBhelp \\-\\-man\\fR [\\fIPAGE\\fR]\nprint a page of this manual in roff, such as "
      "innerloop\\-train.1;\nwithout a name the names of all pages\n"
      ".SH ENVIRONMENT\n"
      ".TP\nINNERLOOP_ISA\nthe instruction set to compute with, instead of the best that the CPU "
      "runs\n(\\fBinnerloop info\\fR lists them)\n"
      ".TP\nXDG_CACHE_HOME\nwhere data that \\fB\\-\\-data\\fR names is imported to; ~/.cache "
      "without it\n"
      ".SH EXIT STATUS\n"
      ".TP\n0\ndone\n.TP\n1\nfailed\n.TP\n2\nwrong usage or configuration\n"
      ".TP\n130\ninterrupted\n"
      ".SH EXAMPLES\n.nf\ninnerloop train glyphs\\-5w1s\\-maml\n"
      "innerloop eval runs/glyphs\\-5w1s\\-maml\n.fi\n"
      ".SH SEE ALSO\n",
      out);
  for (const command *c = commands; c->name; c++) put_reference(out, c->name, 1, false);
  put_reference(out, "config", 5, true);
}

static void config_page(FILE *out) {
  put_head(out, "config", 5, "configurations of innerloop");
  fputs(".SH DESCRIPTION\n", out);
  put_text(out, config_doc);
  fputs(".SH KEYS\n", out);
  for (int i = 0; i < il_config_keys(); i++) {
    char accepts[256];
    const il_config_key key = il_config_key_at(i, accepts, sizeof accepts);
    fputs(".TP\n", out);
    put_styled(out, "B", key.key);
    fputc('\n', out);
    put_prose(out, key.doc, strlen(key.doc));
    fputs(".br\n", out);
    fputs(".ad l\n", out); /* long choices have no spaces to be widened */
    put_prose(out, key.accepts, strlen(key.accepts));
    fputs(".ad b\n", out);
    fputs(".br\ndefault:\n", out);
    if (*key.fallback)
      put_prose(out, key.fallback, strlen(key.fallback));
    else
      fputs("none\n", out);
  }
  fputs(".SH PRESETS\n", out);
  for (int i = 0; i < il_presets(); i++) {
    const il_preset *p = il_preset_at(i);
    fputs(".TP\n", out);
    put_styled(out, "B", p->name);
    fputc('\n', out);
    put_prose(out, p->note, strlen(p->note));
    fputs(".br\nSource:\n", out);
    put_prose(out, p->source, strlen(p->source));
  }
  fputs(".SH SEE ALSO\n", out);
  put_reference(out, "", 1, false);
  put_reference(out, "presets", 1, true);
}

/* Prints the page, or without one its name; true when it was the one. */
static bool visit(const char *words, int section, const command *c, const char *page) {
  char name[NAME], file[NAME + 4];
  page_name(name, words, false);
  snprintf(file, sizeof file, "%s.%d", name, section);
  if (!page) puts(file);
  if (!page || (strcmp(page, file) && strcmp(page, name))) return false;
  if (c)
    command_page(stdout, words, c);
  else
    (section == 5 ? config_page : main_page)(stdout);
  return true;
}

int print_manual(const char *page) {
  bool found = visit("", 1, NULL, page);
  for (const command *c = commands; c->name && !found; c++) {
    found = visit(c->name, 1, c, page);
    for (const command *a = c->actions; a && a->name && !found; a++) {
      char words[WORDS];
      snprintf(words, sizeof words, "%s %s", c->name, a->name);
      found = visit(words, 1, a, page);
    }
  }
  found = found || visit("config", 5, NULL, page);
  if (page && !found)
    return usage_error("help --man: no page \"%s\"; `innerloop help --man` lists them", page);
  return 0;
}
