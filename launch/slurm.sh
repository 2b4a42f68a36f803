# shellcheck shell=bash
# Functions shared by the batch scripts of this folder. To be sourced, after common.sh.

# Requeues after a loss that Slurm itself did not see, such as a rank that hangs, end here.
max_requeues_after_loss=5

job_state() {
  scontrol show job "$SLURM_JOB_ID" 2>/dev/null | sed -n 's/^ *JobState=\([A-Z_]*\).*/\1/p'
}

# requeue_job REASON: gives the nodes back and waits in the queue again, under the same job id. A job that is being ended
# by Slurm already, by scancel or for another job, is left as it is.
requeue_job() {
  local state
  state=$(job_state)
  if [[ $state != RUNNING ]]; then
    say "$1; the job is ${state:-gone}: no requeue by this script"
    return
  fi
  say "$1; the job goes back to the queue and goes on from its last checkpoint"
  trap '' TERM USR1 # requeueing ends this script by SIGTERM
  scontrol requeue "$SLURM_JOB_ID"
}

# supervise_job [option of the supervisor …] -- [option of sibp_dist …]: the run as part of this job, with Slurm's signals
# (--signal, preemption, time limit) passed on. Returns its exit status.
supervise_job() {
  local supervisor status
  supervise "$@" &
  supervisor=$!
  trap 'kill -USR1 "$supervisor"' USR1 TERM
  while :; do
    status=0
    wait "$supervisor" || status=$?
    [[ $status -eq 138 || $status -eq 143 ]] || break # a trap interrupts `wait`
  done
  trap - USR1 TERM
  return "$status"
}

# Each rank runs as many threads as Slurm gives it CPUs.
use_cpus_of_tasks() {
  export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}
  export SRUN_CPUS_PER_TASK=$OMP_NUM_THREADS # srun does not take it from the job since Slurm 22.05
}

# end_job STATUS: ends the script with the status of its run, and requeues the job where going on makes sense.
end_job() {
  if [[ $1 -eq 85 ]]; then
    requeue_job "stopped on request"
  elif [[ $1 -eq 75 && ${SLURM_RESTART_COUNT:-0} -lt $max_requeues_after_loss ]]; then
    requeue_job "a rank, a node or a link was lost"
  fi
  exit "$1"
}

# train_as_job [option of sibp_dist …]: trains on all ranks of the job in a folder of its own, with checkpoints, from the
# last of them if there is one. Ends the script.
train_as_job() {
  local options=("$@") own=() tracker status=0
  for tracker in ${TRACK-}; do own+=(--track "$tracker"); done
  is_given out "$@" || options+=(--out "runs/job-$SLURM_JOB_ID")
  is_given resume "$@" || options+=(--resume auto)
  is_given checkpoint-every "$@" || options+=(--checkpoint-every 10min)
  use_cpus_of_tasks
  say "job $SLURM_JOB_ID, start $((${SLURM_RESTART_COUNT:-0} + 1)): $SLURM_NTASKS ranks with $OMP_NUM_THREADS thread(s) each" \
    "on $SLURM_JOB_NODELIST: ${options[*]}"
  supervise_job --launcher "${LAUNCHER:-srun --cpu-bind=cores}" --restarts "${RESTARTS:-2}" \
    ${own[@]+"${own[@]}"} -- "${options[@]}" || status=$?
  end_job "$status"
}
