#!/bin/sh
# File lengths: over 1,000 lines fails; over 500 fails unless the head comment gives a reason, as a line
# with "Over 500 lines:". Generated and tabular text (.md, .def, .txt) is not counted.
cd "$(dirname "$0")/.." || exit 2
bad=0
for file in $(git ls-files -co --exclude-standard '*.c' '*.h' '*.inc' '*.sh' | sort); do
  [ -f "$file" ] || continue
  lines=$(wc -l <"$file")
  if [ "$lines" -gt 1000 ]; then
    echo "$file: $lines lines, the limit is 1000"
    bad=1
  elif [ "$lines" -gt 500 ] && ! head -n 20 "$file" | grep -q 'Over 500 lines:'; then
    echo "$file: $lines lines without a reason ('Over 500 lines: …') in its head comment"
    bad=1
  fi
done
[ $bad -eq 0 ] && echo "lines: no file is too long"
exit $bad
