# What we write, in the hands of PyTorch itself: torch.load(…, weights_only=True) gives every value bit for bit. Needs a
# python3 with PyTorch (Debian: python3-torch), else it is skipped; PYTHON names another interpreter.
program=$1
here=$(cd "$(dirname "$0")/../io" && pwd) || exit 1
python=
for candidate in ${PYTHON:-} python3 /usr/bin/python3; do
  if [ -z "$python" ] && "$candidate" -c 'import torch' 2>/dev/null; then python=$candidate; fi
done
if [ -z "$python" ]; then
  echo "skipped: no python3 with PyTorch here (Debian: python3-torch), so its torch.load was not asked"
  exit 77
fi
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
"$python" -W ignore - "$program" "$here" <<'PYTHON' || { echo "failed"; exit 1; }
import glob
import subprocess
import sys

program, here = sys.argv[1:]
sys.path.insert(0, here)
sys.dont_write_bytecode = True
import make_torch_fixtures as fixtures
import torch


def flat(value, path=""):
    if isinstance(value, torch.Tensor):
        yield path or "tensor", value.detach()
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from flat(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from flat(inner, f"{path}[{index}]")


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and fixtures.raw(a) == fixtures.raw(b)


def convert(*arguments):
    done = subprocess.run([program, "convert", *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"convert {arguments}: {done.stderr}")


fixtures.main(".")
checked = 0
for path in sorted(glob.glob("torch-*/values_*.pth") + glob.glob("torch-*/data_*.txt")
                   + glob.glob("torch-*/conv4.pth")):
    if "big" in path or "tensors" in path or "examples" in path or "labels" in path:
        continue
    expected = dict(flat(torch.load(path, weights_only=False)))
    for route in ((), ("a.safetensors",), ("a.npz",)):
        if "a.npz" in route and "all.bf16" in expected:
            continue
        source = path
        for step in route:
            convert(source, step)
            source = step
        convert(source, "b.pth")
        found = dict(flat(torch.load("b.pth", weights_only=True)))
        if list(found) != list(expected):
            sys.exit(f"{path}: {list(found)}, expected {list(expected)}")
        for name in expected:
            if not same(found[name], expected[name]):
                sys.exit(f"{path}: {name} differs")
        checked += len(expected)
model = fixtures.Conv4()
convert(glob.glob("torch-*/conv4.pth")[0], "c.pth")
model.load_state_dict(torch.load("c.pth", weights_only=True))
print(f"PyTorch {torch.__version__} opened what was written: {checked} tensors, equal to the bit")
PYTHON
