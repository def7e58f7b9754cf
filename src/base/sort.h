/* Sorting in place: the C library's qsort may take memory. */
#ifndef IL_BASE_SORT_H
#define IL_BASE_SORT_H

#include <stddef.h>

/* As qsort; equal elements come in any order. */
void il_sort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *));

#endif
