#!/usr/bin/env bash
# Starts sibp_dist on several ranks under a supervisor, by mpirun or, inside a Slurm allocation, by srun.
#
# Usage: launch/run.sh [-np N] [option …] -- [option of sibp_dist …]
#
#   launch/run.sh -np 4 --restarts 3 --track tensorboard -- --dataset mnist --data-dir DIR --out runs/mnist
#
# The supervisor ends a start that hangs, keeps each rank's output in the run folder (logs/start-N/rank.K/), leaves no rank
# behind, and can start again from the last checkpoint. SIGTERM, SIGINT (Ctrl-C) and SIGUSR1 make the ranks finish their
# step, write a checkpoint and end with status 85; a second SIGINT ends them at once. Other statuses are those of
# sibp_dist, and 75 where a rank, a node or a link was lost. launch/run.sh --options shows its own options.
#
# Environment:
#   PROGRAM   the program (default: build/release/sibp_dist)
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

case ${1-} in
  --help | -h | '')
    print_help
    exit 0
    ;;
  --options) set -- --help ;;
esac
allow_mpi_as_root
choose_blas_kernels
supervise "$@"
