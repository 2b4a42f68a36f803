#!/usr/bin/env bash
# Checks sibp_dist on one GPU within eight minutes: device and software, unit tests, a step and 20 steps of every method and
# layer kind against the CPU, NCCL, training to a loss, memory accesses by compute-sanitizer, the benchmark, the first
# epochs of CIFAR-10 to 94 %, and PyTorch's SGD. Each part has its own time limit, and the others go on when one fails.
#
# Usage: launch/gpu_check.sh [option …]
#
#   --short              three minutes instead of eight
#   --out DIR            folder of the results, gpu_check.json, gpu_check.md and gpu_check.log (default: gpu_check-TIME)
#   --cifar10 DIR        folder of CIFAR-10's files (default: data/cifar10 of a bundle, if it is there)
#   --python PROGRAM     a Python that has PyTorch (default: python3)
#   --only PART          that part alone; can be repeated: device, tests, steps, nccl, training, memcheck, benchmark,
#                        cifar10-94, pytorch
#   --programs DIR       folder of the programs, in place of a bundle's bin/
#   --patience FACTOR    so many times the time for each part
#   --tiny               as little work as can be: whether the check itself works, without a GPU for example
#
# In a bundle (launch/bundle.sh) it takes what lies there; elsewhere it makes one in build/gpu_check first. It ends with the
# table of results, and with status 0 if nothing failed. What is not there (CIFAR-10, PyTorch, compute-sanitizer) or not in
# this version of the program is named, and is no failure.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

programs=
out=
options=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --help | -h)
      print_help
      exit 0
      ;;
    --programs | --out)
      [[ $# -gt 1 ]] || fail "$1: found no folder"
      if [[ $1 == --out ]]; then out=$2; else programs=$2; fi
      shift
      ;;
    *) options+=("$1") ;;
  esac
  shift
done

out=${out:-gpu_check-$(date +%Y%m%d-%H%M%S)}
if [[ -z $programs ]] && ! is_bundle; then
  nvidia-smi -L >/dev/null 2>&1 ||
    fail "this machine shows no GPU (nvidia-smi -L), which the programs are built for; make a bundle here with
  launch/bundle.sh DIR --arch 90, and run launch/gpu_check.sh of that folder where there is a GPU"
  bundle=$project_dir/build/gpu_check
  rm -rf "$bundle"
  "$project_dir/launch/bundle.sh" "$bundle" --no-archive --arch native
  exec "$bundle/launch/gpu_check.sh" --out "$out" ${options[@]+"${options[@]}"}
fi
if is_bundle; then
  programs=${programs:-$project_dir/bin}
  options=(--fashion-mnist "$project_dir/data/fashion-mnist" ${options[@]+"${options[@]}"})
  if [[ -d $project_dir/data/cifar10 ]]; then
    options=(--cifar10 "$project_dir/data/cifar10" "${options[@]}")
  fi
fi
command -v python3 >/dev/null || fail "no python3, which the check needs (3.9 or newer)"
allow_mpi_as_root
choose_blas_kernels
export PYTHONPATH="$project_dir/launch:$project_dir/launch/benchmark${PYTHONPATH:+:$PYTHONPATH}"
exec python3 -B -m gpu_check --programs "$programs" --out "$out" ${options[@]+"${options[@]}"} </dev/null
