/* Preloaded: allocation number FAIL_AT of the process gives nothing; without it, how many there were goes to COUNT_TO. Only
 * those are counted that innerloop makes, by itself or by the C library, libyaml or libzip: pixman, fontconfig and jansson 2.14 crash
 * by themselves when they get no memory. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static atomic_long made;
static atomic_long fail_at = -1; /* −1: the environment has not been looked at */

/* The file that the code is from. */
static const char *object(const void *code) {
  Dl_info info;
  if (!dladdr(code, &info) || !info.dli_fname) return "";
  const char *slash = strrchr(info.dli_fname, '/');
  return slash ? slash + 1 : info.dli_fname;
}

static int is(const char *name, const char *begin) { return !strncmp(name, begin, strlen(begin)); }

static int counts(const void *caller) {
  static _Thread_local int inside; /* backtrace may allocate */
  const char *name = object(caller);
  if (is(name, "libc.so") && !inside) { /* for whom? */
    void *frame[16];
    inside = 1;
    const int frames = backtrace(frame, 16);
    inside = 0;
    for (int i = 0; i < frames && (is(name, "libc.so") || is(name, "fail_malloc")); i++)
      name = object(frame[i]);
  }
  return is(name, "innerloop") || is(name, "libc.so") || is(name, "libyaml") || is(name, "libzip");
}

static int fails(const void *caller) {
  if (!counts(caller)) return 0;
  long at = atomic_load(&fail_at);
  if (at < 0) {
    const char *text = getenv("FAIL_AT");
    at = text ? atol(text) : 0;
    atomic_store(&fail_at, at);
  }
  if (atomic_fetch_add(&made, 1) + 1 != at) return 0;
  errno = ENOMEM;
  return 1;
}

void *malloc(size_t size) {
  return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}
void *calloc(size_t count, size_t size) {
  return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}
void *realloc(void *old, size_t size) {
  return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}
void *aligned_alloc(size_t alignment, size_t size) {
  return fails(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, size);
}
int posix_memalign(void **to, size_t alignment, size_t size) {
  if (fails(__builtin_return_address(0)) || !(*to = __libc_memalign(alignment, size)))
    return ENOMEM;
  return 0;
}

__attribute__((destructor)) static void report(void) {
  const char *path = getenv("COUNT_TO");
  const long count = atomic_load(&made);
  FILE *file = path ? fopen(path, "w") : NULL;
  if (!file) return;
  fprintf(file, "%ld\n", count);
  fclose(file);
}
