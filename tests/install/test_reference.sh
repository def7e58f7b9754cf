# The reference of the library is written without a warning, has every public function, leads to the examples, and
# asks nothing of the network. test_reference.sh SOURCE WORK: the source tree, a folder that may be emptied.
source=$1 work=$2
fail() { echo "failed: $*"; exit 1; }
command -v python3 >/dev/null || { echo "skipped: python3 is not here; 'tools/bootstrap.sh docs' installs it"; exit 77; }
command -v doxygen >/dev/null || { echo "skipped: doxygen is not here; 'tools/bootstrap.sh docs' installs it"; exit 77; }

said=$("$source/tools/reference.sh" "$work" 2>&1) || fail "$said"
[ "$said" = "reference: $(realpath "$work")/index.html" ] || fail "$said"
cat "$work"/*_8h.html >"$work/headers.txt"
while read -r name; do
  # Its own description, not only a line in a list.
  grep -q "class=\"memname\">.*[ >*]$name *\(\[\]\)* *</td>" "$work/headers.txt" || echo "$name"
done <"$source/tools/abi.txt" >"$work/missing.txt"
[ ! -s "$work/missing.txt" ] || fail "the reference lacks" $(cat "$work/missing.txt")
for example in "$source"/examples/*.c; do
  name=$(basename "$example" .c)
  [ -s "$work/${name}_8c-example.html" ] || fail "no page of the example $name"
done
[ "$(grep -c 'href="python.html"' "$work/index.html")" -gt 0 ] || fail "no way from the first page to the Python package"
for name in train Run.report FewShotClassifier.fit function ops.conv2d layers.norm settings.Outer; do
  grep -q "id=\"$name\"" "$work/python.html" || fail "the Python page lacks $name"
done
grep -lE '(src|href)="https?://' "$work"/*.html | while read -r page; do
  grep -oE '<(script|link|img)[^>]*(src|href)="https?://[^"]*' "$page"
done >"$work/asked.txt"
[ ! -s "$work/asked.txt" ] || fail "pages ask the network: $(cat "$work/asked.txt")"
echo "reference: $(wc -l <"$source/tools/abi.txt") functions and records, $(ls "$work"/*.html | wc -l) pages"
