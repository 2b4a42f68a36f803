#!/usr/bin/env bash
# Searches parameters of a training by Optuna, which gives hopeless trials up early.
#
# Usage: launch/sweep.sh --param NAME=VALUES … [option …] -- [option of sibp_dist …]
#
#   launch/sweep.sh --param eta=log:0.1:8 --param damping=relative:log:0.3:30 --trials 40 --goal validation_accuracy \
#     --out runs/sweep -- --dataset fashion-mnist --validation 5000 --hidden 500 --epochs 5
#
#   --param NAME=VALUES  an option of sibp_dist and its values: log:LOW:HIGH, linear:LOW:HIGH, int:LOW:HIGH, intlog:LOW:HIGH,
#                        or A|B|C (quote it)
#   --trials N           trials in all (default: 40)
#   --goal QUANTITY      of metrics.jsonl (default: validation_accuracy)
#   --out DIR            folder of the sweep (default: runs/sweep)
#   --ranks N            MPI ranks of a trial (default: 1, under Slurm the tasks of the job)
#   --jobs N             trials at once (default: one for each core, or for each RANKS × OMP_NUM_THREADS cores)
#   --seed N             of the search (default: 1)
#   --no-pruning         makes every trial to its end
#   --program FILE       a program built elsewhere; nothing is installed or built
#   --launcher COMMAND   what starts it on -np N ranks
#
# A sweep that was cut goes on when the same command is given again, also with more trials. Several machines may work on
# one folder. In a Slurm array each task makes one trial:
#
#   sbatch --array=1-40%8 --ntasks=2 --wrap "launch/sweep.sh --param eta=log:0.1:8 --program build/release/sibp_dist -- …"
#
# launch/report.sh DIR writes the page about it. Needs Python with Optuna 4 or newer (pip install optuna).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

case ${1-} in
  --help | -h | '')
    print_help
    exit 0
    ;;
esac

arguments=("$@")
if [[ " $* " != *" --program"[=\ ]* ]]; then
  # shellcheck disable=SC2119  # nothing besides
  prepare_program
  arguments=(--program "$(default_program)" "$@")
fi
allow_mpi_as_root
choose_blas_kernels
python_with optuna -m experiment.sweep "${arguments[@]}"
