"""Is what adapt and predict do what eval measures? Pictures as files, through the command line, as a user has them.

python3 new_classes.py fashion SOURCE OUT    Debian's dataset-fashion-mnist, its 10,000 test pictures as PNG files: five classes
                                             in OUT/known, five in OUT/new
python3 new_classes.py omniglot ZIP OUT      images_evaluation.zip, unpacked: a folder for each of 659 characters
python3 new_classes.py draws RUN PICTURES WAYS SHOTS DRAWS [OPTION…]
                                             DRAWS times: WAYS classes of PICTURES at random, SHOTS pictures of each for `innerloop adapt
                                             RUN OPTION…`, all their others for `innerloop predict`; the mean share that is right, ± 1.96
                                             standard errors over the draws
"""
import csv
import gzip
import os
import random
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib


def png(pixels, width):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + pixels[at : at + width] for at in range(0, len(pixels), width))
    head = struct.pack(">IIBBBBB", width, len(pixels) // width, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def fashion(source, out):
    names = "t-shirt trouser pullover dress coat sandal shirt sneaker bag boot".split()
    with gzip.open(f"{source}/t10k-images-idx3-ubyte.gz") as images, gzip.open(f"{source}/t10k-labels-idx1-ubyte.gz") as labels:
        pixels, label = images.read()[16:], labels.read()[8:]
    for i, cls in enumerate(label):
        write(f"{out}/{'known' if cls < 5 else 'new'}/{names[cls]}/{i:05}.png", png(pixels[784 * i : 784 * i + 784], 28))


def omniglot(source, out):
    with zipfile.ZipFile(source) as archive:
        for name in archive.namelist():
            if name.endswith(".png"):
                _, alphabet, character, picture = name.split("/")
                write(f"{out}/{alphabet} {character}/{picture}", archive.read(name))


def draw(run, pictures, ways, shots, seed, options):
    chance = random.Random(seed)
    classes = chance.sample(sorted(os.listdir(pictures)), ways)
    with tempfile.TemporaryDirectory(dir=".") as folder:
        for cls in classes:
            files = sorted(os.listdir(f"{pictures}/{cls}"))
            shown = set(chance.sample(files, shots))
            for name in files:
                to = f"{folder}/{'few' if name in shown else 'many'}/{cls}"
                os.makedirs(to, exist_ok=True)
                os.link(f"{pictures}/{cls}/{name}", f"{to}/{name}")
        model = f"{folder}/model.safetensors"
        adapt = ["innerloop", "adapt", run, "--support", f"{folder}/few", "--out", model, *options]
        subprocess.run(adapt, check=True, capture_output=True)
        predict = ["innerloop", "predict", model, f"{folder}/many", "--csv"]
        answers = csv.DictReader(subprocess.run(predict, check=True, capture_output=True, text=True).stdout.splitlines())
        right = [answer["class_1"] == answer["input"].split("/")[-2] for answer in answers]
    return sum(right) / len(right)


def draws(run, pictures, ways, shots, count, *options):
    found = [draw(run, pictures, int(ways), int(shots), seed, options) for seed in range(int(count))]
    mean = sum(found) / len(found)
    deviation = (sum((x - mean) ** 2 for x in found) / (len(found) - 1)) ** 0.5
    print(f"{100 * mean:.2f} ± {196 * deviation / len(found) ** 0.5:.2f} % of all other pictures over {len(found)} draws")


{"fashion": fashion, "omniglot": omniglot, "draws": draws}[sys.argv[1]](*sys.argv[2:])
