# The manual: a page for the program and for each command and action, with every option that --help has, which groff and
# mandoc set without a warning; every key of a configuration in its page.
set -u
program=$1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
fail() { echo "failed: $*"; exit 1; }

"$program" help --man >"$folder/pages.txt" || fail "help --man"
commands() { "$program" "$@" --help | sed -nE 's/^  ([a-z]+) .*/\1/p' | grep -v '^innerloop$'; }
{
  echo innerloop.1
  for name in $(commands); do echo "innerloop-$name.1"; done
  for name in $(commands data); do echo "innerloop-data-$name.1"; done
  echo innerloop-config.5
} | sort >"$folder/expected.txt"
sort "$folder/pages.txt" | diff "$folder/expected.txt" - || fail "pages (>) are not the commands (<)"
"$program" help --man nonsense >/dev/null 2>&1 && fail "a page of nonsense"

while read -r page; do
  "$program" help --man "$page" >"$folder/$page" || fail "$page"
  LC_ALL=C grep -qP '[^\x20-\x7e\n]' "$folder/$page" && fail "$page is not ASCII"
  words=$(echo "${page%.1}" | sed 's/^innerloop-\?//; s/-/ /g')
  case $page in innerloop.1 | innerloop-data.1 | innerloop-config.5) continue ;; esac
  # shellcheck disable=SC2086 # a list of words
  for option in $("$program" $words --help | grep -oE '^ +(-[a-zA-Z?], +)?--[a-z0-9-]+' | grep -oE -- '--[a-z0-9-]+'); do
    sed 's/\\-/-/g' "$folder/$page" | grep -qE -- "^\\\\fB.*$option\\\\fR" || fail "$page has no $option"
  done
done <"$folder/pages.txt"
sed 's/\\-/-/g' "$folder/innerloop-config.5" >"$folder/config.txt"
"$program" help config | grep -E '^[a-z0-9_]+\.[a-z0-9_.]+$|^precision$' | while read -r key; do
  grep -qF "fB$key\\" "$folder/config.txt" || echo "$key"
done >"$folder/missing.txt"
[ ! -s "$folder/missing.txt" ] || fail "innerloop-config.5 has no $(cat "$folder/missing.txt")"

set_by=
if command -v groff >/dev/null; then
  for device in utf8 ascii; do
    (cd "$folder" && xargs groff -man -ww -z "-T$device" 2>&1) <"$folder/pages.txt" >"$folder/said.txt"
    [ ! -s "$folder/said.txt" ] || fail "groff -T$device: $(cat "$folder/said.txt")"
  done
  groff -man -Tascii "$folder/innerloop-train.1" | sed 's/.\x08//g; s/\x1b\[[0-9;]*m//g' | grep -q -- '-s, --set=KEY=VALUE' ||
    fail "innerloop-train.1 does not show --set"
  set_by=groff
fi
if command -v mandoc >/dev/null; then # a date would be the clock's
  (cd "$folder" && xargs mandoc -Tlint -Wwarning) <"$folder/pages.txt" | grep -v 'missing date' >"$folder/said.txt"
  [ ! -s "$folder/said.txt" ] || fail "mandoc: $(cat "$folder/said.txt")"
  set_by="$set_by mandoc"
fi
[ -n "$set_by" ] || { echo "skipped: neither groff nor mandoc sets the pages here; 'tools/bootstrap.sh test' installs groff"; exit 77; }
echo "manual: $(wc -l <"$folder/pages.txt") pages, set by $set_by"
