#!/bin/sh
# Checks the layering: a folder of src/ includes only itself and folders before it in this order.
# Prints every offender and ends with 1 when there is one.
order="base op kernels graph grad pass schedule plan run nn optim meta io data config train fit greedy study measure cli"
cd "$(dirname "$0")/../src" || exit 2

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

offenders=$(
  for folder in *; do
    [ -d "$folder" ] || continue
    own=$(level "$folder")
    [ "$own" -gt 0 ] || echo "src/$folder: a folder without a place in the order"
    grep -rnoE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"[a-z0-9_]+/' "$folder" --include='*.[ch]' --include='*.def' |
      while IFS= read -r line; do
        taken=${line##*\"}
        taken=${taken%/}
        above=$(level "$taken")
        where=$(echo "$line" | cut -d: -f1,2)
        if [ "$above" -eq 0 ]; then
          # Paths below the file's own folder, such as "sources/png.h", stay inside the layer.
          [ -d "$folder/$taken" ] || echo "src/$where: includes unknown folder $taken/"
        elif [ "$above" -gt "$own" ]; then
          echo "src/$where: $folder/ may not include $taken/"
        fi
      done
  done
)
if [ -n "$offenders" ]; then
  echo "$offenders"
  exit 1
fi
echo "layers: every include points upwards"
