#!/bin/sh
# Everything that can be checked without running the program. Runs all checks, fails if one did.
# Needs build/compile_commands.json (make lint makes it).
cd "$(dirname "$0")/.." || exit 2
failed=0

sh tools/layers.sh || failed=1
sh tools/lines.sh || failed=1
sh tools/errors_md.sh --check || failed=1
sh tools/tree_md.sh --check || failed=1
sh tools/reference.sh build/reference || failed=1

if git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror 2>/tmp/innerloop-format.$$; then
  echo "format: every file is as clang-format leaves it"
else
  echo "format: 'make format' would change:"
  sed -nE 's/^([^:]+):[0-9]+:.*$/  \1/p' /tmp/innerloop-format.$$ | sort | uniq -c
  failed=1
fi
rm -f /tmp/innerloop-format.$$

if git ls-files 'src/*.c' | xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p build 2>/dev/null; then
  echo "tidy: nothing to say"
else
  failed=1
fi
exit $failed
