#!/usr/bin/env bash
# Compares the methods on this machine: trains with each on a small grid of its own parameters, chooses the best by
# validation, repeats these with three seeds, and writes a report.
#
# Usage: launch/experiment.sh mnist|fashion-mnist|cifar10-mlp|cifar10-conv|large-batch|deep [option …]
#
#   --quick            short runs and small grids; ends within 5 minutes, what must be built first not counted
#   --data-dir DIR     folder of the data files (only fashion-mnist can do without)
#   --out DIR          folder of the experiment (default: runs/experiment-NAME)
#   --ranks N          MPI ranks (default: the number of cores, at most 4)
#   --methods A,B      only these of sibp, published, proxprop, sgd, adam, adamw, muon and kfac
#   --program FILE     a program built elsewhere; nothing is installed or built
#   --launcher COMMAND what starts it on -np N ranks (default: mpirun --bind-to none --oversubscribe)
#
# DIR gets plan.json, a folder of every run under runs/, report.html and plots as PNG. An experiment that was cut goes on
# where it was when the same command is given again.
#
# Environment:
#   OMP_NUM_THREADS   threads of each rank (default: the cores divided by the ranks)
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

case ${1-} in
  mnist | fashion-mnist | cifar10-mlp | cifar10-conv | large-batch | deep) ;;
  --help | -h)
    print_help
    exit 0
    ;;
  *) fail "found '${1-}', expected mnist, fashion-mnist, cifar10-mlp, cifar10-conv, large-batch or deep first; see --help" ;;
esac

program=
for word in "$@"; do
  if [[ $word == --program || $word == --program=* ]]; then
    program=given
  fi
done

arguments=("$@")
if [[ -z $program ]]; then
  prepare_program report
  arguments+=(--program "$(default_program)")
fi
allow_mpi_as_root
choose_blas_kernels
experiment_python -m experiment run "${arguments[@]}"
