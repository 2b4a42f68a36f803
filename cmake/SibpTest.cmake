find_package(GTest REQUIRED)
include(GoogleTest)

set(SIBP_MPIEXEC_FLAGS "--oversubscribe;--bind-to;none" CACHE STRING "Flags of mpiexec in the tests")
# (To look for UCX's networks takes Open MPI half of a short test's time; without one it falls back to ob1.)
set(SIBP_GPU_TEST_ENVIRONMENT
    "OMP_NUM_THREADS=1;GTEST_COLOR=no;OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;OMPI_MCA_pml=ob1;OMPI_MCA_btl_vader_single_copy_mechanism=none;ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1")
# Tests that are not for GPUs see none, so that they are the same everywhere.
set(SIBP_TEST_ENVIRONMENT "${SIBP_GPU_TEST_ENVIRONMENT};CUDA_VISIBLE_DEVICES=")

# What `ctest -L gpu` needs.
add_custom_target(gpu_tests)
find_program(SIBP_COMPUTE_SANITIZER compute-sanitizer HINTS ${CUDAToolkit_BIN_DIR})
mark_as_advanced(SIBP_COMPUTE_SANITIZER)

# sibp_add_gpu_entry(entry target timeout label… [LAUNCHER command…]): the test program once more, on a GPU.
function(sibp_add_gpu_entry entry target timeout)
  cmake_parse_arguments(arg "" "" "LAUNCHER" ${ARGN})
  add_test(NAME ${entry} COMMAND ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} 1 ${SIBP_MPIEXEC_FLAGS} ${arg_LAUNCHER}
                                 $<TARGET_FILE:${target}>)
  set_tests_properties(
    ${entry} PROPERTIES TIMEOUT ${timeout} LABELS "${arg_UNPARSED_ARGUMENTS}" RESOURCE_LOCK gpu
                        SKIP_REGULAR_EXPRESSION "SKIPPED . all"
                        ENVIRONMENT "${SIBP_GPU_TEST_ENVIRONMENT};SIBP_TEST_DEVICE=cuda")
endfunction()

# sibp_test_main(precision library): the object library of the main function of tests, made at the first call.
function(sibp_test_main precision library)
  set(target test_main_${precision})
  if(NOT TARGET ${target})
    add_library(${target} OBJECT ${PROJECT_SOURCE_DIR}/tests/support/main.cpp)
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(${target} PRIVATE ${library} GTest::gtest GTest::gmock)
    sibp_configure_target(${target})
    target_compile_options(${target} PRIVATE -O1)
    get_property(large_headers GLOBAL PROPERTY SIBP_LARGE_HEADERS)
    target_precompile_headers(${target} PRIVATE ${large_headers} <gmock/gmock.h> <gtest/gtest.h>)
  endif()
endfunction()

# sibp_add_test(name SOURCES file… [RANKS 1 2 3 4] [PRECISIONS float double] [LABELS label…] [LIBRARIES target…]
#               [TIMEOUT seconds] [GPU | GPU_ONLY | EMULATED_GPU])
#
# Tests with the label `slow` are left out, here and below, where SIBP_SLOW_TESTS is off.
#
# Builds the sources against the library of each precision (float alone by default) and registers one test per precision
# and number of ranks, each started by mpiexec (1 rank by default). `ctest -L ranks` runs those with several ranks. The
# precisions are one source: under sanitizers float stands for both, and tests against long runs (`fixture`) are left out.
#
# GPU registers the test once more in float on one rank, label `gpu`, with SIBP_TEST_DEVICE=cuda: the same tests on a GPU
# (tests/support/test_device.hpp), which are skipped where there is none; and where compute-sanitizer is installed, under
# its memcheck and racecheck, label `gpu_sanitizer`. GPU_ONLY registers nothing else. A build without GPU support has none
# of them. EMULATED_GPU is for tests with tests/emulation among their sources, on any RANKS.
function(sibp_add_test name)
  cmake_parse_arguments(arg "GPU;GPU_ONLY;EMULATED_GPU" "TIMEOUT" "SOURCES;RANKS;PRECISIONS;LABELS;LIBRARIES" ${ARGN})
  if((arg_GPU_ONLY OR arg_EMULATED_GPU) AND NOT SIBP_GPU_FOUND)
    return()
  endif()
  if("slow" IN_LIST arg_LABELS AND NOT SIBP_SLOW_TESTS)
    return()
  endif()
  if(NOT arg_RANKS)
    set(arg_RANKS 1)
  endif()
  if(NOT arg_PRECISIONS)
    set(arg_PRECISIONS float)
  endif()
  if(SIBP_SANITIZE)
    if("fixture" IN_LIST arg_LABELS OR (TARGET test_${name}_float AND NOT "float" IN_LIST arg_PRECISIONS))
      return()
    endif()
    set(arg_PRECISIONS float)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  foreach(precision IN LISTS arg_PRECISIONS)
    set(library $<IF:$<STREQUAL:${precision},double>,sibp_double,sibp>)
    set(target test_${name}_${precision})
    sibp_test_main(${precision} ${library})
    add_executable(${target} ${arg_SOURCES} $<TARGET_OBJECTS:test_main_${precision}>)
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(${target} PRIVATE ${library} GTest::gtest GTest::gmock ${arg_LIBRARIES})
    sibp_configure_target(${target})
    target_compile_options(${target} PRIVATE -O1)  # tests spend their time in the library; this compiles faster
    target_precompile_headers(${target} REUSE_FROM test_main_${precision})
    if(arg_GPU_ONLY)
      set(arg_RANKS "")
    endif()
    set(entries "")
    foreach(ranks IN LISTS arg_RANKS)
      set(entry ${name}.${precision}.np${ranks})
      list(APPEND entries ${entry})
      add_test(NAME ${entry} COMMAND ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} ${ranks} ${SIBP_MPIEXEC_FLAGS}
                                     $<TARGET_FILE:${target}>)
      set(labels ${arg_LABELS})
      if(ranks GREATER 1)
        list(APPEND labels ranks)
      endif()
      set_tests_properties(
        ${entry} PROPERTIES TIMEOUT ${arg_TIMEOUT} PROCESSORS ${ranks} LABELS "${labels}"
                            ENVIRONMENT "${SIBP_TEST_ENVIRONMENT}")
    endforeach()
    if(arg_EMULATED_GPU)
      target_link_libraries(${target} PRIVATE CUDA::cudart NCCL::NCCL CBLAS::CBLAS)
      set_property(TEST ${entries} APPEND PROPERTY ENVIRONMENT SIBP_TEST_DEVICE=cuda)
      set_property(TEST ${entries} APPEND PROPERTY LABELS gpu)
      add_dependencies(gpu_tests ${target})
    endif()
    if((arg_GPU OR arg_GPU_ONLY) AND SIBP_GPU_FOUND AND precision STREQUAL "float")
      set(entry ${name}.${precision}.gpu)
      sibp_add_gpu_entry(${entry} ${target} ${arg_TIMEOUT} gpu)
      if(SIBP_COMPUTE_SANITIZER)
        set(sanitizer ${SIBP_COMPUTE_SANITIZER} --error-exitcode 9)
        # Errors of calls are what some tests are about.
        sibp_add_gpu_entry(${entry}.memcheck ${target} 1800 gpu_sanitizer LAUNCHER ${sanitizer} --tool memcheck
                           --report-api-errors no)
        # Of our kernels, not of NVIDIA's.
        sibp_add_gpu_entry(${entry}.racecheck ${target} 1800 gpu_sanitizer LAUNCHER ${sanitizer} --tool racecheck
                           --kernel-name kns=sibp)
      endif()
      add_dependencies(gpu_tests ${target})
      sibp_bundle(${target} cuda ${target})
    endif()
  endforeach()
endfunction()

# sibp_add_script_test(name SCRIPT file [ARGUMENTS argument…] [LABELS label…] [TIMEOUT seconds] [PROCESSORS n]
#                      [INTERPRETER python])
#
# Registers a Python script as a test.
find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)
function(sibp_add_script_test name)
  cmake_parse_arguments(arg "" "SCRIPT;TIMEOUT;PROCESSORS;INTERPRETER" "ARGUMENTS;LABELS" ${ARGN})
  if("slow" IN_LIST arg_LABELS AND NOT SIBP_SLOW_TESTS)
    return()
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  if(NOT arg_PROCESSORS)
    set(arg_PROCESSORS 1)
  endif()
  if(NOT arg_INTERPRETER)
    set(arg_INTERPRETER ${Python3_EXECUTABLE})
  endif()
  add_test(NAME ${name} COMMAND ${arg_INTERPRETER} -B ${CMAKE_CURRENT_SOURCE_DIR}/${arg_SCRIPT} ${arg_ARGUMENTS})
  set_tests_properties(
    ${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} PROCESSORS ${arg_PROCESSORS} LABELS "${arg_LABELS}"
                       ENVIRONMENT "${SIBP_TEST_ENVIRONMENT}")
endfunction()

# sibp_add_program_test(name SCRIPT file [ARGUMENTS argument…] [LABELS label…] [TIMEOUT seconds] [PROCESSORS n]
#                       [INTERPRETER python])
#
# Registers a Python script that drives the whole program under mpirun (tests/app/end_to_end/harness.py), label `program`.
# Its time limit is for all of its cases together. PROCESSORS is 1 for those that mostly wait for launches of one process:
# others may run beside them. Those that take most of a minute or longer have the label `slow` besides.
function(sibp_add_program_test name)
  cmake_parse_arguments(arg "" "SCRIPT;TIMEOUT;PROCESSORS;INTERPRETER" "ARGUMENTS;LABELS" ${ARGN})
  if(NOT arg_PROCESSORS)
    set(arg_PROCESSORS 3)
  endif()
  sibp_add_script_test(${name} SCRIPT ${arg_SCRIPT} ARGUMENTS ${arg_ARGUMENTS} LABELS program ${arg_LABELS}
                       TIMEOUT ${arg_TIMEOUT} PROCESSORS ${arg_PROCESSORS} INTERPRETER ${arg_INTERPRETER})
  if(NOT TEST ${name})
    return()
  endif()
  set_property(
    TEST ${name}
    APPEND
    PROPERTY ENVIRONMENT "PROGRAM_UNDER_TEST=$<TARGET_FILE:sibp_dist>;MPIEXEC_UNDER_TEST=${MPIEXEC_EXECUTABLE}")
endfunction()
