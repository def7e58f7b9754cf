#!/bin/sh
# Writes the reference of the library into a folder, and python.html, that of the Python package: neither needs a network.
# Ends with 1 when a public function, record or field has no words. reference.sh FOLDER
set -eu
folder=$(realpath -m "$1")
cd "$(dirname "$0")/.."
command -v doxygen >/dev/null || { echo "reference: doxygen is not here; 'tools/bootstrap.sh docs' installs it" >&2; exit 2; }
command -v python3 >/dev/null || { echo "reference: python3 is not here; 'tools/bootstrap.sh docs' installs it" >&2; exit 2; }
for header in include/innerloop/*.h; do # doxygen is silent when its filter fails
  awk -f tools/reference.awk "$header" >/dev/null
done
rm -rf "$folder"
mkdir -p "$folder"

# An example opens with what it shows.
pages=$folder/examples.dox
for example in examples/*.c; do
  sed -n '1s|^/\* |/** @example '"${example#examples/}"'\n * |; 1,/\*\//p' "$example"
done >"$pages"

version=$(sed -n 's/^#define INNERLOOP_VERSION "\(.*\)"/\1/p' include/innerloop/version.h)
{
  cat docs/Doxyfile
  echo "PROJECT_NUMBER = $version"
  echo "INPUT += \"$pages\""
  echo "OUTPUT_DIRECTORY = \"$folder\""
} | doxygen -
rm "$pages"
python3 tools/python_reference.py "$folder/python.html"
[ -s "$folder/index.html" ]
echo "reference: $folder/index.html"
