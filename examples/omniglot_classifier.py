"""Trains a plain classifier of Omniglot's background characters with PyTorch, for `innerloop improve --init`.

    innerloop data import omniglot --out omniglot.safetensors
    python3 omniglot_classifier.py omniglot.safetensors classifier.pth
    innerloop improve omniglot.safetensors --init classifier.pth

The last quarter of each character's drawings is left out: `improve` tests on it."""
import json
import sys

import numpy
import torch
from torch import nn


def background(path):
    """Pictures [n, 1, 28, 28] in [0, 1] and labels of the background classes, class after class."""
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        data = file.read()
    def tensor(name, kind):
        begin, end = header[name]["data_offsets"]
        return numpy.frombuffer(data[begin:end], kind).reshape(header[name]["shape"])
    origins = json.loads(header["__metadata__"]["class_origins"])
    start, images = tensor("class_start", numpy.int32), tensor("images", numpy.uint8)
    train, test, label = [], [], 0
    for c, origin in enumerate(origins):
        if origin != "background":
            continue
        last = (start[c + 1] if c + 1 < len(origins) else len(images)) - start[c]
        held = int(last * 0.25 + 0.5)
        for i in range(last):
            (train if i < last - held else test).append((start[c] + i, label))
        label += 1
    def pack(pairs):
        index, labels = zip(*pairs)
        x = torch.from_numpy(images[list(index)].astype(numpy.float32) / 255).permute(0, 3, 1, 2)
        return x.contiguous(), torch.tensor(labels)
    return pack(train), pack(test), label


def block(channels):
    return [nn.Conv2d(channels, 64, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]


def accuracy(net, x, y):
    net.eval()
    with torch.no_grad():
        return sum((net(a).argmax(1) == b).sum().item() for a, b in zip(x.split(512), y.split(512))) / len(y)


torch.manual_seed(0)
(x, y), test, classes = background(sys.argv[1])
net = nn.Sequential(*block(1), *block(64), *block(64), *block(64), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                    nn.Linear(64, classes))
optimizer = torch.optim.Adam(net.parameters(), lr=0.003)
for epoch in range(10):
    net.train()
    for batch in torch.randperm(len(y)).split(128):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x[batch]), y[batch]).backward()
        optimizer.step()
    print(f"epoch {epoch + 1}: accuracy on held-out drawings {100 * accuracy(net, *test):.2f} %", flush=True)
torch.save(net.state_dict(), sys.argv[2])
