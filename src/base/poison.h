/* Memory that is there and that nobody may touch: AddressSanitizer reports who does. Nothing in other builds. */
#ifndef IL_BASE_POISON_H
#define IL_BASE_POISON_H

/* gcc defines a macro; clang answers a question that gcc 12 does not understand. */
#if defined(__SANITIZE_ADDRESS__)
#define IL_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IL_POISONS 1
#endif
#endif

#ifdef IL_POISONS
#include <sanitizer/asan_interface.h>
#else
#define IL_POISONS 0
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

#endif
