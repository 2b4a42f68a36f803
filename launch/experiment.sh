#!/usr/bin/env bash
# Compares the methods on this machine: trains with each on a small grid of its own parameters, chooses the best by
# validation, repeats these with three seeds, and writes a report.
#
# Usage: launch/experiment.sh mnist|fashion-mnist|cifar10-mlp|cifar10-conv|large-batch|deep [option …] [-- options of the program]
#
#   --quick            short runs and small grids; ends within 5 minutes, what must be built first not counted
#   --coarse           four step sizes of each method, everything else as its grid begins
#   --data-dir DIR     folder of the data files (only fashion-mnist can do without)
#   --out DIR          folder of the experiment (default: runs/experiment-NAME)
#   --jobs N           runs at once (default: 1); times compare only if all runs were made beside as many others
#   --ranks N          MPI ranks of a run (default: the cores divided by the jobs, at most 4)
#   --methods A,B      only these of sibp, published, proxprop, sgd, adam, adamw, muon and kfac
#   --program FILE     a program built elsewhere; nothing is installed or built
#   --launcher COMMAND what starts it on -np N ranks (default: mpirun --bind-to none --oversubscribe)
#
# Options of the program behind -- are for all runs, instead of the experiment's own: -- --epochs 2 --warmup-steps 40
#
# DIR gets plan.json, a folder of every run under runs/, report.html and plots as PNG. An experiment that was cut goes on
# where it was when the same command is given again.
#
# Environment:
#   OMP_NUM_THREADS   threads of each rank (default: the cores divided by the ranks and jobs)
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

case ${1-} in
  --help | -h)
    print_help
    exit 0
    ;;
esac

# A --program of the user comes behind this one and holds.
words=(run --program "$(default_program)" "$@")
! command -v python3 >/dev/null || python_with argparse -m experiment.arguments "${words[@]}"
[[ " $*" == *" --program"* ]] || prepare_program report
allow_mpi_as_root
choose_blas_kernels
experiment_python -m experiment "${words[@]}"
