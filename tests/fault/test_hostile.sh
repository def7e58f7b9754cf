# Files, names and surroundings that are wrong are refused by a sentence, before work, in bounded time and memory.
program=$1
folder=$(mktemp -d) || exit 1
pid=
trap '[ -z "$pid" ] || kill -KILL $pid 2>/dev/null; rm -rf "$folder"' EXIT
cd "$folder" || exit 1
export LC_ALL=C HOME=$folder/home XDG_CACHE_HOME=
mkdir home
fail() { echo "failed: $*"; exit 1; }
says() { # code, words, command: ends with that code and says that in one line, within 20 seconds
  local code=$1 words=$2
  shift 2
  timeout -k 1 20 "$program" "$@" >log.txt 2>&1
  local found=$?
  [ $found -eq "$code" ] || fail "$*: exit code $found, expected $code: $(cut -c 1-300 log.txt)"
  grep -aq -e "$words" log.txt || fail "$*: expected '$words': $(cut -c 1-300 log.txt)"
}
# A safetensors file of a header and bytes.
tensors() { # out, header, bytes as \x…
  local size=${#2}
  printf "\\x$(printf %02x $((size % 256)))\\x$(printf %02x $((size / 256)))\\0\\0\\0\\0\\0\\0%s$3" "$2" >"$1"
}
repeat() { printf "%0.s$1" $(seq "$2"); }

# Labels that do not occur cost nothing; more classes than the limit are refused, and the limit can be raised.
labels='{"inputs":{"dtype":"F32","shape":[4,2],"data_offsets":[0,32]},"labels":{"dtype":"I32","shape":[4],"data_offsets":[32,48]}}'
zeros=$(repeat '\\0' 32)
tensors far.safetensors "$labels" "$zeros"'\0\0\0\0\1\0\0\0\0\0\0\0\x40\x42\x0f\0'
tensors end.safetensors "$labels" "$zeros"'\0\0\0\0\1\0\0\0\0\0\0\0\xfe\xff\xff\x7f'
tensors near.safetensors "$labels" "$zeros"'\0\0\0\0\1\0\0\0\0\0\0\0\xa0\x86\1\0'
says 1 "far.safetensors: the largest label is 1000000, so that a model would have 1000001 classes, expected at most 65536" \
  fit --train far.safetensors
says 1 "the largest label is 2147483646" fit --train end.safetensors
says 1 "near.safetensors: the largest label is 100000" compare near.safetensors --seeds 1 --steps 1
tensors sparse.safetensors "$labels" "$zeros"'\0\0\0\0\1\0\0\0\0\0\0\0\xff\xff\0\0'
says 1 "sparse.safetensors: the largest label is 65535, so that a model would have 65536 classes, expected at most 1024" \
  fit --train sparse.safetensors
says 1 "sparse.safetensors: .* expected at most 1024" compare sparse.safetensors --seeds 1 --steps 1
given='{"query_x":{"dtype":"F32","shape":[1,2,2],"data_offsets":[0,16]},"query_y":{"dtype":"I32","shape":[1,2],"data_offsets":[16,24]},"support_x":{"dtype":"F32","shape":[1,2,2],"data_offsets":[24,40]},"support_y":{"dtype":"I32","shape":[1,2],"data_offsets":[40,48]}}'
tensors given.safetensors "$given" "$(repeat '\\0' 16)"'\0\0\0\0\1\0\0\0'"$(repeat '\\0' 16)"'\0\0\0\0\xff\xff\0\0'
given="plan sinusoid-5shot-maml --set task.source=tasks --data given.safetensors --set task.split=auto"
says 1 "given.safetensors: the largest label is 65535, so that a net would tell 65536 classes apart, expected at most 1024 or 16" $given
says 1 "1 tasks, which are divided as classes are" $given --set tasks.classes=65536
says 0 "" fit --train near.safetensors --max-classes 100001 --model linear --epochs 1

# A dataset whose example is larger than any picture.
header='{"class_start":{"dtype":"I32","shape":[2],"data_offsets":[0,8]},"examples":{"dtype":"U8","shape":[1,16384,16384,16],"data_offsets":[8,4294967304]}}'
tensors huge.safetensors "$header" '\0\0\0\0\1\0\0\0'
truncate -s $((8 + ${#header} + 8 + 4294967296)) huge.safetensors || fail "no sparse file"
says 1 "huge.safetensors: an example has 4294967296" data show huge.safetensors --out huge.png
rm huge.safetensors

# A name that no checkpoint can hold is refused before the first step.
bad=$(printf 'bad\xff.safetensors')
cp far.safetensors "$bad"
says 2 "task.data: .* is not UTF-8" train omniglot-5w1s-maml --data "$bad" --out run
[ -e run ] && fail "a run began"

# Pipes and files without end where files are read.
mkfifo pipe.yaml
says 1 "pipe.yaml is not a regular file" train pipe.yaml
says 1 "pipe.yaml is not a regular file" train glyphs-5w1s-maml --set task.split=file --set task.split_file=pipe.yaml
says 1 "/dev/zero is not a regular file" train glyphs-5w1s-maml --set task.split=file --set task.split_file=/dev/zero
says 1 "pipe.yaml is not a regular file" convert pipe.yaml out.npz

"$program" train sinusoid-5shot-maml --set outer.steps=1 --set eval.every=0 --out piped >log.txt 2>&1 || fail "train: $(cat log.txt)"
rm piped/metrics.jsonl
mkfifo piped/metrics.jsonl
says 1 "piped/metrics.jsonl is not a regular file" train --resume piped --set outer.steps=2
says 1 "piped/metrics.jsonl is not a regular file" report piped --tasks 2

# Infinite weights and NaN in the data give no gradient file.
tasks='{"query_x":{"dtype":"F32","shape":[1,5,1],"data_offsets":[0,20]},"query_y":{"dtype":"F32","shape":[1,5,1],"data_offsets":[20,40]},"support_x":{"dtype":"F32","shape":[1,5,1],"data_offsets":[40,60]},"support_y":{"dtype":"F32","shape":[1,5,1],"data_offsets":[60,80]}}'
eighty=$(repeat '\\0' 76)
tensors good.safetensors "$tasks" "$eighty"'\0\0\0\0'
tensors nan.safetensors "$tasks" '\0\0\xc0\x7f'"$eighty"
"$program" init sinusoid-5shot-maml --out weights.safetensors >/dev/null || fail "init"
cp weights.safetensors infinite.safetensors
printf '\0\0\x80\x7f' | dd of=infinite.safetensors bs=1 seek=$(($(stat -c %s infinite.safetensors) - 4)) conv=notrunc 2>/dev/null
gradient() { echo grad sinusoid-5shot-maml --weights "$1" --tasks "$2" --out gradient.safetensors; }
says 1 "the loss of these tasks is -\?nan, expected a finite number; no gradient is written" $(gradient weights.safetensors nan.safetensors)
says 1 "no gradient is written" $(gradient infinite.safetensors good.safetensors)
[ -e gradient.safetensors ] && fail "a gradient of NaN was written"
says 0 "" $(gradient weights.safetensors good.safetensors)
[ -s gradient.safetensors ] || fail "no gradient of good tasks"

# A training that runs away ends with an error, and the folder keeps a checkpoint of numbers.
small="sinusoid-5shot-maml --set eval.every=0 --set checkpoint.every=1 --set log.every=1"
says 1 "not finite\|may keep it finite" train $small --set outer.steps=400 --set outer.optimizer=sgd --set outer.lr=1e6 --set inner.lr=10 --out away
says 0 "" convert --list away/checkpoint.safetensors
says 1 "may keep it finite" train --resume away

# The run's own configuration resumes it, also where layers are listed.
cat >own.yaml <<'YAML'
preset: sinusoid-5shot-maml
model: {layers: [{kind: linear, units: 8}, {kind: relu}, {kind: linear}]}
outer: {steps: 5}
eval: {every: 0}
YAML
says 0 "" train own.yaml --out own
says 0 "" train own.yaml --resume --out own --set outer.steps=10
says 0 "" train own/config.yaml --resume --out own --set outer.steps=15

# The cache belongs to its user; without HOME it is where the system says, never in /tmp.
mkdir -p pictures/a pictures/b
"$program" data show glyphs --out pictures/a/1.png >log.txt 2>&1 || fail "a picture: $(cat log.txt)"
cp pictures/a/1.png pictures/a/2.png
cp pictures/a/1.png pictures/b/1.png
cp pictures/a/1.png pictures/b/2.png
"$program" fit --force --train pictures --model linear --epochs 1 >log.txt 2>&1 || fail "import: $(cat log.txt)"
[ "$(stat -c %a home/.cache/innerloop)" = 700 ] || fail "others may read the cache: $(stat -c %a home/.cache/innerloop)"
chmod 777 home/.cache/innerloop
says 1 "home/.cache/innerloop: expected a folder of user .* that nobody else may write" fit --force --train pictures --model linear
chmod 700 home/.cache/innerloop
chmod 666 home/.cache/innerloop/*.safetensors
says 1 "expected a file of user" fit --force --train pictures --model linear
chmod 600 home/.cache/innerloop/*.safetensors
says 0 "" fit --force --train pictures --model linear --epochs 1
# Content decides what is found there: neither size and time, nor the place.
cp pictures/b/1.png saved.png
"$program" data show glyphs --set seed=2 --out pictures/b/1.png >log.txt 2>&1 || cp pictures/a/1.png pictures/b/1.png
printf 'x' | dd of=pictures/b/1.png bs=1 seek=$(($(stat -c %s saved.png) - 1)) conv=notrunc 2>/dev/null
truncate -s "$(stat -c %s saved.png)" pictures/b/1.png
touch -r saved.png pictures/b/1.png
says 0 "importing pictures once into" fit --force --train pictures --model linear --epochs 1
cp saved.png pictures/b/1.png
says 0 "" fit --force --train pictures --model linear --epochs 1
grep -q "importing" log.txt && fail "the content was imported before"
mkdir elsewhere
cp -r pictures elsewhere/pictures
says 0 "" fit --force --train elsewhere/pictures --model linear --epochs 1
grep -q "importing" log.txt && fail "the same content elsewhere is imported again"
if [ "$(id -u)" -eq 0 ]; then # another user's file
  chown 12345 home/.cache/innerloop/*.safetensors
  says 1 "found user 12345" fit --force --train pictures --model linear
fi

# SIGHUP and SIGPIPE end a training with a checkpoint, and so does SIGTERM sent twice at once.
stops() { # name, what sends
  "$program" train $small --set checkpoint.every=100000000 --set outer.steps=100000000 --out "$1" >"$1.txt" 2>&1 &
  pid=$!
  for _ in $(seq 400); do [ -s "$1/metrics.jsonl" ] && break; sleep 0.02; done
  eval "$2"
  wait $pid
  local code=$?
  pid=
  [ $code -eq 130 ] && [ -s "$1/checkpoint.safetensors" ] || fail "$1: exit code $code, $(ls "$1"): $(cat "$1.txt")"
}
stops hangup 'kill -HUP $pid'
stops twice 'kill -TERM $pid; kill -TERM $pid; kill -INT $pid'
"$program" train $small --json --set checkpoint.every=100000000 --set outer.steps=100000000 --out pipe_run 2>log.txt | head -n 1 >/dev/null
[ "${PIPESTATUS[0]}" -eq 130 ] && [ -s pipe_run/checkpoint.safetensors ] || fail "SIGPIPE: $(cat log.txt)"
# A data file that is cut while it is trained on: a sentence with its name instead of a signal, and the run goes on from its
# last checkpoint when the file is whole again.
header='{"class_start":{"dtype":"I32","shape":[21],"data_offsets":[0,84]},"examples":{"dtype":"U8","shape":[400,28,28,1],"data_offsets":[84,313684]}}'
starts=$(for c in $(seq 0 20); do printf '\\x%02x\\x%02x\\0\\0' $((c * 20 % 256)) $((c * 20 / 256)); done)
tensors cut.safetensors "$header" "$starts"
size=$((8 + ${#header} + 313684))
truncate -s $size cut.safetensors
cut_run="train pictures-5w1s-maml --data cut.safetensors --set model.filters=4 --set outer.meta_batch=2 --set eval.every=0"
cut_run="$cut_run --set checkpoint.every=1 --set task.split=auto --set task.queries=2 --out cut"
"$program" $cut_run --set outer.steps=1000000 >cut.txt 2>&1 &
pid=$!
for _ in $(seq 400); do [ -s cut/checkpoint.safetensors ] && break; sleep 0.02; done
truncate -s 200 cut.safetensors
wait $pid
code=$?
pid=
[ $code -eq 1 ] || fail "a file that became shorter: exit code $code: $(cat cut.txt)"
grep -q "cut.safetensors: became shorter while it was \(read\|used\)" cut.txt || fail "a file that became shorter: $(cat cut.txt)"
tensors cut.safetensors "$header" "$starts"
truncate -s $size cut.safetensors
timeout 3 "$program" $cut_run --resume --set outer.steps=1000000 >log.txt 2>&1
grep -q "continuing from meta-step" log.txt || fail "the run does not go on: $(cat log.txt)"
# One that loses its last bytes raises no signal where they share a page with others: then it is looked at before a checkpoint
# is written, and the folder keeps the one before.
tensors cut.safetensors "$header" "$starts"
truncate -s $size cut.safetensors
rm -r cut
"$program" $cut_run --set outer.steps=1000000 >cut.txt 2>&1 &
pid=$!
for _ in $(seq 400); do [ -s cut/checkpoint.safetensors ] && break; sleep 0.02; done
truncate -s $((size - 100)) cut.safetensors
for _ in $(seq 400); do kill -0 $pid 2>/dev/null || break; sleep 0.02; done
kill -0 $pid 2>/dev/null && fail "it goes on with the rest of a file: $(cat cut.txt)"
wait $pid
code=$?
pid=
[ $code -eq 1 ] || fail "a file that lost its end: exit code $code: $(cat cut.txt)"
grep -q "cut.safetensors: became shorter while it was used: found $((size - 100)) bytes, expected $size" cut.txt || fail "a file that lost its end: $(cat cut.txt)"
echo "hostile files and surroundings: all as expected"
