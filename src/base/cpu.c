/* CPUID, as far as the levels of x86-64 ask for it (psABI, "Micro-Architecture Levels"). */
#include "base/cpu.h"

#include <string.h>

#if defined __x86_64__
#include <cpuid.h>

/* The features that gcc and clang have no name for in __builtin_cpu_supports: F16C, MOVBE, LZCNT. */
static bool unnamed_features(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_F16C) || !(c & bit_MOVBE)) return false;
  return __get_cpuid(0x80000001u, &a, &b, &c, &d) && (c & bit_ABM);
}
static bool runs_v3(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") && unnamed_features();
}
/* Each feature of v2 that gcc and clang have a name for; of those that they have none for (CMPXCHG16B, LAHF), no
 * processor with these lacks any. */
static bool runs_v2(void) {
  return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
}
static bool runs_v4(void) {
  return runs_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}

bool il_cpu_runs(const char *isa) {
  __builtin_cpu_init();
  if (strcmp(isa, "v4") == 0) return runs_v4();
  if (strcmp(isa, "v3") == 0) return runs_v3();
  if (strcmp(isa, "v2") == 0) return runs_v2();
  return strcmp(isa, "portable") == 0;
}
#else
bool il_cpu_runs(const char *isa) {
#if defined __aarch64__
  if (strcmp(isa, "aarch64") == 0) return true;
#endif
  return strcmp(isa, "portable") == 0;
}
#endif
