/* Pictures in folders: SOURCE/class/picture or SOURCE/group/class/picture, PNG and JPEG of any sizes, as files or in a zip
 * archive. A first walk looks at what there is, a second one writes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/locale.h"
#include "import/importer.h"
#include "import/listing.h"
#include "image/image_read.h"

enum { SIDE_MAX = 1024, OWN_SIZE_MAX = 128, USUAL_SIZE = 84, SIZES_MAX = 1000 };
#define EXPECTED                                                                                   \
  "expected a folder of PNG or JPEG files for each of at least two classes: "                      \
  "SOURCE/class/picture.png or SOURCE/group/class/picture.png"

typedef struct candidate {
  const il_listed *file;
  const char *folder; /* the name of its class */
  bool beside;        /* in the folder of a group, so that it has no class */
  bool good;          /* it can be read, as far as we know */
  bool deep;          /* has 16 bits a channel */
} candidate;

typedef struct extent {
  int height, width;
} extent;

typedef struct importer {
  il_context *context;
  const il_import_options *options;
  il_import_report *report;
  const char *source;
  il_listing listing;
  const char *around; /* the folder around everything, "" or ending in '/' */
  candidate *all;
  size_t count;
  il_dataset_writer *writer;
  /* found by the first walk */
  extent *sizes; /* [SIZES_MAX] different ones */
  int size_count;
  bool more_sizes, colour;
} importer;

static il_status skip(importer *im, const candidate *c, const char *reason) {
  if (il_context_status(im->context)) return il_context_status(im->context);
  return il_import_skip(im->context, im->options, im->report, c->file->name, "%s", reason);
}

/* ---- what belongs to which class ---- */

/* One folder around all others says nothing: archives have one. Taken off while folders remain below it. */
static il_status find_around(importer *im) {
  const il_listing *l = &im->listing;
  for (im->around = "";;) {
    const size_t length = strlen(im->around);
    const char *shared = NULL;
    size_t longer = 0;
    bool deeper = false, one = true;
    for (size_t i = 0; i < l->count && one; i++) {
      const char *name = l->file[i].name;
      const char *slash = strncmp(name, im->around, length) ? NULL : strchr(name + length, '/');
      if (!slash) continue; /* beside the folders */
      if (!shared) longer = (size_t)(slash + 1 - name);
      if (!shared) shared = name;
      one = !strncmp(name, shared, longer);
      deeper |= strchr(slash + 1, '/') != NULL;
    }
    if (!one || !deeper) return IL_OK;
    char *around = il_arena_alloc(&im->listing.arena, longer + 1);
    if (!around) return il_fail_memory(im->context, "a path");
    im->around = memcpy(around, shared, longer);
  }
}

/* The folder of a picture, the name of its class; NULL with the reason why there is none, or without memory. */
static const char *name_class(importer *im, const char *file, const char **reason) {
  const size_t around = strlen(im->around);
  const bool inside = !strncmp(file, im->around, around);
  const char *begin = file + (inside ? around : 0), *first = strchr(begin, '/'),
             *end = strrchr(begin, '/'), *second = first ? strchr(first + 1, '/') : NULL;
  *reason = !inside || !first         ? "lies in no class's folder"
            : second && second != end ? "lies deeper than group/class/picture"
                                      : NULL;
  if (*reason) return NULL;
  char *name = il_arena_alloc(&im->listing.arena, (size_t)(end - begin) + 1);
  if (!name) return NULL;
  memcpy(name, begin, (size_t)(end - begin));
  if (!il_import_utf8(name))
    *reason = "the name of its folder is not UTF-8";
  else if (!il_dataset_name_good(name))
    *reason = "the name of its folder begins with a space or has control characters";
  return *reason ? NULL : name;
}

static int by_class(const void *a, const void *b) {
  const candidate *x = a, *y = b;
  const int order = strcmp(x->folder, y->folder);
  return order ? order : strcmp(x->file->name, y->file->name);
}

/* Whether folders of classes lie in this one, as in a group: then pictures beside them are of none. */
static bool has_classes(const importer *im, const char *folder) {
  const size_t length = strlen(folder);
  size_t low = 0, high = im->count;
  while (low < high) { /* the first that comes after "folder/" */
    const size_t middle = low + (high - low) / 2;
    const char *name = im->all[middle].folder;
    const int order = strncmp(name, folder, length);
    if (order < 0 || (order == 0 && (unsigned char)name[length] < '/'))
      low = middle + 1;
    else
      high = middle;
  }
  return low < im->count && !strncmp(im->all[low].folder, folder, length) &&
         im->all[low].folder[length] == '/';
}

static il_status find_candidates(importer *im) {
  il_status status = find_around(im);
  im->all = calloc(im->listing.count + 1, sizeof *im->all);
  if (!im->all) return il_fail_memory(im->context, "the list of pictures");
  for (size_t i = 0; i < im->listing.count && !status; i++) {
    candidate c = {.file = &im->listing.file[i]};
    const char *reason = c.file->problem;
    if (!reason) c.folder = name_class(im, c.file->name, &reason);
    if (reason)
      status = skip(im, &c, reason);
    else if (!c.folder)
      status = il_fail_memory(im->context, "a class name");
    else
      im->all[im->count++] = c;
  }
  if (status) return status;
  qsort(im->all, im->count, sizeof *im->all, by_class);
  const char *last = NULL; /* folder whose answer is known */
  bool group = false;
  for (size_t i = 0; i < im->count && !status; i++) {
    candidate *c = &im->all[i];
    if (!last || strcmp(last, c->folder) != 0) group = has_classes(im, c->folder);
    last = c->folder;
    c->beside = group;
    if (group) status = skip(im, c, "lies beside the folders of classes, in none of them");
  }
  size_t kept = 0;
  for (size_t i = 0; i < im->count; i++)
    if (!im->all[i].beside) im->all[kept++] = im->all[i];
  im->count = kept;
  return status;
}

/* ---- the first walk: sizes and colours ---- */

static void count_size(importer *im, int height, int width) {
  for (int i = 0; i < im->size_count; i++)
    if (im->sizes[i].height == height && im->sizes[i].width == width) return;
  if (im->size_count < SIZES_MAX)
    im->sizes[im->size_count++] = (extent){height, width};
  else
    im->more_sizes = true;
}

static il_status look(importer *im, candidate *c) {
  char reason[IL_PICTURE_REASON];
  il_bytes bytes = {.read = il_listing_read, .user = &im->listing};
  il_picture about;
  if (!il_listing_begin(&im->listing, c->file)) {
    il_listing_end(&im->listing);
    return skip(im, c, im->listing.reason);
  }
  il_status status = il_picture_describe(im->context, &bytes, &about, reason);
  il_listing_end(&im->listing);
  if (status == IL_ERROR_FORMAT) return skip(im, c, bytes.failed ? im->listing.reason : reason);
  if (status) return status;
  c->good = true;
  im->colour |= !about.grey;
  c->deep = about.bits == 16;
  count_size(im, about.height, about.width);
  return IL_OK;
}

static il_status look_at_all(importer *im) {
  im->sizes = malloc(SIZES_MAX * sizeof *im->sizes);
  if (!im->sizes) return il_fail_memory(im->context, "the sizes of pictures");
  il_status status = IL_OK;
  for (size_t i = 0; i < im->count && !status; i++) {
    status = look(im, &im->all[i]);
    if (!status)
      status = il_import_step(im->context, im->options, (int64_t)i + 1, (int64_t)im->count);
  }
  return status;
}

/* By area, then by height: 20 × 16 and 16 × 20 are two. */
static int compare_sizes(extent a, extent b) {
  const int64_t p = (int64_t)a.height * a.width, q = (int64_t)b.height * b.width;
  if (p != q) return p < q ? -1 : 1;
  return a.height < b.height ? -1 : a.height > b.height;
}

/* Where no size is asked for: the one that all have, unless it is large. */
static il_status choose_size(importer *im, extent *to) {
  const il_import_options *o = im->options;
  *to = (extent){o->height ? o->height : o->width, o->width ? o->width : o->height};
  if (to->height) return IL_OK;
  extent least = im->sizes[0], most = least;
  for (int i = 1; i < im->size_count; i++) {
    const extent s = im->sizes[i];
    if (compare_sizes(s, least) < 0) least = s;
    if (compare_sizes(s, most) > 0) most = s;
  }
  *to = least;
  if (im->size_count == 1 && least.height <= OWN_SIZE_MAX && least.width <= OWN_SIZE_MAX)
    return IL_OK;
  *to = (extent){USUAL_SIZE, USUAL_SIZE};
  if (im->size_count == 1)
    return il_import_note(im->context, im->report,
                          "pictures of %d × %d pixels: all become %d × %d (--size HxW)",
                          least.height, least.width, to->height, to->width);
  return il_import_note(
      im->context, im->report,
      "pictures of %s%d sizes, %d × %d to %d × %d pixels (height × width): of each the centre "
      "becomes %d × %d (--size HxW)",
      im->more_sizes ? "more than " : "", im->size_count, least.height, least.width, most.height,
      most.width, to->height, to->width);
}

/* ---- the second walk ---- */

static int64_t read_and_hash(void *user, void *to, size_t size) {
  importer *im = user;
  const int64_t got = il_listing_read(&im->listing, to, size);
  if (got > 0) il_dataset_writer_hash(im->writer, to, (size_t)got);
  return got;
}

static il_status convert(importer *im, candidate *c, int cls, extent to, int channels,
                         uint8_t *pixels) {
  char reason[IL_PICTURE_REASON];
  il_bytes bytes = {.read = read_and_hash, .user = im};
  c->good = false;
  if (!il_listing_begin(&im->listing, c->file)) {
    il_listing_end(&im->listing);
    return skip(im, c, im->listing.reason);
  }
  il_dataset_writer_hash(im->writer, c->file->name, strlen(c->file->name) + 1);
  il_status status =
      il_picture_read(im->context, &bytes, to.height, to.width, channels, pixels, reason);
  while (il_bytes_fill(&bytes)) continue; /* to the end, where archives compare checksums */
  il_listing_end(&im->listing);
  if (bytes.failed) return skip(im, c, im->listing.reason);
  if (status == IL_ERROR_FORMAT) return skip(im, c, reason);
  if (status) return status;
  c->good = true;
  const size_t count = (size_t)to.height * (size_t)to.width * (size_t)channels;
  for (size_t i = 0; im->options->invert && i < count; i++) pixels[i] = (uint8_t)(255 - pixels[i]);
  return il_dataset_writer_add(im->writer, cls, pixels);
}

static il_status convert_all(importer *im, extent to, int channels) {
  uint8_t *pixels = malloc((size_t)to.height * (size_t)to.width * (size_t)channels);
  if (!pixels) return il_fail_memory(im->context, "a picture");
  il_status status = IL_OK;
  const char *folder = NULL;
  int cls = -1;
  for (size_t i = 0; i < im->count && !status; i++) {
    candidate *c = &im->all[i];
    if (!c->good) continue;
    cls += !folder || strcmp(folder, c->folder) != 0;
    folder = c->folder;
    status = convert(im, c, cls, to, channels, pixels);
    if (!status)
      status = il_import_step(im->context, im->options, (int64_t)i + 1, (int64_t)im->count);
  }
  free(pixels);
  return status;
}

/* ---- what there is, before and after ---- */

/* Names of the classes of all that is good, in order: [count] at most. */
static int list_classes(const importer *im, const char **name) {
  int classes = 0;
  for (size_t i = 0; i < im->count; i++) {
    const candidate *c = &im->all[i];
    if (c->good && (classes == 0 || strcmp(name[classes - 1], c->folder) != 0))
      name[classes++] = c->folder;
  }
  return classes;
}

static il_status refuse_few(importer *im, int classes, const char *only) {
  if (classes > 1) return IL_OK;
  if (im->listing.count == 0)
    return il_fail(im->context, IL_ERROR_DATA, "%s has no files; " EXPECTED, im->source);
  if (classes == 1)
    return il_fail(im->context, IL_ERROR_DATA, "%s has pictures of one class only, '%s'; " EXPECTED,
                   im->source, only);
  const char *skips = im->report->skips;
  return il_fail(im->context, IL_ERROR_DATA,
                 "%s: none of its %zu files can be imported (%.*s); " EXPECTED, im->source,
                 im->listing.count, (int)strcspn(skips, "\n"), skips);
}

static int by_letters(const void *a, const void *b) {
  return il_word_order(*(const char *const *)a, *(const char *const *)b);
}

static il_status note_classes(importer *im, const char **name, int classes) {
  for (int c = 0; c < classes; c++) { /* before they are sorted otherwise */
    char other[64];
    const char *rest = strncmp(name[c], "train/", 6) ? NULL : name[c] + 6;
    for (int k = 0; rest && k < classes; k++) {
      const char *slash = strchr(name[k], '/');
      if (k == c || !slash || strcmp(slash + 1, rest) != 0) continue;
      snprintf(other, sizeof other, "%.*s", (int)(slash - name[k]), name[k]);
      return il_import_note(im->context, im->report,
                            "'%s' and '%s' became two classes; where '%s' only has more pictures "
                            "of the same, import one of the two folders",
                            name[c], name[k], other);
    }
  }
  qsort(name, (size_t)classes, sizeof *name, by_letters);
  for (int c = 1; c < classes; c++)
    if (!il_word_order(name[c - 1], name[c]))
      return il_import_note(im->context, im->report,
                            "'%s' and '%s' differ in case alone and became two classes",
                            name[c - 1], name[c]);
  return IL_OK;
}

static il_status note_counts(importer *im) {
  int lost = 0, single = 0, deep = 0;
  const char *first_lost = NULL, *first_single = NULL;
  for (size_t i = 0, end; i < im->count; i = end) {
    const char *folder = im->all[i].folder;
    int good = 0;
    for (end = i; end < im->count && !strcmp(folder, im->all[end].folder); end++) {
      good += im->all[end].good;
      deep += im->all[end].good && im->all[end].deep;
    }
    if (good == 0 && lost++ == 0) first_lost = folder;
    if (good == 1 && single++ == 0) first_single = folder;
  }
  il_status status = IL_OK;
  if (deep)
    status =
        il_import_note(im->context, im->report, "%d picture%s of 16 bits a channel became 8 bits",
                       deep, deep > 1 ? "s" : "");
  if (!status && lost)
    status = il_import_note(
        im->context, im->report,
        "%d folder%s became no class, as nothing in %s could be imported: '%s'%s", lost,
        lost > 1 ? "s" : "", lost > 1 ? "them" : "it", first_lost, lost > 1 ? " and others" : "");
  if (!status && single && !im->options->few)
    status = il_import_note(
        im->context, im->report, "%d class%s one picture only, which is too few for a task: '%s'%s",
        single, single > 1 ? "es have" : " has", first_single, single > 1 ? " and others" : "");
  return status;
}

static il_status write_all(importer *im, const char *out, const char **name) {
  int classes = list_classes(im, name);
  il_status status = refuse_few(im, classes, name[0]);
  if (status) return status;
  const il_import_options *o = im->options;
  const int channels = im->colour && !o->grey ? 3 : 1;
  extent to;
  status = choose_size(im, &to);
  if (status) return status;
  char with[96];
  snprintf(with, sizeof with, "kind=pictures size=%dx%d%s%s", to.height, to.width,
           o->grey ? " grey" : "", o->invert ? " invert" : "");
  im->writer =
      il_dataset_writer_new(im->context, out,
                            &(il_dataset_recipe){.classes = classes,
                                                 .name = name,
                                                 .type = IL_UINT8,
                                                 .example = IL_SHAPE(to.height, to.width, channels),
                                                 .made_from = im->listing.root,
                                                 .made_with = with});
  if (!im->writer) return il_context_status(im->context);
  status = convert_all(im, to, channels);
  if (status) return status;
  classes = list_classes(im, name);
  status = refuse_few(im, classes, name[0]);
  if (!status) status = note_counts(im);
  if (!status) status = note_classes(im, name, classes);
  if (status) return status;
  il_dataset_writer *writer = im->writer;
  im->writer = NULL;
  return il_import_commit(writer, im->report, il_dataset_writer_examples(writer));
}

static il_status import(il_context *context, const char *source, const char *out,
                        const il_import_options *o, il_import_report *report) {
  if (o->height < 0 || o->width < 0 || o->height > SIDE_MAX || o->width > SIDE_MAX)
    return il_fail(context, IL_ERROR_ARGUMENT,
                   "pictures cannot become %d × %d pixels, expected 1 to %d on a side", o->height,
                   o->width, (int)SIDE_MAX);
  importer im = {.context = context, .options = o, .report = report, .source = source};
  il_status status = il_listing_open(&im.listing, context, source);
  if (!status) status = find_candidates(&im);
  if (!status) status = look_at_all(&im);
  const char **name = status ? NULL : calloc(im.count + 1, sizeof *name);
  if (!status) status = name ? write_all(&im, out, name) : il_fail_memory(context, "class names");
  il_dataset_writer_abort(im.writer);
  il_listing_close(&im.listing);
  free(name);
  free(im.sizes);
  free(im.all);
  return status;
}

/* Any folder, and archives but those of numpy and PyTorch; a damaged archive is told so when it is opened. */
static bool recognises(const char *source) {
  struct stat info;
  if (stat(source, &info) < 0) return false;
  if (S_ISDIR(info.st_mode)) return true;
  char first[4] = "";
  FILE *file = S_ISREG(info.st_mode) ? fopen(source, "rbe") : NULL;
  if (S_ISREG(info.st_mode) && !file) il_import_refused(errno);
  if (!file) return false;
  const bool archive =
      fread(first, 1, 4, file) == 4 && (!memcmp(first, "PK\3\4", 4) || !memcmp(first, "PK\5\6", 4));
  if (ferror(file)) il_import_refused(errno);
  fclose(file);
  zip_t *zip = archive ? zip_open(source, ZIP_RDONLY, NULL) : NULL;
  if (!zip) return archive;
  bool arrays = false;
  for (zip_int64_t i = 0; i < zip_get_num_entries(zip, 0) && !arrays; i++) {
    const char *name = zip_get_name(zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
    const size_t length = name ? strlen(name) : 0;
    arrays = (length > 4 && !strcmp(name + length - 4, ".npy")) ||
             (length >= 8 && !strcmp(name + length - 8, "data.pkl"));
  }
  zip_discard(zip);
  return !arrays;
}

const il_importer il_importer_pictures = {
    .name = "pictures",
    .doc = "a folder or zip archive of PNG and JPEG files, in one folder for each class: "
           "SOURCE/class/picture or SOURCE/group/class/picture",
    .takes = "size grey invert",
    .recognises = recognises,
    .import = import};
