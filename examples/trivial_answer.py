"""What needs no meta-learning, to lay beside a run's figures:

python3 trivial_answer.py DATASET LIST         accuracy in % of the nearest mean of the support examples' raw numbers, on the
                                               episodes of a list that `innerloop data episodes` wrote
python3 trivial_answer.py TABLE SPLIT SHOTS    mean squared error of ridge regression in each task, on 1,000 tasks drawn from
                                               the SPLIT's lines `test TASK`, SHOTS rows to learn from and all others to ask

Each with its 95 % interval over tasks. Needs numpy and safetensors.
"""
import json
import sys

import numpy
from safetensors import safe_open


def say(name, values):
    values = numpy.array(values)
    print(f"{name}: {values.mean():.4g} ± {1.96 * values.std(ddof=1) / len(values) ** 0.5:.2g} of {len(values)} tasks")


def nearest_mean(data, meta, path):
    start, examples = data.get_tensor("class_start"), data.get_tensor("examples")
    first = dict(zip(json.loads(meta["class_names"]), start))
    shares = []
    for line in open(path, encoding="utf-8"):
        if line.startswith("#"):
            continue
        means, queries = [], []
        for part in line.rstrip("\n").split("\t"):
            name, turns, members = part.rsplit(":", 2)
            support, query = ([examples[first[name] + int(i)].astype(float) for i in some.split(",")] for some in members.split("|"))
            turned = [[numpy.rot90(x, int(turns)) if int(turns) else x for x in some] for some in (support, query)]
            means.append(numpy.mean(turned[0], 0).ravel())
            queries.append([x.ravel() for x in turned[1]])
        means = numpy.array(means)
        right = [numpy.argmin(((means - x) ** 2).sum(1)) == c for c, some in enumerate(queries) for x in some]
        shares.append(100 * numpy.mean(right))
    say("nearest mean", shares)


def ridge(data, meta, path, shots):
    start, x, y = (data.get_tensor(name).astype(float) for name in ("task_start", "x", "y"))
    names = json.loads(meta["task_names"])
    test = [line.rstrip("\n").split(" ", 1)[1] for line in open(path, encoding="utf-8") if line.startswith("test ")]
    draw = numpy.random.default_rng(1)
    strengths = [10.0 ** power for power in range(-6, 4)]
    mean, errors = [], {strength: [] for strength in strengths}
    for i in range(1000):
        task = names.index(test[i % len(test)])
        rows = draw.permutation(numpy.arange(int(start[task]), int(start[task + 1])))
        support, query = rows[:shots], rows[shots:]
        middle, target = x[support].mean(0), y[support].mean(0)
        a, b, asked = x[support] - middle, y[support] - target, x[query] - middle
        mean.append(((y[query] - target) ** 2).mean())
        for strength in strengths:
            weights = numpy.linalg.solve(a.T @ a + strength * numpy.eye(a.shape[1]), a.T @ b)
            errors[strength].append(((y[query] - target - asked @ weights) ** 2).mean())
    say("mean of the support rows", mean)
    best = min(strengths, key=lambda strength: numpy.mean(errors[strength]))
    say(f"ridge regression, strength {best:g} (the best of 1e-6 to 1e3 on these tasks)", errors[best])


if len(sys.argv) not in (3, 4):
    sys.exit(__doc__)
with safe_open(sys.argv[1], "numpy") as file:
    if len(sys.argv) == 4:
        ridge(file, file.metadata(), sys.argv[2], int(sys.argv[3]))
    else:
        nearest_mean(file, file.metadata(), sys.argv[2])
