"""scikit-learn's manner: estimators that adapt a trained learner. scikit-learn itself need not be there."""

from __future__ import annotations

import inspect
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import ArgumentError
from .learner import Adapted, Learner

Array = npt.NDArray[Any]


class NotFittedError(ValueError, AttributeError):
    """`fit` comes first. Where scikit-learn is there, its own exception of this name is raised."""


def _not_fitted(estimator: object) -> Exception:
    sentence = f"this {type(estimator).__name__} is not fitted yet; call fit with examples first"
    try:
        from sklearn.exceptions import NotFittedError as theirs
    except ImportError:
        return NotFittedError(sentence)
    made: Exception = theirs(sentence)
    return made


class _FewShot:
    """What both estimators share."""

    learner: Any
    steps: int | None
    lr: float | None
    statistics: str | None
    head: str | None = None

    def __init__(self, learner: Any = None, *, steps: int | None = None, lr: float | None = None,
                 statistics: str | None = None) -> None:  # fmt: skip
        self.learner = learner
        self.steps = steps
        self.lr = lr
        self.statistics = statistics

    # ---- parameters ----
    @classmethod
    def _get_param_names(cls) -> list[str]:
        return sorted(p for p in inspect.signature(cls.__init__).parameters if p != "self")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments."""
        return {name: getattr(self, name) for name in self._get_param_names()}

    def set_params(self, **params: Any) -> Any:
        """Changes them; the estimator itself is returned."""
        for name, value in params.items():
            if name not in self._get_param_names():
                raise ArgumentError(f"Invalid parameter {name!r} for estimator {self!r}. "
                                    f"Valid parameters are: {self._get_param_names()!r}.")  # fmt: skip
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        shown = [f"{k}={v!r}" for k, v in self.get_params().items() if v is not None]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "adapted_")

    # ---- examples ----
    def _learner(self, examples: Array, targets: bool) -> Learner:
        given = getattr(self.learner, "learner", self.learner)  # of a run
        if given is None:
            raise ArgumentError("learner: missing; expected a run, its folder, or run.learner")
        if not isinstance(given, (Learner, str, os.PathLike)):
            raise ArgumentError(f"learner: found {given!r}, expected a run, its folder, or run.learner")
        learner = given if isinstance(given, Learner) else Learner(os.fspath(given))
        if learner.targets != targets:
            what = "predicts numbers" if learner.targets else "learned classes"
            other = "FewShotRegressor" if learner.targets else "FewShotClassifier"
            raise ArgumentError(f"learner: {learner.path} {what}, expected {other}")
        return learner

    def _examples(self, X: Any, first: bool) -> Array:
        if hasattr(X, "toarray"):  # scipy's
            raise TypeError("Sparse data was passed, but dense data is required: use X.toarray() for a dense array")
        array = X.numpy() if hasattr(X, "numpy") and hasattr(X, "detach") else np.asarray(X)
        if array.dtype.kind == "O":
            try:
                array = array.astype(np.float64)
            except (TypeError, ValueError) as error:
                raise type(error)(f"argument must be a string or a real number in X: {error}") from None
        if array.dtype.kind == "c":
            raise ValueError("Complex data not supported")
        if array.ndim < 2:
            raise ValueError(f"Expected 2D array, got {array.ndim}D array instead. Reshape your data with "
                             "X.reshape(-1, 1) if it has a single feature or X.reshape(1, -1) if it is a single sample")  # fmt: skip
        if len(array) < 1:
            raise ValueError(f"Found array with 0 sample(s) (shape={array.shape}) while a minimum of 1 is required.")
        features = int(np.prod(array.shape[1:]))
        if features < 1:
            raise ValueError(f"0 feature(s) (shape={array.shape}) while a minimum of 1 is required.")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError("Input X contains NaN or infinity.")
        names = getattr(X, "columns", None)
        columns = np.asarray(names, dtype=object) if names is not None and all(isinstance(n, str) for n in names) else None
        if first:
            self.n_features_in_ = features
            if columns is not None:
                self.feature_names_in_ = columns
            elif hasattr(self, "feature_names_in_"):
                del self.feature_names_in_
        elif features != self.n_features_in_ and array.size == self.n_features_in_:
            raise ValueError(f"X has {features} features, but {type(self).__name__} is expecting {self.n_features_in_} features as "
                             f"input: a single example of shape {array.shape} is X[None]")  # fmt: skip
        elif features != self.n_features_in_:
            raise ValueError(f"X has {features} features, but {type(self).__name__} is expecting {self.n_features_in_} "
                             "features as input")  # fmt: skip
        return array

    def _asked(self, X: Any) -> Adapted:
        if not hasattr(self, "adapted_"):
            raise _not_fitted(self)
        adapted: Adapted = self.adapted_
        return adapted

    def _adapt(self, learner: Learner, X: Array, y: Array) -> None:
        self.adapted_ = learner.adapt(X, y, steps=self.steps, lr=self.lr, statistics=self.statistics, head=self.head)
        self._X, self._y = X, y


class FewShotClassifier(_FewShot):
    """A classifier of whatever classes it is shown: `fit` adapts a learner that was meta-trained.

    Args:
        learner: a `Run`, its folder, or ``run.learner``.
        steps, lr: of the inner loop; None: as it was trained.
        statistics: for norm layers: ``"support"``, ``"each"``, ``"running"``; None: as it was trained.
        head: ``"means"``: features are compared with the means of the classes, of which there may then be any number, in place
            of the learner's own head.

    Attributes:
        classes_: [classes] in order.
        adapted_: the adapted learner, with its report and a file of its own (``adapted_.save``).
    """

    _estimator_type = "classifier"

    def __init__(self, learner: Any = None, *, steps: int | None = None, lr: float | None = None, statistics: str | None = None,
                 head: str | None = None) -> None:  # fmt: skip
        super().__init__(learner, steps=steps, lr=lr, statistics=statistics)
        self.head = head

    def fit(self, X: Any, y: Any) -> FewShotClassifier:
        """X [n, features] or [n, example…], y [n] of any kind: the support set."""
        return self._fit(X, y, True)

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> FewShotClassifier:
        """Adds examples, perhaps of new classes, and adapts to all so far. classes: as scikit-learn gives them;
        a class counts from its first example on."""
        return self._fit(X, y, not hasattr(self, "adapted_"))

    def _fit(self, X: Any, y: Any, first: bool) -> FewShotClassifier:
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        examples, labels = self._examples(X, first), np.asarray(y)
        learner = self._learner(examples, False)
        if labels.ndim == 2 and labels.shape[1] == 1:
            import warnings

            warnings.warn(_conversion("A column-vector y was passed when a 1d array was expected."), stacklevel=3)
            labels = labels[:, 0]
        if labels.ndim != 1 or len(labels) != len(examples):
            raise ValueError(f"bad input shape: y {labels.shape} for {len(examples)} samples: inconsistent numbers of samples")
        if labels.dtype.kind == "f" and (not np.isfinite(labels).all()):
            raise ValueError("Input y contains NaN or infinity.")
        if labels.dtype.kind == "f" and (labels != np.floor(labels)).any():
            raise ValueError("Unknown label type: continuous")
        if not first:
            examples, labels = np.concatenate([self._X, examples]), np.concatenate([self._y, labels])
        if len(np.unique(labels)) < 2:
            raise ValueError("Classifier can't train when only one class is present.")
        self._adapt(learner, examples, labels)
        self.classes_ = self.adapted_.classes
        return self

    def predict_proba(self, X: Any) -> Array:
        """[n, classes_]: calibrated where `adapted_.report` says that examples were left out."""
        adapted = self._asked(X)
        made = adapted.answers(self._examples(X, False)).astype(np.float64)
        return np.asarray(made / made.sum(axis=1, keepdims=True))

    def predict_log_proba(self, X: Any) -> Array:
        """log of `predict_proba`"""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.predict_proba(X)))

    def predict(self, X: Any) -> Array:
        """[n] classes."""
        return np.asarray(self._asked(X).classes[np.argmax(self.predict_proba(X), axis=1)])

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of right answers."""
        return float(np.average(self.predict(X) == np.asarray(y), weights=sample_weight))

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(estimator_type="classifier", target_tags=TargetTags(required=True), transformer_tags=None,
                    regressor_tags=None, classifier_tags=ClassifierTags(), input_tags=InputTags())  # fmt: skip


class FewShotRegressor(_FewShot):
    """A regressor that adapts a learner which was meta-trained to predict numbers; arguments as FewShotClassifier's."""

    _estimator_type = "regressor"

    def fit(self, X: Any, y: Any) -> FewShotRegressor:
        """X [n, features] or [n, example…], y [n] or [n, outputs] reals: the support set."""
        return self._fit(X, y, True)

    def partial_fit(self, X: Any, y: Any) -> FewShotRegressor:
        """Adds examples, and adapts to all so far."""
        return self._fit(X, y, not hasattr(self, "adapted_"))

    def _fit(self, X: Any, y: Any, first: bool) -> FewShotRegressor:
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        examples, targets = self._examples(X, first), np.asarray(y, np.float64)
        learner = self._learner(examples, True)
        if targets.ndim not in (1, 2) or len(targets) != len(examples):
            raise ValueError(f"bad input shape: y {targets.shape} for {len(examples)} samples: inconsistent numbers of samples")
        if not np.isfinite(targets).all():
            raise ValueError("Input y contains NaN or infinity.")
        if not first:
            examples, targets = np.concatenate([self._X, examples]), np.concatenate([self._y, targets])
        self._adapt(learner, examples, targets)
        return self

    def predict(self, X: Any) -> Array:
        """[n], or [n, outputs] where `fit` was given so many."""
        made = self._asked(X).answers(self._examples(X, False)).astype(np.float64)
        return made[:, 0] if self._y.ndim == 1 else made

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R²: 1 − Σ(y − prediction)²/Σ(y − mean y)², the mean over outputs."""
        given, made = np.asarray(y, np.float64), self.predict(X)
        weight = np.ones(len(given)) if sample_weight is None else np.asarray(sample_weight, np.float64)
        if given.ndim == 2:
            weight = weight[:, None]
        around = given - np.average(given, axis=0, weights=weight[:, 0] if given.ndim == 2 else weight)
        rest, whole = (weight * (given - made) ** 2).sum(axis=0), (weight * around**2).sum(axis=0)
        return float(np.mean(np.where(whole > 0, 1 - rest / np.where(whole > 0, whole, 1), np.where(rest > 0, 0.0, 1.0))))

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, RegressorTags, Tags, TargetTags

        return Tags(estimator_type="regressor", target_tags=TargetTags(required=True, multi_output=True),
                    transformer_tags=None, regressor_tags=RegressorTags(), classifier_tags=None, input_tags=InputTags())  # fmt: skip


def _conversion(sentence: str) -> Warning:
    try:
        from sklearn.exceptions import DataConversionWarning
    except ImportError:
        return UserWarning(sentence)
    made: Warning = DataConversionWarning(sentence)
    return made
