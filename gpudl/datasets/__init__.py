"""Load well-known data, each as ``(x_train, y_train), (x_test, y_test)``: ``gpudl.datasets.iris.load_data()``. Nothing is downloaded.

`iris`, `digits`, `breast_cancer`, `wine` and `diabetes` are files of scikit-learn. `mnist`, `fashion_mnist` and `cifar10` are read from a
file that you name, or that lies in ``~/.keras/datasets`` or ``~/.gpudl/datasets``.
"""

from __future__ import annotations

from ..errors import missing_attribute
from . import breast_cancer, cifar10, diabetes, digits, fashion_mnist, iris, mnist, wine

__all__ = ["breast_cancer", "cifar10", "diabetes", "digits", "fashion_mnist", "iris", "mnist", "wine"]

__getattr__ = missing_attribute(__name__, __all__)
