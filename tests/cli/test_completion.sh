# What Tab makes of a command line in bash, zsh and fish, in a real one of each that is there.
set -u
program=$(realpath "$1")
here=$(dirname "$(realpath "$0")")
completion=$here/../../completion
fail() { echo "failed: $*"; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What every command and action offers, from the tables: the program itself, without a shell.
cd "$work" || exit 1
"$program" --help | sed -nE 's/^  ([a-z]+) .*/\1/p' | grep -v innerloop | while read -r name; do
  "$program" help --complete "${name%?}" | grep -q "^$name	" || echo "$name is not offered"
  [ "$name" = data ] || "$program" help --complete "$name" -- | grep -q '^--help	' || echo "$name --help is not offered"
done >missing.txt
[ ! -s missing.txt ] || fail "$(cat missing.txt)"
"$program" help --complete fit --model '' | cut -f1 | grep -qx conv1d || fail "fit --model: values"
"$program" help --complete fit --fraction '' | grep -q . && fail "fit --fraction offers something for numbers"
"$program" help --complete data import --kind '' | cut -f1 | grep -qx pictures || fail "data import --kind"
"$program" help --complete train --resume '' | grep -qx '	folders' || fail "train --resume takes a folder"
"$program" help --complete train '' | grep -qx '	files .yaml' || fail "train takes a configuration file"
"$program" help --complete train --set outer.optim | grep -q '^outer.optimizer=	' || fail "train --set: keys"
"$program" help --complete train --set=outer.optimizer= | cut -f1 | grep -qx -- '--set=outer.optimizer=adam' || fail "train --set=: values"
"$program" help --complete train --set task.rotate_test= | grep -q . && [ -z "$("$program" help --complete train --set outer.steps=)" ] ||
  fail "values of keys that are no list"
"$program" help --complete help | grep -q '^help	' || fail "help itself"
"$program" help --complete help '' | cut -f1 | grep -qx config || fail "help config"
"$program" help --complete data '' | cut -f1 | grep -qx import || fail "data import"
"$program" help --complete nonsense '' | grep -q . && fail "an unknown command has completions"

[ "${INNERLOOP_TEST_SCALE:-}" != small ] || { echo "completion: the shells are left out"; exit 0; }
command -v python3 >/dev/null || { echo "skipped: python3, which types into the shells, is not here"; exit 77; }
ln -s "$program" innerloop
mkdir my-runs my-pictures && touch my-plan.yaml my-plan.txt my-runs.txt || exit 1
cat >cases.txt <<'CASES'
innerloop tra|innerloop train 
innerloop data imp|innerloop data import 
innerloop train glyphs-5w1s-m|innerloop train glyphs-5w1s-maml 
innerloop train --res|innerloop train --resume 
innerloop train --set outer.st|innerloop train --set outer.steps=
innerloop train --set task.split=al|innerloop train --set task.split=alphabets 
innerloop train --set=task.split=al|innerloop train --set=task.split=alphabets 
innerloop eval my-r|innerloop eval my-runs/
innerloop plan my-pl|innerloop plan my-plan.yaml 
innerloop data import my-pic|innerloop data import my-pictures/
innerloop adapt my-runs --support=my-pic|innerloop adapt my-runs --support=my-pictures/
innerloop fit --loss bin|innerloop fit --loss binary_cross_entropy 
innerloop help trai|innerloop help train 
CASES
typed=0
for shell in bash:innerloop.bash zsh:_innerloop fish:innerloop.fish; do
  name=${shell%%:*}
  command -v "$name" >/dev/null || { echo "$name: not here, its completion is not tried"; continue; }
  timeout 250 python3 "$here/type_and_complete.py" "$name" "$(realpath "$completion")/${shell#*:}" "$work" <cases.txt ||
    fail "completion in $name"
  typed=$((typed + 1))
done
[ $typed -gt 0 ] || { echo "skipped: no bash, zsh or fish here"; exit 77; }
