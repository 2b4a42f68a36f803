# Finds NVIDIA's cuDNN: CUDNN_FOUND, CUDNN_VERSION, CUDNN_INCLUDE_DIR and CUDNN_LIBRARY. It is looked for beside CUDA, in the
# system's folders and under CUDNN_ROOT, which may be the folder of Python's package nvidia-cudnn.
find_path(CUDNN_INCLUDE_DIR cudnn_version.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
find_library(CUDNN_LIBRARY NAMES cudnn libcudnn.so.9 HINTS ${CUDAToolkit_LIBRARY_DIR})
if(CUDNN_INCLUDE_DIR)
  foreach(part MAJOR MINOR PATCHLEVEL)
    file(STRINGS ${CUDNN_INCLUDE_DIR}/cudnn_version.h line REGEX "^#define CUDNN_${part} ")
    string(REGEX MATCH "[0-9]+" CUDNN_${part} "${line}")
  endforeach()
  set(CUDNN_VERSION ${CUDNN_MAJOR}.${CUDNN_MINOR}.${CUDNN_PATCHLEVEL})
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CUDNN REQUIRED_VARS CUDNN_LIBRARY CUDNN_INCLUDE_DIR VERSION_VAR CUDNN_VERSION
                                  HANDLE_VERSION_RANGE)
mark_as_advanced(CUDNN_INCLUDE_DIR CUDNN_LIBRARY)
