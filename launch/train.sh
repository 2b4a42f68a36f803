#!/usr/bin/env bash
# Installs what is missing and builds sibp_dist (but not in a bundle, which has it), and trains a network on this machine's
# cores, a rank on each (at most 16), under the supervisor of launch/run.sh. Without options the network is fashion-small, a
# ConvNet, on Fashion-MNIST.
#
# Usage: launch/train.sh [option of sibp_dist …]
#
# The options are handed to sibp_dist and take the place of this script's own; build/release/sibp_dist --help lists them.
#   launch/train.sh --epochs 10
#   launch/train.sh --preset cifar10-small --data-dir DIR
#   launch/train.sh --hidden 1000,1000 --eta 0.5
#
# Environment:
#   RANKS             MPI ranks to start (default: the number of cores, at most 16)
#   OMP_NUM_THREADS   threads of each rank (default: the cores divided by the ranks)
#   PROGRAM           a program built elsewhere; nothing is installed or built
#   SIBP_…            options of sibp_dist, for example SIBP_STEPS=100 for a short run
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

if [[ ${1-} == --help || ${1-} == -h ]]; then
  print_help
  exit 0
fi

[[ -n ${PROGRAM-} ]] || prepare_program

cores=$(core_count)
ranks=${RANKS:-$((cores < 16 ? cores : 16))}
[[ $ranks =~ ^[1-9][0-9]*$ ]] || fail "RANKS is '$ranks', expected a number from 1 on"
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$((cores / ranks > 0 ? cores / ranks : 1))}
allow_mpi_as_root
choose_blas_kernels

# This job's own options, each only where the user chose nothing: sibp_dist takes no option twice. Who names data or a
# network gets these with the program's defaults, everybody else a preset.
options=()
if [[ ${1-} != [a-z]* ]] && ! is_given config "$@" && ! is_given preset "$@" && ! is_given batch-list "$@"; then
  if is_given dataset "$@" || is_given hidden "$@" || is_given network "$@"; then
    is_given dataset "$@" || options+=(--dataset fashion-mnist)
    is_given hidden "$@" || is_given network "$@" || options+=(--hidden 500)
    is_given epochs "$@" || is_given steps "$@" || options+=(--epochs 5)
  else
    options+=(--preset fashion-small)
    say "no network is named: fashion-small, a ConvNet, on Fashion-MNIST"
  fi
  if is_bundle && ! is_given dataset "$@" && ! is_given data-dir "$@"; then
    options+=(--data-dir "$project_dir/data/fashion-mnist")
  fi
fi
# mpirun hides the terminal from the ranks, so only this script can tell whether a moving bar makes sense.
if [[ -t 2 ]] && ! is_given progress "$@"; then
  options+=(--progress bar)
fi

say "training on $ranks rank(s) with $OMP_NUM_THREADS thread(s) each:" \
  "launch/run.sh -np $ranks --" ${options[@]+"${options[@]}"} "$@"
PROGRAM=${PROGRAM:-$(default_program)} supervise -np "$ranks" -- ${options[@]+"${options[@]}"} "$@"
