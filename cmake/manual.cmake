# The pages of the manual, which the program prints itself: made in man/man1 and man/man5 of the build with everything else.
# Included by cmake/install.cmake; called as a script by the build: cmake -DPROGRAM=… -DFOLDER=… -P manual.cmake
if(CMAKE_SCRIPT_MODE_FILE)
  execute_process(COMMAND ${PROGRAM} help --man OUTPUT_VARIABLE pages COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[^\n]+" pages "${pages}")
  file(REMOVE_RECURSE ${FOLDER})
  foreach(page ${pages})
    string(REGEX MATCH ".$" section ${page})
    file(MAKE_DIRECTORY ${FOLDER}/man${section})
    execute_process(COMMAND ${PROGRAM} help --man ${page} OUTPUT_FILE ${FOLDER}/man${section}/${page}
      COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
  return()
endif()

set(program $<TARGET_FILE:innerloop_cli>)
if(CMAKE_CROSSCOMPILING) # an emulator (CMAKE_CROSSCOMPILING_EMULATOR), or a program of this version that runs here
  set(INNERLOOP_PROGRAM "" CACHE FILEPATH "Cross builds: an innerloop that runs here and prints the pages of the manual")
  set(program ${INNERLOOP_PROGRAM})
  if(NOT program AND CMAKE_CROSSCOMPILING_EMULATOR)
    set(program "${CMAKE_CROSSCOMPILING_EMULATOR};$<TARGET_FILE:innerloop_cli>")
  endif()
endif()
if(NOT program)
  message(STATUS "The manual is not made: this is a cross build without INNERLOOP_PROGRAM or an emulator")
  return()
endif()
set(manual ${PROJECT_BINARY_DIR}/man)
add_custom_command(OUTPUT ${manual}/man1/innerloop.1
  COMMAND ${CMAKE_COMMAND} "-DPROGRAM=${program}" -DFOLDER=${manual} -P ${CMAKE_CURRENT_LIST_FILE}
  DEPENDS innerloop_cli ${CMAKE_CURRENT_LIST_FILE} COMMENT "Printing the manual" VERBATIM)
add_custom_target(innerloop_manual ALL DEPENDS ${manual}/man1/innerloop.1)
install(DIRECTORY ${manual}/ DESTINATION ${CMAKE_INSTALL_MANDIR})
