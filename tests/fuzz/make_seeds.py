"""Writes the seeds of tests/fuzz/seeds that no program wrote: make_seeds.py SEEDS. The learners, data sets, lists and
pictures beside them are files of innerloop and Pillow; what a target once failed on has a name that says so."""
import json, os, random, struct, sys, zipfile

out = sys.argv[1]
here = os.path.dirname(os.path.abspath(__file__))


def seed(target, name, data):
    os.makedirs(f"{out}/{target}", exist_ok=True)
    if isinstance(data, str):
        data = data.encode()
    with open(f"{out}/{target}/{name}", "wb") as f:
        f.write(data)


def safetensors(tensors, **metadata):
    head, data = {}, b""
    if metadata:
        head["__metadata__"] = metadata
    for name, dtype, shape, values in tensors:
        head[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(head, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def f32(*x):
    return struct.pack(f"<{len(x)}f", *x)


def i32(*x):
    return struct.pack(f"<{len(x)}i", *x)


seed("safetensors", "empty", safetensors([]))
seed("safetensors", "two", safetensors([("a", "F32", [2, 1], f32(1, 2)), ("b", "I64", [], b"\1" * 8)], config="x: 1"))
seed("safetensors", "types", safetensors([(d, d, [2], b"\1" * 2 * n) for d, n in
     [("F16", 2), ("BF16", 2), ("I8", 1), ("I16", 2), ("U8", 1), ("BOOL", 1), ("F64", 8)]]))
seed("safetensors", "none", safetensors([("a", "F32", [0, 3], b"")], **{"a\u00e9\n": "\U0001f600"}))
seed("data", "samples", safetensors([("inputs", "F32", [4, 2], f32(*range(8))), ("labels", "I64", [4],
     struct.pack("<4q", 0, 1, 0, 1))]))
seed("data", "pictures", safetensors([("x", "U8", [4, 4, 4], bytes(range(64))), ("y", "I32", [4], i32(0, 1, 1, 0))]))
seed("data", "targets", safetensors([("x", "F32", [3, 2], f32(*range(6))), ("y", "F32", [3, 2], f32(0, 1, 0, 1, .5, 1))]))
seed("data", "linear", safetensors([("weight", "F32", [3, 2], f32(*range(6))), ("bias", "F32", [3], f32(1, 2, 3))]))
seed("data", "mlp", safetensors([("0.weight", "F32", [3, 2], f32(*range(6))), ("0.bias", "F32", [3], f32(1, 2, 3)),
     ("2.weight", "F32", [2, 3], f32(*range(6))), ("2.bias", "F32", [2], f32(1, 2))]))
seed("data", "tasks", safetensors([("support_x", "F32", [2, 3, 2], f32(*range(12))), ("support_y", "I32", [2, 3],
     i32(0, 1, 2, 0, 1, 2)), ("query_x", "F32", [2, 2, 2], f32(*range(8))), ("query_y", "I32", [2, 2], i32(0, 1, 2, 0))]))


def npy(descr, shape, data, order="False", version=1):
    text = f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': {shape}, }}"
    text += " " * (63 - (len(text) + 10) % 64) + "\n"
    size = struct.pack("<H", len(text)) if version == 1 else struct.pack("<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + size + text.encode() + data


seed("npy", "f4", npy("<f4", (4, 2), f32(*range(8))))
seed("npy", "big", npy(">f8", (2,), struct.pack(">2d", 1, 2), version=2))
seed("npy", "fortran", npy("<i2", (2, 3), bytes(12), "True"))
seed("npy", "bool", npy("|b1", (), b"\1"))
seed("npy", "texts", npy("<U2", (4,), "abcdefgh".encode("utf-32-le")))
seed("npy", "bytes", npy("|S3", (4,), b"abcde\0fghij\0"))
for torch in "1.13", "2.15":
    folder = f"{here}/../io/fixtures/torch/torch-{torch}"
    for name in sorted(os.listdir(folder)):
        path = f"{folder}/{name}"
        if zipfile.is_zipfile(path) and os.path.getsize(path) < 7000 and (torch == "1.13" or "values" in name):
            z = zipfile.ZipFile(path)
            pkl = [n for n in z.namelist() if n.endswith("data.pkl")]
            if pkl:
                seed("pickle", f"{name.split('.')[0]}-{torch}", z.read(pkl[0]))
seed("csv", "classes", "\x00long,wide,species\n1.5,2e0,setosa\n2.5,3,\"virg \"\"x\"\"\"\n3.5,4,setosa\n4.5,5,virg\n")
seed("csv", "plain", "\x100;1;10\r\n3;4;9\r\n5;6;-1.0\r\n")
seed("csv", "tasks", "\x09a,b,y,task\n1,2,3,one\n2,3,4,one\n4,,5,two\n1,2,nan,two\n3,3,3,two\n")
seed("csv", "numbers", b"\x85a\tb\ty\ttask\n1\t2\t3\t1\n2\t3\t4\t1\n4\t1\t5\t2\n1\t7\t2\t2\n")
seed("config", "preset", "preset: sinusoid-5shot-maml\nouter:\n  steps: 3\n  lr: 1e-3\n")
seed("config", "layers", "model:\n  layers:\n    - {kind: conv, units: 4, kernel: 3, pad: 1, bias: false}\n    - {kind: norm, eps: 1e-3}\n"
     "    - kind: relu\n    - {kind: max_pool}\n    - {kind: flatten}\n    - {kind: dropout, rate: 0.5}\n"
     "    - {kind: linear, units: 5, init: zero}\n")
seed("config", "layers2", "model:\n  layers:\n    - kind: linear\n      units: 7\n    - kind: tanh\n    - kind: linear\n      bias: no\n")
seed("config", "keys", "task: {source: glyphs, ways: 5, train_shots: 1-5}\nmeta:\n  algorithm: 'cavia'\nseed: 7\n# end\n")
seed("config", "anchor", "a: &a {steps: 1}\nouter: *a\ntask.ways: 3\n")
seed("config", "settings", "+task.ways=20\nouter.lr=1e-3\ninner.adapts=head,!*.bias\ntask.train_shots=1-5\neval.steps=0,1,2\n"
     "outer.optimizer=adamw\nouter.beta1=0.5\nmeta.algorithm=imaml\nmodel.preset=mlp\n")
seed("config", "unknown", "+task.way=20\nseed=\n=1\nprecision=float64\naugment.crop=2\naugment.rotate=true\n")
seed("lists", "split", "+train Glyph01/character01\nvalidation Glyph01/character02\n# x\ntest Glyph02/character03\n"
     "test Glyph02/character01\ntrain Glyph02/character02\n")
seed("metrics", "curve", '{"step": 1, "loss": 0.7, "accuracy": 0.5, "support_loss": 0.6}\n{"step": 2, "validation_accuracy":'
     ' 0.6, "interval": 0.01}\n{"step": 3, "loss": 0.05, "accuracy": 0.9}\n{"step": 4, "lo')
seed("metrics", "errors", "".join(f'{{"step": {i}, "loss": {2.0 ** -i}}}\n' for i in range(1, 9)) +
     '{"step": 9, "validation_loss": 1e3, "interval": 2}\n')
draw = random.Random(1)
for i in range(24):
    seed("graph", f"random{i:02}", bytes(draw.randrange(256) for _ in range(40 + 10 * i)))
for i in range(12):
    seed("train", f"random{i:02}", bytes(draw.randrange(256) for _ in range(8 + 2 * i)))
