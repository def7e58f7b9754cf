# What `cmake --install` installs. All of it may be moved afterwards.
#   programs     bin/innerloop, its module for MPI where there is one (LIBDIR/innerloop/innerloop-mpi.so), its pages of the manual, completion for bash, zsh and fish
#   libraries    libinnerloop.so and .a, and libinnerloop-core.a, which needs nothing but the C library
#   pkg-config   innerloop, innerloop-static, innerloop-core
#   CMake        find_package(innerloop): innerloop::innerloop, innerloop::static, innerloop::core
# innerloop and innerloop::innerloop are the shared library where there is one, and else the static one.
include(CMakePackageConfigHelpers)

if(NOT INNERLOOP_CORE_ONLY)
  install(TARGETS innerloop_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  if(TARGET innerloop_mpi)
    install(TARGETS innerloop_mpi LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/innerloop)
  endif()
  include(cmake/manual.cmake)
  install(FILES completion/innerloop.bash RENAME innerloop DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(FILES completion/_innerloop DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
  install(FILES completion/innerloop.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
install(FILES ${INNERLOOP_HEADERS} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/innerloop)

# Three sets of targets: what links the static library asks for what it needs, the others do not.
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/innerloop)
set(exports innerloop-core innerloop-static)
install(TARGETS innerloop_core EXPORT innerloop-core ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS innerloop EXPORT innerloop-static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET innerloop_shared)
  install(TARGETS innerloop_shared EXPORT innerloop-shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  list(APPEND exports innerloop-shared)
endif()
foreach(export ${exports})
  install(EXPORT ${export} NAMESPACE innerloop:: FILE ${export}-targets.cmake DESTINATION ${package})
endforeach()
configure_package_config_file(cmake/innerloop-config.cmake.in innerloop-config.cmake INSTALL_DESTINATION ${package}
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(innerloop-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/innerloop-config.cmake ${PROJECT_BINARY_DIR}/innerloop-config-version.cmake
  DESTINATION ${package})

# A file of pkg-config finds everything from where it lies itself. A linker takes libinnerloop.so before
# libinnerloop.a where both are there; innerloop-static names the file. innerloop requires no other's file, not even privately: pkg-config
# would ask for it, and whoever links the shared library need not have what it was compiled with.
file(RELATIVE_PATH INNERLOOP_PC_INCLUDEDIR ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_FULL_INCLUDEDIR})
function(innerloop_pc name description lines)
  string(CONFIGURE "${lines}" lines @ONLY)
  configure_file(cmake/innerloop.pc.in ${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()
list(TRANSFORM INNERLOOP_FORMATS_LIBRARIES PREPEND -l OUTPUT_VARIABLE INNERLOOP_LDFLAGS)
list(JOIN INNERLOOP_LDFLAGS " " INNERLOOP_LDFLAGS)
set(static "Requires: @INNERLOOP_REQUIRES@\nLibs: -L\${libdir} -l:libinnerloop.a -lm -pthread")
if(TARGET innerloop_shared)
  innerloop_pc(innerloop "${PROJECT_DESCRIPTION}"
    "Libs: -L\${libdir} -linnerloop\nLibs.private: @INNERLOOP_LDFLAGS@ -lm -pthread")
else()
  innerloop_pc(innerloop "${PROJECT_DESCRIPTION}" "${static}")
endif()
innerloop_pc(innerloop-static "${PROJECT_DESCRIPTION}, linked statically" "${static}")
innerloop_pc(innerloop-core "${PROJECT_DESCRIPTION}, its core, linked statically"
  "Libs: -L\${libdir} -linnerloop-core -lm -pthread")
