# innerloop convert: exact to the byte between all formats, from files that PyTorch wrote; refusals in one sentence.
program=$1
fixtures=$(cd "$(dirname "$0")/../io/fixtures/torch" && pwd) || exit 1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
fail() { echo "failed: $*"; exit 1; }

# expect CODE "text in the sentence" ARGUMENT…
expect() {
  code=$1 text=$2
  shift 2
  "$program" convert "$@" >out.txt 2>err.txt
  got=$?
  [ $got -eq "$code" ] || fail "$*: exit code $got, expected $code: $(cat err.txt)"
  grep -qF -- "$text" err.txt || fail "$*: expected \"$text\" in: $(cat err.txt)"
}
convert() { "$program" convert "$@" >out.txt 2>err.txt || fail "convert $*: $(cat err.txt)"; }

# Every way of saving the same values ends in the same bytes, also by way of the other formats.
for version in torch-1.13 torch-2.15; do
  for file in "$fixtures/$version"/values_*.pth; do
    convert "$file" a.pth
    [ -e all.pth ] || cp a.pth all.pth
    cmp a.pth all.pth || fail "$file"
    convert "$file" a.safetensors
    convert a.safetensors b.pt
    cmp a.pth b.pt || fail "$file by way of safetensors"
  done
  convert "$fixtures/$version/conv4.pth" a.npz
  convert a.npz a.safetensors
  convert a.safetensors a.pth
  convert "$fixtures/$version/conv4.pth" b.pth
  cmp a.pth b.pth || fail "$version by way of npz"
  # Lists of batches stay lists.
  convert "$fixtures/$version/data_batches.txt" a.safetensors
  convert a.safetensors batches --to pth
  "$program" convert --list batches | grep -qF "i64   [2]  [2][1]" || fail "batches: $("$program" convert --list batches)"
done

"$program" convert --list all.pth >list.txt || fail "--list"
grep -qF "bf16  [2, 3, 4]  all.bf16" list.txt || fail "$(cat list.txt)"
grep -qF "f32   []  scalar" list.txt || fail "$(cat list.txt)"
grep -qF "PyTorch zip: 17 tensors" list.txt || fail "$(cat list.txt)"
"$program" convert --list --json all.pth | grep -qF '{"name": "empty", "type": "f32", "shape": [0, 3]}' || fail "--json"
"$program" convert --list "$fixtures/torch-2.15/checkpoint.pth" | grep -q "texts or Nones are left out" || fail "left out"

# numpy has no bf16: refused, or widened when asked, and nothing is left behind.
expect 1 '"all.bf16" has type bf16' all.pth c.npz
[ ! -e c.npz ] || fail "a refused file was written"
convert all.pth c.npz --bf16-as-f32
"$program" convert --list c.npz | grep -qF "f32   [2, 3, 4]  all.bf16" || fail "--bf16-as-f32"

convert "$fixtures/torch-2.15/bare.pth" bare.npy
convert bare.npy bare.pth
"$program" convert --list bare.pth | grep -qF "f32   [10, 2]  tensor" || fail "bare"
expect 1 "exactly one tensor, found 17" all.pth all.npy
expect 2 "pth, pt, npz, npy or safetensors" all.pth all.onnx
expect 2 "found --to \"onnx\"" all.pth all.pth --to onnx
expect 1 "nowhere.pth" nowhere.pth a.npz
expect 1 "nowhere/a.npz" bare.npy nowhere/a.npz
expect 2 "expected IN and OUT" all.pth
expect 2 "--list shows one file" --list all.pth other.pth
expect 1 "asks for torch.nn.modules.linear.Linear" "$fixtures/torch-2.15/module.pth" a.npz
printf '\200\002cos\nsystem\n(X\012\000\000\000touch ownedtR.' >evil.pth
expect 1 "asks for os.system" evil.pth a.npz
[ ! -e owned ] || fail "a pickle was executed"
echo "convert: all as expected"
