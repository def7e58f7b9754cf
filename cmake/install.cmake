# What `cmake --install` installs: program, libraries, headers, innerloop.pc and the package for find_package(innerloop),
# whose target innerloop::innerloop is the shared library where there is one. All of it may be moved afterwards.
include(CMakePackageConfigHelpers)

if(NOT INNERLOOP_CORE_ONLY)
  install(TARGETS innerloop_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(FILES ${INNERLOOP_HEADERS} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/innerloop)

# What the library links is private to the shared one, and asked of everybody where there is only the static one.
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/innerloop)
if(TARGET innerloop_shared)
  set(INNERLOOP_STATIC OFF)
  set(INNERLOOP_PC_LIBS "Requires.private: ${INNERLOOP_REQUIRES}\nLibs: -L\${libdir} -linnerloop\nLibs.private: -lm -pthread")
  install(TARGETS innerloop ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(TARGETS innerloop_shared EXPORT innerloop LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
else()
  set(INNERLOOP_STATIC ON)
  set(INNERLOOP_PC_LIBS "Requires: ${INNERLOOP_REQUIRES}\nLibs: -L\${libdir} -linnerloop -lm -pthread")
  install(TARGETS innerloop EXPORT innerloop ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
install(EXPORT innerloop NAMESPACE innerloop:: FILE innerloop-targets.cmake DESTINATION ${package})
configure_package_config_file(cmake/innerloop-config.cmake.in innerloop-config.cmake INSTALL_DESTINATION ${package}
  NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(innerloop-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/innerloop-config.cmake ${PROJECT_BINARY_DIR}/innerloop-config-version.cmake
  DESTINATION ${package})

# innerloop.pc finds everything from where it lies itself.
file(RELATIVE_PATH INNERLOOP_PC_INCLUDEDIR ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_FULL_INCLUDEDIR})
configure_file(innerloop.pc.in innerloop.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/innerloop.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
