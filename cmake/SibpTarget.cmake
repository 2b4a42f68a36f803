# sibp_configure_target(target): the project's language level, warnings and sanitizers, on one of our own targets.
function(sibp_configure_target target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  # None changes a result: loops marked for it are vectorised, square roots set no errno and comparisons no flags of
  # exceptions, so that they can be too.
  target_compile_options(${target} PRIVATE -fopenmp-simd -fno-math-errno -fno-trapping-math)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                                           -Wold-style-cast $<$<BOOL:${SIBP_WERROR}>:-Werror>
                                           $<$<BOOL:${SIBP_NATIVE}>:-march=native>)
  if(SIBP_FUZZ)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
  if(SIBP_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${SIBP_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${SIBP_SANITIZE})
  endif()
endfunction()
