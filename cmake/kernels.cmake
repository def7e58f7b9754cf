# The kernels, compiled once per instruction set. innerloop_kernels(<target>) adds them to the library
# and lists them in INNERLOOP_KERNEL_OBJECTS.
#
# Every external name of a kernel gets the instruction set as its suffix: a header that is included before
# anything else renames what the sources define. src/kernels/select.c finds the tables by the list kernels/isas.def,
# best first. Sources of src/kernels that know no instruction set are shared: compiled once, for the baseline.
set(INNERLOOP_KERNELS_SHARED select problem problem_tile lanes)

# The processor is what the compiler makes code for: its name says too little (32-bit systems on 64-bit processors).
include(CheckSymbolExists)
check_symbol_exists(__x86_64__ stdint.h INNERLOOP_X86_64)
check_symbol_exists(__aarch64__ stdint.h INNERLOOP_AARCH64)
set(INNERLOOP_MARCH_portable) # what the compiler is told anyway
set(INNERLOOP_BASELINE)       # options for everything that is not a kernel
if(INNERLOOP_X86_64)
  set(INNERLOOP_BASELINE -march=x86-64-v2)
  set(known v4 v3 v2 portable)
  set(INNERLOOP_MARCH_v4 -march=x86-64-v4 -mprefer-vector-width=512)
  set(INNERLOOP_MARCH_v3 -march=x86-64-v3)
  set(INNERLOOP_MARCH_v2 -march=x86-64-v2)
elseif(INNERLOOP_AARCH64)
  set(INNERLOOP_BASELINE -march=armv8-a)
  set(known aarch64 portable)
  set(INNERLOOP_MARCH_aarch64 -march=armv8-a)
else()
  set(known portable)
endif()

set(INNERLOOP_ISAS "" CACHE STRING "Instruction sets to build kernels for, of: ${known}; empty: all that it pays to have (with sanitizers: what this machine runs best)")
if(NOT INNERLOOP_ISAS)
  set(isas ${known})
  if(INNERLOOP_AARCH64)
    set(isas aarch64) # every such processor runs it
  elseif(INNERLOOP_X86_64 AND (INNERLOOP_SANITIZE OR INNERLOOP_THREAD_SANITIZE OR INNERLOOP_COVERAGE) AND NOT CMAKE_CROSSCOMPILING)
    # What this machine runs best: instrumented kernels take minutes to compile, and run nowhere else. They also take twenty times
    # as long to run, so that tests of what stands above the kernels take another set, which is not instrumented (tests/CMakeLists.txt).
    include(CheckCSourceRuns)
    check_c_source_runs("int main(void) { return !(__builtin_cpu_supports(\"avx512vl\") && __builtin_cpu_supports(\"avx512bw\") &&
      __builtin_cpu_supports(\"avx512dq\") && __builtin_cpu_supports(\"avx512cd\")); }" INNERLOOP_RUNS_V4)
    check_c_source_runs("int main(void) { return !(__builtin_cpu_supports(\"avx2\") && __builtin_cpu_supports(\"fma\") &&
      __builtin_cpu_supports(\"bmi2\")); }" INNERLOOP_RUNS_V3)
    if(INNERLOOP_RUNS_V4)
      set(isas v4)
    elseif(INNERLOOP_RUNS_V3)
      set(isas v3)
    else()
      set(isas portable)
    endif()
    if(INNERLOOP_SANITIZE AND NOT INNERLOOP_FUZZ AND NOT isas STREQUAL portable)
      set(INNERLOOP_PLAIN_ISA v2)
      list(APPEND isas v2)
    endif()
  endif()
else()
  set(isas) # best first, in whatever order they are named
  foreach(isa ${known})
    if(isa IN_LIST INNERLOOP_ISAS)
      list(APPEND isas ${isa})
    endif()
  endforeach()
  foreach(isa ${INNERLOOP_ISAS})
    if(NOT isa IN_LIST known)
      list(JOIN known ", " known)
      message(FATAL_ERROR "INNERLOOP_ISAS: no instruction set '${isa}' for this processor; there are ${known}")
    endif()
  endforeach()
  if(isas STREQUAL portable)
    set(INNERLOOP_BASELINE) # the oldest processors, too
  endif()
endif()

set(INNERLOOP_GENERATED ${PROJECT_BINARY_DIR}/generated/kernels)
file(GLOB INNERLOOP_KERNEL_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/kernels/*.c)
list(JOIN INNERLOOP_KERNELS_SHARED "|" shared)
list(FILTER INNERLOOP_KERNEL_SOURCES EXCLUDE REGEX "/(${shared})\\.c$")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${INNERLOOP_KERNEL_SOURCES})

# Functions and records defined at the beginning of a line that are not static.
set(names "")
foreach(source ${INNERLOOP_KERNEL_SOURCES})
  file(STRINGS ${source} lines REGEX "^[a-z][a-z0-9_ *]*[ *]il_[a-z0-9_]+( =|\\()")
  foreach(line ${lines})
    if(NOT line MATCHES "^static |^typedef |^extern ")
      string(REGEX REPLACE "^[a-z][a-z0-9_ *]*[ *](il_[a-z0-9_]+)( =|\\().*" "\\1" name ${line})
      list(APPEND names ${name})
    endif()
  endforeach()
endforeach()

set(rows "")
foreach(isa ${isas})
  string(APPEND rows "IL_ISA(${isa})\n")
  set(renames "/* External names of the kernels for ${isa}; generated. */\n")
  foreach(name ${names})
    string(APPEND renames "#define ${name} ${name}_${isa}\n")
  endforeach()
  file(CONFIGURE OUTPUT ${INNERLOOP_GENERATED}/${isa}.h CONTENT "${renames}" @ONLY)
endforeach()
file(CONFIGURE OUTPUT ${INNERLOOP_GENERATED}/isas.def @ONLY
  CONTENT "/* IL_ISA(name) for each instruction set that the build holds kernels for, best first; generated. */\n${rows}")

# Fuzzing looks for what files and graphs can do to the rest; instrumented, the largest kernels take clang minutes to compile.
if(INNERLOOP_FUZZ)
  set_source_files_properties(${INNERLOOP_KERNEL_SOURCES} PROPERTIES COMPILE_OPTIONS "-fno-sanitize=all")
endif()

function(innerloop_kernels target)
  foreach(isa ${isas})
    add_library(innerloop_kernels_${isa} OBJECT ${INNERLOOP_KERNEL_SOURCES})
    target_link_libraries(innerloop_kernels_${isa} PRIVATE innerloop_flags)
    if(isa STREQUAL "${INNERLOOP_PLAIN_ISA}")
      set_target_properties(innerloop_kernels_${isa} PROPERTIES INNERLOOP_PLAIN ON)
    endif()
    if(isa STREQUAL "${INNERLOOP_PLAIN_ISA}" OR NOT INNERLOOP_PLAIN_ISA)
      set_target_properties(innerloop_kernels_${isa} PROPERTIES INNERLOOP_COUNTED ON)
    endif()
    target_compile_definitions(innerloop_kernels_${isa} PRIVATE IL_KERNEL_ISA="${isa}"
      $<$<STREQUAL:${isa},portable>:IL_PORTABLE>)
    target_compile_options(innerloop_kernels_${isa} PRIVATE ${INNERLOOP_MARCH_${isa}}
      "SHELL:-include ${INNERLOOP_GENERATED}/${isa}.h")
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:innerloop_kernels_${isa}>)
    list(APPEND objects $<TARGET_OBJECTS:innerloop_kernels_${isa}>)
  endforeach()
  set(INNERLOOP_KERNEL_OBJECTS ${objects} PARENT_SCOPE)
endfunction()
