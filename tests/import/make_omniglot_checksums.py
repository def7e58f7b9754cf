"""Makes omniglot_checksums.txt: what Pillow makes of every drawing of Omniglot.

    pip install pillow && python make_omniglot_checksums.py FOLDER   (with the two official archives)

One line an alphabet, "background Greek 24 480 1234567 89abcdef": set, alphabet, classes, drawings, the sum of
all pixels and the CRC-32 of all pixels of its 28x28 images (ink 255), in the order of their names.
"""
import io, os, sys, zipfile, zlib
from PIL import Image, ImageOps

lines = []
for origin in ("background", "evaluation"):
    archive = zipfile.ZipFile(os.path.join(sys.argv[1], f"images_{origin}.zip"))
    alphabets = {}
    for name in sorted(n for n in archive.namelist() if n.endswith(".png")):
        _, alphabet, character, _ = name.split("/")
        entry = alphabets.setdefault(alphabet, [set(), 0, 0, 0])
        image = ImageOps.invert(Image.open(io.BytesIO(archive.read(name))).convert("L"))
        pixels = image.resize((28, 28), Image.LANCZOS).tobytes()
        entry[0].add(character)
        entry[1] += 1
        entry[2] += sum(pixels)
        entry[3] = zlib.crc32(pixels, entry[3])
    for alphabet, (classes, drawings, total, crc) in sorted(alphabets.items()):
        lines.append(f"{origin} {alphabet} {len(classes)} {drawings} {total} {crc:08x}\n")
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "omniglot_checksums.txt")
with open(path, "w") as file:
    file.writelines(lines)
