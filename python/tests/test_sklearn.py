"""scikit-learn's own checks and tools on the estimators.

The checks bring data of 1 to 20 features. A learner is trained for one number of them, so each check gets the learner
that was trained for its data; all else is the estimators' own.
"""

from __future__ import annotations

import functools
import tempfile
import warnings
from typing import Any

import innerloop_meta as il
import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")
from sklearn.base import clone, is_classifier, is_regressor  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import FunctionTransformer, StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402

FOLDER = tempfile.TemporaryDirectory(prefix="innerloop-")

# What does not pass, and why.
EXPECTED = {
    "check_array_api_input": "asks for SCIPY_ARRAY_API, which is a setting of the environment",
}


@functools.lru_cache(maxsize=None)
def learner(features: int, outputs: int) -> il.Learner:
    """Of classes (outputs 0) or linear functions of so many features."""
    random = np.random.default_rng(features)
    out = f"{FOLDER.name}/{features}-{outputs}"
    if not outputs:
        x = random.normal(size=(40, 1, features)) * 3 + random.normal(size=(40, 12, features)) * 0.3
        return il.train("features-5w5s-maml", data=(x.reshape(-1, features), np.repeat(np.arange(40), 12)), progress=False,
                        out=out, meta={"algorithm": "protonet"}, outer={"steps": 50}, task={"queries": 5}, eval={"every": 0}).learner  # fmt: skip

    def tasks() -> Any:
        while True:
            x = random.normal(size=(20, features))
            y = x @ random.normal(size=(features, outputs))
            yield x[:10], y[:10], x[10:], y[10:]

    return il.train("sinusoid-10shot-maml", data=tasks(), progress=False, out=out, outer={"steps": 50}, eval={"every": 0}).learner


class Classifier(il.FewShotClassifier):
    def _learner(self, examples: Any, targets: bool) -> il.Learner:
        return learner(examples.shape[1], 0)


class Regressor(il.FewShotRegressor):
    def _fit(self, X: Any, y: Any, first: bool) -> Any:
        if y is not None:
            shape = np.asarray(y).shape
            self._outputs = 1 if len(shape) < 2 else shape[1]
        return super()._fit(X, y, first)

    def _learner(self, examples: Any, targets: bool) -> il.Learner:
        return learner(examples.shape[1], self._outputs)


@pytest.mark.parametrize("estimator", [Classifier("any"), Regressor("any", steps=200, lr=0.01)], ids=["classifier", "regressor"])
def test_checks(estimator: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = check_estimator(estimator, on_fail=None, on_skip=None)
    wrong = [f"{d['check_name']}: {d['exception']}" for d in done if d["status"] != "passed" and d["check_name"] not in EXPECTED]
    assert wrong == []
    assert sum(d["status"] == "passed" for d in done) >= 50


def test_tools(points: il.Run, sines: il.Run) -> None:
    few, line = il.FewShotClassifier(points), il.FewShotRegressor(sines, steps=2)
    assert is_classifier(few) and is_regressor(line) and not is_classifier(line)
    assert clone(few).get_params() == few.get_params()
    random = np.random.default_rng(1)
    y = np.repeat(["x", "y", "z"], 12)
    x = np.repeat(random.normal(size=(3, 2)) * 4, 12, axis=0) + random.normal(size=(36, 2)) * 0.2
    assert cross_val_score(few, x, y, cv=3).mean() > 0.9
    assert make_pipeline(StandardScaler(), few).fit(x, y).score(x, y) > 0.9
    asked = np.linspace(-3, 3, 12)[:, None]
    search = GridSearchCV(line, {"steps": [0, 3]}, cv=3).fit(asked, np.sin(asked[:, 0]))
    assert search.best_params_["steps"] in (0, 3)


def test_pictures_in_a_pipeline(maml: il.Run, pictures: Any) -> None:
    images, labels = pictures
    inverted = make_pipeline(FunctionTransformer(lambda a: 255 - a), il.FewShotClassifier(maml))
    right = inverted.fit(255 - images[::5], labels[::5]).score(255 - images, labels)
    assert right == il.FewShotClassifier(maml).fit(images[::5], labels[::5]).score(images, labels)
    assert cross_val_score(il.FewShotClassifier(maml), images[::5], labels[::5], cv=2).shape == (2,)
