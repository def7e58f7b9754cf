# The kernels, compiled once per instruction set. innerloop_kernels(<target>) adds them to the library
# and lists them in INNERLOOP_KERNEL_OBJECTS.
#
# Every external name of a kernel gets the instruction set as its suffix: a header that is included before
# anything else renames what the sources define. src/kernels/select.c finds the tables by the list kernels/isas.def,
# best first. Sources of src/kernels that know no instruction set are shared: compiled once, for the baseline.
set(INNERLOOP_KERNELS_SHARED select problem problem_tile lanes)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  set(INNERLOOP_BASELINE x86-64-v2) # of everything that is not a kernel
  set(INNERLOOP_ISAS v4 v3 v2)
  set(INNERLOOP_MARCH_v4 -march=x86-64-v4 -mprefer-vector-width=512)
  set(INNERLOOP_MARCH_v3 -march=x86-64-v3)
  set(INNERLOOP_MARCH_v2 -march=x86-64-v2)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  set(INNERLOOP_BASELINE armv8-a)
  set(INNERLOOP_ISAS aarch64)
  set(INNERLOOP_MARCH_aarch64 -march=armv8-a)
else()
  message(FATAL_ERROR "innerloop has kernels for x86_64 and aarch64, not for ${CMAKE_SYSTEM_PROCESSOR}")
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
foreach(isa ${INNERLOOP_ISAS})
  string(APPEND rows "IL_ISA(${isa})\n")
  set(renames "/* External names of the kernels for ${isa}; generated. */\n")
  foreach(name ${names})
    string(APPEND renames "#define ${name} ${name}_${isa}\n")
  endforeach()
  file(CONFIGURE OUTPUT ${INNERLOOP_GENERATED}/${isa}.h CONTENT "${renames}" @ONLY)
endforeach()
file(CONFIGURE OUTPUT ${INNERLOOP_GENERATED}/isas.def @ONLY
  CONTENT "/* IL_ISA(name) for each instruction set that the build holds kernels for, best first; generated. */\n${rows}")

function(innerloop_kernels target)
  foreach(isa ${INNERLOOP_ISAS})
    add_library(innerloop_kernels_${isa} OBJECT ${INNERLOOP_KERNEL_SOURCES})
    target_link_libraries(innerloop_kernels_${isa} PRIVATE innerloop_flags)
    target_compile_definitions(innerloop_kernels_${isa} PRIVATE IL_KERNEL_ISA="${isa}")
    target_compile_options(innerloop_kernels_${isa} PRIVATE ${INNERLOOP_MARCH_${isa}}
      "SHELL:-include ${INNERLOOP_GENERATED}/${isa}.h")
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:innerloop_kernels_${isa}>)
    list(APPEND objects $<TARGET_OBJECTS:innerloop_kernels_${isa}>)
  endforeach()
  set(INNERLOOP_KERNEL_OBJECTS ${objects} PARENT_SCOPE)
endfunction()
