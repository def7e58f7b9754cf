/* The files below a folder or in a zip archive, in the order of their names' bytes, and reading one after the other. */
#ifndef IL_IMPORT_LISTING_H
#define IL_IMPORT_LISTING_H

#include <zip.h>

#include "base/arena.h"
#include "base/error.h"

enum { IL_LISTING_REASON = 256 };
#define IL_LISTED_MAX (INT64_C(1) << 30) /* bytes of one file */

typedef struct il_listed {
  const char *name;    /* below the source, with '/' */
  const char *problem; /* why it is not read, or NULL */
  bool empty;          /* it is a folder without a file */
  uint64_t index;      /* in the archive */
} il_listed;

typedef struct il_listing {
  il_context *context;
  char *root; /* the folder without links, or the archive */
  zip_t *zip; /* NULL: a folder */
  il_listed *file;
  size_t count, room;
  il_arena arena; /* names and problems */
  /* the file that is being read */
  const char *name;
  int fd;
  zip_file_t *entry;
  int64_t done;                   /* bytes */
  char reason[IL_LISTING_REASON]; /* why it could not be opened or read on */
} il_listing;

/* Hidden files and what systems put beside others' files (__MACOSX, Thumbs.db, desktop.ini) are not listed. Links are
 * followed to files of the folder alone, so that none leads out or in a circle. Close it in any case. */
il_status il_listing_open(il_listing *listing, il_context *context, const char *source);
void il_listing_close(il_listing *listing);
/* Between these, il_listing_read gives its bytes, at most IL_LISTED_MAX, as il_bytes asks for them. What does not depend on the
 * one file (memory, a disk's error, too many open files) is an error in the context, too. */
bool il_listing_begin(il_listing *listing, const il_listed *file); /* false: reason says why */
int64_t il_listing_read(void *listing, void *to, size_t size);     /* -1: reason says why */
void il_listing_end(il_listing *listing);

#endif
