#!/usr/bin/env bash
# Installs what is missing, builds sibp_dist with warnings as errors, checks its format, and runs the tests. The build has
# GPU support where CUDA and NCCL are installed, with tests that are skipped without a GPU. Ends with a summary and fails if
# anything did.
#
# Usage: launch/test.sh [--all] [option of ctest …]
#
#   --all                      also the tests that are slow to build or to run (emulated GPUs and hosts, whole launches, kills
#                              at random moments, benchmarks), and the unit tests once more under AddressSanitizer and
#                              UndefinedBehaviorSanitizer, without GPU support
#   launch/test.sh -R comm     of these, only the tests whose names contain 'comm'
#
# TEST_DATA_DIR (a folder with mnist/ in it) and TEST_FIXTURES_DIR (runs of the authors' code) name files that some tests
# need and are skipped without.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

if [[ ${1-} == --help || ${1-} == -h ]]; then
  print_help
  exit 0
fi

slow=OFF
if [[ ${1-} == --all ]]; then
  slow=ON
  shift
fi
summary=()
failures=0

# stage TITLE COMMAND…: runs the command and notes for the summary how it went.
stage() {
  local title=$1 start=$SECONDS verdict=passed
  shift
  say "$title"
  if ! "$@"; then
    verdict=FAILED
    failures=$((failures + 1))
  fi
  summary+=("$(printf '%-7s %4d s  %s' "$verdict" $((SECONDS - start)) "$title")")
}

# Versions of clang-format differ in details; the sources have the format of this one.
format_version=14

has_format_version() {
  clang-format --version | grep -q "version $format_version\."
}

check_format() {
  find "$project_dir"/{include,src,tests} \( -name '*.?pp' -o -name '*.cu' -o -name '*.cuh' \) -print0 |
    sort -z | xargs -0 clang-format --dry-run -Werror
}

# Whether the build for tests has GPU support. (grep -q would end ctest by SIGPIPE, a failure.)
has_gpu_support() {
  (cd "$project_dir" && ctest --preset gpu --show-only 2>/dev/null </dev/null) | grep 'Test *#' >/dev/null
}

# run_tests PRESET [option of ctest …]
run_tests() {
  local preset=$1
  shift
  (cd "$project_dir" && ctest --preset "$preset" --parallel "$(core_count)" "$@" </dev/null)
}

# Names and reasons of the tests that were skipped inside test programs, which ctest itself counts as passed.
list_skipped() {
  local log=$project_dir/build/$1/Testing/Temporary/LastTest.log
  [[ -f $log ]] || return 0
  awk '
    / Testing: / { entry = $NF; collecting = 0 }
    /: Skipped$/ { reason = ""; collecting = 1; next }                       # GoogleTest: the reason, then the name
    collecting && /^\[  SKIPPED \]/ { print "  " entry ": " $4 ":" reason; collecting = 0; next }
    collecting && NF { reason = reason " " $0; next }
    / \.\.\. skipped / { sub(/ \.\.\. skipped /, ": "); print "  " entry ": " $0 }  # Python unittest
  ' "$log" | sort -u
}

# Builds with sanitizers in the background, at the lowest priority: many tests wait more than they work.
start_sanitizer_build() {
  sanitizer_log=$(mktemp)
  set -m # a process group of its own, which ends with this script
  (
    renice -n 19 -p "$BASHPID" >/dev/null
    build_preset sanitize
  ) >"$sanitizer_log" 2>&1 </dev/null &
  sanitizer_build=$!
  set +m
  trap 'kill -- -$sanitizer_build 2>/dev/null || true; rm -f "$sanitizer_log"' EXIT
}

# What the tests left of that build, now with all cores to itself.
finish_sanitizer_build() {
  local status=0
  renice -n 0 -g "$sanitizer_build" >/dev/null 2>&1 || true # only root may; slow then, but no less right
  tail -n +1 -f --pid="$sanitizer_build" "$sanitizer_log"
  wait "$sanitizer_build" || status=$?
  return "$status"
}

"$project_dir/launch/install.sh" tests
allow_mpi_as_root

title="clang-format of include, src and tests"
if has_format_version; then
  stage "$title" check_format
else
  summary+=("skipped          $title: not version $format_version but $(clang-format --version)")
fi
stage "build, warnings are errors" build_preset tests -DSIBP_SLOW_TESTS=$slow
[[ $slow == OFF ]] || start_sanitizer_build
stage "tests" run_tests tests "$@"
skipped=$(list_skipped tests)
has_gpu_support || summary+=("skipped          build with GPU support: no CUDA 12 or newer with NCCL")
if [[ $slow == ON ]]; then
  stage "rest of the build with sanitizers" finish_sanitizer_build
  # Tests of the sources are not worth a second run. A choice made for the run above may leave nothing for this one.
  few=()
  [[ $# -eq 0 ]] || few=(--no-tests=ignore)
  stage "unit tests under sanitizers" run_tests sanitize ${few[@]+"${few[@]}"} -LE 'program|source' "$@"
else
  summary+=("left out         slow tests and sanitizers: launch/test.sh --all")
fi

say "summary"
printf '%s\n' "${summary[@]}"
printf 'skipped tests:\n%s\n' "${skipped:-  none}"
[[ $failures -eq 0 ]] || fail "$failures of ${#summary[@]} stages failed"
say "all passed"
