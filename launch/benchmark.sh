#!/usr/bin/env bash
# Builds sibp_dist and times training steps of several networks, batches and numbers of ranks (one thread each), with
# every form of the update and with SGD, on synthetic data; or on one GPU. Writes results.json, results.md and, where
# Python has matplotlib, results.svg. Run it on a machine that does nothing else.
#
# Usage: launch/benchmark.sh [option …] [CASE …]
#
#   --device cuda     one GPU, in fp32 and tf32, against up to 16 of the machine's cores
#   --quick           few steps: whether it works, not how fast it is
#   --out DIR         folder of the results (default: build/benchmark-results; of a bundle: benchmark-results here)
#   --build-dir DIR   take the programs built there rather than building them
#   --with-pytorch    install PyTorch by pip into build/pytorch and compare its SGD; without, it is compared if the
#                     Python here has it
#
#   CASE              mnist-100, mnist-1000, mnist-6000, deep-100, cifar-small-500, cifar-100, cifar-250, cifar-500,
#                     cifar-2000 (the number is the batch), with --device cuda mnist-100, cifar-500, cifar-4000; all of
#                     them if none is named
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

results_dir=$project_dir/build/benchmark-results
if is_bundle; then results_dir=benchmark-results; fi
build_dir=
device=cpu
with_pytorch=false
arguments=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --help | -h)
      print_help
      exit 0
      ;;
    --quick) arguments+=(--quick) ;;
    --with-pytorch) with_pytorch=true ;;
    --device)
      [[ ${2-} == cpu || ${2-} == cuda ]] || fail "--device: found '${2-}', expected cpu or cuda"
      device=$2
      shift
      ;;
    --out | --build-dir)
      [[ $# -gt 1 ]] || fail "$1: found no folder"
      if [[ $1 == --out ]]; then results_dir=$2; else build_dir=$2; fi
      shift
      ;;
    -*) fail "unknown option '$1'; see --help" ;;
    *) arguments+=("$1") ;;
  esac
  shift
done

build_programs() {
  if is_bundle; then
    build_dir=$project_dir/bin
    return
  fi
  local gpu=auto
  [[ $device == cpu ]] || gpu=on
  "$project_dir/launch/install.sh" tests
  build_dir=$project_dir/build/benchmark
  say "building the program and the benchmark of overlap in build/benchmark"
  (
    cd "$project_dir" &&
      cmake --preset release -B "$build_dir" -DSIBP_TESTS=ON -DSIBP_GPU="$gpu" </dev/null &&
      cmake --build "$build_dir" --target sibp_dist bench_overlap --parallel "$(core_count)" </dev/null
  )
}

# Prints the interpreter of a virtual environment with PyTorch.
install_pytorch() {
  local folder=$project_dir/build/pytorch
  if [[ ! -x $folder/bin/python ]]; then
    python3 -m venv "$folder" >&2
  fi
  # The one for processors alone is much smaller.
  local processors=(--index-url https://download.pytorch.org/whl/cpu)
  if [[ $device != cpu ]] || ! "$folder/bin/python" -m pip install --quiet torch "${processors[@]}" >&2; then
    "$folder/bin/python" -m pip install --quiet torch >&2
  fi
  printf '%s\n' "$folder/bin/python"
}

# run_benchmark PYTHON [argument …]
run_benchmark() {
  "$1" -B "$project_dir/launch/benchmark" --device "$device" --out "$results_dir" --build-dir "$build_dir" \
    ${arguments[@]+"${arguments[@]}"} "${@:2}" </dev/null
}

# A wrong word shows before anything is installed or built.
! command -v python3 >/dev/null || run_benchmark python3 --check
[[ -n $build_dir ]] || build_programs
if [[ $with_pytorch == true ]]; then
  say "installing PyTorch in build/pytorch"
  python=$(install_pytorch)
  arguments+=(--python "$python")
fi
allow_mpi_as_root
choose_blas_kernels
run_benchmark "$(python_for_plots)"
