/* Omniglot (Lake, Salakhutdinov, Tenenbaum, Science 2015) from its official archives or folders:
 * images_background/ALPHABET/characterNN/XXXX_YY.png. Every drawing becomes ink on black, 28×28. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include "base/arena.h"
#include "data/dataset_writer.h"
#include "import/importer.h"

enum { PNG_MAX = 1 << 20, SETS = 2 };
static const char *const set_folder[SETS] = {"images_background", "images_evaluation"};
static const char *const set_origin[SETS] = {"background", "evaluation"};

typedef struct drawing {
  const char *name;    /* "Greek/character01/0001_01.png" */
  size_t class_length; /* of "Greek/character01" */
  int set;
  zip_uint64_t index;
} drawing;

typedef struct importer {
  il_context *context;
  il_import_report *report;
  il_dataset_writer *writer;
  char *path[SETS]; /* of the archive or the folder */
  zip_t *zip[SETS]; /* NULL: a folder */
  drawing *drawings;
  size_t count, room;
  il_arena arena;
  uint8_t *bytes; /* [PNG_MAX] one file */
  char *file;     /* path of one file */
  int side;       /* of the drawings as they come, 0 before the first */
} importer;

static char *join(const char *a, const char *separator, const char *b) {
  char *text = NULL;
  return asprintf(&text, "%s%s%s", a, separator, b) < 0 ? NULL : text;
}

/* Takes name as a drawing if it ends in .png; it must then be alphabet/character/file. */
static il_status add(importer *im, int set, const char *name, zip_uint64_t index) {
  size_t length = strlen(name);
  if (length < 4 || strcmp(name + length - 4, ".png")) return IL_OK;
  const char *first = strchr(name, '/'), *second = first ? strchr(first + 1, '/') : NULL;
  if (!second || strchr(second + 1, '/') || first == name || second == first + 1)
    return il_fail(im->context, IL_ERROR_FORMAT,
                   "%s: found the image '%s', expected alphabet/character/drawing.png",
                   im->path[set], name);
  if (im->count == im->room) {
    size_t room = im->room ? 2 * im->room : 4096;
    drawing *grown = realloc(im->drawings, room * sizeof *grown);
    if (!grown) return il_fail_memory(im->context, "the list of drawings");
    im->drawings = grown;
    im->room = room;
  }
  const char *kept = il_arena_string(&im->arena, name);
  if (!kept) return il_fail_memory(im->context, "the list of drawings");
  im->drawings[im->count++] = (drawing){kept, (size_t)(second - name), set, index};
  return IL_OK;
}

static il_status list_zip(importer *im, int set) {
  int code = 0;
  im->zip[set] = zip_open(im->path[set], ZIP_RDONLY, &code);
  if (!im->zip[set]) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    il_status status = il_fail(im->context, code == ZIP_ER_OPEN ? IL_ERROR_FILE : IL_ERROR_FORMAT,
                               "%s cannot be opened as a zip archive: %s", im->path[set],
                               zip_error_strerror(&error));
    zip_error_fini(&error);
    return status;
  }
  size_t prefix = strlen(set_folder[set]);
  zip_int64_t entries = zip_get_num_entries(im->zip[set], 0);
  for (zip_int64_t i = 0; i < entries; i++) {
    const char *name = zip_get_name(im->zip[set], (zip_uint64_t)i, ZIP_FL_ENC_GUESS);
    /* Other entries (__MACOSX and the like) are no drawings. */
    if (!name || strncmp(name, set_folder[set], prefix) || name[prefix] != '/') continue;
    il_status status = add(im, set, name + prefix + 1, (zip_uint64_t)i);
    if (status) return status;
  }
  return IL_OK;
}

/* depth 0: alphabets, 1: characters, 2: drawings. below is "" or ends in '/'. */
static il_status list_folder(importer *im, int set, const char *below, int depth) {
  char *path = join(im->path[set], "/", below);
  DIR *folder = path ? opendir(path) : NULL;
  il_status status = IL_OK;
  if (!path)
    status = il_fail_memory(im->context, "a path");
  else if (!folder)
    status = il_fail(im->context, IL_ERROR_FILE, "%s cannot be read: %s", path, strerror(errno));
  struct dirent *entry;
  while (!status && (entry = readdir(folder))) {
    if (entry->d_name[0] == '.') continue;
    char *name = join(below, "", entry->d_name), *inner = name ? join(name, "/", "") : NULL;
    char *full = name ? join(im->path[set], "/", name) : NULL;
    struct stat info;
    if (!inner || !full)
      status = il_fail_memory(im->context, "a path");
    else if (stat(full, &info) < 0)
      status = il_fail(im->context, IL_ERROR_FILE, "%s cannot be read: %s", full, strerror(errno));
    else if (!S_ISDIR(info.st_mode))
      status = add(im, set, name, 0);
    else if (depth < 2)
      status = list_folder(im, set, inner, depth + 1);
    free(full);
    free(inner);
    free(name);
  }
  if (folder) closedir(folder);
  free(path);
  return status;
}

static il_status list_set(importer *im, int set, const char *folder) {
  struct stat info;
  size_t before = im->count;
  im->path[set] = join(folder, "/", set_folder[set]);
  if (!im->path[set]) return il_fail_memory(im->context, "a path");
  il_status status;
  if (stat(im->path[set], &info) == 0 && S_ISDIR(info.st_mode)) {
    status = list_folder(im, set, "", 0);
  } else {
    char *archive = join(im->path[set], "", ".zip");
    if (!archive) return il_fail_memory(im->context, "a path");
    free(im->path[set]);
    im->path[set] = archive;
    if (stat(archive, &info) < 0)
      return il_fail(im->context, IL_ERROR_FILE,
                     "%s has neither a folder %s nor an archive %s.zip: %s", folder,
                     set_folder[set], set_folder[set], strerror(errno));
    status = list_zip(im, set);
  }
  if (!status && im->count == before)
    status =
        il_fail(im->context, IL_ERROR_FORMAT, "%s has no drawing %s/alphabet/character/drawing.png",
                im->path[set], set_folder[set]);
  return status;
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const drawing *)a)->name, ((const drawing *)b)->name);
}

static bool same_class(const drawing *a, const drawing *b) {
  return a->class_length == b->class_length && !memcmp(a->name, b->name, a->class_length);
}

/* One file into im->bytes; one that is larger than any drawing is refused before it is unpacked. */
static il_status read_bytes(importer *im, const drawing *d, size_t *size) {
  if (im->zip[d->set]) {
    zip_t *zip = im->zip[d->set];
    zip_file_t *file = zip_fopen_index(zip, d->index, 0);
    if (!file)
      return il_fail(im->context, IL_ERROR_FORMAT, "%s: %s", im->file,
                     zip_error_strerror(zip_get_error(zip)));
    zip_int64_t got = zip_fread(file, im->bytes, PNG_MAX);
    il_status status = IL_OK;
    if (got < 0)
      status = il_fail(im->context, IL_ERROR_FORMAT, "%s cannot be unpacked: %s", im->file,
                       zip_error_strerror(zip_file_get_error(file)));
    /* One more read reaches the end of the entry, where its checksum is compared. */
    char more;
    zip_int64_t rest = status ? 0 : zip_fread(file, &more, 1);
    if (rest < 0)
      status = il_fail(im->context, IL_ERROR_FORMAT, "%s cannot be unpacked: %s", im->file,
                       zip_error_strerror(zip_file_get_error(file)));
    else if (rest > 0)
      status =
          il_fail(im->context, IL_ERROR_FORMAT,
                  "%s has more than %d bytes, expected a small drawing", im->file, (int)PNG_MAX);
    zip_fclose(file);
    *size = got > 0 ? (size_t)got : 0;
    return status;
  }
  FILE *file = fopen(im->file, "rbe");
  if (!file)
    return il_fail(im->context, IL_ERROR_FILE, "%s cannot be opened: %s", im->file,
                   strerror(errno));
  *size = fread(im->bytes, 1, PNG_MAX, file);
  il_status status = IL_OK;
  if (ferror(file))
    status =
        il_fail(im->context, IL_ERROR_FILE, "%s cannot be read: %s", im->file, strerror(errno));
  else if (*size == PNG_MAX)
    status = il_fail(im->context, IL_ERROR_FORMAT,
                     "%s has %d bytes or more, expected a small drawing", im->file, (int)PNG_MAX);
  fclose(file);
  return status;
}

static il_status convert(importer *im, const drawing *d, int size, uint8_t *out) {
  free(im->file);
  im->file = join(im->path[d->set], "/", d->name);
  if (!im->file) return il_fail_memory(im->context, "a path");
  size_t bytes = 0;
  il_status status = read_bytes(im, d, &bytes);
  if (status) return status;
  il_dataset_writer_hash(im->writer, d->name, strlen(d->name) + 1);
  il_dataset_writer_hash(im->writer, im->bytes, bytes);
  int height, width;
  uint8_t *pixels;
  status = il_png_decode_grey(im->context, im->file, im->bytes, bytes, &height, &width, &pixels);
  if (status) return status;
  if (im->side == 0 && height == width) im->side = height;
  if (height != width || height != im->side)
    status = il_fail(im->context, IL_ERROR_FORMAT,
                     "%s has %d × %d pixels, expected the %d × %d of the others", im->file, height,
                     width, im->side, im->side);
  for (int i = 0; !status && i < height * width; i++) pixels[i] = (uint8_t)(255 - pixels[i]);
  if (!status) status = il_resize_lanczos(im->context, 1, height, width, pixels, size, size, out);
  free(pixels);
  return status;
}

/* Names of the classes in the order of the drawings; each is of one set. */
static il_status name_classes(importer *im, const char **name, const char **origin, int *classes) {
  *classes = 0;
  for (size_t i = 0; i < im->count; i++) {
    const drawing *d = &im->drawings[i];
    if (i > 0 && same_class(d - 1, d)) {
      if (d[-1].set != d->set)
        return il_fail(im->context, IL_ERROR_FORMAT, "'%.*s' is both in %s and in %s",
                       (int)d->class_length, d->name, set_folder[0], set_folder[1]);
      continue;
    }
    char *class_name = il_arena_alloc(&im->arena, d->class_length + 1);
    if (!class_name) return il_fail_memory(im->context, "a class name");
    memcpy(class_name, d->name, d->class_length);
    name[*classes] = class_name;
    origin[(*classes)++] = set_origin[d->set];
  }
  return IL_OK;
}

static il_status convert_all(importer *im, int size, il_dataset_writer *writer,
                             const il_import_options *o) {
  uint8_t *pixels = malloc((size_t)size * (size_t)size);
  il_status status = pixels ? IL_OK : il_fail_memory(im->context, "a drawing");
  int cls = -1;
  im->writer = writer;
  for (size_t i = 0; !status && i < im->count; i++) {
    const drawing *d = &im->drawings[i];
    cls += i == 0 || !same_class(d - 1, d);
    status = convert(im, d, size, pixels);
    if (!status) status = il_dataset_writer_add(writer, cls, pixels);
    if (!status) status = il_import_step(im->context, o, (int64_t)i + 1, (int64_t)im->count);
  }
  free(pixels);
  return status;
}

static il_status build(importer *im, int size, const char *source, const char *out,
                       const il_import_options *o) {
  qsort(im->drawings, im->count, sizeof *im->drawings, by_name);
  const char **name = calloc(2 * im->count, sizeof *name);
  if (!name) return il_fail_memory(im->context, "the names of the classes");
  const char **origin = name + im->count;
  char with[64];
  snprintf(with, sizeof with, "kind=omniglot size=%dx%d", size, size);
  int classes;
  il_dataset_writer *writer = NULL;
  il_status status = name_classes(im, name, origin, &classes);
  if (!status) {
    writer = il_dataset_writer_new(im->context, out,
                                   &(il_dataset_recipe){.classes = classes,
                                                        .name = name,
                                                        .origin = origin,
                                                        .type = IL_UINT8,
                                                        .example = IL_SHAPE(size, size, 1),
                                                        .made_from = source,
                                                        .made_with = with});
    status = writer ? convert_all(im, size, writer, o) : il_context_status(im->context);
  }
  free(name);
  if (status) {
    il_dataset_writer_abort(writer);
    return status;
  }
  return il_import_commit(writer, im->report, (int64_t)im->count);
}

static bool recognises(const char *source) {
  bool found = false;
  for (int set = 0; set < SETS && !found; set++) {
    char *folder = join(source, "/", set_folder[set]),
         *archive = join(folder ? folder : "", "", ".zip");
    found = folder && archive && (access(folder, F_OK) == 0 || access(archive, F_OK) == 0);
    free(folder);
    free(archive);
  }
  return found;
}

static il_status import(il_context *context, const char *folder, const char *out,
                        const il_import_options *o, il_import_report *report) {
  const int size = o->height ? o->height : 28;
  if (size < 1 || size > 1024 || (o->width && o->width != size))
    return il_fail(
        context, IL_ERROR_ARGUMENT,
        "Omniglot's drawings cannot become %d × %d pixels, expected a square of 1 to 1024", size,
        o->width ? o->width : size);
  importer im = {.context = context, .report = report, .bytes = malloc(PNG_MAX)};
  il_status status = im.bytes ? IL_OK : il_fail_memory(context, "a buffer for images");
  for (int set = 0; !status && set < SETS; set++) status = list_set(&im, set, folder);
  if (!status) status = build(&im, size, folder, out, o);
  for (int set = 0; set < SETS; set++) {
    if (im.zip[set]) zip_discard(im.zip[set]);
    free(im.path[set]);
  }
  il_arena_free(&im.arena);
  free(im.drawings);
  free(im.bytes);
  free(im.file);
  return status;
}

const il_importer il_importer_omniglot = {.name = "omniglot",
                                          .doc =
                                              "the folder of Omniglot's archives images_background "
                                              "and images_evaluation, or of both unpacked",
                                          .takes = "size",
                                          .recognises = recognises,
                                          .import = import};
