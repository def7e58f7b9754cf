# What a user does with the installed library, outside of the tree, which lies elsewhere than it was installed to: every
# header alone and all together as C11 and C++17; a program and the examples by pkg-config and by find_package, with gcc and clang;
# shared, static, and with the core alone. And what comes with the program.
# test_install.sh SOURCE BUILD: the source tree, the build to install.
source=$1 build=$2
fail() { echo "failed: $*"; exit 1; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/made" >"$work/log.txt" 2>&1 || fail "cmake --install: $(cat "$work/log.txt")"
prefix=$work/moved
mv "$work/made" "$prefix"
pc=$(dirname "$(find "$prefix" -name innerloop.pc)") || fail "no innerloop.pc"
export PKG_CONFIG_PATH="$pc"
mkdir "$work/sources" && cp "$source/tests/install/user.c" "$source"/examples/*.c "$work/sources" && cd "$work" || exit 1
user=$work/sources/user.c
grep -rlF -e "$work" -e "$source" "$prefix/lib" "$prefix/include" --include='*.pc' --include='*.cmake' --include='*.h' &&
  fail "files name folders of the build, or where they were installed to"

headers=0
for compiler in "gcc -std=c11 -x c" "g++ -std=c++17 -x c++" "clang -std=c11 -x c" "clang++ -std=c++17 -x c++"; do
  command -v "${compiler%% *}" >/dev/null || { echo "${compiler%% *}: not here, that part is skipped"; continue; }
  for header in "$prefix"/include/innerloop/*.h; do
    echo "#include <innerloop/${header##*/}>
int main(void) { return 0; }" | $compiler -Wall -Wextra -pedantic -Werror -fsyntax-only $(pkg-config --cflags innerloop) - ||
      fail "${header##*/} alone, ${compiler% -x*}"
    headers=$((headers + 1))
  done
  for header in "$prefix"/include/innerloop/*.h; do echo "#include <innerloop/${header##*/}>"; done >all.c
  $compiler -Wall -Wextra -pedantic -Werror -fsyntax-only $(pkg-config --cflags innerloop) all.c || fail "all headers, ${compiler% -x*}"
  # pkg-config without --static: what the library links is the library's own affair.
  $compiler -Wall -Wextra -pedantic -Werror "$user" -o user $(pkg-config --cflags innerloop) -x none \
    $(pkg-config --libs innerloop) || fail "$compiler by pkg-config"
  LD_LIBRARY_PATH="$pc/.." ./user || fail "the program of $compiler"
done
[ $headers -gt 20 ] || fail "only $headers headers were compiled"
# Nor does pkg-config ask for the files of what it links.
flags=$(PKG_CONFIG_LIBDIR="$pc" pkg-config --cflags --libs innerloop 2>&1) || fail "pkg-config innerloop: $flags"
soname=$(readelf -d "$pc/../libinnerloop.so" | sed -nE 's/.*SONAME.*\[(.*)\]/\1/p')
[ -L "$pc/../$soname" ] || fail "the soname $soname is no link to the library"
readelf -d user | grep -qF "[$soname]" || fail "the program does not ask for libinnerloop.so by its soname"

for compiler in gcc clang; do
  command -v $compiler >/dev/null || continue
  for example in sources/[0-9]*.c sources/t*.c; do
    name=$(basename "$example" .c)
    $compiler -std=c11 -Wall -Wextra -pedantic -Werror "$example" -o "$name" $(pkg-config --cflags --libs innerloop) ||
      fail "$name by pkg-config, $compiler"
  done
  for name in 01_maml_sinusoid 04_source_callback; do
    LD_LIBRARY_PATH="$pc/.." ./$name >log.txt 2>&1 || fail "$name of $compiler: $(cat log.txt)"
  done
done

# Static: all of it, which needs the libraries of files' formats, and the core, which needs the C library.
cc -std=c11 "$user" -o user-static $(pkg-config --cflags --libs innerloop-static) || fail "innerloop-static by pkg-config"
./user-static || fail "the static program"
readelf -d user-static | grep -q 'NEEDED.*libinnerloop' && fail "the static program asks for the shared library"
cc -std=c11 -DCORE_ONLY "$user" -o user-core $(pkg-config --cflags --libs innerloop-core) || fail "innerloop-core by pkg-config"
./user-core || fail "the program with the core"
needed=$(readelf -d user-core | sed -nE 's/.*NEEDED.*\[(.*)\]/\1/p' | grep -vE '^(libc|libm|libpthread|ld-linux.*)\.so' )
[ -z "$needed" ] || fail "the program with the core needs" $needed
cc -shared -Wl,--whole-archive "$pc/../libinnerloop-core.a" -Wl,--no-whole-archive,--no-undefined -lm -pthread -o whole.so ||
  fail "the core lacks something that it calls"
for library in libinnerloop.a libinnerloop-core.a; do
  foreign=$(nm -g --defined-only "$pc/../$library" | awk 'NF == 3 && $3 !~ /^il_/ { print $3 }')
  [ -z "$foreign" ] || fail "$library defines names that are not il_…:" $foreign
done

for compiler in gcc clang; do
  command -v $compiler >/dev/null || continue
  examples=$(echo "$work"/sources/[0-9]*.c | tr ' ' ';')
  cmake -S "$source/tests/install/find_package" -B "project-$compiler" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER=$compiler \
    -DUSER_SOURCE="$user" -DEXAMPLES="$examples" >log.txt 2>&1 && cmake --build "project-$compiler" >>log.txt 2>&1 ||
    fail "find_package, $compiler: $(cat log.txt)"
  for name in user-innerloop user-static user-core 01_maml_sinusoid; do
    "project-$compiler/$name" >log.txt 2>&1 || fail "$name of find_package, $compiler: $(cat log.txt)"
  done
done

"$prefix/bin/innerloop" help --man | while read -r page; do
  [ -s "$prefix/share/man/man${page##*.}/$page" ] || echo "$page"
done >log.txt
[ ! -s log.txt ] || fail "pages of the manual are missing: $(cat log.txt)"
for file in bash-completion/completions/innerloop zsh/site-functions/_innerloop fish/vendor_completions.d/innerloop.fish; do
  [ -s "$prefix/share/$file" ] || fail "no $file"
done

# As who makes packages installs it, and by make.
DESTDIR=$work/stage cmake --install "$build" --prefix /usr >log.txt 2>&1 && [ -x stage/usr/bin/innerloop ] ||
  fail "DESTDIR: $(cat log.txt)"
make -n -C "$source" install PREFIX=/opt/innerloop | grep -q -e '^cmake --install build --prefix /opt/innerloop$' ||
  fail "make install PREFIX=/opt/innerloop"
echo "install: $headers headers compiled alone"
