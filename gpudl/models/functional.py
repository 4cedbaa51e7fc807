"""Say what to write in place of `Model(inputs, outputs)`: gpudl has chains of layers."""

from __future__ import annotations

from typing import Any, NoReturn

from .sequential import Sequential


class _Chains(type):
    """Makes `isinstance(model, Model)` true of every Sequential."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Sequential) if cls is Model else type.__instancecheck__(cls, instance)

    def __subclasscheck__(cls, subclass: Any) -> bool:
        return issubclass(subclass, Sequential) if cls is Model and subclass is not Model else type.__subclasscheck__(cls, subclass)


class Model(metaclass=_Chains):
    """The name under which Keras has models of several inputs, outputs or branches. gpudl has `Sequential`: making a Model is refused.

    ``isinstance(model, Model)`` is true of every Sequential.

    Raises:
        TypeError: always, with what to write instead.

    >>> import gpudl
    >>> isinstance(gpudl.Sequential(), Model)
    True
    >>> Model(inputs=None, outputs=None)
    Traceback (most recent call last):
    ...
    TypeError: [Model] gpudl has no functional API: a model is one chain of layers. Write Sequential([Input((4,)), Dense(3), ...]). ...
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(
            f"[{cls.__name__}] gpudl has no functional API: a model is one chain of layers. "
            "Write Sequential([Input((4,)), Dense(3), ...]). Where a model branches, derive a class from Layer that holds the layers of "
            "its branches, and calls them"
        )


__all__ = ["Model"]
