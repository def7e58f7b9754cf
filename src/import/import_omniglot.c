/* Omniglot (Lake, Salakhutdinov, Tenenbaum, Science 2015) from its official archives or folders:
 * images_background/ALPHABET/characterNN/XXXX_YY.png. Every drawing becomes ink on black, 28×28. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "data/dataset_writer.h"
#include "image/image.h"
#include "import/importer.h"
#include "import/listing.h"

enum { PNG_MAX = 1 << 20, SETS = 2 };
static const char *const set_folder[SETS] = {"images_background", "images_evaluation"};
static const char *const set_origin[SETS] = {"background", "evaluation"};

typedef struct drawing {
  const il_listed *file;
  const char *name;    /* alphabet/character/file */
  size_t class_length; /* of alphabet/character */
  int set;
} drawing;

typedef struct importer {
  il_context *context;
  il_import_report *report;
  il_dataset_writer *writer;
  char *path[SETS]; /* of the archive or the folder */
  il_listing listing[SETS];
  drawing *drawings;
  size_t count;
  il_arena arena; /* names of classes */
  uint8_t *bytes; /* [PNG_MAX] one file */
  int side;       /* of the drawings as they come, 0 before the first */
} importer;

static char *join(const char *a, const char *separator, const char *b) {
  char *text = NULL;
  return asprintf(&text, "%s%s%s", a, separator, b) < 0 ? NULL : text;
}

/* Where a set lies: a folder of that name, or an archive. */
static il_status find_set(importer *im, int set, const char *folder) {
  struct stat info;
  im->path[set] = join(folder, "/", set_folder[set]);
  if (!im->path[set]) return il_fail_memory(im->context, "a path");
  if (stat(im->path[set], &info) == 0 && S_ISDIR(info.st_mode)) return IL_OK;
  char *archive = join(im->path[set], "", ".zip");
  if (!archive) return il_fail_memory(im->context, "a path");
  free(im->path[set]);
  im->path[set] = archive;
  if (stat(archive, &info) == 0) return IL_OK;
  return il_fail(im->context, IL_ERROR_FILE, "%s has neither a folder %s nor an archive %s.zip: %s",
                 folder, set_folder[set], set_folder[set], strerror(errno));
}

/* What ends in .png is a drawing, alphabet/character/file; an archive has all of it below the set's name. */
static il_status add(importer *im, int set, const il_listed *file) {
  const char *name = file->name;
  const size_t length = strlen(name), prefix = strlen(set_folder[set]);
  if (length < 4 || strcmp(name + length - 4, ".png")) return IL_OK;
  if (im->listing[set].zip) {
    if (strncmp(name, set_folder[set], prefix) || name[prefix] != '/') return IL_OK;
    name += prefix + 1;
  }
  const char *first = strchr(name, '/'), *second = first ? strchr(first + 1, '/') : NULL;
  if (file->problem)
    return il_fail(im->context, IL_ERROR_FORMAT, "%s/%s: %s", im->path[set], name, file->problem);
  if (!second || strchr(second + 1, '/') || first == name || second == first + 1)
    return il_fail(im->context, IL_ERROR_FORMAT,
                   "%s: found the image '%s', expected alphabet/character/drawing.png",
                   im->path[set], name);
  im->drawings[im->count++] = (drawing){file, name, (size_t)(second - name), set};
  return IL_OK;
}

static il_status list_set(importer *im, int set, const char *folder) {
  il_listing *l = &im->listing[set];
  il_status status = find_set(im, set, folder);
  if (status == IL_OK) status = il_listing_open(l, im->context, im->path[set]);
  if (status != IL_OK) return status;
  const size_t before = im->count;
  drawing *grown = realloc(im->drawings, (before + l->count + 1) * sizeof *grown);
  if (!grown) return il_fail_memory(im->context, "the list of drawings");
  im->drawings = grown;
  for (size_t i = 0; i < l->count && status == IL_OK; i++) status = add(im, set, &l->file[i]);
  if (status == IL_OK && im->count == before)
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

/* One file into im->bytes; path names it in errors. */
static il_status read_bytes(importer *im, const drawing *d, const char *path, size_t *size) {
  il_listing *l = &im->listing[d->set];
  int64_t got = il_listing_begin(l, d->file) ? 0 : -1;
  *size = 0;
  while (got >= 0 && *size < PNG_MAX) {
    got = il_listing_read(l, im->bytes + *size, PNG_MAX - *size);
    if (got <= 0) break;
    *size += (size_t)got;
  }
  il_listing_end(l);
  if (got < 0) return il_fail(im->context, IL_ERROR_FORMAT, "%s %s", path, l->reason);
  if (*size < PNG_MAX) return IL_OK;
  return il_fail(im->context, IL_ERROR_FORMAT, "%s has %d bytes or more, expected a small drawing",
                 path, (int)PNG_MAX);
}

static il_status convert_bytes(importer *im, const char *path, size_t bytes, int size,
                               uint8_t *out) {
  int height, width;
  uint8_t *pixels;
  il_status status =
      il_png_decode_grey(im->context, path, im->bytes, bytes, &height, &width, &pixels);
  if (status) return status;
  if (im->side == 0 && height == width) im->side = height;
  if (height != width || height != im->side)
    status = il_fail(im->context, IL_ERROR_FORMAT,
                     "%s has %d × %d pixels, expected the %d × %d of the others", path, height,
                     width, im->side, im->side);
  for (int i = 0; !status && i < height * width; i++) pixels[i] = (uint8_t)(255 - pixels[i]);
  if (!status) status = il_resize_lanczos(im->context, 1, height, width, pixels, size, size, out);
  free(pixels);
  return status;
}

static il_status convert(importer *im, const drawing *d, int size, uint8_t *out) {
  char *path = join(im->path[d->set], "/", d->name);
  if (!path) return il_fail_memory(im->context, "a path");
  size_t bytes = 0;
  il_status status = read_bytes(im, d, path, &bytes);
  if (status == IL_OK) {
    il_dataset_writer_hash(im->writer, d->name, strlen(d->name) + 1);
    il_dataset_writer_hash(im->writer, im->bytes, bytes);
    status = convert_bytes(im, path, bytes, size, out);
  }
  free(path);
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
  for (int set = 0; set < SETS; set++) im.listing[set].fd = -1;
  il_status status = im.bytes ? IL_OK : il_fail_memory(context, "a buffer for images");
  for (int set = 0; !status && set < SETS; set++) status = list_set(&im, set, folder);
  if (!status) status = build(&im, size, folder, out, o);
  for (int set = 0; set < SETS; set++) {
    il_listing_close(&im.listing[set]);
    free(im.path[set]);
  }
  il_arena_free(&im.arena);
  free(im.drawings);
  free(im.bytes);
  return status;
}

const il_importer il_importer_omniglot = {.name = "omniglot",
                                          .doc =
                                              "the folder of Omniglot's archives images_background "
                                              "and images_evaluation, or of both unpacked",
                                          .takes = "size",
                                          .recognises = recognises,
                                          .import = import};
