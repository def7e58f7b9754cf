# Sourced by tests of pages: every command in their console blocks runs, and prints what stands there. "…" stands for
# anything, and times differ. A command goes on in lines that begin with "> ". The block of Python above a command
# `python3 own.py` is that file; where python3 lacks what `needs` names, files of $fixtures take its place. notes=yes: what
# stands on standard error counts as printed, before the rest.
# INNERLOOP_TEST_SCALE=small, for builds with sanitizers: long commands do less (shorter), and any number stands for any other.
program=$1
docs=$(cd "$(dirname "$0")/../../docs" && pwd) || exit 1
examples=$(cd "$(dirname "$0")/../../examples" && pwd) || exit 1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/bin"
ln -s "$program" "$folder/bin/innerloop"
if [ -n "${PYTHON:-}" ]; then
  printf '#!/bin/sh\nexec "%s" "$@"\n' "$(command -v "$PYTHON")" >"$folder/bin/python3"
  chmod +x "$folder/bin/python3"
fi
PATH=$folder/bin:$PATH
export XDG_CACHE_HOME=$folder/cache
fail() { echo "failed: $*"; exit 1; }

# Seconds differ: "… 12 s", and the last column of compare's table.
mask() { sed -E 's/[0-9.]+ s\b/N s/g; s/(±.* [0-9]+ +[0-9]+) +[0-9]+\.[0-9]{2}$/\1/' | loosen; }
loosen() { cat; }
shortened=""
if [ "${INNERLOOP_TEST_SCALE:-}" = small ]; then
  shortened=" (shortened: figures not compared)"
  # NaN is no number here, so it still fails.
  loosen() { sed -E 's/-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?/N/g; s/\bsteps?\b/step/g; s/ +/ /g'; }
fi

# One command of a page, and the lines that it should print, as one glob pattern.
check() {
  [ -n "$command" ] || return 0
  case $command in
  python3*)
    [ "$python" = yes ] || { cp "$fixtures"/* .; return 0; } ;;
  esac
  commands=$((commands + 1))
  expected=${expected#$'\n'}
  out=$folder/out$commands # all pages have the same commands: each runs once
  if [ ! -f "$out" ]; then
    [ -z "$shortened" ] || command=$command$(shorter "$command")
    eval "$command" >"$out" 2>err.txt
    code=$?
    case $'\n'$expected in
    *$'\ninnerloop: '*) [ "$notes" = yes ] || cat err.txt >>"$out" ;; # a refusal is shown
    *) [ $code -eq 0 ] || fail "$page: $command: $(cat err.txt)" ;;
    esac
    [ "$notes" = no ] || cat err.txt "$out" >both.txt # what is said on the way stands before the result
    [ "$notes" = no ] || mv both.txt "$out"
  fi
  found=$(mask <"$out")
  # shellcheck disable=SC2053 # a pattern
  [[ $found == $expected ]] || fail "$page: $command prints
$found"
}

# PAGE TRANSLATION
check_pages() {
  local line inside part
  python=no
  python3 -c "import $needs" 2>/dev/null && python=yes
  cmp <(grep '^[$>] ' "$docs/$1") <(grep '^[$>] ' "$docs/$2") || fail "$1 and $2 have different commands"
  for page in "$@"; do
    mkdir "$folder/$page"
    cd "$folder/$page" || exit 1
    ln -s "$examples" examples
    inside=no command="" expected="" commands=0
    while IFS= read -r line; do
      case $inside$line in
      'no```console') inside=yes command="" expected="" ;;
      'no```python') inside=python; : >own.py ;;
      'yes```') check; inside=no ;;
      'python```') inside=no ;;
      python*) printf '%s\n' "$line" >>own.py ;;
      'yes$ '*) check; command=${line#'$ '} expected="" ;;
      'yes> '*) command=$command$'\n'${line#'> '} ;;
      yes*)
        line=$(printf '%s\n' "$line" | mask)
        part=$(printf '%s' "$line" | sed 's/[][\\*?]/\\&/g; s/…/*/g')
        expected=$expected$'\n'$part ;;
      esac
    done <"$docs/$page"
    [ $commands -gt 5 ] || fail "$page has only $commands commands"
  done
}
