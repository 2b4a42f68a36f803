#!/usr/bin/env bash
# A training on two ranks of the whole program under ThreadSanitizer: fails if any rank is found to race.
#
# Usage: tests/threads/two_ranks.sh [option of sibp_dist …]
#
# Builds the preset 'tsan'. The options are added to those of a short run on synthetic data.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../../launch/common.sh
source "$here/../../launch/common.sh"

if [[ ${1-} == --help || ${1-} == -h ]]; then
  print_help
  exit 0
fi
build_preset tsan
allow_mpi_as_root
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
export OMP_NUM_THREADS=1
export TSAN_OPTIONS="suppressions=$here/tsan.supp exitcode=66 ${TSAN_OPTIONS-}"
for form in normal activations dual dual-split low-rank; do
  say "form $form"
  # ThreadSanitizer cannot run where memory is placed at random in a wide range.
  mpirun -np 2 --oversubscribe --bind-to none setarch -R "$project_dir/build/tsan/sibp_dist" --dataset synthetic \
    --synthetic-samples 500 --hidden 20,10 --batch 50 --epochs 2 --form "$form" --progress none --out "$out/$form" "$@"
done
say "nothing found"
