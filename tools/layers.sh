#!/bin/sh
# Checks the layering: a folder of src/ includes only itself and folders before it in this order, and of the public
# headers those that belong to itself or to folders before it; so does each public header.
# A file's name says where it is: none stands twice. Prints every offender and ends with 1 when there is one.
order="base ranks op kernels graph grad pass schedule plan run nn optim meta learner io image plot saved data import config train adapt sweep fit greedy study measure report mpi cli"
# A public header belongs to the folder of its name. Others: header:folder.
others="field.h:base shape.h:op values.h:graph function.h:run error.def:base version.h:base innerloop.h:cli"
# Where a folder implements what a later folder's header declares; folder:header.
allowed="pass:plan.h" # il_graph_factor, il_graph_without_leaves
cd "$(dirname "$0")/.." || exit 2

level() {
  n=0
  for folder in $order; do
    n=$((n + 1))
    if [ "$folder" = "$1" ]; then
      echo $n
      return
    fi
  done
  echo 0
}

# The folder that a public header belongs to.
home() {
  for pair in $others; do
    if [ "${pair%%:*}" = "$1" ]; then
      echo "${pair#*:}"
      return
    fi
  done
  echo "${1%.h}"
}

# Lines file:line:name of what the files include by "name" (then with a folder) or <innerloop/name>.
quoted() {
  grep -rnoE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"[a-z0-9_]+/' "$1" --include='*.[ch]' --include='*.def' |
    sed -E 's|:[^:"]*"|:|; s|/$||'
}
public() {
  grep -rnoE '^[[:space:]]*#[[:space:]]*include[[:space:]]*<innerloop/[^>]*' "$1" --include='*.[ch]' --include='*.def' |
    sed -E 's|:[^:<]*<innerloop/|:|'
}

# offence WHERE FOLDER LEVEL HEADER: says it when HEADER belongs to a later folder, or to none.
offence() {
  above=$(level "$(home "$4")")
  if [ "$above" -eq 0 ]; then
    echo "$1: <innerloop/$4> belongs to no folder"
  elif [ "$above" -gt "$3" ]; then
    case " $allowed " in
    *" $2:$4 "*) ;;
    *) echo "$1: $2/ may not include <innerloop/$4>, which is $(home "$4")'s" ;;
    esac
  fi
}

offenders=$(
  for path in src/*/; do
    path=${path%/} folder=$(basename "$path")
    own=$(level "$folder")
    [ "$own" -gt 0 ] || echo "$path: a folder without a place in the order"
    quoted "$path" | while IFS=: read -r file line taken; do
      above=$(level "$taken")
      if [ "$above" -eq 0 ]; then
        # Paths below the file's own folder, such as "sources/png.h", stay inside the layer.
        [ -d "$path/$taken" ] || echo "$file:$line: includes unknown folder $taken/"
      elif [ "$above" -gt "$own" ]; then
        echo "$file:$line: $folder/ may not include $taken/"
      fi
    done
    public "$path" | while IFS=: read -r file line header; do
      offence "$file:$line" "$folder" "$own" "$header"
    done
  done
  for file in include/innerloop/*; do
    folder=$(home "${file##*/}")
    own=$(level "$folder")
    [ "$own" -gt 0 ] || echo "$file: a public header without a folder"
    sed -nE 's|^#include "([a-z]+\.[a-z]+)"$|\1|p' "$file" | while read -r header; do
      offence "$file" "$folder" "$own" "$header"
    done
  done
)
twice=$(find src -type f | sed 's|.*/||' | sort | uniq -d)
[ -z "$twice" ] || offenders="$offenders
names that stand twice under src/: $twice"
if [ -n "$offenders" ]; then
  echo "$offenders"
  exit 1
fi
echo "layers: every include points upwards"
