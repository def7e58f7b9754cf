#!/bin/sh
# The Python package without an installation: together.sh SOURCE LIBRARY SITE. SITE/innerloop_meta becomes links to what the
# package in SOURCE consists of, folders included, and to LIBRARY as built.
set -eu
source=$1/python/innerloop_meta library=$2 package=$3/innerloop_meta
rm -rf "$package"
mkdir -p "$package"
for part in "$source"/*; do
  case ${part##*/} in
  __pycache__ | libinnerloop.so) ;; # of somebody's own installation
  *) ln -s "$part" "$package/" ;;
  esac
done
ln -s "$library" "$package/libinnerloop.so"
