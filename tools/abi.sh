#!/bin/sh
# Writes tools/abi.txt: every function and record that the public headers mark IL_API.
# abi.sh --check NM LIBRARY: ends with 1 if the list is stale, or if the shared library exports anything else.
set -eu
cd "$(dirname "$0")/.."
made=$(mktemp)
trap 'rm -f "$made"' EXIT
export LC_ALL=C

grep -hv '^#define' include/innerloop/*.h | tr '\n' ' ' | grep -oE 'IL_API [^(;]*[(;]' | sed -E 's/.*[ *](il_[a-z0-9_]+)(\[\])?[(;]$/\1/' |
  sort -u >"$made"
if [ "${1:-}" != --check ]; then
  cp "$made" tools/abi.txt
  exit 0
fi
if ! diff tools/abi.txt "$made"; then
  echo "tools/abi.txt (<) is not what the headers declare (>): tools/abi.sh writes it"
  exit 1
fi
if ! "$2" -D --defined-only "$3" | awk '{ print $3 }' | sort | diff tools/abi.txt -; then
  echo "$3 (>) does not export what the headers declare (<)"
  exit 1
fi
echo "abi: $(wc -l <tools/abi.txt) functions and records"
