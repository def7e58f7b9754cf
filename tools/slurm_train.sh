#!/bin/sh
# A job of Slurm that trains on several machines and goes on by itself when its time is over or a machine is lost.
#   sbatch --nodes=4 tools/slurm_train.sh CONFIG RUN [OPTION…]   options as of innerloop train
# A rank for each machine, a thread for each of its cores. RUN is written by rank 0; data are read on every machine, from the
# same path (--data names a copy on each).
#SBATCH --job-name=innerloop
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --time=12:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
set -eu
if [ $# -lt 2 ]; then
  echo "slurm_train: expected CONFIG RUN [OPTION…]" >&2
  exit 2
fi
config=$1 run=$2
shift 2
again=
[ ! -e "$run/checkpoint.safetensors" ] || again=--resume
begun=$(mktemp)
trap 'rm -f "$begun"' EXIT
# Two minutes before the end srun passes SIGTERM to the ranks, which write a checkpoint and end with 130.
code=0
# shellcheck disable=SC2086 # nothing or one word
srun --mpi="${INNERLOOP_SRUN_MPI:-pmi2}" --cpus-per-task="${SLURM_CPUS_ON_NODE:-1}" --kill-on-bad-exit=1 \
  innerloop train "$config" --out "$run" $again "$@" || code=$?
case $code in
0) exit 0 ;;
1 | 2) exit "$code" ;; # said why: a configuration, data, a disk
esac
if [ -z "$(find "$run/checkpoint.safetensors" -newer "$begun" 2>/dev/null)" ]; then
  echo "slurm_train: $run got no further (code $code); the job is not put in the queue again" >&2
  exit "$code"
fi
echo "slurm_train: $run ends here with code $code; the job is put in the queue again" >&2
scontrol requeue "$SLURM_JOB_ID"
