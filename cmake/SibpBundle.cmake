# What launch/bundle.sh packs: the target bundle_programs builds it, and bundle_programs.txt in the build folder lists it.
add_custom_target(bundle_programs)

# sibp_bundle(target folder name): packs a program as libexec/folder/name: cpu for those that need no library of CUDA, cuda
# for those that do. Of a name in both, the bundle starts the one in cuda where the machine has these libraries.
function(sibp_bundle target folder name)
  add_dependencies(bundle_programs ${target})
  set_property(GLOBAL APPEND_STRING PROPERTY SIBP_BUNDLE_PROGRAMS "${folder} ${name} $<TARGET_FILE:${target}>\n")
endfunction()

# Writes the list. Once, after all of the targets.
function(sibp_write_bundle_list)
  get_property(programs GLOBAL PROPERTY SIBP_BUNDLE_PROGRAMS)
  file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/bundle_programs.txt CONTENT "${programs}")
endfunction()
