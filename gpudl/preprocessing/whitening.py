"""Whiten data: `Whitening` makes columns uncorrelated, with mean 0 and variance 1."""

from __future__ import annotations

import numpy as np

from .base import Array, Transform, column_means


class Whitening(Transform):
    """Mean 0, no correlation, variance 1: y = W (x - mean), where the training data's covariance is U diag(v) U^T.

    ``"pca"``: W = diag(1 / sqrt(v + epsilon)) U^T; the columns of y are principal components, the strongest first.
    ``"zca"``: W = U diag(1 / sqrt(v + epsilon)) U^T; of all such transforms the one that changes the data least, so that pictures remain
    pictures.

    Args:
        method: ``"zca"`` (the default) or ``"pca"``.
        epsilon: added to the variances, so that directions in which the data hardly vary are not blown up; default 1e-6. With 0 the
            covariance is the identity exactly, and directions without any variance become 0.
        n_components: for ``"pca"``: how many components to keep, default all.

    Images and other shapes are laid flat first. Results of ``"zca"`` have the shape of the data, those of ``"pca"`` (N, components).
    `fit` needs D x D numbers of memory for examples of D numbers.

    After `fit`: `mean_` (D,), `components_` (components, D), `variances_` (components,).

    Raises:
        ValueError: for an unknown method, a negative epsilon, fewer than 2 examples, or more components than columns.

    Source: Bell and Sejnowski, "The independent components of natural scenes are edge filters", 1997.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(500, 2)) @ [[2.0, 1.0], [0.0, 0.5]]
    >>> np.allclose(np.cov(Whitening().fit_transform(x).T), np.eye(2), atol=1e-3)
    True
    """

    mean_: Array
    components_: Array
    variances_: Array

    def __init__(self, method: str = "zca", epsilon: float = 1e-6, n_components: int | None = None) -> None:
        if method not in ("pca", "zca"):
            raise ValueError(f"[Whitening] method must be 'pca' or 'zca'. Received: method={method!r}")
        if isinstance(epsilon, (bool, str)) or not isinstance(epsilon, (int, float, np.number)):
            raise TypeError(f"[Whitening] epsilon must be a number >= 0. Received: epsilon={epsilon!r}")
        if not 0 <= epsilon < float("inf"):
            raise ValueError(f"[Whitening] epsilon must be a number >= 0. Received: epsilon={epsilon!r}")
        if n_components is not None:
            if isinstance(n_components, bool) or not isinstance(n_components, (int, np.integer)):
                raise TypeError(f"[Whitening] n_components must be a whole number >= 1. Received: n_components={n_components!r}")
            if n_components < 1:
                raise ValueError(f"[Whitening] n_components must be a whole number >= 1. Received: n_components={n_components!r}")
            if method == "zca":
                raise ValueError("[Whitening] n_components belongs to method='pca'; 'zca' keeps all columns")
        self.method, self.epsilon, self.n_components = method, float(epsilon), n_components

    def _fit(self, x: Array) -> None:
        n, columns = x.shape
        if n < 2:
            raise ValueError(f"[Whitening.fit] a covariance needs at least 2 examples. Received: {n}")
        if self.n_components is not None and self.n_components > columns:
            raise ValueError(f"[Whitening.fit] n_components={self.n_components} is more than the data's {columns} columns")
        mean = column_means(x)
        x = x - mean
        with np.errstate(over="ignore", invalid="ignore"):
            covariance = x.T @ x / (n - 1)
        if not np.isfinite(covariance).all():
            raise ValueError("[Whitening.fit] the covariance is larger than float64 can hold. Scale the data first, e.g. StandardScaler()")
        values, vectors = np.linalg.eigh(covariance)
        values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1].T
        # which of the two directions of a component is meant is free: its largest number is positive
        largest = np.take_along_axis(vectors, np.argmax(np.abs(vectors), 1)[:, None], 1)
        vectors = vectors * np.where(largest < 0, -1.0, 1.0)
        values = np.where(values > values[0] * columns * np.finfo(np.float64).eps, values, 0.0)  # rounding is no variance
        kept = columns if self.n_components is None else int(self.n_components)
        self.mean_, self.components_, self.variances_ = mean, np.ascontiguousarray(vectors[:kept]), values[:kept]
        self._deviations = np.sqrt(self.variances_ + self.epsilon)

    def _transform(self, x: Array) -> Array:
        zero = self._deviations == 0
        scores = (x - self.mean_) @ self.components_.T * np.where(zero, 0.0, 1.0 / np.where(zero, 1.0, self._deviations))
        return scores if self.method == "pca" else scores @ self.components_

    def _inverse(self, x: Array) -> Array:
        scores = x if self.method == "pca" else x @ self.components_.T
        return (scores * self._deviations) @ self.components_ + self.mean_

    def _transformed_shape(self) -> tuple[int, ...] | None:
        return self._shape if self.method == "zca" or self._shape is None else (len(self.components_),)


__all__ = ["Whitening"]
