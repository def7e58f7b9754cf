# The Debian packages (debian/, make deb) have the version and the library's name of the build, and hold every file that is
# installed. test_debian.sh SOURCE BUILD: the source tree, the build to install.
source=$1 build=$2
fail() { echo "failed: $*"; exit 1; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
cmake --install "$build" --prefix "$prefix" >"$work/log.txt" 2>&1 || fail "cmake --install: $(cat "$work/log.txt")"

version=$(sed -n 's/^Version: //p' "$(find "$prefix" -name innerloop.pc)")
grep -q "^innerloop ($version)" "$source/debian/changelog" || fail "debian/changelog is not that of $version"
soname=$(basename "$(find "$prefix" -name 'libinnerloop.so.*' -type l)")
package=libinnerloop${soname#libinnerloop.so.}
grep -q "^Package: $package$" "$source/debian/control" || fail "debian/control has no package $package"
[ -e "$source/debian/$package.install" ] || fail "no debian/$package.install"

# A line of a file *.install is a path under / with wildcards, or a folder; Debian's lib has a folder per processor.
patterns=$(cat "$source"/debian/*.install)
cd "$prefix" || exit 1
set -f
find . ! -type d | sed 's|^\./|usr/|; s|^usr/lib[^/]*/\([a-z0-9_]*-linux-[a-z]*/\)\{0,1\}|usr/lib/x/|' >"$work/files.txt"
# The packages are built without MPI (debian/rules).
! grep -q 'INNERLOOP_MPI=OFF' "$source/debian/rules" || sed -i '/\/innerloop-mpi\.so$/d' "$work/files.txt"
grep -q "usr/bin/innerloop$" "$work/files.txt" || fail "no program is installed, only $(cat "$work/files.txt")"
while read -r file; do
  found=
  for pattern in $patterns; do
    case $file in
    $pattern | $pattern/*) found=yes ;;
    esac
  done
  [ -n "$found" ] || fail "no package holds $file"
done <"$work/files.txt"
echo "debian: every installed file is in a package"
