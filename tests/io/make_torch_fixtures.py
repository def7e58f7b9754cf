"""Files that PyTorch itself wrote, for tests/io/test_torch.c and tests/train/test_weights_torch.c.

    python3 tests/io/make_torch_fixtures.py tests/io/fixtures/torch

writes a folder torch-MAJOR.MINOR with the installed PyTorch, and values.txt, which is the same for every version: the
name, type, shape and bytes of each tensor that values_*.pth hold."""

import collections
import os
import sys
import zipfile

import torch
from torch import nn

TYPES = {
    "f32": torch.float32, "f64": torch.float64, "f16": torch.float16, "bf16": torch.bfloat16,
    "i8": torch.int8, "i16": torch.int16, "i32": torch.int32, "i64": torch.int64,
    "u8": torch.uint8, "bool": torch.bool,
}  # fmt: skip


def values():
    base = torch.arange(24, dtype=torch.float64).reshape(2, 3, 4) * 0.75
    found = collections.OrderedDict()
    for name, dtype in TYPES.items():
        found["all." + name] = (base if name == "u8" else base - 5).to(dtype)
    shared = base.to(torch.float32)
    found["transposed"] = shared.permute(2, 0, 1)
    found["expanded"] = torch.tensor([1.0, -2.0])[:, None].expand(2, 3)
    found["part"] = shared[1, 1:, ::2]
    found["empty"] = torch.zeros(0, 3)
    found["scalar"] = torch.tensor(-0.0)
    found["special"] = torch.tensor([float("inf"), float("nan"), 1e-45], dtype=torch.float32)
    found["parameter"] = nn.Parameter(torch.ones(2))
    return found


def raw(value):
    flat = value.detach().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""


def write_values(path):
    names = {dtype: name for name, dtype in TYPES.items()}
    with open(path, "w") as out:
        for name, value in values().items():
            shape = ",".join(str(n) for n in value.shape) or "-"
            out.write(f"{name} {names[value.dtype]} {shape} {raw(value).hex() or '-'}\n")


def turned(data, size):
    return b"".join(data[i : i + size][::-1] for i in range(0, len(data), size))


def to_big_endian(source, target, found):
    """What PyTorch on a big-endian machine writes: the bytes of every element turned, and byteorder says so."""
    sizes = {}
    for value in found.values():
        sizes.setdefault(value.storage().data_ptr(), value.element_size())
    sizes = list(sizes.values())
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if "/data/" in name:
                data = turned(data, sizes[int(name.rsplit("/", 1)[1])])
            if not name.endswith(("/byteorder", "serialization_id")):
                new.writestr(name, data)
        new.writestr(name.split("/")[0] + "/byteorder", "big")


def data_sets():
    inputs = torch.arange(30, dtype=torch.float32).reshape(10, 3) / 8
    targets = torch.arange(10) % 3
    batches = [(inputs[i : i + 4], targets[i : i + 4]) for i in (0, 4, 8)]
    yield "batches", batches
    yield "dict", {"inputs": inputs, "targets": targets}
    yield "lists", {"inputs": [x for x, _ in batches], "targets": [y for _, y in batches]}
    yield "dicts", [{"x": x, "y": y} for x, y in batches]
    yield "tensors", torch.utils.data.TensorDataset(inputs, targets)
    yield "examples", [(x, int(y)) for x, y in zip(inputs, targets)]
    yield "labels", (inputs, [int(y) for y in targets])


def checkpoint():
    model = nn.Linear(2, 3)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return {"epoch": 7, "loss": 0.25, "name": "run", "model": model.state_dict(),
            "optimizer": optimizer.state_dict()}  # fmt: skip


class Conv4(nn.Module):
    """Registered in another order than it runs, with the biases that nn.Conv2d has unless told otherwise."""

    def __init__(self, filters=4, outputs=5):
        super().__init__()
        self.classifier = nn.Linear(filters * 4, outputs)
        blocks = []
        for i in range(4):
            blocks += [nn.Conv2d(filters if i else 3, filters, 3, padding=1),
                       nn.BatchNorm2d(filters), nn.ReLU(), nn.MaxPool2d(2)]  # fmt: skip
        self.features = nn.Sequential(*blocks)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


def flat():
    """Linear layers and batch norm over a flattened image."""
    layers, size = [nn.Flatten()], 3 * 8 * 8
    for width in (8, 4, 2, 2):
        layers += [nn.Linear(size, width, bias=False), nn.BatchNorm1d(width), nn.ReLU()]
        size = width
    return nn.Sequential(*layers, nn.Linear(size, 5))


def trained(model, size):
    """A few steps, so that weights and running statistics are those of a trained net."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(5):
        x = torch.rand(16, 3, size, size)
        loss = nn.functional.cross_entropy(model(x), torch.arange(16) % 5)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


def save(folder, name, value, **how):
    torch.save(value, os.path.join(folder, name), **how)


def main(root):
    version = ".".join(torch.__version__.split(".")[:2])
    folder = os.path.join(root, "torch-" + version)
    os.makedirs(folder, exist_ok=True)
    write_values(os.path.join(root, "values.txt"))
    found = values()
    save(folder, "values_zip.pth", found)
    save(folder, "values_stream.pth", found, _use_new_zipfile_serialization=False)
    for protocol in (3, 4, 5):
        save(folder, f"values_protocol{protocol}.pth", found, pickle_protocol=protocol)
    to_big_endian(os.path.join(folder, "values_zip.pth"), os.path.join(folder, "values_big.pth"), found)
    for name, value in data_sets():
        save(folder, f"data_{name}.txt", value)
    save(folder, "data_batches_stream.txt", list(data_sets())[0][1],
         _use_new_zipfile_serialization=False)  # fmt: skip
    torch.manual_seed(1)
    save(folder, "bare.pth", torch.arange(20, dtype=torch.float32).reshape(10, 2))
    save(folder, "checkpoint.pth", checkpoint())
    save(folder, "module.pth", nn.Linear(2, 3))
    save(folder, "sparse.pth", {"s": torch.eye(3).to_sparse()})
    save(folder, "complex.pth", torch.ones(2, dtype=torch.complex64))
    save(folder, "array.pth", {"a": torch.ones(2).numpy()})
    for name, size, model in (("conv4", 32, Conv4()), ("flat", 8, flat())):
        images = (torch.rand(2, 3, size, size) * 256).floor().to(torch.uint8)
        model = trained(model, size)
        # As training scripts save: the parameters alone, or in a dict among other things.
        state = model.state_dict()
        save(folder, f"{name}.pth", state if name == "conv4" else {"epoch": 5, "state_dict": state})
        with torch.no_grad():
            save(folder, f"{name}_scores.pth", {"images": images, "scores": model(images / 255)})


if __name__ == "__main__":
    main(sys.argv[1])
