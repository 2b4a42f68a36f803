#!/usr/bin/env bash
# Predicts the time of a training step on 1 to 1024 nodes and draws it: plan.json, plan.txt and, where Python has
# matplotlib, plan.svg.
#
# Usage: launch/plan.sh OUT [option of sibp_dist plan …]
#
#   OUT       folder of the results
#   options   take the place of this script's own: CIFAR-10's 3072-4000-1000-4000-10 with batch 500 on nodes of one rank
#             with 1 TFLOP/s, joined by links of 2 µs and 12.5 GB/s (100 Gbit/s)
#
# Needs a built program: PROGRAM, or build/release/sibp_dist, or a bundle's own.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

if [[ ${1-} == --help || ${1-} == -h ]]; then
  print_help
  exit 0
fi
[[ $# -ge 1 ]] || fail "found no folder; see --help"
out=$1
shift
program=${PROGRAM:-$(default_program)}
[[ -x $program ]] || fail "$program is not there; build it (README, 'Build') or name it by PROGRAM"

options=("$@")
if [[ $# -eq 0 ]]; then
  options=(--features 3072 --classes 10 --hidden '4000,1000,4000' --batch 500)
  options+=(--flops 1e12 --latency 2e-6 --bandwidth 12.5e9)
fi
mkdir -p "$out"
"$program" plan --json "$out/plan.json" "${options[@]}" </dev/null | tee "$out/plan.txt"
python=$(python_for_plots)
if "$python" -c 'import matplotlib' 2>/dev/null; then
  "$python" -B "$project_dir/launch/benchmark/plan_plot.py" "$out/plan.json" "$out/plan.svg"
  say "the curves are in $out/plan.svg"
else
  say "no plot: Python has no matplotlib (python3-matplotlib)"
fi
