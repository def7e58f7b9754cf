/* The floating-point mode of a thread (see float_mode.h). */
#include "base/float_mode.h"

#if defined(__SSE2__)
#include <xmmintrin.h>
enum { MODES = 1 << 15 | 3 << 13 | 1 << 6 }; /* flush to zero, rounding, subnormals are zero */

il_float_mode il_float_plain(void) {
  const unsigned before = _mm_getcsr();
  if (before & MODES) _mm_setcsr(before & ~(unsigned)MODES);
  return before;
}

void il_float_restore(il_float_mode before) {
  if (before & MODES) _mm_setcsr((unsigned)before);
}

#elif defined(__aarch64__)
static const uint64_t modes = 7u << 22 | 1u << 19; /* flush to zero, rounding; of half precision */

il_float_mode il_float_plain(void) {
  uint64_t before;
  __asm__ volatile("mrs %0, fpcr" : "=r"(before));
  if (before & modes) __asm__ volatile("msr fpcr, %0" : : "r"(before & ~modes));
  return before;
}

void il_float_restore(il_float_mode before) {
  if (before & modes) __asm__ volatile("msr fpcr, %0" : : "r"(before));
}

#else
il_float_mode il_float_plain(void) { return 0; }
void il_float_restore(il_float_mode before) { (void)before; }
#endif
