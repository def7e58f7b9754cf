# Both tutorials: every command in their console blocks runs, and prints what stands there ("…" stands for anything,
# and times differ). The files that PyTorch saved come from PyTorch where it is here, else from the committed fixtures.
# INNERLOOP_TEST_SCALE=small, for builds with sanitizers: long commands do fewer steps, and any number stands for any other.
program=$1
docs=$(cd "$(dirname "$0")/../../docs" && pwd) || exit 1
fixtures=$(cd "$(dirname "$0")/fixtures/tutorial" && pwd) || exit 1
examples=$(cd "$(dirname "$0")/../../examples" && pwd) || exit 1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/bin"
ln -s "$program" "$folder/bin/innerloop"
PATH=$folder/bin:$PATH
fail() { echo "failed: $*"; exit 1; }
python=no
python3 -c 'import torch' 2>/dev/null && python=yes

# Seconds differ: "… 12 s", and the last column of compare's table.
mask() { sed -E 's/[0-9.]+ s\b/N s/g; s/(±.* [0-9]+ +[0-9]+) +[0-9]+\.[0-9]{2}$/\1/' | loosen; }
loosen() { cat; }
shortened=""
if [ "${INNERLOOP_TEST_SCALE:-}" = small ]; then
  shortened=" (shortened: figures not compared)"
  # NaN is no number here, so it still fails.
  loosen() { sed -E 's/-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?/N/g; s/\bsteps?\b/step/g; s/ +/ /g'; }
fi

# What makes a command of a tutorial short; of an option given twice, the last counts.
shorter() {
  [ -n "$shortened" ] || return 0
  case $1 in
  'innerloop improve '*) echo ' --epochs 1 --meta-steps 2 --tasks 4' ;;
  'innerloop compare '*) echo ' --seeds 2 --steps 5' ;;
  'innerloop fit '*'--algorithm greedy'*) echo ' --steps 3' ;;
  'innerloop fit '*'--meta'*) echo ' --meta-steps 10 --tasks 4' ;;
  esac
}

# One command of a tutorial, and the lines that it should print, as one glob pattern.
check() {
  [ -n "$command" ] || return 0
  case $command in
  python3*)
    [ $python = yes ] || { cp "$fixtures"/* .; return 0; } ;;
  esac
  commands=$((commands + 1))
  expected=${expected#$'\n'}
  out=$folder/out$commands # both tutorials have the same commands: each runs once
  if [ ! -f "$out" ]; then
    eval "$command$(shorter "$command")" >"$out" 2>err.txt
    code=$?
    case $expected in
    'innerloop: '*) mv err.txt "$out" ;; # a refusal is shown
    *) [ $code -eq 0 ] || fail "$tutorial: $command: $(cat err.txt)" ;;
    esac
  fi
  found=$(mask <"$out")
  # shellcheck disable=SC2053 # a pattern
  [[ $found == $expected ]] || fail "$tutorial: $command prints
$found"
}

cmp <(grep '^\$ ' "$docs/tutorial.md") <(grep '^\$ ' "$docs/tutorial.zh.md") ||
  fail "the two tutorials have different commands"
for tutorial in tutorial.md tutorial.zh.md; do
  mkdir "$folder/$tutorial"
  cd "$folder/$tutorial" || exit 1
  ln -s "$examples" examples
  inside=no command="" expected="" commands=0
  while IFS= read -r line; do
    case $inside$line in
    'no```console') inside=yes command="" expected="" ;;
    'yes```') check; inside=no ;;
    'yes$ '*) check; command=${line#'$ '} expected="" ;;
    yes*)
      line=$(printf '%s\n' "$line" | mask)
      if [ "$line" = "…" ]; then part='*'; else part=$(printf '%s' "$line" | sed 's/[][\\*?]/\\&/g'); fi
      expected=$expected$'\n'$part ;;
    esac
  done <"$docs/$tutorial"
  [ $commands -gt 5 ] || fail "$tutorial has only $commands commands"
done
echo "tutorial: all as expected$shortened"
