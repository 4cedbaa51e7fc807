"""Old spellings: taken where the table has them, refused with the nearest name where not; gone when the table is empty."""

from __future__ import annotations

import inspect

import pytest

import gpudl
from gpudl import renames


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
    empty: dict[tuple[str, str], str] = {}
    monkeypatch.setattr(renames, "RENAMES", empty)
    return empty


@renames.checked_keywords
class Base:
    def __init__(self, size: int = 1, name: str = "base") -> None:
        self.size, self.name = size, name


@renames.checked_keywords
class Derived(Base):
    def __init__(self, colour: str = "red", **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.colour = colour


def test_old_keywords_reach_base_classes(table) -> None:
    table["Base", "length"] = "size"
    table["Derived", "color"] = "colour"
    made = Derived(color="blue", length=3)
    assert (made.size, made.colour) == (3, "blue")
    assert renames.keyword("Base", "length") == renames.keyword(Derived, "length") == "size"
    assert renames.keyword("Base", "color") is None
    with pytest.raises(TypeError, match="'length' is the old spelling of 'size': pass one of them"):
        Derived(length=1, size=2)


def test_unknown_keywords(table) -> None:
    with pytest.raises(TypeError, match=r"\[Derived\].*'sise'. Did you mean 'size'\? Accepted: colour, size, name"):
        Derived(sise=3)
    with pytest.raises(TypeError, match=r"\[Base\]"):
        Base(length=3)


def test_without_the_table_old_spellings_are_gone(table) -> None:
    with pytest.raises(TypeError, match="'lr'"):
        gpudl.optimizers.SGD(lr=0.1)
    with pytest.raises(AttributeError, match="'lr'"):
        gpudl.optimizers.SGD().lr  # noqa: B018


def test_signatures_stay_readable() -> None:
    assert list(inspect.signature(Derived).parameters) == ["colour", "kwargs"]
    assert list(inspect.signature(gpudl.optimizers.SGD).parameters)[:3] == ["learning_rate", "momentum", "nesterov"]
