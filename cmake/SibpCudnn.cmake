# cuDNN, for the convolutions of a build for GPUs: SIBP_CUDNN chooses, SIBP_CUDNN_FOUND says what became of it. Programs are
# not linked to it: they open the library when the first convolution on a GPU asks for it (src/device/cudnn_library.cpp).
sibp_choice(CUDNN "Convolutions on GPUs by cuDNN 9")
set(SIBP_CUDNN_FOUND OFF)

if(SIBP_GPU_FOUND AND NOT sibp_cudnn STREQUAL "off")
  find_package(CUDNN 9.0...<10.0 QUIET)
  set(SIBP_CUDNN_FOUND ${CUDNN_FOUND})
endif()
if(sibp_cudnn STREQUAL "on" AND NOT SIBP_CUDNN_FOUND)
  message(FATAL_ERROR "SIBP_CUDNN is on, but this system lacks cuDNN 9.0 or newer, or GPU support (SIBP_GPU: "
                      "${SIBP_GPU_FOUND}); CUDNN_ROOT names a folder with cuDNN's include/ and lib/")
endif()

# sibp_use_cudnn(library): what one of our libraries needs to open it, and where the programs of this build look for it
# besides the folders of the system.
function(sibp_use_cudnn library)
  get_filename_component(folder ${CUDNN_LIBRARY} DIRECTORY)
  target_link_libraries(${library} PRIVATE ${CMAKE_DL_LIBS})
  target_link_options(${library} INTERFACE LINKER:-rpath,${folder})
endfunction()
