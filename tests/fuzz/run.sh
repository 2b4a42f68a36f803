#!/usr/bin/env bash
# Feeds every reader with made-up input by libFuzzer under AddressSanitizer and UndefinedBehaviorSanitizer.
#
# Usage: tests/fuzz/run.sh [RUNS|SECONDSs] [target …]
#
#   tests/fuzz/run.sh                      60 s of every target
#   tests/fuzz/run.sh 1000000 idx gzip     a million executions of two of them
#
# Builds the preset 'fuzz' with CXX, or the newest clang++ from 16 on (package clang-16 or newer, with libclang-rt-*-dev).
# What is found to be worth keeping stays in build/fuzz/corpus, so that the next call goes on from there. An input that
# is a finding is written to build/fuzz/findings; put it into tests/fuzz/corpus/TARGET under a name that says what was
# wrong, and correct the reader: the tests replay it ever after.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=../../launch/common.sh
source "$here/../../launch/common.sh"

if [[ ${1-} == --help || ${1-} == -h ]]; then
  print_help
  exit 0
fi
limit=${1-60s}
[[ $limit =~ ^[1-9][0-9]*s?$ ]] || fail "found '$limit', expected a number of runs, or of seconds with an s behind"
if [[ $limit == *s ]]; then limit=-max_total_time=${limit%s}; else limit=-runs=$limit; fi
targets=("${@:2}")
if [[ ${#targets[@]} -eq 0 ]]; then
  for folder in "$project_dir"/tests/fuzz/corpus/*/; do targets+=("$(basename "$folder")"); done
fi

newest_clang() {
  local version
  for version in {30..16}; do
    if command -v "clang++-$version"; then return; fi
  done
  command -v clang++ || fail "there is no clang++; install clang-16 or newer"
}

build=$project_dir/build/fuzz
export CXX=${CXX:-$(newest_clang)}
build_preset fuzz
findings=$build/findings
mkdir -p "$findings"
export UBSAN_OPTIONS=print_stacktrace=1
summary=()
failed=0
for target in "${targets[@]}"; do
  seeds=$project_dir/tests/fuzz/corpus/$target
  [[ -d $seeds ]] || fail "found the target '$target', expected one of: $(ls "$project_dir/tests/fuzz/corpus")"
  corpus=$build/corpus/$target
  log=$build/$target.log
  mkdir -p "$corpus"
  say "$target"
  verdict='nothing found'
  if ! "$build/fuzz_$target" "$limit" -timeout=20 -rss_limit_mb=3000 -max_len=4096 -print_final_stats=1 \
    -artifact_prefix="$findings/$target-" "$corpus" "$seeds" </dev/null >"$log" 2>&1; then
    verdict="FAILED, see $log"
    failed=1
    grep -aE 'ERROR|runtime error|broken:|what\(\)|Test unit written' "$log" || tail -n 20 "$log"
  fi
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  edges=$(grep -aoE ' cov: [0-9]+' "$log" | tail -n 1)
  summary+=("$(printf '%-12s %9s executions,%s edges, %4d inputs kept: %s' "$target" "${runs:-?}" "${edges:- ?}" \
    "$(find "$corpus" -type f | wc -l)" "$verdict")")
done
say "summary"
printf '%s\n' "${summary[@]}"
exit "$failed"
