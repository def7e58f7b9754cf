"""Estimators without scikit-learn: fit, predict, parameters, pickles, examples that are added, what is refused."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import innerloop_meta as il
import numpy as np
import pytest


def test_a_classifier(maml: il.Run, pictures: Any) -> None:
    images, labels = pictures
    few = il.FewShotClassifier(maml, steps=3)
    assert few.fit(images[::5], labels[::5]) is few
    assert few.classes_.tolist() == ["a", "b", "c", "d", "e"] and few.n_features_in_ == 784
    proba = few.predict_proba(images)
    assert proba.shape == (100, 5)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    answers = few.predict(images)
    assert few.score(images, labels) == np.mean(answers == labels) > 0.3
    np.testing.assert_array_equal(few.predict(images.reshape(100, -1)), answers)  # rows, as scikit-learn has them
    np.testing.assert_array_equal(few.predict(images[7:8]), answers[7:8])  # each is asked about alone
    report = few.adapted_.report
    assert (report.algorithm, report.steps, report.examples, report.left_out) == ("maml", 3, 20, 20)
    for learner in (maml.path, Path(maml.path), maml.learner):
        np.testing.assert_array_equal(il.FewShotClassifier(learner, steps=3).fit(images[::5], labels[::5]).predict(images), answers)
    with_steps = il.FewShotClassifier(maml, steps=0).fit(images[::5], labels[::5])
    assert (with_steps.predict_proba(images) != proba).any()


def test_parameters_and_pickles(maml: il.Run, pictures: Any, tmp_path: Path) -> None:
    images, labels = pictures
    few = il.FewShotClassifier(maml.learner, steps=2, lr=0.3)
    assert few.get_params() == {"learner": maml.learner, "steps": 2, "lr": 0.3, "statistics": None, "head": None}
    assert few.set_params(lr=0.4).lr == 0.4
    with pytest.raises(ValueError, match="Invalid parameter 'rate'"):
        few.set_params(rate=1)
    few.fit(images[::5], labels[::5])
    for other in (pickle.loads(pickle.dumps(few)), copy.deepcopy(few)):
        np.testing.assert_array_equal(other.predict_proba(images), few.predict_proba(images))
        assert other.get_params() == few.get_params() and other.classes_.tolist() == few.classes_.tolist()
    few.adapted_.save(tmp_path / "model.safetensors")
    opened = il.Adapted.open(tmp_path / "model.safetensors")
    assert opened.predict(images).tolist() == few.predict(images).tolist()
    del few
    np.testing.assert_array_equal(other.predict(images), opened.predict(images))


def test_examples_are_added(points: il.Run) -> None:
    random = np.random.default_rng(5)
    centres = random.normal(size=(6, 2)) * 4
    y = np.repeat(np.arange(6), 8)
    x = centres[y] + random.normal(size=(48, 2)) * 0.2
    few = il.FewShotClassifier(points)
    few.partial_fit(x[:16], y[:16])
    assert few.classes_.tolist() == [0, 1]
    few.partial_fit(x[16:], y[16:])  # classes that it has not seen
    assert few.classes_.tolist() == list(range(6)) and few.score(x, y) > 0.9
    np.testing.assert_array_equal(few.predict_proba(x), il.FewShotClassifier(points).fit(x, y).predict_proba(x))
    few.fit(x[:16], y[:16])
    assert few.classes_.tolist() == [0, 1]


def test_a_regressor(sines: il.Run) -> None:
    x = np.linspace(-4, 4, 12)[:, None]
    y = 2 * np.sin(x[:, 0] - 0.5)
    few = il.FewShotRegressor(sines, steps=3).fit(x, y)
    assert few.predict(x).shape == (12,) and few.score(x, y) > il.FewShotRegressor(sines, steps=0).fit(x, y).score(x, y)
    assert few.fit(x, y[:, None]).predict(x).shape == (12, 1)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(few)).predict(x), few.predict(x))
    more = il.FewShotRegressor(sines, steps=3).partial_fit(x[:6], y[:6]).partial_fit(x[6:], y[6:])
    np.testing.assert_array_equal(more.predict(x), few.predict(x)[:, 0])
    perfect, mean = y, np.full_like(y, y.mean())
    few.predict = lambda X: perfect  # type: ignore[method-assign,assignment]
    assert few.score(x, y) == 1.0
    few.predict = lambda X: mean  # type: ignore[method-assign,assignment]
    assert few.score(x, y) == pytest.approx(0.0)


def test_what_is_refused(maml: il.Run, points: il.Run, sines: il.Run, pictures: Any) -> None:
    images, labels = pictures
    few = il.FewShotClassifier(maml)
    with pytest.raises(ValueError, match="not fitted"):
        few.predict(images)
    with pytest.raises(il.ArgumentError, match="found 4 classes, but the learner's head tells 5 apart"):
        few.fit(images[:80], labels[:80])
    with pytest.raises(il.ArgumentError, match=r"an example of shape \(27, 28, 1\), but the learner takes \(28, 28, 1\)"):
        few.fit(images[:, :27], labels)
    with pytest.raises(il.ArgumentError, match="takes bytes: found numbers from .*, expected whole numbers from 0 to 255"):
        few.fit(images / 255.0, labels)
    with pytest.raises(ValueError, match="only one class"):
        few.fit(images[:20], labels[:20])
    with pytest.raises(ValueError, match="inconsistent numbers"):
        few.fit(images, labels[:5])
    with pytest.raises(il.ArgumentError, match="predicts numbers, expected FewShotRegressor"):
        il.FewShotClassifier(sines).fit(images, labels)
    with pytest.raises(il.ArgumentError, match="learned classes, expected FewShotClassifier"):
        il.FewShotRegressor(points).fit([[0.0, 1.0]], [1.0])
    with pytest.raises(il.ArgumentError, match="learner: missing"):
        il.FewShotClassifier().fit(images, labels)
    with pytest.raises(il.FileError, match="there is no run"):
        il.FewShotClassifier("nowhere").fit(images, labels)
    with pytest.raises(ValueError, match="NaN or infinity"):
        il.FewShotClassifier(points).fit([[np.nan, 1.0], [1.0, 1.0]], [0, 1])
    with pytest.raises(il.ArgumentError, match="4 targets|2 targets"):
        sines.learner.adapt([[0.0]], [[1.0, 2.0]])
    few.fit(images[::10], labels[::10])
    with pytest.raises(ValueError, match="X has 4 features, but FewShotClassifier is expecting 784"):
        few.predict(np.zeros((1, 4)))


def test_more_classes_than_the_head_and_what_is_said(maml: il.Run) -> None:
    images, labels = il.glyphs(alphabets=1, classes=8, seed=7).arrays()
    with pytest.raises(il.ArgumentError, match=r'found 8 classes, but the learner.s head tells 5 apart.*\(head="means"\)'):
        il.FewShotClassifier(maml).fit(images[::4], labels[::4])
    few = il.FewShotClassifier(maml, head="means").fit(images[::4], labels[::4])
    assert few.predict_proba(images).shape == (len(images), 8) and few.score(images, labels) > 0.3
    assert few.get_params()["head"] == "means" and "head='means'" in repr(few)
    with pytest.raises(il.ArgumentError, match="head: found 'mean', expected 'means' or None"):
        il.FewShotClassifier(maml, head="mean").fit(images[::4], labels[::4])
    with pytest.raises(ValueError, match=r"a single example of shape \(28, 28, 1\) is X\[None\]"):
        few.predict(images[0])
    with pytest.raises(il.ArgumentError, match="found numbers from 0 to 1, expected whole numbers from 0 to 255: such pictures times 255"):
        few.predict(images / 255.0)
