/* Atomic writing where the file system can only write files that have a name, or cannot name them afterwards: calls are
 * wrapped (see tests/CMakeLists.txt). Links, modes and pipes are in tests/fault/test_output.sh. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/io.h"

static bool no_nameless, no_naming;
int __real_openat(int folder, const char *path, int flags, ...);
int __wrap_openat(int folder, const char *path, int flags, ...);
int __real_linkat(int a, const char *from, int b, const char *to, int flags);
int __wrap_linkat(int a, const char *from, int b, const char *to, int flags);

int __wrap_openat(int folder, const char *path, int flags, ...) {
  if (no_nameless && (flags & O_TMPFILE) == O_TMPFILE) {
    errno = EOPNOTSUPP;
    return -1;
  }
  va_list more;
  va_start(more, flags);
  const unsigned mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, unsigned) : 0;
  va_end(more);
  return __real_openat(folder, path, flags, mode);
}

int __wrap_linkat(int a, const char *from, int b, const char *to, int flags) {
  if (!no_naming) return __real_linkat(a, from, b, to, flags);
  errno = EPERM;
  return -1;
}

static char folder[] = "/tmp/innerloop-atomic-XXXXXX";
static il_context *context;

static int set_up(void **state) {
  (void)state;
  context = il_context_new();
  return !context || !mkdtemp(folder) || chdir(folder) != 0;
}

static int tear_down(void **state) {
  (void)state;
  il_context_free(context);
  return unlink("file") != 0 || chdir("/") != 0 || rmdir(folder) != 0; /* nothing else is left */
}

/* More than the buffer holds, so that the copy takes several reads. */
enum { SIZE = 700001 };
static void write_and_compare(char with) {
  static char bytes[SIZE], found[SIZE + 1];
  memset(bytes, with, sizeof bytes);
  assert_int_equal(il_atomic_write(context, "file", 1, &(il_piece){bytes, sizeof bytes}), IL_OK);
  const int fd = open("file", O_RDONLY | O_CLOEXEC);
  assert_true(fd >= 0);
  assert_int_equal(read(fd, found, sizeof found), SIZE);
  close(fd);
  assert_memory_equal(bytes, found, SIZE);
}

static void mode_is(unsigned mode) {
  struct stat info;
  assert_int_equal(stat("file", &info), 0);
  assert_int_equal(info.st_mode & 0777, mode);
}

static void named(void **state) {
  (void)state;
  no_nameless = true;
  write_and_compare('a');
  assert_int_equal(chmod("file", 0640), 0);
  write_and_compare('b');
  mode_is(0640);
  no_nameless = false;
}

static void never_named(void **state) {
  (void)state;
  no_naming = true;
  write_and_compare('c');
  mode_is(0640);
  no_naming = false;
  write_and_compare('d');
  mode_is(0640);
}

static void what_is_left_is_cleaned(void **state) {
  (void)state;
  const char *dead = ".innerloop-tmp-1-0", *alive = ".innerloop-tmp-1-1";
  close(open(dead, O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
  const int fd = open(alive, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  assert_int_equal(flock(fd, LOCK_EX), 0);
  no_nameless = true;
  write_and_compare('e'); /* cleans before it begins */
  no_nameless = false;
  assert_int_not_equal(access(dead, F_OK), 0);
  assert_int_equal(access(alive, F_OK), 0);
  close(fd);
  il_atomic_clean(".");
  assert_int_not_equal(access(alive, F_OK), 0);
}

static void abandoned(void **state) {
  (void)state;
  for (int i = 0; i < 2; i++) {
    no_nameless = i == 1;
    il_atomic_file *file = il_atomic_begin(context, "file", true);
    assert_non_null(file);
    assert_int_equal(il_atomic_append(file, "x", 1), IL_OK);
    il_atomic_abort(file); /* tear_down finds what it leaves */
  }
  no_nameless = false;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(named), cmocka_unit_test(never_named),
                                     cmocka_unit_test(what_is_left_is_cleaned),
                                     cmocka_unit_test(abandoned)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
