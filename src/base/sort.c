/* Heap sort. */
#include "base/sort.h"

static void swap(char *a, char *b, size_t size) {
  for (size_t i = 0; i < size; i++) {
    const char c = a[i];
    a[i] = b[i];
    b[i] = c;
  }
}

void il_sort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *)) {
  char *at = base;
  for (size_t i = count / 2, end = count; end > 1;) {
    if (i > 0)
      i--;
    else
      swap(at, at + --end * size, size);
    for (size_t root = i, child; (child = 2 * root + 1) < end; root = child) {
      if (child + 1 < end && compare(at + child * size, at + (child + 1) * size) < 0) child++;
      if (compare(at + root * size, at + child * size) >= 0) break;
      swap(at + root * size, at + child * size, size);
    }
  }
}
