"""Makes fixtures/lanczos.safetensors: drawn strokes and what Pillow's LANCZOS makes of them.

    pip install pillow numpy && python make_lanczos_fixture.py

Inputs "in105" u8 [n,105,105] with outputs "out105_28" [n,28,28]; "in_odd" u8 [1,37,61] with
"out_odd_down" [1,20,17], "out_odd_up" [1,90,64] and "out_odd_keep" [1,37,30] (one axis unchanged).
"""
import json, math, os, random, struct
import numpy as np
from PIL import Image, ImageDraw


def drawing(seed, width, height):
    rng = random.Random(seed)
    image = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(image)
    for _ in range(rng.randint(1, 4)):
        x, y = rng.uniform(10, width - 10), rng.uniform(10, height - 10)
        angle, points = rng.uniform(0, 2 * math.pi), []
        for _ in range(40):
            points.append((x, y))
            angle += rng.gauss(0, 0.3)
            x, y = x + 2 * math.cos(angle), y + 2 * math.sin(angle)
        draw.line(points, fill=255, width=rng.randint(1, 4))
    return image


def resized(images, width, height):
    return np.stack([np.asarray(i.resize((width, height), Image.LANCZOS)) for i in images])


big = [drawing(s, 105, 105) for s in range(12)]
noise = np.random.RandomState(0).randint(0, 256, (105, 105)).astype(np.uint8)
big.append(Image.fromarray(noise))
odd = [Image.fromarray(np.random.RandomState(1).randint(0, 256, (37, 61)).astype(np.uint8))]
tensors = {
    "in105": np.stack([np.asarray(i) for i in big]),
    "out105_28": resized(big, 28, 28),
    "in_odd": np.stack([np.asarray(i) for i in odd]),
    "out_odd_down": resized(odd, 17, 20),
    "out_odd_up": resized(odd, 64, 90),
    "out_odd_keep": resized(odd, 30, 37),
}
header, data = {}, b""
for name, tensor in tensors.items():
    header[name] = {"dtype": "U8", "shape": list(tensor.shape),
                    "data_offsets": [len(data), len(data) + tensor.size]}
    data += tensor.tobytes()
text = json.dumps(header).encode()
text += b" " * (-(len(text) + 8) % 64)
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures", "lanczos.safetensors")
with open(path, "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)
