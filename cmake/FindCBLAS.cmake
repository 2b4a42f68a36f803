# Finds the C interfaces of BLAS (CBLAS) and LAPACK (LAPACKE) of the library that BLA_VENDOR names, OpenBLAS or Intel's MKL
# (Intel10_64lp): the target CBLAS::CBLAS with the headers and libraries. Sources include CBLAS_HEADER and LAPACKE_HEADER,
# which are the names that the library gives its headers.
include(FindPackageHandleStandardArgs)

if(BLA_VENDOR STREQUAL "Intel10_64lp")
  # By its own CMake package, with the OpenMP of GCC, which oneDNN has too.
  set(MKL_INTERFACE lp64)
  set(MKL_THREADING gnu_thread)
  find_package(MKL CONFIG QUIET HINTS ENV MKLROOT)
  set(cblas_headers "CBLAS_HEADER=<mkl_cblas.h>;LAPACKE_HEADER=<mkl_lapacke.h>")
  set(cblas_libraries MKL::MKL)
  set(cblas_folders "")
  find_package_handle_standard_args(CBLAS REQUIRED_VARS MKL_FOUND)
else()
  find_package(BLAS QUIET)
  find_package(LAPACK QUIET)
  # The headers that belong to the library, rather than those of whatever BLAS the system prefers.
  set(cblas_prefixes "")
  foreach(library IN LISTS BLAS_LIBRARIES)
    if(IS_ABSOLUTE "${library}")
      get_filename_component(folder "${library}" DIRECTORY)
      list(APPEND cblas_prefixes ${folder}/.. ${folder}/../..)
    endif()
  endforeach()
  set(cblas_suffixes include/openblas-pthread include/openblas-openmp include/openblas-serial include/openblas include)
  find_path(CBLAS_INCLUDE_DIR cblas.h HINTS ${cblas_prefixes} PATH_SUFFIXES ${cblas_suffixes})
  find_path(LAPACKE_INCLUDE_DIR lapacke.h HINTS ${cblas_prefixes} PATH_SUFFIXES ${cblas_suffixes})
  # OpenBLAS holds LAPACKE unless it was built without; Debian has that in a library of its own.
  if(BLAS_FOUND AND LAPACK_FOUND)
    include(CheckCXXSourceCompiles)
    set(CMAKE_REQUIRED_LIBRARIES ${LAPACK_LIBRARIES} ${BLAS_LIBRARIES})
    check_cxx_source_compiles("extern \"C\" int LAPACKE_spotrf_work(); int main() { return LAPACKE_spotrf_work(); }"
                              CBLAS_HOLDS_LAPACKE)
    unset(CMAKE_REQUIRED_LIBRARIES)
  endif()
  set(cblas_lapacke "")
  if(NOT CBLAS_HOLDS_LAPACKE)
    find_library(LAPACKE_LIBRARY lapacke HINTS ${cblas_prefixes} PATH_SUFFIXES lib)
    set(cblas_lapacke LAPACKE_LIBRARY)
  endif()
  set(cblas_headers "CBLAS_HEADER=<cblas.h>;LAPACKE_HEADER=<lapacke.h>")
  set(cblas_libraries ${LAPACKE_LIBRARY} LAPACK::LAPACK BLAS::BLAS)
  set(cblas_folders ${CBLAS_INCLUDE_DIR} ${LAPACKE_INCLUDE_DIR})
  find_package_handle_standard_args(CBLAS REQUIRED_VARS BLAS_FOUND LAPACK_FOUND CBLAS_INCLUDE_DIR LAPACKE_INCLUDE_DIR
                                                        ${cblas_lapacke})
  mark_as_advanced(CBLAS_INCLUDE_DIR LAPACKE_INCLUDE_DIR LAPACKE_LIBRARY)
endif()

if(CBLAS_FOUND AND NOT TARGET CBLAS::CBLAS)
  add_library(CBLAS::CBLAS INTERFACE IMPORTED)
  set_target_properties(
    CBLAS::CBLAS PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${cblas_folders}" INTERFACE_COMPILE_DEFINITIONS
                                                                              "${cblas_headers}"
                            INTERFACE_LINK_LIBRARIES "${cblas_libraries}")
endif()
