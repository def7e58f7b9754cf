# The module with which the program joins other ranks over MPI, where there is one: loaded by ranks alone, so that neither
# libraries nor program depend on MPI.
if(INNERLOOP_MPI)
  if(INNERLOOP_MPI STREQUAL "AUTO")
    find_package(MPI QUIET COMPONENTS C)
  else()
    find_package(MPI REQUIRED COMPONENTS C)
  endif()
endif()
if(INNERLOOP_MPI AND MPI_C_FOUND)
  add_library(innerloop_mpi MODULE src/mpi/mpi_ranks.c)
  set_target_properties(innerloop_mpi PROPERTIES PREFIX "" OUTPUT_NAME innerloop-mpi)
  # What MPI's compiler is told beside, such as to optimize when it links, is its distribution's taste.
  target_include_directories(innerloop_mpi SYSTEM PRIVATE ${MPI_C_INCLUDE_DIRS})
  target_link_libraries(innerloop_mpi PRIVATE innerloop_flags ${MPI_C_LIBRARIES})
  file(RELATIVE_PATH INNERLOOP_MPI_FOLDER ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR}/innerloop/)
  target_compile_definitions(innerloop_cli PRIVATE INNERLOOP_MPI_MODULE="innerloop-mpi.so"
    INNERLOOP_MPI_FOLDER="${INNERLOOP_MPI_FOLDER}/")
  add_dependencies(innerloop_cli innerloop_mpi)
endif()
target_link_libraries(innerloop_cli PRIVATE ${CMAKE_DL_LIBS})
