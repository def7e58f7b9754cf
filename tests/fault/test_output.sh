# What is written goes where its name leads, and keeps what it was: links, modes, pipes, devices.
program=$1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
fail() { echo "failed: $*"; exit 1; }
inode() { stat -c %i "$1"; }

"$program" init sinusoid-5shot-maml --out good.safetensors >/dev/null || fail "init"
"$program" init sinusoid-5shot-maml --set seed=2 --out other.safetensors >/dev/null || fail "init"
convert() { "$program" convert "$@" >log.txt 2>&1; }
convert other.safetensors other.npz || fail "convert: $(cat log.txt)"

# A link is followed: to a file, through another folder, to one that does not exist yet.
mkdir there
cp other.safetensors there/file.safetensors
ln -s there/file.safetensors link.safetensors
ln -s ../link.safetensors there/again.safetensors
convert good.safetensors there/again.safetensors || fail "through links: $(cat log.txt)"
[ -L there/again.safetensors ] && [ -L link.safetensors ] || fail "a link was replaced"
cmp good.safetensors there/file.safetensors || fail "what the links name was not written"
ln -s there/new.safetensors dangling.safetensors
convert good.safetensors dangling.safetensors || fail "a link to nothing: $(cat log.txt)"
[ -L dangling.safetensors ] && cmp good.safetensors there/new.safetensors || fail "a link to nothing was replaced"
ln -s loop loop
convert good.safetensors loop --to safetensors && fail "a link to itself"
grep -q "loop cannot be written: Too many levels of symbolic links" log.txt || fail "a link to itself: $(cat log.txt)"

# Modes stay; several names of a file go on naming one, but where programs may have mapped it, it is replaced.
cp other.npz private.npz
chmod 600 private.npz
convert good.safetensors private.npz || fail "a private file: $(cat log.txt)"
[ "$(stat -c %a private.npz)" = 600 ] || fail "mode 600 became $(stat -c %a private.npz)"
(umask 022; convert good.safetensors fresh.npz) || fail "a new file"
[ "$(stat -c %a fresh.npz)" = 644 ] || fail "a new file has mode $(stat -c %a fresh.npz)"
cp other.npz one.npz
ln one.npz two.npz
convert good.safetensors one.npz || fail "a file with two names: $(cat log.txt)"
[ "$(inode one.npz)" = "$(inode two.npz)" ] && cmp fresh.npz two.npz || fail "a hard link broke"
cp other.safetensors mapped.safetensors
ln mapped.safetensors snapshot.safetensors
convert good.safetensors mapped.safetensors || fail "safetensors with two names: $(cat log.txt)"
cmp other.safetensors snapshot.safetensors && cmp good.safetensors mapped.safetensors || fail "a snapshot was rewritten"

# Names as long as the file system takes.
long=$(printf 'n%.0s' $(seq 251)).npz
convert good.safetensors "$long" || fail "a name of 255 bytes: $(cat log.txt)"
cmp fresh.npz "$long" || fail "a name of 255 bytes holds something else"

# A pipe, standard output as a pipe and as a file, and a device get the bytes themselves.
mkfifo pipe
cat pipe >piped.npz &
convert good.safetensors pipe --to npz || fail "a pipe: $(cat log.txt)"
wait
[ -p pipe ] && cmp fresh.npz piped.npz || fail "a pipe was replaced"
"$program" data episodes glyphs-5w1s-maml --count 3 --out list.txt >/dev/null || fail "episodes"
ln -s /proc/self/fd/1 stdout # as /dev/stdout is, which root would lose
"$program" data episodes glyphs-5w1s-maml --count 3 --out stdout 2>log.txt | cat >out.txt
[ -L stdout ] || fail "the link to standard output was replaced"
head -n "$(wc -l <list.txt)" out.txt | cmp - list.txt || fail "standard output as a pipe: $(cat out.txt log.txt)"
"$program" data episodes glyphs-5w1s-maml --count 3 --out stdout >out.txt 2>log.txt
head -n "$(wc -l <list.txt)" out.txt | cmp - list.txt || fail "standard output as a file: $(cat out.txt log.txt)"
convert good.safetensors /dev/null --to npz || fail "/dev/null: $(cat log.txt)"
[ -c /dev/null ] || fail "/dev/null is no device any more"
convert good.safetensors there --to npz && fail "a folder was written to"
grep -q "there cannot be written: found a folder, expected a file" log.txt || fail "a folder: $(cat log.txt)"
[ -z "$(find . -name '.innerloop-tmp-*')" ] || fail "temporary files stayed"
echo "outputs: all as expected"
