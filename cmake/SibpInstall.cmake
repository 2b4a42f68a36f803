# What `cmake --install` puts where: the program and the library with its headers and CMake package, so that other projects
# find it by find_package(sibp) as sibp::sibp. CPack makes a Debian package of each of the two components.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/sibp)

target_include_directories(sibp PUBLIC $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
# Libraries outside the folders of the system, such as those of conda or Spack, are found where they were linked.
set_target_properties(sibp_dist PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
install(TARGETS sibp_dist RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
install(TARGETS sibp EXPORT sibp ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/sibp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT library)
install(EXPORT sibp NAMESPACE sibp:: DESTINATION ${package} COMPONENT library)
install(FILES cmake/FindCBLAS.cmake cmake/FindHwloc.cmake cmake/FindLibZip.cmake cmake/FindNCCL.cmake cmake/FindXxHash.cmake
        DESTINATION ${package} COMPONENT library)
configure_package_config_file(cmake/sibpConfig.cmake.in ${PROJECT_BINARY_DIR}/package/sibpConfig.cmake
                              INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/sibpConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/package/sibpConfig.cmake ${PROJECT_BINARY_DIR}/package/sibpConfigVersion.cmake
        DESTINATION ${package} COMPONENT library)
# The scripts that start runs, which find the program from where they lie.
set(launch ${CMAKE_INSTALL_DATADIR}/sibp_dist/launch)
install(PROGRAMS launch/run.sh launch/fetch_data.sh launch/sibp.sbatch launch/sibp_gpu.sbatch DESTINATION ${launch}
        COMPONENT program)
install(FILES launch/common.sh launch/slurm.sh launch/datasets.txt DESTINATION ${launch} COMPONENT program)
install(DIRECTORY launch/supervisor launch/tracking DESTINATION ${launch} COMPONENT program PATTERN __pycache__ EXCLUDE)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "the authors of sibp_dist <https://arxiv.org/abs/2002.03516>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL program library)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME sibp-dist)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_DEPENDS "openmpi-bin, python3")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libsibp-dev)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libdevel)
# What sibpConfig.cmake finds, by the names of Debian.
set(CPACK_DEBIAN_LIBRARY_PACKAGE_DEPENDS
    "libopenmpi-dev, libeigen3-dev, libboost-program-options-dev, libfmt-dev, libspdlog-dev, nlohmann-json3-dev, zlib1g-dev, libssl-dev, libxxhash-dev, libhwloc-dev, libzip-dev")
if(NOT SIBP_BLAS_FOUND STREQUAL "eigen")
  string(APPEND CPACK_DEBIAN_LIBRARY_PACKAGE_DEPENDS ", libopenblas-dev, liblapacke-dev")
endif()
foreach(choice IN ITEMS "ONEDNN libdnnl-dev ocl-icd-opencl-dev" "ONNX libonnx-dev" "TOML libtomlplusplus-dev" "HDF5 libhdf5-dev")
  separate_arguments(choice)
  list(POP_FRONT choice name)
  if(SIBP_${name}_FOUND)
    list(JOIN choice ", " names)
    string(APPEND CPACK_DEBIAN_LIBRARY_PACKAGE_DEPENDS ", ${names}")
  endif()
endforeach()
include(CPack)
