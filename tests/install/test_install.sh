# What a user does with the installed library, which lies elsewhere than it was installed to: every header alone and all
# together as C11 and C++17, a program by pkg-config and by find_package, shared and static; the examples.
# test_install.sh SOURCE BUILD WORK: the source tree, the build to install, a folder that may be emptied.
source=$1 build=$2 work=$3
fail() { echo "failed: $*"; exit 1; }

rm -rf "$work" && mkdir -p "$work" || exit 1
cmake --install "$build" --prefix "$work/made" >"$work/log.txt" 2>&1 || fail "cmake --install: $(cat "$work/log.txt")"
prefix=$work/moved
mv "$work/made" "$prefix"
pc=$(dirname "$(find "$prefix" -name innerloop.pc)") || fail "no innerloop.pc"
export PKG_CONFIG_PATH="$pc"
user=$source/tests/install/user.c

headers=0
for compiler in "gcc -std=c11 -x c" "g++ -std=c++17 -x c++" "clang -std=c11 -x c" "clang++ -std=c++17 -x c++"; do
  command -v "${compiler%% *}" >/dev/null || { echo "${compiler%% *}: not here, that part is skipped"; continue; }
  for header in "$prefix"/include/innerloop/*.h; do
    echo "#include <innerloop/${header##*/}>
int main(void) { return 0; }" | $compiler -Wall -Wextra -pedantic -Werror -fsyntax-only $(pkg-config --cflags innerloop) - ||
      fail "${header##*/} alone, ${compiler% -x*}"
    headers=$((headers + 1))
  done
  # pkg-config without --static: what the library links is the library's own affair.
  $compiler -Wall -Wextra -pedantic -Werror "$user" -o "$work/user" $(pkg-config --cflags innerloop) -x none \
    $(pkg-config --libs innerloop) || fail "$compiler by pkg-config"
  LD_LIBRARY_PATH="$pc/.." "$work/user" || fail "the program of $compiler"
done
[ $headers -gt 20 ] || fail "only $headers headers were compiled"
readelf -d "$work/user" | grep -q 'NEEDED.*libinnerloop\.so\.' || fail "the program does not ask for libinnerloop.so by its soname"

for example in "$source"/examples/*.c; do
  name=$(basename "$example" .c)
  cc -std=c11 -Wall -Wextra -pedantic -Werror "$example" -o "$work/$name" $(pkg-config --cflags --libs innerloop) ||
    fail "$name by pkg-config"
done
LD_LIBRARY_PATH="$pc/.." "$work/01_maml_sinusoid" >"$work/log.txt" 2>&1 || fail "01_maml_sinusoid: $(cat "$work/log.txt")"
LD_LIBRARY_PATH="$pc/.." "$work/04_source_callback" >"$work/log.txt" 2>&1 || fail "04_source_callback: $(cat "$work/log.txt")"

cc -std=c11 "$user" -o "$work/user" $(pkg-config --cflags innerloop) \
  $(pkg-config --static --libs innerloop | sed 's/-linnerloop/-l:libinnerloop.a/') || fail "the static library by pkg-config"
"$work/user" || fail "the static program"

cmake -S "$source/tests/install/find_package" -B "$work/find_package" -DCMAKE_PREFIX_PATH="$prefix" \
  -DUSER_SOURCE="$user" >"$work/log.txt" 2>&1 && cmake --build "$work/find_package" >>"$work/log.txt" 2>&1 ||
  fail "find_package: $(cat "$work/log.txt")"
"$work/find_package/user" || fail "the program of find_package"
echo "install: $headers headers compiled alone"
