"""Training from Python: settings, data of every kind, progress, what interrupts it, evaluation."""

from __future__ import annotations

import inspect
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import innerloop_meta as il
import numpy as np
import pytest
from conftest import SMALL, torch_beside_numpy


def lines(seed: int = 0, count: int | None = None) -> Iterator[Any]:
    """Tasks y = a·x + b, ten points in each set."""
    random = np.random.default_rng(seed)
    while count is None or count > 0:
        count = None if count is None else count - 1
        x = random.uniform(-1, 1, (20, 1))
        y = random.normal() * x + random.normal()
        yield x[:10], y[:10], x[10:], y[10:]


def sine(out: Path, steps: int, data: Any, **more: Any) -> il.Run:
    return il.train("sinusoid-10shot-maml", out=out, data=data, outer={"steps": steps, "meta_batch": 4}, progress=False,
                    log={"every": 1}, **more)  # fmt: skip


def test_a_run_and_its_figures(maml: il.Run) -> None:
    steps = [row for row in maml.metrics if "loss" in row]
    validations = [row for row in maml.metrics if "validation_accuracy" in row]
    assert [row["step"] for row in steps] == [10, 20, 30, 40, 50, 60]
    assert len(validations) == 6 and all(0 < row["interval"] < 0.5 for row in validations)
    assert steps[-1]["loss"] < steps[0]["loss"]
    assert maml.config["outer.steps"] == "60" and maml.config["task.shots"] == "2"
    made = maml.evaluate(count=20, eval={"steps": [0, 1]})
    assert made.tasks == 20 and made.trained == 60 and not made.squared_error
    assert made["transductive", 1] > 0.3 > made["transductive", 0]
    assert "<td>transductive</td>" in made._repr_html_() and "5-way 2-shot" in str(made)


def test_settings_are_known_to_editors_and_checked(tmp_path: Path) -> None:
    shown = inspect.signature(il.train).parameters
    assert {"data", "outer", "task", "inner", "seed", "glyphs"} <= set(shown)
    assert set(il.settings.Outer.__annotations__) == {
        row["key"].split(".")[1] for row in il.keys() if row["key"].startswith("outer.")
    }
    assert "meta-steps" in next(row for row in il.keys() if row["key"] == "outer.steps")["doc"]
    assert "omniglot-5w1s-maml" in {row["name"] for row in il.presets()}
    with pytest.raises(il.ArgumentError, match="outer.stps.*outer.steps") as caught:
        il.train("glyphs-5w1s-maml", out=tmp_path / "r", outer={"stps": 3})  # type: ignore[typeddict-unknown-key]
    assert caught.value.status == "IL_ERROR_CONFIG"
    config = il.Config("glyphs-5w1s-maml", outer={"steps": 3})
    assert config["outer.steps"] == "3" and config.copy()["outer.steps"] == "3" and "steps: 3" in str(config)
    vain = il.Config("sinusoid-5shot-maml", task={"within": "origin"})
    with pytest.raises(il.ArgumentError, match="task.within.*no classes"):  # a copy knows what was asked for, too
        il.train(vain.copy(), out=tmp_path / "r")
    with pytest.raises(il.ArgumentError, match="out is missing"):
        il.train(config)
    with pytest.raises(il.FileError, match="nowhere"):
        il.train("nowhere.yaml", out=tmp_path / "r")


def test_a_net_of_ones_own(tmp_path: Path) -> None:
    short: dict[str, Any] = {"outer": {"steps": 30}, "eval": {"every": 0}, "progress": False}
    layers = [il.layers.linear(8, init="xavier_uniform"), il.layers.tanh(), il.layers.linear()]
    net = il.Net(layers, example=1, outputs=1)
    run = il.train("sinusoid-10shot-maml", net=net, out=tmp_path / "net", **short)
    listed = il.train("sinusoid-10shot-maml", net=layers, out=tmp_path / "list", **short)
    assert run.metrics == listed.metrics and "kind: tanh" in str(run.config)
    # What was learned, in a function of door 3, adapts as the run's learner does.
    theta = run.parameters(net)
    x, y = np.linspace(-1, 1, 10, dtype=np.float32)[:, None], np.linspace(0, 2, 10, dtype=np.float32)[:, None]

    @il.function
    def adapted(theta: Any, x: Any, y: Any) -> Any:
        return net(theta - 0.01 * il.grad(il.mean_squared_error(net(theta, x), y), theta), x)

    expected = il.FewShotRegressor(run, steps=1, lr=0.01).fit(x, y[:, 0]).predict(x)
    assert np.abs(adapted(theta, x, y)[:, 0] - expected).max() < 1e-6
    assert np.abs(theta["linear1.weight"] - net.parameters()["linear1.weight"]).max() > 1e-3  # it has moved
    for preset in ("mlp", "omniglot_conv"):
        named = il.Net(preset, (28, 28, 1), 5)
        again = il.Net(named.layers, (28, 28, 1), 5)
        assert again.names == named.names and named.layers[-1].units == 0
    images = il.Net([il.layers.conv(4), il.layers.norm(), il.layers.relu(), il.layers.avg_pool(4), il.layers.linear()], (28, 28, 1), 5)
    made = il.train("glyphs-5w1s-maml", net=images, out=tmp_path / "images", outer={"steps": 2}, eval={"every": 0}, progress=False)
    assert made.parameters(images)["conv1.weight"].shape == (3, 3, 1, 4)
    assert il.train("glyphs-5w1s-maml", net=images, out=tmp_path / "images", outer={"steps": 3}, eval={"every": 0}, resume=True,
                    progress=False).metrics[-1]["step"] == 3  # fmt: skip
    for given, sentence in (({"net": net, "model": {"filters": 3}}, "net: found model.filters beside it"),
                            ({"net": ["conv"]}, "net: found str, expected a Net, or layers such as"),
                            ({"net": []}, "found 0 layers, expected 1 to 64"),
                            ({"net": [il.layers.norm(eps=-1.0)]}, 'found eps: "-1", expected a number')):  # fmt: skip
        with pytest.raises(il.ArgumentError, match=sentence):
            il.train("sinusoid-10shot-maml", out=tmp_path / "refused", **{**short, **given})
    with pytest.raises(il.ArgumentError, match=r"linear1.weight has shape \(8, 1\), expected \(40, 1\), the net's"):
        run.parameters(il.Net("mlp", 1, 1))
    with pytest.raises(il.ArgumentError, match="no 'conv1.weight', expected conv1.weight"):
        run.parameters(images)


def test_arrays_and_map_style_data(tmp_path: Path) -> None:
    images, labels = il.glyphs(alphabets=3, classes=10, writers=6).arrays()

    class Tensor:
        """As torch's: channels first."""

        def __init__(self, array: Any) -> None:
            self.array = array

        def detach(self) -> Tensor:
            return self

        def numpy(self) -> Any:
            return self.array

    class Pairs:
        def __len__(self) -> int:
            return len(images)

        def __getitem__(self, i: int) -> Any:
            return Tensor(np.moveaxis(images[i], -1, 0)), int(labels[i])

    made = []
    folder = tmp_path / "data.safetensors"
    il.Dataset.of(images, labels).save(folder)
    for name, data in (("arrays", (images, labels)), ("pairs", Pairs()), ("dataset", il.Dataset.of(images, labels)), ("file", folder)):
        run = il.train("glyphs-5w1s-maml", data=data, out=tmp_path / name, outer={"steps": 3}, progress=False,
                       log={"every": 1}, model={"filters": 4}, eval={"every": 0, "tasks": 5})  # fmt: skip
        made.append(run.metrics)
        assert run.config["task.source"] == "dataset" and run.config["task.split"] == "auto"
    assert made[0] == made[1] == made[2] == made[3]
    assert run.evaluate((images, labels), count=5).tasks == 5


def test_episodes_within_an_alphabet_of_some_classes(tmp_path: Path) -> None:
    run = il.train("glyphs-5w1s-protonet", out=tmp_path / "run", outer={"steps": 2}, progress=False, model={"filters": 4},
                   task={"train_within": "alphabet", "train_ways": 5, "only": "!*/character20"}, eval={"every": 0, "tasks": 5})  # fmt: skip
    free, within = run.evaluate(), run.evaluate(task={"within": "alphabet", "ways": 2})
    assert "5-way 1-shot, 5 queries" in free.tested and "2-way 1-shot within one of " in within.tested
    with pytest.raises(il.ArgumentError, match="of training alone"):
        run.evaluate(task={"train_within": "split"})


def test_a_folder_of_pictures_is_imported(tmp_path: Path) -> None:
    images, labels = il.glyphs(alphabets=2, classes=6, writers=8).arrays()
    for i, (image, label) in enumerate(zip(images, labels)):
        place = tmp_path / "pictures" / f"class{label}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{i}.pgm").write_bytes(b"")  # is not a picture, and is left out
        write_png(place / f"{i}.png", image[..., 0])
    run = il.train("pictures-5w1s-maml", data=tmp_path / "pictures", out=tmp_path / "run", outer={"steps": 2}, progress=False,
                   model={"filters": 4}, eval={"every": 0})  # fmt: skip
    assert run.learner.example == (28, 28, 1)
    assert il.Dataset.open(tmp_path / "run" / "data.safetensors").classes[0] == "class0"


def write_png(path: Path, grey: Any) -> None:
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + bytes(row) for row in grey)
    head = struct.pack(">IIBBBBB", grey.shape[1], grey.shape[0], 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def test_lists_and_generators_of_tasks(tmp_path: Path) -> None:
    run = sine(tmp_path / "generator", 12, lines())
    assert [row["step"] for row in run.metrics] == list(range(1, 13))
    exactly = sine(tmp_path / "exactly", 12, lines(count=48))  # as many as are needed, and no more are asked for
    assert exactly.metrics == run.metrics
    checked = sine(tmp_path / "checked", 12, lines(count=48), check=True)  # the check draws its tasks once more
    assert checked.metrics == run.metrics
    sine(tmp_path / "part", 6, lines(count=24), check=True)
    assert sine(tmp_path / "part", 12, lines(count=48), check=True, resume=True).metrics == run.metrics
    as_dicts = (dict(zip(("support_x", "support_y", "query_x", "query_y"), task)) for task in lines())
    assert sine(tmp_path / "dicts", 12, as_dicts).metrics == run.metrics
    whole = sine(tmp_path / "validated", 4, lines(), validation=list(lines(1, 6)), eval={"every": 2, "validation_tasks": 6})
    assert sum("validation_loss" in row for row in whole.metrics) == 2
    listed = sine(tmp_path / "list", 4, list(lines(2, 20)))
    assert listed.config["task.source"] == "tasks" and len(listed.metrics) == 4
    made = run.evaluate(list(lines(3, 8)), eval={"steps": [0, 1]})
    assert made.tasks == 8 and made.squared_error and made["query", 1] < made["query", 0]
    with pytest.raises(il.ArgumentError, match="lie in no file; expected data"):
        run.evaluate()
    line = il.FewShotRegressor(run).fit([[0.0], [1.0]], [0.0, 1.0])
    assert line.predict([[0.5]]).shape == (1,)


def test_a_generator_goes_on_where_it_was(tmp_path: Path) -> None:
    whole = sine(tmp_path / "whole", 10, lines())
    sine(tmp_path / "parts", 4, lines())
    parts = sine(tmp_path / "parts", 10, lines(), resume=True)
    assert parts.metrics == whole.metrics


def test_tasks_in_the_place_of_a_configuration(tmp_path: Path) -> None:
    with pytest.raises(il.ArgumentError, match="found generator as the configuration.*data="):
        il.train(lines(), out=tmp_path / "none")  # type: ignore[arg-type]


def test_generators_that_fail(tmp_path: Path) -> None:
    class Mine(Exception):
        pass

    def failing() -> Iterator[Any]:
        yield from lines(count=9)
        raise Mine("of the user")

    with pytest.raises(Mine, match="of the user"):
        sine(tmp_path / "fails", 12, failing())
    with pytest.raises(il.ArgumentError, match="ended after 9 tasks, but training takes 48"):
        sine(tmp_path / "ends", 12, lines(count=9))
    with pytest.raises(il.ArgumentError, match="without tasks"):
        sine(tmp_path / "empty", 12, iter(()))

    def uneven() -> Iterator[Any]:
        yield from lines(count=5)
        x, y, qx, qy = next(lines())
        yield x[:3], y[:3], qx, qy

    with pytest.raises(il.ArgumentError, match="task 5 is shaped otherwise"):
        sine(tmp_path / "uneven", 12, uneven())
    images = np.zeros((4, 28, 28, 1), np.uint8)
    with pytest.raises(il.ArgumentError, match="labels from 0 to 7, expected 0 to 4"):
        il.train("glyphs-5w1s-maml", out=tmp_path / "labels", progress=False,
                 data=iter([(images, np.arange(4), images, np.arange(4) * 7 // 3)]))  # fmt: skip


def test_progress_is_told_and_may_raise(tmp_path: Path) -> None:
    told: list[il.Progress] = []
    il.train("glyphs-5w1s-maml", out=tmp_path / "told", outer={"steps": 20}, progress=told.append, **SMALL)
    kinds = [p.kind for p in told]
    assert kinds.count("step") == 20 and kinds.count("validation") == 2 and kinds[0] == "start" and kinds[-1] == "checkpoint"
    assert "5-way 2-shot" in told[0].message and told[-1].step == told[-1].steps == 20

    def stop(p: il.Progress) -> None:
        if p.step == 7 and p.kind == "step":
            raise ZeroDivisionError("of the user")

    with pytest.raises(ZeroDivisionError, match="of the user"):
        il.train("glyphs-5w1s-maml", out=tmp_path / "stopped", outer={"steps": 20}, progress=stop, **SMALL)
    again = il.train("glyphs-5w1s-maml", out=tmp_path / "stopped", outer={"steps": 20}, progress=False, resume=True, **SMALL)
    assert again.metrics == il.Run(tmp_path / "told").metrics  # a checkpoint was written
    with pytest.raises(il.ArgumentError, match="already holds a run"):
        il.train("glyphs-5w1s-maml", out=tmp_path / "told", outer={"steps": 20}, progress=False, **SMALL)
    il.train("glyphs-5w1s-maml", out=tmp_path / "told", outer={"steps": 1}, progress=False, overwrite=True, **SMALL)


def test_ctrl_c_writes_a_checkpoint(tmp_path: Path) -> None:
    code = f"""
import time
import innerloop_meta as il
def told(p):
    if p.step == 3 and p.kind == "step": print("going", flush=True)
try:
    il.train("sinusoid-10shot-maml", out={str(tmp_path / "run")!r}, outer={{"steps": 10**9}}, progress=told)
except KeyboardInterrupt as error:
    print("interrupted:", error)
try:
    time.sleep(60)
except KeyboardInterrupt:
    print("as before")
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "going\n"
    process.send_signal(signal.SIGINT)
    said = process.stdout.readline()
    assert "stopped after" in said and "resume=True" in said
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "as before\n"
    assert process.wait(20) == 0
    assert il.Run(tmp_path / "run").metrics is not None and (tmp_path / "run" / "checkpoint.safetensors").exists()


def test_python_computes_on_while_the_engine_trains(tmp_path: Path) -> None:
    turns = 0
    done = threading.Event()

    def work() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1
            time.sleep(0.001)

    thread = threading.Thread(target=work)
    thread.start()
    begun = time.monotonic()
    il.train("glyphs-5w1s-maml", out=tmp_path / "run", outer={"steps": 20}, progress=False, eval={"every": 0})
    seconds = time.monotonic() - begun
    done.set()
    thread.join()
    assert turns > 20 * seconds  # with the lock held it would be one turn for each meta-step at most: 20 in all


def test_two_threads_train_side_by_side(tmp_path: Path) -> None:
    il.set_threads(2)
    made: dict[str, Any] = {}

    def go(name: str) -> None:
        made[name] = sine(tmp_path / name, 20, lines()).metrics

    try:
        threads = [threading.Thread(target=go, args=(name,)) for name in ("one", "two")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        il.set_threads(0)
    assert made["one"] == made["two"] and len(made["one"]) == 20


def test_data_that_is_none_gets_a_sentence(tmp_path: Path) -> None:
    """What strangers try first."""
    x, y = np.zeros((60, 20, 20, 3), np.uint8), np.repeat(np.arange(10), 6)
    for data, sentence in (
        (x, r"item 0 of the data is of type ndarray, expected \(x, label\)"),
        ([], "data without examples"),
        ({"x": x, "y": y}, "data of type dict"),
        (5, "data of type int"),
        (iter([(x[0], 0)]), r"a task of type tuple; expected \(support_x"),
        ((x, np.eye(10)[y]), r"60 examples with labels of shape \(60, 10\)"),
    ):
        with pytest.raises(il.ArgumentError, match=sentence):
            il.train("pictures-5w1s-maml", data=data, out=tmp_path / "run", progress=False)
    with pytest.warns(UserWarning, match=r"\(3, 20, 20\) are taken as \[h,w,c\]"):
        il.Dataset.of(np.moveaxis(x, -1, 1), y)
    with pytest.raises(il.ArgumentError, match="two classes are named 'a'"):
        il.Dataset.of(x, y, names=["a", "a", *"bcdefghi"])
    with pytest.raises(il.ArgumentError, match="outer: found 5, expected settings of this group"):
        il.Config(outer=5)
    with pytest.raises(il.ArgumentError, match="learner: found 5"):
        il.FewShotClassifier(5).fit(x, y)
    made = il.Config("glyphs-5w1s-maml", outer={"steps": np.int64(3)}, eval={"steps": np.array([0, 1])}, seed=np.int32(2))
    assert (made["outer.steps"], made["eval.steps"], made["seed"]) == ("3", "0,1", "2")


def test_datasets_and_loaders_of_pytorch(tmp_path: Path) -> None:
    torch = torch_beside_numpy()
    images, labels = il.glyphs(alphabets=3, classes=10, writers=6).arrays()
    pairs = torch.utils.data.TensorDataset(torch.from_numpy(np.moveaxis(images, -1, 1).copy()), torch.from_numpy(labels).long())
    few = {"progress": False, "log": {"every": 1}, "model": {"filters": 4}, "eval": {"every": 0}, "outer": {"steps": 3}}
    made = [il.train("glyphs-5w1s-maml", data=data, out=tmp_path / str(i), **few).metrics for i, data in enumerate((pairs, (images, labels)))]
    assert made[0] == made[1]

    class Stream(torch.utils.data.IterableDataset):  # type: ignore[misc,name-defined]
        def __iter__(self) -> Iterator[Any]:
            return (tuple(torch.from_numpy(np.asarray(part, np.float32)) for part in task) for task in lines())

    loader = torch.utils.data.DataLoader(Stream(), batch_size=None)
    assert sine(tmp_path / "stream", 3, loader).metrics == sine(tmp_path / "lines", 3, lines()).metrics


def test_the_bar_of_a_terminal(tmp_path: Path) -> None:
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    code = f"""
import innerloop_meta as il
il.train("sinusoid-10shot-maml", out={str(tmp_path / "run")!r}, outer={{"steps": 40}}, eval={{"every": 0}})
il.train("sinusoid-10shot-maml", out={str(tmp_path / "quiet")!r}, outer={{"steps": 2}}, eval={{"every": 0}}, progress=False)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    last = done.stderr.rstrip().rpartition("\r")[2]
    assert "40/40" in last and "step/s" in last and "loss=" in last and "2/2" not in done.stderr and done.stdout == ""


def test_metrics_and_figures_are_frames(maml: il.Run) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pandas.DataFrame(maml.metrics).set_index("step")
    assert frame["loss"].dropna().index.tolist() == [10, 20, 30, 40, 50, 60] and frame["loss"].dtype == float
    assert frame["validation_accuracy"].between(0, 1).sum() == 6
    figures = pandas.DataFrame(maml.evaluate(count=5, eval={"steps": [0, 1]}).rows)
    assert figures.columns.tolist() == ["protocol", "steps", "mean", "interval"] and {0, 1} == set(figures["steps"])


def test_what_an_editor_completes() -> None:
    """Signatures and help at run time: every group of settings and every key with its default and what it is."""
    for call in (il.train, il.Run.evaluate, il.Run.report, il.FewShotClassifier.fit, il.Tasks, il.Net, il.adam):
        assert inspect.getdoc(call) and all(p.kind != p.VAR_POSITIONAL or p.name == "others" for p in inspect.signature(call).parameters.values())
    for name in ("train", "evaluate"):
        call = il.train if name == "train" else il.Run.evaluate
        assert {"task", "eval", "inner", "glyphs"} <= set(inspect.signature(call).parameters), name
    text = " ".join(Path(il.settings.__file__).read_text().split())
    for row in il.keys():  # a stub of each key, with the words of the C table
        assert " ".join(row["doc"].split())[:60] in text.replace("\\", ""), row["key"]


def test_sentences_are_of_python(tmp_path: Path) -> None:
    short: dict[str, Any] = {"out": tmp_path / "run", "outer": {"steps": 2}, "progress": False, "eval": {"every": 0}}
    run = il.train("sinusoid-5shot-maml", **short)
    assert il.Learner(run) == run.learner  # a run is a path, where one is asked for
    with pytest.raises(il.ArgumentError, match="already holds a run: resume=True continues it, overwrite=True deletes it"):
        il.train("sinusoid-5shot-maml", **short)
    x, y = np.zeros((4, 3)), np.array(["a", "b", "a", "b"])
    with pytest.raises(il.ArgumentError, match=r"labels of type <U1, such as .*a.*; expected whole numbers from 0"):
        il.train("glyphs-5w1s-maml", data=iter([(x, y, x, y)]), **{**short, "out": tmp_path / "other"})
    image = np.zeros((8, 8), np.uint8)
    for data, sentence in (((x for x in [1]).__iter__, "or tasks: data=f\\(\\) of a generator f"),
                           ({"x": x, "y": y}, r"or tasks: \(data\['x'\], data\['y'\]\)"),
                           ([(image, 0), (image, 1)], r"examples of several shapes; expected one array \[n, example…\]")):  # fmt: skip
        with pytest.raises(il.ArgumentError, match=sentence):
            il.train("glyphs-5w1s-maml", data=data, **{**short, "out": tmp_path / "fourth"})
    with pytest.raises(il.ArgumentError, match="started with model.preset mlp, now it is layers of its own; resume with the same"):
        il.train("sinusoid-5shot-maml", net=[il.layers.linear()], resume=True, **short)
    with pytest.raises(il.ArgumentError, match="task.rotations need images.*; expected task.rotations=none"):
        il.train("glyphs-5w1s-maml", data=(np.zeros((240, 6)), np.arange(240) % 20), **{**short, "out": tmp_path / "third"})


def test_best_learners_together_and_an_early_end(tmp_path: Path) -> None:
    told: list[il.Progress] = []
    small = {**SMALL, "eval": {"every": 1, "validation_tasks": 4, "patience": 2}}
    run = il.train("glyphs-5w1s-maml", out=tmp_path / "run", outer={"steps": 20, "lr": 0}, checkpoint={"best": 2},
                   progress=told.append, **small)  # fmt: skip
    assert told[-1].kind == "ended" and "no better than" in told[-1].message and told[-1].step == 3
    assert [row["best_step"] for row in run.metrics if "ended" in row] == [1]
    assert "ensemble of the 2 best learners, after meta-steps 1 and 2" in run.evaluate(count=4, ensemble=2).tested
    with pytest.raises(il.Error, match="has kept 2 best learners, but 3 are asked for"):
        run.evaluate(count=4, ensemble=3)
