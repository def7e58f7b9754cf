# shellcheck shell=bash
# Several ranks over MPI: the checkpoint of one process byte for byte, whatever the numbers of ranks and threads, also when a
# rank is killed and the run goes on with others; what is not alike is refused; evaluation and sweeps are divided.
# INNERLOOP_TEST_LONG=1: every number of ranks from 1 to 4 on 1 and 2 threads, for every net.
program=$1 script=$(realpath "$0")
. "$(dirname "$0")/../support/scale.sh"
if ! "$program" info | grep -q '^mpi  *[^ n]'; then
  echo "ranks: innerloop was built without MPI (libmpich-dev or libopenmpi-dev)"
  exit 77
fi
case $("$program" info | grep '^mpi ') in # both may be installed
*Open*) mpirun=mpirun.openmpi other=PMI ;;
*) mpirun=mpirun.mpich other=OMPI_COMM_WORLD ;;
esac
command -v $mpirun >/dev/null || mpirun=mpirun
if ! command -v $mpirun >/dev/null; then
  echo "ranks: there is no mpirun (mpich or openmpi-bin)"
  exit 77
fi
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
fail() { echo "failed: $*"; exit 1; }
# Open MPI asks before it runs as root, and before more ranks than cores.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 \
  PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
ranks() { timeout 300 $mpirun -n "$1" "$program" "${@:2}"; }
same() { cmp -s "$1/checkpoint.safetensors" "$2/checkpoint.safetensors"; }

# ---- the same bytes ----
# W1: tasks in lanes. W2, W3 and a net with max pooling on drawn characters: products over the rows of all tasks, and sums that
# pass whole and in slices.
few=(--set outer.steps=2 --set checkpoint.every=1 --set eval.every=2 --set eval.validation_tasks=3)
check_net() { # NAME LAYOUTS PRESET SETTING…: ranks x threads
  local name=$1 layouts=$2 preset=$3 layout
  shift 3
  [ -z "${INNERLOOP_TEST_LONG:-}" ] || layouts="1x1 1x2 2x1 2x2 3x1 3x2 4x1 4x2"
  "$program" train "$preset" "${few[@]}" "$@" --out "$name" -t 1 >/dev/null || fail "$name"
  for layout in $layouts; do
    ranks "${layout%x*}" train "$preset" "${few[@]}" "$@" --out "$name$layout" -t "${layout#*x}" >out.txt 2>err.txt ||
      fail "$name $layout: $(cat err.txt)"
    same "$name" "$name$layout" || fail "$name: other weights on $layout ranks and threads"
    cmp -s "$name/metrics.jsonl" "$name$layout/metrics.jsonl" || fail "$name: other metrics on $layout"
  done
}
full || export ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 # what MPI itself leaks is not asked
images=(--set task.source=glyphs --set glyphs.side=28 --set task.split=auto --set outer.meta_batch=6)
check_net lanes "2x2 3x1" sinusoid-5shot-maml
sinusoid=(sinusoid-5shot-maml --set eval.every=0 --set checkpoint.every=20 -t 1) goal=35
if full; then # test_joint has ranks that are threads
  check_net connected 3x1 omniglot-fc-5w1s-maml "${images[@]}"
  check_net strided 4x1 omniglot-5w1s-maml "${images[@]}" --set outer.meta_batch=7
  check_net pooled 2x2 omniglot-5w1s-conv4-maml "${images[@]}" --set model.filters=8 --set outer.meta_batch=5
  [ "$(grep -c 'tasks a meta-step' out.txt)" -eq 1 ] || fail "not one rank alone prints: $(cat out.txt)"
  grep -q 'on each of [234] ranks' out.txt || fail "what is printed says nothing of ranks: $(cat out.txt)"

  # ---- a rank that dies, one that is asked to stop, and other numbers of ranks from there on ----
  long=1000000
  $mpirun -n 3 "$program" train "${sinusoid[@]}" --set outer.steps=$long --out died >out.txt 2>err.txt &
  launcher=$!
  tries=0
  until [ -e died/checkpoint.safetensors ]; do
    sleep 0.02
    tries=$((tries + 1))
    [ $tries -lt 3000 ] || fail "no checkpoint: $(cat err.txt)"
  done
  victim=
  for process in /proc/[0-9]*; do
    tr '\0' '\n' 2>/dev/null <"$process/cmdline" | grep -qx died || continue
    tr '\0' '\n' 2>/dev/null <"$process/environ" | grep -qxE '(PMI_RANK|OMPI_COMM_WORLD_RANK)=1' && victim=${process#/proc/}
  done
  [ -n "$victim" ] || fail "rank 1 was not found"
  kill -9 "$victim"
  wait $launcher && fail "the job goes on without rank 1"
  sleep 0.5
  grep -q 'died keeps the last checkpoint' err.txt || fail "nobody said what is left: $(cat err.txt)"
  at=$(grep -ao '"step":"[0-9]*"' died/checkpoint.safetensors | grep -o '[0-9]*')
  [ "${at:-0}" -gt 0 ] || fail "no checkpoint is left"
  goal=$((at + 15))
  ranks 2 train --resume died --set outer.steps=$goal >out.txt 2>err.txt || fail "resume: $(cat err.txt)"
fi
"$program" train "${sinusoid[@]}" --set outer.steps=$goal --out whole >/dev/null || fail "whole"
if full; then
  same died whole || fail "other weights after a rank was killed and the run resumed on 2 ranks"
  cmp -s died/metrics.jsonl whole/metrics.jsonl || fail "other metrics after a rank was killed"
fi

# ---- the launcher of another MPI, whose processes do not find each other ----
env ${other}_RANK=0 ${other}_SIZE=2 timeout 100 "$program" train "${sinusoid[@]}" --out strange >out.txt 2>err.txt &&
  fail "ranks that do not know of each other train"
grep -qE '^innerloop: started as 2 ranks, of which .* finds 1; expected the launcher' err.txt || fail "other launcher: $(cat err.txt)"
[ ! -e strange ] || fail "a run of ranks that do not know of each other"

# ---- what is not alike, and what fails on one rank, is said once ----
cat >unlike.sh <<'END'
[ "${PMI_RANK:-$OMPI_COMM_WORLD_RANK}" = 1 ] && set -- "$@" --set outer.lr=0.5
exec "$@"
END
timeout 100 $mpirun -n 2 sh unlike.sh "$program" train "${sinusoid[@]}" --out unlike >out.txt 2>err.txt &&
  fail "ranks with other configurations train"
grep -q 'outer.lr: found 0.5; expected 0.001, which rank 0 has' err.txt || fail "not alike: $(cat err.txt)"
[ "$(grep -c '^innerloop:' err.txt)" -eq 1 ] || fail "said more than once: $(cat err.txt)"
ranks 2 train "${sinusoid[@]}" --set outer.lrr=1 --out none 2>err.txt && fail "a key that there is not"
[ "$(grep -c '^innerloop:.*outer.lr' err.txt)" -eq 1 ] || fail "not one sentence: $(cat err.txt)"
for rank in 0 1; do # as a launcher starts them
  PMI_RANK=$rank PMI_SIZE=2 "$program" train "${sinusoid[@]}" --nonsense 2>>usage.txt && fail "an option that there is not"
  PMI_RANK=$rank PMI_SIZE=2 "$program" info >>out.txt 2>>usage.txt && fail "info is divided"
done
[ "$(grep -c 'nonsense' usage.txt)" -eq 1 ] || fail "wrong usage is not said once: $(cat usage.txt)"
[ "$(grep -c 'train, eval and sweep are divided' usage.txt)" -eq 1 ] || fail "info: $(cat usage.txt)"

# ---- evaluation and sweeps ----
"$program" eval whole --tasks 37 >one.txt || fail "eval"
cp whole/eval.csv one.csv
ranks 3 eval whole --tasks 37 >out.txt 2>err.txt || fail "eval on 3 ranks: $(cat err.txt)"
cmp -s one.txt out.txt || fail "another evaluation on 3 ranks: $(diff one.txt out.txt)"
cmp -s one.csv whole/eval.csv || fail "another eval.csv on 3 ranks"
sweep=(sweep sinusoid-5shot-maml --set outer.steps=20 --set eval.every=0 --set eval.tasks=20 --seeds '1,2,3')
"$program" "${sweep[@]}" --out alone >one.txt 2>/dev/null || fail "sweep"
ranks 2 "${sweep[@]}" --out alone2 >out.txt 2>err.txt || fail "sweep on 2 ranks: $(cat err.txt)"
sed 's/alone2/alone/g' out.txt | cmp -s one.txt - || fail "another table on 2 ranks: $(cat out.txt)"
cmp -s alone/sweep.csv alone2/sweep.csv || fail "another sweep.csv on 2 ranks"
for run in alone/*/; do same "$run" "alone2/$(basename "$run")" || fail "$run: other weights in a sweep on 2 ranks"; done
# ---- the script for Slurm, whose own commands are stood in for ----
mkdir stand-in
cat >stand-in/srun <<END
#!/bin/sh
while [ "\$1" != innerloop ]; do shift; done
shift
timeout 100 $mpirun -n 2 "$program" "\$@"
code=\$?
[ ! -e time-is-over ] || code=130
exit \$code
END
printf '#!/bin/sh\necho "$@" >asked\n' >stand-in/scontrol
chmod +x stand-in/srun stand-in/scontrol
job() { SLURM_JOB_ID=7 PATH="$PWD/stand-in:$PATH" sh "$(dirname "$script")/../../tools/slurm_train.sh" "$@" >out.txt 2>err.txt; }
touch time-is-over
job "${sinusoid[0]}" slurm "${sinusoid[@]:1}" --set outer.steps=20 || fail "slurm: $(cat err.txt)"
grep -qx 'requeue 7' asked || fail "a job whose time is over is not put in the queue again"
rm time-is-over asked
job "${sinusoid[0]}" slurm "${sinusoid[@]:1}" --set "outer.steps=$goal" || fail "slurm: $(cat err.txt)"
[ ! -e asked ] || fail "a job that is done is put in the queue again"
same slurm whole || fail "other weights of a job in two parts"
echo "ranks: passed"
