# Whatever C the README and docs/ show compiles and runs: every block of it is an excerpt of an example, without a gap.
# test_snippets.sh SOURCE
cd "$1" || exit 1
export LC_ALL=C
awk '
  function text(file,   line, all) {
    while ((getline line < file) > 0) all = all line "\n"
    close(file)
    return all
  }
  FILENAME ~ /\.c$/ { if (FNR == 1) example[FILENAME] = text(FILENAME); next }
  /^```c$/ { inside = 1; block = ""; from = FNR; next }
  inside && /^```$/ {
    inside = 0; found = 0; blocks++
    for (file in example) if (index(example[file], "\n" block)) found = 1
    if (!found) { printf "%s:%d: no example has these lines:\n%s", FILENAME, from, block; bad++ }
  }
  inside { block = block $0 "\n" }
  END {
    if (!bad && blocks) printf "%d blocks stand in the examples\n", blocks
    exit bad || !blocks
  }' examples/*.c README.md docs/*.md
