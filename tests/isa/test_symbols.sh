# Every external name of the library is defined once: a name that the kernels of two instruction sets share would be
# taken from any of them, and might not run on this CPU (cmake/kernels.cmake renames them). test_symbols.sh NM LIBRARY
twice=$("$1" -g --defined-only "$2" | awk 'NF == 3 && $3 ~ /^il_/ { print $3 }' | sort | uniq -d)
[ -z "$twice" ] || { echo "defined more than once:" $twice; exit 1; }
echo "symbols: every name is defined once"
