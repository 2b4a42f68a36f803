#!/usr/bin/env bash
# Writes the report of launch/experiment.sh from any runs.
#
# Usage: launch/report.sh DIR… [--out DIR]
#
#   DIR…        folders of runs or of experiments, or folders of such folders
#   --out DIR   folder of the report (default: report)
#
# Runs are compared where they trained the same network on the same data for the same length. Several experiments, such
# as those of two people, are shown beside each other.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

if [[ ${1-} == --help || ${1-} == -h ]]; then
  print_help
  exit 0
fi
experiment_python -m experiment report "$@"
