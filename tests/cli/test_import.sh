# Importing from the command line: what is said where, what is left behind, and --data with folders and archives.
program=$1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
export XDG_CACHE_HOME=$folder/cache
fail() { echo "failed: $*"; exit 1; }

# Pictures to import: sheets of drawn glyphs, and a JPEG of 8 × 8.
for rows in 1 2 3; do
  "$program" data show glyphs --classes "$rows" --out "$rows.png" || fail "data show"
done
base64 -d >4.jpg <<JPEG
/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJBwYGCAsICQoK
CgoKBggLDAsKDAkKCgr/wAALCAAIAAgBAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUF
BAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVW
V1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi
4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/AK/w2/4NuP8AV/8AFBen/Lt/9av/2Q==
JPEG
for class in ant bee cat; do
  mkdir -p pets/$class
  for i in 1 2 3; do cp "$i".png "pets/$class/"; done
  for i in 4 5 6 7 8; do cp 4.jpg "pets/$class/$i.jpg"; done
done

"$program" data import pets --out pets.safetensors >out.txt 2>err.txt || fail "import: $(cat err.txt)"
[ "$(cat out.txt)" = "pets.safetensors: 3 classes, 24 pictures of 84×84, colour" ] || fail "result: $(cat out.txt)"
grep -q "^pictures of 4 sizes, 8 × 8 to " err.txt || fail "sizes: $(cat err.txt)"
grep -q "importing\|skipped" err.txt && fail "progress in a pipe, or skipped: $(cat err.txt)"
"$program" data import pets --out other.safetensors >out.txt 2>&1 || fail "second import"
cmp pets.safetensors other.safetensors || fail "two imports differ"
"$program" data import pets --out pets.safetensors --size 20x30 --grey --invert >out.txt 2>err.txt || fail "--size"
grep -q "24 pictures of 20×30, grey" out.txt || fail "--size 20x30: $(cat out.txt)"
[ -s err.txt ] && fail "words though the size is chosen: $(cat err.txt)"
"$program" data info pets.safetensors | grep -q "20 × 30 pixels, 1 channel" || fail "data info"

# What is skipped: the first twenty by name, the rest in a list.
for i in $(seq 10 34); do echo "words" >pets/bee/"$i".png; done
"$program" data import pets --out pets.safetensors --size 20 --skipped list.txt >out.txt 2>err.txt || fail "skipping"
grep -q "; 25 files skipped$" out.txt || fail "count of skipped: $(cat out.txt)"
[ "$(grep -c '^skipped bee/..\.png: no PNG or JPEG: begins with "words' err.txt)" -eq 20 ] || fail "the first: $(cat err.txt)"
grep -q "^skipped 5 more: see list.txt$" err.txt || fail "the rest: $(cat err.txt)"
[ "$(wc -l <list.txt)" -eq 25 ] || fail "the list: $(cat list.txt)"
rm pets.safetensors
"$program" data import pets --out pets.safetensors --strict >out.txt 2>err.txt && fail "--strict imports"
grep -q '^innerloop: bee/10.png: no PNG or JPEG' err.txt || fail "--strict: $(cat err.txt)"
[ -e pets.safetensors ] && fail "--strict left something"
rm pets/bee/1?.png pets/bee/2?.png pets/bee/3?.png

# A folder is imported once where a dataset is wanted, and again when a file has changed; so is an archive.
expect_import() { # yes|no SOURCE
  "$program" data show "$2" --out sheet.png >out.txt 2>err.txt || fail "data show $2: $(cat err.txt)"
  grep -q "^importing $2 once into .*/pictures-" err.txt && found=yes || found=no
  [ "$found" = "$1" ] || fail "imported: $found, expected $1: $(cat err.txt)"
}
expect_import yes pets
grep -q "cache/innerloop/pictures-.*: 3 classes, 24 pictures" err.txt || fail "what was imported: $(cat err.txt)"
expect_import no pets
cp 4.jpg pets/cat/9.jpg
expect_import yes pets
touch -d "2001-01-01" pets/cat/9.jpg
expect_import no pets # content decides
cp 3.png pets/cat/9.jpg && touch -d "2001-01-01" pets/cat/9.jpg
expect_import yes pets
expect_import no pets

# fit takes a folder as well.
"$program" fit --train pets --hidden 2 --epochs 1 --out fitted.safetensors >out.txt 2>&1 || fail "fit: $(cat out.txt)"

# The presets for one's own pictures need nothing but --data.
for class in $(seq 10); do
  mkdir -p own/"$class"
  for i in 1 2 3; do cp "$i.png" own/"$class"/; done
  for i in 4 5 6 7 8 9 10; do cp 4.jpg "own/$class/$i.jpg"; done
done
for preset in pictures-5w1s-maml pictures-5w5s-protonet; do
  "$program" train "$preset" --data own --set outer.steps=1 --set outer.meta_batch=1 --set model.filters=2 --out "run-$preset" \
    >out.txt 2>&1 || fail "$preset: $(cat out.txt)"
  "$program" eval "run-$preset" --tasks 4 >out.txt 2>&1 || fail "eval $preset: $(cat out.txt)"
done
"$program" train pictures-5w1s-maml --data pets --out few >out.txt 2>&1 && fail "3 classes gave 5 ways"
grep -q "3 classes cannot give 5" out.txt || fail "3 classes: $(cat out.txt)"

# Interrupted, it leaves nothing behind.
mkdir -p many/a many/b
for i in $(seq 3000); do ln 3.png many/a/"$i".png; done
ln 2.png many/b/1.png
mkdir left
"$program" data import many --out left/many.safetensors >out.txt 2>err.txt &
import=$!
for i in $(seq 600); do
  # What is written has no name yet, where the file system can do that.
  [ -n "$(ls left)" ] || ls -l /proc/$import/fd 2>/dev/null | grep -q left/ && break
  kill -0 $import 2>/dev/null || break
  sleep 0.05
done
kill -INT $import 2>/dev/null || fail "the import ended too early to be interrupted: $(cat out.txt)"
wait $import
code=$?
[ $code -ne 0 ] || fail "an interrupted import ends with 0"
grep -q "stopped before the import was complete; nothing was written" err.txt || fail "interrupted: $(cat err.txt)"
[ -z "$(ls left)" ] || fail "an interrupted import left $(ls left)"

# What is no data, or another file, is said by name.
refuse() { # "sentence" ARGUMENT…
  text=$1
  shift
  "$program" "$@" >out.txt 2>err.txt && fail "$*: accepted"
  grep -qF -- "$text" err.txt || fail "$*: expected \"$text\" in: $(cat err.txt)"
}
mkdir nothing
refuse "nothing has no files; expected a folder of PNG or JPEG files" data import nothing --out x
echo "words and more words" >words.txt
refuse "words.txt: no kind of data that can be imported" data import words.txt --out x
refuse "expected N or HxW, such as 84 or 60x100" data import pets --out x --size big
refuse "--out is missing" data import pets
printf 'PK\003\004not really' >broken.zip
refuse "broken.zip cannot be opened as a zip archive" data import broken.zip --out x
refuse "words.txt is no safetensors file, but a text" data info words.txt
refuse "4.jpg is no safetensors file, but a JPEG picture" improve 4.jpg
[ -e x ] && fail "something was written"
"$program" data import --help | grep -q "pictures .*PNG and JPEG" || fail "--help lists no kinds"
echo "import: all as expected"
