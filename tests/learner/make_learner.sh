# The learner that the examples of learners in memory are given: make_learner.sh PROGRAM OUT
run=$2.run
. "$(dirname "$0")/../support/scale.sh"
rm -rf "$run" "$2"
# shellcheck disable=SC2046 # a list of words
"$1" train glyphs-5w1s-maml --set outer.steps=100 $(scale "" "--set model.filters=16 --set outer.meta_batch=8") --set eval.every=0 --out "$run" >"$2.log" 2>&1 || { cat "$2.log"; exit 1; }
"$1" export "$run" --out "$2"
