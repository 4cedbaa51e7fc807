"""Use models where scikit-learn expects an estimator: `KerasClassifier` and `KerasRegressor`, as Keras 2 had them in wrappers.

Neither needs scikit-learn; `cross_val_score`, `GridSearchCV` and pipelines take them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import unknown_keyword
from ..models import Sequential

ROUTES = {
    "fit": Sequential.fit,
    "predict": Sequential.predict,
    "evaluate": Sequential.evaluate,
}


class BaseWrapper:
    """What both have. Arguments that `build_fn` takes are passed to it; those of fit, predict and evaluate are kept for these.

    Args:
        build_fn: a function that returns a compiled model. A subclass may write ``__call__`` instead.
        **sk_params: further arguments: ``epochs=10, units=32``.

    Raises:
        TypeError: for arguments that neither build_fn nor a method of models takes, with the nearest one.
    """

    kind = ""

    def __init__(self, build_fn: Callable[..., Any] | None = None, **sk_params: Any) -> None:
        self.build_fn = build_fn
        self.sk_params = sk_params
        self._check(sk_params)

    def _maker(self) -> Callable[..., Any]:
        made = self.build_fn if self.build_fn is not None else getattr(self, "__call__", None)  # noqa: B004  a subclass may have it
        if made is None:
            raise TypeError(f"[{type(self).__name__}] build_fn must be a function that returns a compiled model. Received: {made!r}")
        return made

    def _check(self, given: dict[str, Any]) -> None:
        known = {name for f in (self._maker(), *ROUTES.values()) for name in _arguments(f)} - {"self", "x", "y"}
        for name in given:
            if name not in known:
                raise unknown_keyword(type(self).__name__, name, sorted(known))

    def _for(self, function: Callable[..., Any], further: dict[str, Any]) -> dict[str, Any]:
        names = _arguments(function)
        return {**{k: v for k, v in self.sk_params.items() if k in names}, **further}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """All arguments that this was made with."""
        return {**self.sk_params, "build_fn": self.build_fn}

    def set_params(self, **params: Any) -> Any:
        """Change arguments; returns the estimator."""
        self._check({k: v for k, v in params.items() if k != "build_fn"})
        self.build_fn = params.pop("build_fn", self.build_fn)
        self.sk_params.update(params)
        return self

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, RegressorTags, Tags, TargetTags

        kinds = {"classifier_tags": ClassifierTags()} if self.kind == "classifier" else {"regressor_tags": RegressorTags()}
        return Tags(estimator_type=self.kind, target_tags=TargetTags(required=True), transformer_tags=None, **kinds)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model")

    def _fitted(self, x: Any, y: Any, kwargs: dict[str, Any]) -> Any:
        maker = self._maker()
        self.model = maker(**self._for(maker, {}))
        self.history = self.model.fit(x, self._targets(y), **self._for(Sequential.fit, kwargs))
        return self.history

    def _targets(self, y: Any) -> Any:
        """Labels as the model's loss takes them."""
        return y

    def _evaluated(self, x: Any, y: Any, kwargs: dict[str, Any]) -> dict[str, float]:
        found: dict[str, float] = self.model.evaluate(x, y, **{**self._for(Sequential.evaluate, kwargs), "return_dict": True})
        return found


class KerasClassifier(BaseWrapper):
    """A classifier around a function that returns a compiled model.

    Labels may be numbers or names; a model with a categorical loss is given one-hot rows.

    >>> import numpy as np, gpudl
    >>> def build(units=4):
    ...     m = gpudl.Sequential([gpudl.layers.Dense(units, input_dim=2), gpudl.layers.Dense(2, activation="softmax")])
    ...     m.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    ...     return m
    >>> found = KerasClassifier(build, units=8, epochs=1, verbose=0)
    >>> h = found.fit(np.ones((4, 2)), ["cat", "dog", "cat", "dog"])
    >>> found.predict(np.ones((3, 2))).shape
    (3,)
    """

    kind = "classifier"
    _estimator_type = "classifier"

    def fit(self, x: Any, y: Any, **kwargs: Any) -> Any:
        """Make a model and train it; returns its History.

        Args:
            x: inputs, one row an example.
            y: labels (N,), or one-hot rows (N, classes).
            **kwargs: of the model's `fit`.
        """
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] > 1:
            self.classes_ = np.arange(y.shape[1])
            numbers = y.argmax(-1)
        else:
            self.classes_, numbers = np.unique(y.reshape(len(y)), return_inverse=True)
        self.n_classes_ = len(self.classes_)
        return self._fitted(x, numbers, kwargs)

    def _targets(self, y: Any) -> Any:
        name = getattr(self.model.loss, "name", "")
        one_hot = name.startswith(("categorical", "kl_divergence"))
        return np.eye(self.n_classes_, dtype=np.float32)[y] if one_hot else y

    def predict_proba(self, x: Any, **kwargs: Any) -> Any:
        """The probability of every class; of a model with one output, of both."""
        found = self.model.predict(x, **self._for(Sequential.predict, kwargs))
        return np.hstack([1 - found, found]) if found.shape[1] == 1 else found

    def predict(self, x: Any, **kwargs: Any) -> Any:
        """The most probable label of every row."""
        return self.classes_[self.predict_proba(x, **kwargs).argmax(-1)]

    def score(self, x: Any, y: Any, **kwargs: Any) -> float:
        """The share of labels that are predicted right."""
        y = np.asarray(y)
        y = self.classes_[y.argmax(-1)] if y.ndim == 2 and y.shape[1] > 1 else y.reshape(len(y))
        return float(np.mean(self.predict(x, **kwargs) == y))


class KerasRegressor(BaseWrapper):
    """A regressor around a function that returns a compiled model. `score` is minus the loss."""

    kind = "regressor"
    _estimator_type = "regressor"

    def fit(self, x: Any, y: Any, **kwargs: Any) -> Any:
        """Make a model and train it; returns its History."""
        return self._fitted(x, y, kwargs)

    def predict(self, x: Any, **kwargs: Any) -> Any:
        """The model's output, without an axis of size 1."""
        found = self.model.predict(x, **self._for(Sequential.predict, kwargs))
        return found[:, 0] if found.ndim == 2 and found.shape[1] == 1 else found

    def score(self, x: Any, y: Any, **kwargs: Any) -> float:
        """Minus the loss: more is better."""
        return -self._evaluated(x, y, kwargs)["loss"]


def _arguments(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


__all__ = ["BaseWrapper", "KerasClassifier", "KerasRegressor"]
